from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pytest

from cartveil.insight.decisions.card_fraud.folds import Fold, card_precision, looked_at, test_rows, train_rows
from cartveil.insight.sequences.transactions import Transactions, transactions_of

test_rows.__test__ = False  # type: ignore[attr-defined]

FOLD = Fold(date(2018, 7, 1), train=2, delay=2, test=2)


def events_of(*payments: tuple[int, str, bool]) -> Transactions:
    """Return payments on (day of July, customer, fraud)."""
    days, customers, fraud = zip(*payments, strict=True)
    return transactions_of(
        pa.table(
            {
                "transaction": list(range(len(days))),
                "time": [datetime(2018, 7, day, 12) for day in days],
                "customer": list(customers),
                "terminal": ["m"] * len(days),
                "amount": [10.0] * len(days),
                "fraud": list(fraud),
            }
        )
    )


def test_a_fold_learns_from_its_first_days_and_is_judged_after_the_delay() -> None:
    events = events_of(*((day, "c", False) for day in range(1, 9)))
    assert (train_rows(events, FOLD) + 1).tolist() == [1, 2]
    assert (test_rows(events, FOLD) + 1).tolist() == [5, 6]
    assert FOLD.later(7).start == date(2018, 7, 8)


def test_a_card_with_a_fraud_in_training_is_not_judged() -> None:
    events = events_of((1, "bad", True), (2, "good", False), (5, "bad", True), (5, "good", False))
    assert test_rows(events, FOLD).tolist() == [3]


def test_a_fraud_in_the_pause_blocks_its_card_once_its_verdict_is_in() -> None:
    # Fraud of day 3 is known on the second day that is judged, day 6; that of day 4 on none of them.
    events = events_of(
        (1, "x", False), (3, "a", True), (4, "b", True), *((day, who, False) for day in (5, 6) for who in "ab")
    )
    judged = test_rows(events, FOLD)
    assert [(int(events.day[row]) - FOLD.first + 1, "xab"[events.customer[row]]) for row in judged] == [
        (5, "a"),
        (5, "b"),
        (6, "b"),
    ]


def test_card_precision_looks_at_cards_and_drops_those_it_found() -> None:
    events = events_of(
        (1, "a", True), (1, "a", False), (1, "b", False), (2, "a", True), (2, "b", True), (2, "c", False)
    )
    rows, score = np.arange(6), np.array([0.9, 0.8, 0.1, 0.9, 0.8, 0.7])
    # On the first day `a` is found; on the second it is dropped, and `b` is looked at.
    assert card_precision(events, rows, score, cards=1) == pytest.approx(1.0)
    assert card_precision(events, rows, -score, cards=1) == pytest.approx(0.0)
    assert card_precision(events, rows, score, cards=2) == pytest.approx(0.5)


def test_a_card_is_as_suspicious_as_its_worst_payment() -> None:
    events = events_of((1, "a", False), (1, "a", True), (1, "b", False))
    assert card_precision(events, np.arange(3), np.array([0.1, 0.9, 0.5]), cards=1) == 1.0


def test_cards_looked_at_again_are_those_of_card_precision(town: pa.Table) -> None:
    events = transactions_of(town)
    rows = np.arange(len(events) // 2, len(events))
    score = np.round(np.random.default_rng(0).random(len(rows)) + 0.3 * events.fraud[rows], 1)
    for cards in (3, 10, 100):
        looked = looked_at(events, rows, score, cards=cards)
        ones = np.ones(len(events.customers), np.int64)
        assert looked.precision(ones) == card_precision(events, rows, score, cards=cards)
        assert looked.precision(0 * ones) == 0
    # Twice as many cards of everybody, and room for as many more, are found alike.
    assert looked_at(events, rows, score, cards=20).precision(2 * ones) == card_precision(events, rows, score, cards=10)
