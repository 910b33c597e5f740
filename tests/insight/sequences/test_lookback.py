import numpy as np

from cartveil.insight.sequences.lookback import Lookback, latest, running

LOOK = Lookback.of(np.array([0, 1, 0, 0, 1]), np.array([0, 10, 20, 30, 40]))


def test_rows_stand_by_owner_then_by_time() -> None:
    assert LOOK.order.tolist() == [0, 2, 3, 1, 4]
    assert LOOK.start.tolist() == [0, 0, 0, 3, 3]


def test_a_window_begins_after_what_is_as_old_as_it_is_long() -> None:
    assert LOOK.since(20).tolist() == [0, 1, 1, 3, 4]
    assert LOOK.since(21).tolist() == [0, 0, 1, 3, 4]
    assert LOOK.since(9).tolist() == [0, 1, 2, 3, 4]


def test_no_window_reaches_into_another_owner() -> None:
    assert LOOK.since(10**9).tolist() == LOOK.start.tolist()


def test_what_is_old_enough_ends_before_the_row_itself() -> None:
    assert LOOK.older(10).tolist() == [0, 1, 2, 3, 4]
    assert LOOK.older(11).tolist() == [0, 1, 1, 3, 4]
    assert LOOK.older(21).tolist() == [0, 0, 1, 3, 4]
    assert LOOK.older(0).tolist() == [0, 1, 2, 3, 4]


def test_the_latest_marked_row_is_the_owners() -> None:
    marked = np.array([True, False, True, False, False])
    assert latest(marked, np.arange(5), LOOK.start).tolist() == [-1, 0, 0, -1, -1]


def test_running_sums_begin_with_nothing() -> None:
    assert running(np.array([1, 2, 3])).tolist() == [0, 1, 3, 6]


def test_no_rows_are_looked_back_on() -> None:
    nothing = np.empty(0, dtype=np.int64)
    assert len(Lookback.of(nothing, nothing).since(5)) == 0
