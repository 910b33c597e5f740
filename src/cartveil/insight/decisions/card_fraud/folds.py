"""Weeks to learn from and weeks to be judged on. Cards that are known to be compromised are blocked, so not judged.

Source: Le Borgne et al., Reproducible Machine Learning for Credit Card Fraud Detection, 2022, chapters 4 and 5.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from cartveil.insight.sequences.transactions import Transactions

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Fold:
    """One period to learn from, a pause in which verdicts come in, and one period to be judged on.

    Args:
        start: First day to learn from.
        train: Days to learn from.
        delay: Days from the last of them to the first that is judged.
        test: Days that are judged.
    """

    start: date
    train: int = 7
    delay: int = 7
    test: int = 7

    @property
    def first(self) -> int:
        """Return the first day to learn from, since 1970."""
        return (self.start - _EPOCH).days

    @property
    def judged(self) -> range:
        """Return the days that are judged, since 1970."""
        begin = self.first + self.train + self.delay
        return range(begin, begin + self.test)

    def later(self, days: int) -> "Fold":
        """Return the same so many days later."""
        return Fold(self.start + timedelta(days=days), self.train, self.delay, self.test)


def train_rows(events: Transactions, fold: Fold) -> NDArray[np.int64]:
    """Return which transactions to learn from, (n,)."""
    return np.flatnonzero((events.day >= fold.first) & (events.day < fold.first + fold.train))


def test_rows(events: Transactions, fold: Fold) -> NDArray[np.int64]:
    """Return which transactions are judged, (n,): those of cards that are not known to be compromised.

    On the first day that is judged, known are the frauds of the training period; on each day after, those of one more
    day. The first of these days is the last one of the training period, as in the handbook.
    """
    day, customers = events.day, len(events.customers)
    blocked = np.zeros(customers, dtype=bool)
    training = train_rows(events, fold)
    blocked[events.customer[training[events.fraud[training]]]] = True
    kept = []
    for number, judged in enumerate(fold.judged):
        known = (day == fold.first + fold.train + number - 1) & events.fraud
        blocked[events.customer[known]] = True
        rows = np.flatnonzero(day == judged)
        kept.append(rows[~blocked[events.customer[rows]]])
    return np.concatenate(kept)


def card_precision(
    events: Transactions, rows: NDArray[np.int64], score: NDArray[np.floating], *, cards: int = 100
) -> float:
    """Return which share of the cards that are looked at is compromised, mean over the days.

    Each day the cards with the highest transactions are looked at; one that was found is not looked at again.

    Args:
        events: All transactions.
        rows: Those that are judged, (n,).
        score: Theirs; higher is more suspicious, (n,).
        cards: How many cards are looked at a day.
    """
    day, customer = events.day[rows], events.customer[rows]
    found = np.zeros(len(events.customers), dtype=bool)
    shares = []
    for each in np.unique(day):
        here = np.flatnonzero((day == each) & ~found[customer])
        highest = here[np.argsort(-score[here], kind="stable")]
        names, first = np.unique(customer[highest], return_index=True)
        looked = names[np.argsort(first)][:cards]
        bad = np.unique(customer[here[events.fraud[rows[here]]]])
        caught = np.intersect1d(looked, bad)
        found[caught] = True
        shares.append(len(caught) / cards)
    return float(np.mean(shares)) if shares else 0.0


@dataclass(frozen=True)
class Looked:
    """The cards of each judged day, the most suspicious first, for looking at them again in other samples.

    Args:
        days: Per day the customers of the cards, and which of them are compromised that day, (cards,) each.
        cards: How many cards are looked at a day.
    """

    days: tuple[tuple[NDArray[np.int64], NDArray[np.bool_]], ...]
    cards: int

    def precision(self, times: NDArray[np.int64]) -> float:
        """Return `card_precision` of a sample in which each customer stands so many times, (customers,).

        Every one of them is a card of its own that is as suspicious as the others.
        """
        left, shares = times.copy(), []
        for customer, bad in self.days:
            mine = left[customer]
            before = np.cumsum(mine) - mine
            looked = np.clip(self.cards - before, 0, mine)
            caught = np.where(bad, looked, 0)
            left[customer] -= caught
            shares.append(int(caught.sum()) / self.cards)
        return float(np.mean(shares)) if shares else 0.0


def looked_at(
    events: Transactions, rows: NDArray[np.int64], score: NDArray[np.floating], *, cards: int = 100
) -> Looked:
    """Return the cards of each day by their highest transaction; see `card_precision`."""
    days = []
    for each in np.unique(events.day[rows]):
        here = np.flatnonzero(events.day[rows] == each)
        highest = events.customer[rows[here[np.argsort(-score[here], kind="stable")]]]
        names, first = np.unique(highest, return_index=True)
        listed = names[np.argsort(first)]
        bad = np.unique(events.customer[rows[here[events.fraud[rows[here]]]]])
        days.append((listed, np.isin(listed, bad)))
    return Looked(tuple(days), cards)
