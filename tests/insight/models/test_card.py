import json
import subprocess
import sys

import pyarrow as pa
import pytest
import torch

from cartveil.errors import ModelError
from cartveil.insight.models.card import digest_of, load_model, read_card, save_model

STATE = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2).half()}


def test_what_was_saved_is_loaded(tmp_path):
    save_model(tmp_path / "new" / "folder", STATE, {"kind": "recommender", "metrics": {"ndcg@10": 0.3}})
    state, card = load_model(tmp_path / "new" / "folder", kind="recommender")
    assert all(torch.equal(state[name], STATE[name]) for name in STATE)
    assert card["metrics"] == {"ndcg@10": 0.3}
    assert card["status"] == "current"


def test_a_model_is_two_files_that_hold_no_code(tmp_path):
    save_model(tmp_path, STATE, {"kind": "recommender"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["card.json", "weights.safetensors"]
    assert b"pickle" not in (tmp_path / "weights.safetensors").read_bytes()


def test_another_kind_is_refused(tmp_path):
    save_model(tmp_path, STATE, {"kind": "forecaster"})
    with pytest.raises(ModelError, match="is a `forecaster`, not a `recommender`"):
        load_model(tmp_path, kind="recommender")


def test_another_format_version_is_refused(tmp_path):
    save_model(tmp_path, STATE, {"kind": "recommender"})
    card = json.loads((tmp_path / "card.json").read_text())
    (tmp_path / "card.json").write_text(json.dumps({**card, "format": 99}))
    with pytest.raises(ModelError, match="format version `99` is not `1`"):
        load_model(tmp_path, kind="recommender")


@pytest.mark.parametrize("damage", [b"", b"nonsense", None], ids=["empty", "nonsense", "missing"])
def test_broken_weights_are_refused(tmp_path, damage):
    save_model(tmp_path, STATE, {"kind": "recommender"})
    weights = tmp_path / "weights.safetensors"
    weights.unlink() if damage is None else weights.write_bytes(damage)
    with pytest.raises(ModelError, match="weights"):
        load_model(tmp_path, kind="recommender")


def test_weights_of_another_model_are_refused(tmp_path):
    save_model(tmp_path / "one", STATE, {"kind": "recommender"})
    save_model(tmp_path / "two", {"weight": torch.zeros(2)}, {"kind": "recommender"})
    (tmp_path / "two" / "weights.safetensors").replace(tmp_path / "one" / "weights.safetensors")
    with pytest.raises(ModelError, match="do not belong to the card"):
        load_model(tmp_path / "one", kind="recommender")


@pytest.mark.parametrize("text", ["", "[]", "{", "7"])
def test_a_broken_card_is_refused(tmp_path, text):
    (tmp_path / "card.json").write_text(text)
    with pytest.raises(ModelError):
        read_card(tmp_path)


def test_no_model_is_refused_with_the_way_to_make_one(tmp_path):
    with pytest.raises(ModelError) as caught:
        read_card(tmp_path)
    assert "cartveil train" in caught.value.hint


def test_the_digest_knows_values_not_chunks():
    whole = pa.table({"a": ["x", None, "z"], "b": [1, 2, 3]})
    parts = pa.concat_tables([whole.slice(0, 1), whole.slice(1)])
    assert digest_of(whole) == digest_of(parts) == digest_of(whole.select(["b", "a"]))
    assert digest_of(whole) != digest_of(pa.table({"a": ["x", "", "z"], "b": [1, 2, 3]}))


def test_reading_a_card_loads_no_learning_framework():
    code = "import sys, cartveil.insight.decisions.forgetting; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
