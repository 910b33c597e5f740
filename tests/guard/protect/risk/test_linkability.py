import datetime

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.events.schema import parse_schema
from cartveil.guard.protect.plan import protect_events
from cartveil.guard.protect.risk.linkability import Linkability, linkability
from cartveil.guard.protect.steps import Scope

START = datetime.datetime(2026, 1, 5, 9)

SCHEMA = """
[tables.orders.columns]
customer = {{ kind = "user_id", role = "subject" }}
item = {{ kind = "product", role = "item" }}
paid = {{ kind = "event_time", role = "time", release = {step} }}
"""


def events(rows: list[tuple[str, str, int]]) -> pa.Table:
    return pa.table(
        {
            "subject": pa.array([who for who, _, _ in rows], pa.string()),
            "item": pa.array([item for _, item, _ in rows], pa.string()),
            "time": pa.array([START + datetime.timedelta(days=day) for _, _, day in rows], pa.timestamp("us")),
        }
    )


ROWS = [("a", "tea", 0), ("a", "cup", 9), ("b", "tea", 0), ("b", "cup", 9), ("c", "hat", 0), ("c", "tea", 9)]


def renamed(rows: list[tuple[str, str, int]]) -> list[tuple[str, str, int]]:
    return [(f"other {who}", item, day) for who, item, day in reversed(rows)]


def test_a_history_of_ones_own_is_found_again_and_a_shared_one_is_not() -> None:
    found = linkability(events(ROWS), events(renamed(ROWS)))
    assert found == Linkability("7d", 1 / 3, 1, 3, 3)


def test_nothing_in_common_links_nobody() -> None:
    other = [("x", "pen", 0), ("y", "ink", 9)]
    assert linkability(events(ROWS), events(other)).linked == 0
    assert linkability(events(ROWS), events([])).linked == 0
    assert linkability(events([]), events(ROWS)) == Linkability("7d", 0.0, 0, 0, 3)


def test_a_release_that_goes_on_later_is_compared_over_the_time_of_both() -> None:
    longer = [*renamed(ROWS), ("other c", "pen", 60), ("other a", "pen", 60)]
    assert linkability(events(ROWS), events(longer)).linked == 1
    earlier = [*renamed(ROWS), ("other c", "pen", -60), ("other a", "pen", -60)]
    assert linkability(events(ROWS), events(earlier)).linked == 1
    assert linkability(events(earlier), events(ROWS)).linked == 1


def test_items_alone_link_what_shifted_dates_hide() -> None:
    moved = [
        (who, item, day + {"other a": 100, "other b": 50, "other c": 300}[who]) for who, item, day in renamed(ROWS)
    ]
    assert linkability(events(ROWS), events(moved)).linked == 0
    assert linkability(events(ROWS), events(moved), width="").linked == 1


def released(derive, recipient: str, step: str) -> pa.Table:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(4)
    rows = [(str(who), str(rng.integers(30)), int(rng.integers(60))) for who in range(40) for _ in range(6)]
    clear = events(rows).rename_columns(["customer", "item", "paid"])
    schema = parse_schema(SCHEMA.format(step=step)).tables[0]
    return protect_events(clear, schema, derive=derive, scope=Scope("recommendation", recipient)).table


def test_two_recipients_of_the_same_rows_find_the_same_consumers_by_history(derive) -> None:  # type: ignore[no-untyped-def]
    first, second = (released(derive, name, '{ method = "bucket", width = "1h" }') for name in ("lab", "partner"))
    assert not set(first["subject"].to_pylist()) & set(second["subject"].to_pylist())
    assert linkability(first, second).share == 1.0


def test_shifted_dates_break_the_link_by_time_but_not_by_items(derive) -> None:  # type: ignore[no-untyped-def]
    first, second = (released(derive, name, '{ method = "shift", days = 30 }') for name in ("lab", "partner"))
    assert linkability(first, second, width="1d").share < 0.2
    assert linkability(first, second, width="").share > 0.9


histories = st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from("xy"), st.integers(0, 1)), max_size=20)


@settings(max_examples=60, deadline=None)
@given(histories, histories)
def test_items_alone_equal_a_comparison_of_sets(
    left: list[tuple[str, str, int]], right: list[tuple[str, str, int]]
) -> None:
    def bags(rows: list[tuple[str, str, int]]) -> list[frozenset[str]]:
        return [frozenset(item for who, item, _ in rows if who == person) for person in {who for who, _, _ in rows}]

    first, second = bags(left), bags(right)
    wanted = sum(first.count(bag) == 1 and second.count(bag) == 1 for bag in first)
    assert linkability(events(left), events(right), width="").linked == wanted
