"""Where `cartveil train` may write."""

from pathlib import Path

import pytest

from cartveil.errors import InputError, ModelError

pytest.importorskip("torch")

from cartveil.faces.places import check_out
from cartveil.insight.models.card import save_model

KINDS = {"recommend": "recommender", "next-item": "sequence recommender", "forecast": "forecaster"}


@pytest.mark.parametrize("job", KINDS)
def test_a_missing_or_empty_folder_and_a_model_of_the_same_kind_will_do(tmp_path: Path, job: str) -> None:
    check_out(job, tmp_path / "missing", private=False)
    check_out(job, tmp_path, private=False)
    save_model(tmp_path, {}, {"kind": KINDS[job]})
    check_out(job, tmp_path, private=False)


def test_a_private_recommender_is_of_another_kind_than_a_plain_one(tmp_path: Path) -> None:
    save_model(tmp_path, {}, {"kind": "recommender"})
    with pytest.raises(ModelError, match="holds a `recommender`, not a `sequence recommender`"):
        check_out("recommend", tmp_path, private=True)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    for out in (tmp_path, tmp_path / "letter.txt"):
        with pytest.raises(InputError, match="is not a model"):
            check_out("recommend", out, private=False)
