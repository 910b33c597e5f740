import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.insight.sequences.card_history import (
    FACTS,
    FEATURES,
    OWNER_FACTS,
    WINDOWS,
    HistoryConfig,
    excess_of,
    facts_of,
    features_of,
    habit_facts,
    habit_of,
    oddness_of,
)
from cartveil.insight.sequences.card_state import Owner, Payment
from cartveil.insight.sequences.transactions import DAY, Transactions, transactions_of

CONFIG = HistoryConfig()
BEGIN = 1_530_000_000


def events_of(*payments: tuple[float, str, float, bool]) -> Transactions:
    """Return payments at one terminal on (day, customer, amount, fraud)."""
    days, customers, amounts, fraud = zip(*payments, strict=True)
    return transactions_of(
        pa.table(
            {
                "transaction": list(range(len(days))),
                "time": pa.array([BEGIN + round(day * DAY) for day in days], pa.timestamp("s")),
                "customer": list(customers),
                "terminal": ["m"] * len(days),
                "amount": [float(amount) for amount in amounts],
                "fraud": list(fraud),
            }
        )
    )


def fact(events: Transactions, name: str) -> list[int]:
    return facts_of(events, CONFIG)[:, FACTS.index(name)].tolist()


def test_windows_hold_what_came_before_within_their_days() -> None:
    events = events_of((0, "a", 1, False), (0.5, "a", 2, False), (1.2, "b", 4, False), (6.9, "a", 8, False))
    assert fact(events, "customer_paid_1") == [0, 1, 0, 0]
    assert fact(events, "terminal_paid_1") == [0, 1, 1, 0]
    assert fact(events, "customer_cents_7") == [0, 100, 0, 300]
    assert fact(events, "terminal_cents_7") == [0, 100, 300, 700]
    assert fact(events, "customer_gap") == [-1, DAY // 2, -1, round(6.4 * DAY)]


def test_a_verdict_is_known_after_the_delay() -> None:
    events = events_of((0, "a", 1, True), (6.99, "b", 1, False), (7, "c", 1, False), (14, "d", 1, False))
    assert fact(events, "terminal_fraud_ever") == [0, 0, 1, 1]
    assert fact(events, "terminal_known_ever") == [0, 0, 1, 3]
    assert fact(events, "terminal_fraud_7") == [0, 0, 1, 0]
    assert fact(events, "terminal_since_fraud") == [-1, -1, 7 * DAY, 14 * DAY]


def test_a_run_of_frauds_begins_after_the_last_legitimate_payment() -> None:
    events = events_of(
        (0, "a", 1, True),
        (1, "b", 1, False),
        (2, "c", 1, True),
        (3, "d", 1, True),
        (4, "e", 1, False),
        (20, "f", 1, False),
    )
    assert fact(events, "terminal_run")[-1] == 2
    assert fact(events, "terminal_since_run")[-1] == 18 * DAY
    assert fact(events, "terminal_since_legitimate_before")[-1] == 19 * DAY
    assert fact(events, "terminal_known_since_fraud")[-1] == 1
    assert fact(events, "terminal_since_legitimate")[-1] == 16 * DAY


def test_a_fraud_of_an_odd_amount_is_the_cards_not_the_terminals() -> None:
    habit = [(day, "a", 10 + day % 3, False) for day in range(20)]
    events = events_of(*habit, (20, "a", 500, True), (21, "b", 10, True), (40, "z", 10, False))
    assert fact(events, "terminal_fraud_30")[-1] == 2
    assert fact(events, "terminal_plain_30")[-1] == 1


def test_known_fraud_is_no_habit() -> None:
    events = events_of(*((day, "a", 10, False) for day in range(5)), (5, "a", 900, True), (20, "a", 10, False))
    facts = facts_of(events, CONFIG)[:, FACTS.index("clean") : FACTS.index("fresh_squares") + 1]
    mean, spread = habit_of(facts, CONFIG)
    assert facts[-1].tolist() == [5, 5000, 5_000_000, 0, 0, 0]
    assert mean[-1] == pytest.approx((5000 + CONFIG.usual) / 6)
    assert spread[-1] > 0


def test_somebody_new_has_features_that_are_numbers() -> None:
    features = features_of(facts_of(events_of((0, "a", 0, False)), CONFIG), CONFIG)
    assert features.shape == (1, len(FEATURES))
    assert np.isfinite(features).all()


@given(st.data())
def test_a_table_finds_what_a_stream_keeps(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 30))
    gaps = st.sampled_from([0, 1, DAY // 2, DAY, 7 * DAY, 30 * DAY])
    seconds = BEGIN + np.cumsum(data.draw(st.lists(gaps, min_size=count, max_size=count)))
    owner = np.array(data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count)))
    amount = np.array(data.draw(st.lists(st.floats(0, 1e4), min_size=count, max_size=count)))
    fraud = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    names = pa.array(range(3))
    facts = facts_of(
        Transactions(np.arange(count), seconds, owner, owner, amount, fraud, seconds, names, names), CONFIG
    )
    # Customer and terminal are one here, so both must say what the stream does.
    excess = excess_of(oddness_of(facts[:, 0], habit_facts(facts), CONFIG))
    kept = [Owner() for _ in range(3)]
    for row in range(count):
        now, each = int(seconds[row]), kept[owner[row]]
        each.settle(now, CONFIG.delay)
        found = each.facts(now, CONFIG.delay)
        assert found == facts[row, 9 : 9 + len(OWNER_FACTS)].tolist() == facts[row, -len(OWNER_FACTS) :].tolist()
        assert [*each.clean, *each.fresh] == facts[row, 3:9].tolist()
        each.add(Payment(now, int(facts[row, 0]), int(excess[row]), (), row, bool(fraud[row])))


@given(st.data())
def test_windows_are_what_a_loop_over_all_rows_says(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 15))
    days = np.sort(data.draw(st.lists(st.integers(0, 80), min_size=count, max_size=count)))
    customers = data.draw(st.lists(st.sampled_from("ab"), min_size=count, max_size=count))
    fraud = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    events = events_of(*zip(days, customers, [10] * count, fraud, strict=True))
    for window in WINDOWS:
        paid = [
            sum(customers[i] == customers[row] and days[i] > days[row] - window for i in range(row))
            for row in range(count)
        ]
        known = [
            sum(fraud[i] and days[row] - 7 - window < days[i] <= days[row] - 7 for i in range(row))
            for row in range(count)
        ]
        assert fact(events, f"customer_paid_{window}") == paid
        assert fact(events, f"terminal_fraud_{window}") == known
