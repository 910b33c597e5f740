"""The bench of plain training, at a size that takes milliseconds."""

import math
import os
from importlib.util import find_spec

import numpy as np
import pytest
from bench.recbole_peer import STEPS, prefixes
from bench.training import cartveil_turn, course_of, events_of, figures, keras_turn, measured, torch_turn

from cartveil.insight.sequences import write_sequences


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    rng = np.random.default_rng(0)
    rows = [[f"c{number}", *rng.integers(0, 9, rng.integers(2, 9)).astype("U")] for number in range(300)]
    (folder / "data.txt").write_text("\n".join(" ".join(row) for row in rows))
    store = write_sequences(events_of(folder / "data.txt"), folder / "store")
    assert len(store) == sum(len(row) - 1 for row in rows)
    return course_of(store, batches=1)


def test_every_variant_learns_from_the_same_windows(course):
    whole = np.concatenate(course.whole)
    assert course.events == (whole != 0).sum() - len(whole)
    ours = next(iter(course.lessons.batches(np.random.default_rng(0))))
    assert sorted(ours.batch.categorical["item"].sum(1).tolist()) == sorted(course.batches[0]["ids"].sum(1).tolist())


@pytest.mark.parametrize("turn", [cartveil_turn, torch_turn])
def test_a_turn_trains(course, turn):
    assert measured(course, {"torch": turn(course)}, None, rounds=1)["torch"][0] > 0


def test_our_loss_falls_as_the_bare_loops_model_would(course):
    epochs = [cartveil_turn(course, compiled=compiled)()[0].loss for compiled in (True, False)]
    assert epochs[0] == pytest.approx(epochs[1], rel=1e-4)
    assert abs(epochs[0] - math.log(course.items)) < 0.5


def test_keras_trains(course):
    if find_spec("keras") is None:
        if os.environ.get("CI"):
            pytest.fail("CI has no Keras: .ci/run installs the extra `bench`")
        pytest.skip("Keras is not installed: pip install 'cartveil[bench]'")
    keras_turn(course)()


def test_prefixes_end_before_what_is_to_be_guessed():
    windows = np.array([[5, 6, 7, 0], [8, 9, 0, 0]])
    ids, lengths, targets = next(prefixes(windows, size=50))
    assert ids.shape == (50, STEPS)
    for row, length, target in zip(ids, lengths, targets, strict=True):
        window = windows[0] if row[0] == 5 else windows[1]
        assert row[:length].tolist() == window[:length].tolist()
        assert not row[length:].any()
        assert target == window[length] != 0


def test_ratios_are_taken_turn_by_turn(course):
    told = figures(course, {"torch": [1.0, 10.0, 2.0], "cartveil": [3.0, 20.0, 8.0]})
    assert told["over_torch"] == {"torch": 1.0, "cartveil": 3.0}
    assert told["events_per_second"] == {"torch": 2, "cartveil": 8}
