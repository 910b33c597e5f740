import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from cartveil.errors import IntegrityError, ModelError, StorageError
from cartveil.insight.models.next_item import NextItem
from cartveil.insight.training.checkpoint import Snapshot, write_checkpoint
from cartveil.insight.training.lessons import Lesson, mean_loss
from cartveil.insight.training.loop import fit
from cartveil.insight.training.progress import Progress
from training_shop import CONFIG, same_weights, sequences, shuffled, small_model, trained


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("finished") / "training.safetensors"
    trained(checkpoint=file)
    return file


@pytest.fixture
def file(tmp_path: Path, finished: Path) -> Path:
    """Return the checkpoint of a finished training."""
    return Path(shutil.copy(finished, tmp_path / "training.safetensors"))


@pytest.fixture
def none_yet(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "training.safetensors"


def facts_of(file: Path) -> dict[str, object]:
    with safe_open(file, framework="pt") as opened:
        return json.loads(opened.metadata()["cartveil"])


def test_a_finished_training_is_not_run_again(file: Path) -> None:
    steps: list[object] = []
    again = trained(checkpoint=file, on_progress=steps.append)
    assert same_weights(again, trained())
    assert not steps


def test_a_checkpoint_changes_nothing_of_what_is_learnt(none_yet: Path) -> None:
    assert same_weights(trained(checkpoint=none_yet), trained())


def test_a_resumed_training_ends_with_the_best_epoch_though_it_was_long_ago(none_yet: Path) -> None:
    def stop(at: Progress) -> None:
        if at.epoch == 3:
            raise KeyboardInterrupt

    config = replace(CONFIG, patience=3)
    with pytest.raises(KeyboardInterrupt):
        trained(checkpoint=none_yet, on_progress=stop, better=1.0, config=config)
    resumed = trained(checkpoint=none_yet, better=1.0, config=config)
    assert same_weights(resumed, trained(better=1.0, config=config))
    assert not same_weights(resumed, trained(config=config))


def test_a_resumed_training_returns_the_epochs_before_it(file: Path) -> None:
    standing = facts_of(file)["standing"]
    assert [epoch["number"] for epoch in standing["history"]] == [1, 2, 3]


@pytest.mark.parametrize(
    "change",
    [
        {"config": replace(CONFIG, learning_rate=0.5)},
        {"config": replace(CONFIG, epochs=9)},
        {"config": replace(CONFIG, seed=1)},
        {"model": small_model(hidden=9)},
    ],
    ids=["rate", "epochs", "seed", "shape"],
)
def test_a_checkpoint_of_another_training_is_refused(file: Path, change: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="belongs to another training"):
        trained(checkpoint=file, **change)


def test_how_often_it_is_saved_may_change(file: Path) -> None:
    assert same_weights(
        trained(checkpoint=file), trained(checkpoint=file, config=replace(CONFIG, save_every=1, report_every=5))
    )


def test_batches_in_another_order_are_noticed(none_yet: Path) -> None:
    def stop(_: object) -> None:
        if none_yet.exists() and facts_of(none_yet)["standing"]["step"]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(checkpoint=none_yet, on_progress=stop)
    fewer = torch.cat([sequences(), sequences()])[:47]
    with pytest.raises(ModelError, match="not those of the checkpoint"):
        trained(checkpoint=none_yet, ids=fewer)


class Shuffled:
    """Sequences that know themselves apart from others."""

    def __init__(self, name: str, seed: int = 5) -> None:
        self.name, self.asked, self._batches = name, 0, shuffled(sequences(seed=seed))

    def batches(self, generator: np.random.Generator) -> Iterator[Lesson]:
        return self._batches(generator)

    def score(self, _: NextItem) -> float:
        return 0.0

    def fingerprint(self) -> str:
        self.asked += 1
        return self.name


def learnt_from(data: Shuffled, file: Path | None, **changes: object) -> tuple[object, ...]:
    given = {"batches": data.batches, "steps": 5, "validate": None, "config": CONFIG, **changes}
    return fit(small_model(), mean_loss, checkpoint=file, **given)


def refused_as_other_data(file: Path, data: Shuffled, **changes: object) -> None:
    with pytest.raises(ModelError, match="made from other data") as caught:
        learnt_from(data, file, **changes)
    assert caught.value.path == str(file)


def test_other_data_of_the_same_shape_are_refused(none_yet: Path) -> None:
    learnt_from(Shuffled("spring"), none_yet)
    refused_as_other_data(none_yet, Shuffled("autumn", seed=6))
    assert len(learnt_from(Shuffled("spring"), none_yet)) == CONFIG.epochs


def test_other_data_to_judge_by_are_refused(none_yet: Path) -> None:
    data = Shuffled("spring")
    learnt_from(data, none_yet, validate=Shuffled("may").score)
    refused_as_other_data(none_yet, data, validate=Shuffled("june").score)


def test_a_fingerprint_that_is_given_counts_instead(none_yet: Path) -> None:
    learnt_from(Shuffled("spring"), none_yet, fingerprint=lambda: "mine")
    refused_as_other_data(none_yet, Shuffled("spring"))
    learnt_from(Shuffled("autumn"), none_yet, fingerprint=lambda: "mine")


def test_data_that_nobody_knew_are_not_taken_for_those_that_are_known(file: Path) -> None:
    refused_as_other_data(file, Shuffled("spring"), fingerprint=lambda: "spring", validate=lambda _: 0.0)


def test_data_are_asked_once_and_only_for_a_checkpoint(none_yet: Path) -> None:
    data = Shuffled("spring")
    learnt_from(data, None)
    assert data.asked == 0
    learnt_from(data, none_yet)
    assert data.asked == 1


def places(file: Path) -> list[int]:
    """Return a place in each tensor of a checkpoint, and some in what is told of them."""
    content = file.read_bytes()
    begin = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:begin])
    header.pop("__metadata__")
    facts = content.index(b"multiplier") if b"multiplier" in content else content.index(b"waited")
    return [facts, *(begin + entry["data_offsets"][0] for entry in header.values())]


def test_a_changed_byte_is_noticed_wherever_it_stands(file: Path) -> None:
    whole = file.read_bytes()
    for place in places(file):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(IntegrityError, match="checkpoint was changed") as caught:
            trained(checkpoint=file)
        assert caught.value.path == str(file)
    file.write_bytes(whole)
    trained(checkpoint=file)


@pytest.mark.parametrize("facts", ["[]", "7", '"text"', "null"])
def test_facts_of_another_kind_are_a_clear_error(file: Path, facts: str) -> None:
    save_file(load_file(file), file, {"cartveil": facts})
    with pytest.raises(ModelError):
        trained(checkpoint=file)


@pytest.mark.parametrize("content", [b"", b"\x08\0\0\0\0\0\0\0{}      ", b"nonsense" * 99])
def test_a_broken_checkpoint_is_a_clear_error(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(ModelError, match="cannot be read"):
        trained(checkpoint=file)


def test_another_format_version_is_a_clear_error(file: Path) -> None:
    facts = {**facts_of(file), "format": 99}
    save_file(load_file(file), file, {"cartveil": json.dumps(facts)})
    with pytest.raises(ModelError, match="format version `99` is not `2`"):
        trained(checkpoint=file)


def test_an_unwritable_place_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        write_checkpoint(tmp_path / "file" / "below", Snapshot({}, {}), training="")


def test_nothing_in_a_checkpoint_can_run_code(file: Path) -> None:
    content = file.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    kinds = {name: entry["dtype"] for name, entry in header.items() if name != "__metadata__"}
    assert set(kinds.values()) <= {"F32", "U8"}
    assert {name.partition("/")[0] for name in kinds} == {"model", "best", "optimizer", "random"}
