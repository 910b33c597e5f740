import datetime
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import ColumnError, SchemaError
from cartveil.events.schema import parse_schema
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.plan import protect_events, protect_table
from cartveil.guard.protect.shift import offsets, shift
from cartveil.guard.protect.steps import Scope

KEY = SecretKey(bytes(range(32)))
Derive = Callable[..., SecretKey]
DAY = datetime.timedelta(days=1)

times = st.datetimes(datetime.datetime(1990, 1, 1), datetime.datetime(2060, 1, 1))
people = st.sampled_from(["lin", "wu", "Ann", "7", ""])


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.none() | times, st.none() | people), max_size=20),
    st.integers(1, 400),
    st.sampled_from(["s", "ms", "us", "ns"]),
)
def test_one_consumer_keeps_every_interval_and_hour(
    rows: list[tuple[datetime.datetime | None, str | None]], days: int, unit: str
) -> None:
    column = pa.array([time for time, _ in rows], pa.timestamp("us")).cast(pa.timestamp(unit), safe=False)
    subjects = pa.array([person for _, person in rows], pa.string())
    moved = shift(column, KEY, subjects=subjects, days=days)
    assert moved.type == column.type
    by: dict[str, set[int]] = {}
    for old, new, (_, person) in zip(column, moved, rows, strict=True):
        if old.as_py() is None or person is None:
            assert new.as_py() is None
        else:
            by.setdefault(person, set()).add(new.value - old.value)
    day = 86_400 * {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    for moves in by.values():
        (move,) = moves
        assert move % day == 0
        assert 0 < abs(move) <= days * day


def test_offsets_are_even_over_all_days_but_zero() -> None:
    drawn = offsets(pa.array([str(number) for number in range(14_000)]), KEY, days=7)
    values, counts = np.unique(drawn, return_counts=True)
    assert values.tolist() == [day for day in range(-7, 8) if day]
    assert (abs(counts - 1000) < 6 * 1000**0.5).all()


def test_the_offset_hangs_on_the_consumer_and_the_key_not_on_the_row() -> None:
    subjects = pa.array([str(number) for number in range(50)])
    drawn = offsets(subjects, KEY)
    assert offsets(subjects[::-1], KEY)[::-1].tolist() == drawn.tolist()
    assert offsets(subjects, SecretKey(bytes(32))).tolist() != drawn.tolist()
    assert offsets(pa.array([float(number) for number in range(50)]), KEY).tolist() == drawn.tolist()


def test_dates_chunks_dictionaries_text_and_empty_columns_pass() -> None:
    date, person = datetime.date(2026, 3, 1), pa.array(["lin", "lin"])
    (moved, gap) = shift(pa.array([date, None]), KEY, subjects=person).to_pylist()
    assert 1 <= abs((moved - date).days) <= 14
    assert gap is None
    text = shift(pa.chunked_array([["2026-03-01T10:00:00"], [None]]), KEY, subjects=person)
    assert isinstance(text, pa.ChunkedArray)
    assert text[0].as_py() - datetime.datetime(2026, 3, 1, 10) == moved - date
    coded = pa.array([date, None]).dictionary_encode()
    assert shift(coded, KEY, subjects=person).to_pylist() == [moved, None]
    assert shift(pa.array([date], pa.date64()), KEY, subjects=person[:1]).type == pa.date64()
    assert len(shift(pa.array([], pa.date32()), KEY, subjects=pa.array([], pa.string()))) == 0
    zoned = pa.array([datetime.datetime(2026, 3, 1, 10)], pa.timestamp("us", "Europe/London"))
    assert shift(zoned, KEY, subjects=person[:1]).type == zoned.type


@pytest.mark.parametrize("days", [0, -1, 1.5, True, 10_000, "14"])
def test_nonsense_days_are_refused(days: object) -> None:
    with pytest.raises(SchemaError):
        shift(pa.array([datetime.date(2026, 3, 1)]), KEY, subjects=pa.array(["lin"]), days=days)  # type: ignore[arg-type]


def test_numbers_lengths_apart_and_far_away_times_are_refused() -> None:
    with pytest.raises(ColumnError):
        shift(pa.array([5]), KEY, subjects=pa.array(["lin"]))
    with pytest.raises(ColumnError):
        shift(pa.array([datetime.date(2026, 3, 1)]), KEY, subjects=pa.array(["a", "b"]))
    for edge in (2**63 - 1, -(2**63)):
        edges = pa.array([edge] * 40).cast(pa.timestamp("ns"))
        with pytest.raises(ColumnError):
            shift(edges, KEY, subjects=pa.array(range(40)))


SCHEMA = parse_schema(
    """
    [tables.orders.columns]
    customer = { kind = "user_id", role = "subject" }
    item = { kind = "product", role = "item" }
    paid = { kind = "event_time", role = "time", release = { method = "shift", days = 30 } }
    sent = { kind = "event_time", release = { method = "shift", days = 30 } }
    """
).tables[0]


def orders() -> pa.Table:
    start = datetime.datetime(2026, 1, 1, 9, 30)
    return pa.table(
        {
            "customer": ["lin", "lin", "wu", None],
            "item": ["a", "b", "a", "c"],
            "paid": [start, start + 5 * DAY, start, start],
            "sent": [start + DAY, start + 7 * DAY, start + DAY, start],
        }
    )


def released(derive: Derive, purpose: str, recipient: str, period: str = "") -> list[dict[str, object]]:
    scope = Scope(purpose, recipient, period)
    table = protect_events(orders(), SCHEMA, derive=derive, scope=scope).table
    return sorted(table.drop_columns("subject").to_pylist(), key=str)


def test_all_times_of_a_consumer_move_alike_in_every_column_period_and_purpose(derive: Derive) -> None:
    first = released(derive, "recommendation", "lab", "2026")
    assert first == released(derive, "recommendation", "lab", "2027")
    assert first == released(derive, "fraud_review", "lab")
    (sent,) = (row for row in first if row["item"] == "b")
    assert sent["sent"] - sent["time"] == 2 * DAY


def test_another_recipient_sees_other_dates(derive: Derive) -> None:
    seen = [released(derive, "recommendation", str(number)) for number in range(6)]
    assert len({str(rows) for rows in seen}) > 3


def test_a_row_without_consumer_has_no_time_to_show(derive: Derive) -> None:
    table = protect_table(orders(), SCHEMA, derive=derive, scope=Scope("recommendation", "lab"))
    assert table["paid"].to_pylist()[3] is None
    assert table["paid"].null_count == 1


def test_a_table_that_does_not_say_whose_a_row_is_cannot_be_shifted(derive: Derive) -> None:
    schema = parse_schema('[tables.t.columns]\nat = { kind = "event_time", release = "shift" }').tables[0]
    with pytest.raises(SchemaError, match="whose") as caught:
        protect_table(pa.table({"at": [datetime.datetime(2026, 1, 1)]}), schema, derive=derive, scope=Scope("a", "b"))
    assert caught.value.path == "t.at"
