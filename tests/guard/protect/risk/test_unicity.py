import datetime
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.guard.protect.risk.unicity import Unicity, points_of, unicity

START = datetime.datetime(2026, 1, 5, 9)


def events(rows: list[tuple[str | None, str | None, int]]) -> pa.Table:
    """One row for each consumer, item and day."""
    return pa.table(
        {
            "subject": pa.array([who for who, _, _ in rows], pa.string()),
            "item": pa.array([item for _, item, _ in rows], pa.string()),
            "time": pa.array([START + datetime.timedelta(days=day) for _, _, day in rows], pa.timestamp("us")),
        }
    )


def measured(table: pa.Table, known: int, width: str = "1d", *, seed: int = 0, sample: int = 10_000) -> Unicity:
    rng = np.random.default_rng(seed)
    (found,) = unicity(points_of(table, width=width), known=(known,), width=width, rng=rng, sample=sample)
    return found


TWINS = [(who, item, day) for who in ("a", "b") for item, day in (("tea", 0), ("cup", 1), ("pot", 2))]
LONER = [("c", "tea", 0), ("c", "hat", 1), ("c", "bag", 2)]


def test_twins_hide_each_other_and_the_loner_is_found() -> None:
    # Any two purchases of a twin are the other's as well; of c's three pairs each holds a hat or a bag.
    assert measured(events(TWINS + LONER), 2) == Unicity(2, "1d", 1 / 3, 3, 3, 3)


def test_one_purchase_says_less_than_two() -> None:
    table = events([*TWINS, ("c", "tea", 0)])
    assert measured(table, 1).share == 0.0
    assert measured(table, 3) == Unicity(3, "1d", 0.0, 2, 2, 3)


def test_who_has_too_few_purchases_is_not_asked() -> None:
    table = events([*TWINS, ("d", "tea", 0)])
    found = measured(table, 2)
    assert (found.asked, found.able, found.consumers) == (2, 2, 3)
    assert measured(events([]), 2) == Unicity(2, "1d", 0.0, 0, 0, 0)


def test_coarser_times_hide_more_and_items_alone_the_most() -> None:
    rows = [("a", "tea", 0), ("a", "cup", 0), ("b", "tea", 3), ("b", "cup", 3), ("c", "tea", 30), ("c", "cup", 30)]
    shares = [measured(events(rows), 2, width).share for width in ("1d", "7d", "")]
    assert shares == [1.0, 1 / 3, 0.0]


def test_the_same_purchase_twice_is_one_and_a_gap_is_none() -> None:
    rows = [("a", "tea", 0), ("a", "tea", 0), ("a", None, 1), (None, "tea", 0)]
    assert measured(events(rows), 1) == Unicity(1, "1d", 1.0, 1, 1, 1)
    assert measured(events(rows), 2).able == 0


def test_a_seed_gives_the_same_figure_and_a_sample_asks_fewer() -> None:
    rng = np.random.default_rng(1)
    rows = [(str(who), str(rng.integers(5)), int(rng.integers(4))) for who in range(60) for _ in range(6)]
    table = events(rows)
    assert measured(table, 2, seed=3) == measured(table, 2, seed=3)
    assert measured(table, 2, sample=20).asked == 20


histories = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz"), st.integers(0, 2)), min_size=1, max_size=24
)


@settings(max_examples=60, deadline=None)
@given(histories, st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_equals_looking_through_everybody(rows: list[tuple[str, str, int]], known: int, seed: int) -> None:
    """Where every choice of points of a consumer tells the same, the figure needs no luck and must be exact."""
    points: dict[str, set[tuple[str, int]]] = {}
    for who, item, day in rows:
        points.setdefault(who, set()).add((item, day))
    able = [own for own in points.values() if len(own) >= known]
    alone = [
        [sum(set(chosen) <= other for other in points.values()) == 1 for chosen in combinations(own, known)]
        for own in able
    ]
    found = measured(events(rows), known, seed=seed)
    assert (found.asked, found.consumers) == (len(able), len(points))
    least, most = sum(map(all, alone)), sum(map(any, alone))
    assert least <= round(found.share * found.asked) <= most


def test_many_candidates_go_through_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    rows = [(str(who), str(item), 0) for who in range(40) for item in rng.choice(8, 4, replace=False)]
    whole = measured(events(rows), 3)
    monkeypatch.setattr("cartveil.guard.protect.risk.unicity._AT_ONCE", 7)
    assert measured(events(rows), 3) == whole
