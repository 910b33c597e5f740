from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import ColumnError, InputError, ModelError
from cartveil.insight.decisions.traces import (
    TraceConfig,
    TraceDetector,
    count_next_calls,
    evaluate_traces,
    remember_traces,
    train_trace_detector,
)
from cartveil.insight.decisions.traces.detector import calmest
from cartveil.insight.decisions.traces.lessons import windows_of
from cartveil.insight.decisions.traces.protocol import _is_normal
from cartveil.insight.sequences.traces import Traces, joined, learn_calls, traces_of
from cartveil.insight.training.loop import TrainingConfig

SMALL = TraceConfig(
    networks=2,
    hidden=16,
    dropout=0.0,
    steps=24,
    overlap=6,
    batch=8,
    stretch=10,
    training=TrainingConfig(epochs=8, learning_rate=1e-2, patience=8),
)

TRACES = st.lists(st.lists(st.integers(2, 6), max_size=12), min_size=1, max_size=6).filter(any)


def column(rows: list[list[int] | None]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(rows, pa.list_(pa.int16()))])


def program(seed: int, *, count: int, step: int, length: int = 40) -> list[list[int]]:
    """A program that goes round eight calls, `step` at a time, with a slip now and then."""
    generator = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        calls = (generator.integers(8) + step * np.arange(length)) % 8
        slips = generator.random(length) < 0.05
        rows.append(np.where(slips, generator.integers(8, size=length), calls).tolist())
    return rows


@pytest.fixture(scope="module")
def detector() -> TraceDetector:
    return train_trace_detector(column(program(0, count=60, step=1)), config=SMALL)


def test_another_program_is_stranger_than_the_known_one(detector: TraceDetector) -> None:
    known = detector.scores(column(program(1, count=20, step=1)))
    other = detector.scores(column(program(2, count=20, step=3)))
    assert np.median(other) > 3 * np.median(known)
    assert (other > detector.threshold(false_positives=0.2)).mean() > 0.9


def test_a_saved_detector_gives_the_same_scores(detector: TraceDetector, tmp_path: Path) -> None:
    asked = column(program(3, count=5, step=1))
    detector.save(tmp_path / "model")
    loaded = TraceDetector.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.scores(asked), detector.scores(asked))
    assert loaded.threshold(false_positives=0.5) == detector.threshold(false_positives=0.5)


def test_the_same_seed_gives_the_same_scores(detector: TraceDetector) -> None:
    again = train_trace_detector(column(program(0, count=60, step=1)), config=SMALL)
    asked = column(program(3, count=5, step=1))
    np.testing.assert_allclose(again.scores(asked), detector.scores(asked), rtol=1e-5)


def test_scores_do_not_depend_on_what_else_is_scored(detector: TraceDetector) -> None:
    rows = program(4, count=6, step=2) + program(5, count=3, step=1, length=150)
    together = detector.scores(column(rows))
    alone = [detector.scores(column([row]))[0] for row in rows]
    np.testing.assert_allclose(together, alone, rtol=1e-4)


def test_odd_traces_are_scored_and_not_refused(detector: TraceDetector) -> None:
    scores = detector.scores(column([[], None, [1], [30_000, 30_001], [1, 2, 3] * 500]))
    assert scores[0] == scores[1] == 0
    assert np.isfinite(scores).all()


def test_a_threshold_that_the_data_cannot_know_is_refused(detector: TraceDetector) -> None:
    with pytest.raises(InputError, match="too small a share"):
        detector.threshold(false_positives=1e-4)
    with pytest.raises(InputError, match="between 0 and 1"):
        detector.threshold(false_positives=0)


def test_too_few_traces_are_refused() -> None:
    with pytest.raises(ModelError, match="too few"):
        train_trace_detector(column(program(0, count=5, step=1)))


def test_what_is_no_list_is_refused() -> None:
    with pytest.raises(ColumnError, match="not a list"):
        learn_calls(pa.chunked_array([[1, 2]]))


def test_the_calmest_stretch_is_found() -> None:
    traces = joined([np.full(4, 2), np.full(2, 2), np.empty(0, np.int64)], 3)
    surprise = np.array([9.0, 1.0, 3.0, 9.0, 5.0, 7.0])
    assert calmest(surprise, traces, 2).tolist() == [2.0, 6.0, 0.0]
    assert calmest(surprise, traces, None).tolist() == [5.5, 6.0, 0.0]
    assert calmest(surprise, traces, 3).tolist() == [pytest.approx(13 / 3), 6.0, 0.0]


@given(TRACES, st.integers(3, 7), st.integers(0, 2))
def test_windows_ask_every_call_once_and_read_the_call_before(rows: list[list[int]], steps: int, overlap: int) -> None:
    traces = joined([np.array(row, dtype=np.int64) for row in rows], 7)
    windows = windows_of(traces, steps=steps, overlap=overlap)
    counted = windows.counted > 0
    assert counted.sum() == len(traces.calls)
    assert windows.asked[counted].tolist() == traces.calls.tolist()
    before = [call for row in rows for call in [7, *row][: len(row)]]
    assert windows.read[counted].tolist() == before


@given(TRACES, st.integers(1, 4))
@settings(max_examples=40)
def test_chances_of_all_next_calls_add_up_to_one(rows: list[list[int]], order: int) -> None:
    traces = joined([np.array(row, dtype=np.int64) for row in rows], 7)
    counts = count_next_calls(traces, order=order)
    past = [2, 3, 2]
    total = 0.0
    for call in range(7):
        asked = joined([np.array([*past, call])], 7)
        total += float(np.exp(-counts.surprise(asked)[-1]))
    assert total == pytest.approx(1.0)


def test_witten_bell_of_a_known_text() -> None:
    # After 2 came 3 twice and 2 once, so 3 events of 2 kinds: (2 + 2 * p(3)) / 5, and p(3) = (2 + 2 / 4) / (4 + 2).
    traces = joined([np.array([2, 2, 3]), np.array([2, 3])], 4)
    counts = count_next_calls(traces, order=2)
    of_three = (2 + 2 / 4) / (5 + 2)
    asked = joined([np.array([2, 3])], 4)
    assert np.exp(-counts.surprise(asked)[1]) == pytest.approx((2 + 2 * of_three) / (3 + 2))


def test_an_order_that_numbers_cannot_hold_is_refused() -> None:
    with pytest.raises(ModelError, match="order"):
        count_next_calls(joined([np.array([2, 3])], 1000), order=8)


def test_a_known_trace_is_at_no_distance_and_an_unknown_one_at_full() -> None:
    vocabulary = learn_calls(column([[1, 2, 3], [4, 5]]))
    memory = remember_traces(traces_of(column([[1, 2, 3], [4, 5]]), vocabulary), order=2)
    scores = memory.scores(traces_of(column([[1, 2, 3], [3, 1], [], [9, 9, 9]]), vocabulary))
    np.testing.assert_allclose(scores, [0, 1, 1, 1], atol=1e-6)


def test_each_trace_is_compared_with_the_others_when_one_is_left_out() -> None:
    traces: Traces = joined([np.array([2, 3, 2]), np.array([2, 3, 2]), np.array([4, 5])], 6)
    np.testing.assert_allclose(remember_traces(traces, order=2).leave_one_out(), [0, 0, 1], atol=1e-6)


def test_the_evaluation_has_every_model_and_measure() -> None:
    train = pa.table({"syscalls": column(program(0, count=40, step=1)), "label": ["normal"] * 40})
    rows = program(6, count=12, step=1) + program(7, count=6, step=3)
    test = pa.table({"syscalls": column(rows), "label": ["normal"] * 12 + ["other"] * 6})
    said: list[str] = []
    found = evaluate_traces(train, test, seeds=(0, 1), config=SMALL, on_progress=said.append)
    assert set(found.figures) == {"lstm", "lstm_mean", "lstm_single", "ngram", "ngram_calmest", "nearest"}
    assert found.figures["lstm"]["auc"] > 0.9
    low, high = found.to_dict()["intervals"]["lstm"]["auc"]
    assert 0.5 < low <= high <= 1
    assert any("takes about" in line for line in said)


def test_traces_of_one_kind_cannot_be_judged() -> None:
    table = pa.table({"syscalls": column(program(0, count=4, step=1)), "label": ["normal"] * 4})
    with pytest.raises(ColumnError, match="one kind of trace only: normal traces"):
        evaluate_traces(table, table)


@pytest.mark.parametrize(
    "labels",
    [["normal", "Normal", "adduser"], [0, 0, 1], [0.0, 0.0, 1.0], [False, False, True], ["0", "false", "true"]],
)
def test_normal_zero_and_false_are_normal(labels: list) -> None:
    assert _is_normal(pa.chunked_array([pa.array(labels)])).tolist() == [True, True, False]


def test_labels_that_name_no_normal_trace_are_told_the_word() -> None:
    table = pa.table({"syscalls": column(program(0, count=4, step=1)), "label": ["ok", "ok", "bad", "bad"]})
    bare = table.drop_columns(["label"])
    for train, match in ((table, "no trace to learn from"), (bare, "kind of trace only: attacks")):
        with pytest.raises(ColumnError, match=match) as caught:
            evaluate_traces(train, table)
        assert "`normal`, `0`, `false`" in caught.value.hint


def test_a_trace_that_nobody_judged_is_refused() -> None:
    train = pa.table({"syscalls": column(program(0, count=40, step=1))})
    test = pa.table({"syscalls": column(program(1, count=3, step=1)), "label": ["normal", "other", None]})
    with pytest.raises(ColumnError, match="no label"):
        evaluate_traces(train, test)
    with pytest.raises(InputError, match="no seed"):
        evaluate_traces(train, test.slice(0, 2), seeds=())
