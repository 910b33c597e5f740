"""What is known when a card is used: facts about its customer and its terminal, in one pass over time.

Facts are whole numbers (counts, hundredths, seconds), found for a whole table at once here, and event by event by
`card_state`; features are one function of the facts, so that both say the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartveil.insight.sequences.lookback import Lookback, Whole, latest, running
from cartveil.insight.sequences.transactions import DAY, Transactions

#: Days of the windows.
WINDOWS = (1, 7, 30)

#: What the facts of one owner are; seconds are -1 where there is nothing they could be counted from.
OWNER_FACTS = (
    *(f"{what}_{days}" for what in ("paid", "cents", "excess") for days in WINDOWS),
    *(f"{what}_{days}" for what in ("known", "fraud", "plain") for days in WINDOWS),
    "gap",
    "known_ever",
    "fraud_ever",
    "since_fraud",
    "since_run",
    "since_legitimate_before",
    "run",
    "known_since_fraud",
    "since_legitimate",
)

#: What the facts of a transaction are made of: its own, the customer's habit, the customer's, the terminal's.
HABIT_FACTS = ("clean", "clean_cents", "clean_squares", "fresh", "fresh_cents", "fresh_squares")
OWN_FACTS = ("cents", "second_of_day", "weekday")
FACTS = (
    *OWN_FACTS,
    *HABIT_FACTS,
    *(f"customer_{name}" for name in OWNER_FACTS),
    *(f"terminal_{name}" for name in OWNER_FACTS),
)

#: Where the customer's habit stands among the facts, and where those of customer and terminal begin.
_HABIT = slice(len(OWN_FACTS), len(OWN_FACTS) + len(HABIT_FACTS))
_OWNERS = (_HABIT.stop, _HABIT.stop + len(OWNER_FACTS))

#: Rows of which features are made at once, which bounds memory.
_PART = 1 << 14

#: Fixed point of what is no whole number.
_PARTS = 1 << 16

#: From how many standard deviations above the habit an amount is odd, and how odd it can be.
ODD, ODDEST = 2.0, 10.0


@dataclass(frozen=True)
class HistoryConfig:
    """How the past is read.

    Args:
        delay: Seconds until a verdict counts; a transaction that nobody reported by then counts as legitimate.
        usual: Cents of a usual amount, for a customer without a past.
        fresh: Weight of a transaction without a verdict in the customer's habit.
    """

    delay: int = 7 * DAY
    usual: int = 5000
    fresh: float = 0.2


def facts_of(events: Transactions, config: HistoryConfig) -> Whole:
    """Return the facts of every transaction, (N, facts); each looks at those before it only."""
    cents = cents_of(events.amount)
    facts = np.empty((len(events), len(FACTS)), dtype=np.int64, order="F")  # filled column by column
    own = (cents, events.seconds % DAY, (events.seconds // DAY + 3) % 7)  # 1970-01-01 was a Thursday
    for place, column in enumerate(own):
        facts[:, place] = column
    customer, known = Lookback.of(events.customer, events.seconds), events.known_within(config.delay)
    for place, column in enumerate(_habits(customer, cents, known, delay=config.delay)):
        facts[customer.order, _HABIT.start + place] = column
    excess = excess_of(oddness_of(cents, facts[:, _HABIT], config))
    for first, look in zip(_OWNERS, (customer, Lookback.of(events.terminal, events.seconds)), strict=True):
        values = (events.seconds, cents, excess, known)
        for place, column in enumerate(_owner_facts(look, values, config.delay)):
            facts[look.order, first + place] = column
    return facts


def cents_of(amount: NDArray[np.float64]) -> Whole:
    """Return amounts in hundredths, what is below zero as zero."""
    return np.round(np.maximum(amount, 0) * 100).astype(np.int64)


def habit_of(facts: Whole, config: HistoryConfig) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of the customer's amounts in cents, drawn towards the usual, (N,) each.

    Args:
        facts: `HABIT_FACTS`, (N, 6).
        config: See `HistoryConfig`.
    """
    clean, fresh = facts[:, :3].astype(np.float64), facts[:, 3:].astype(np.float64)
    count, cents, squares = (clean + config.fresh * fresh).T
    mean = (cents + config.usual) / (count + 1)
    variance = (squares + 1.25 * config.usual**2) / (count + 1) - mean**2
    return mean, np.sqrt(np.maximum(variance, (0.1 * mean + 1) ** 2))


def oddness_of(cents: Whole, habit: Whole, config: HistoryConfig) -> NDArray[np.float32]:
    """Return how many standard deviations each amount lies above its customer's habit, bounded, (N,)."""
    mean, spread = habit_of(habit, config)
    return _oddness(cents, mean, spread).astype(np.float32)


def excess_of(oddness: NDArray[np.float32]) -> Whole:
    """Return how far each amount lies above what is odd for its customer, in fixed point, (N,)."""
    odd = np.minimum(np.maximum(oddness - np.float32(ODD), 0), np.float32(ODDEST))
    excess: Whole = np.rint(odd * np.float32(_PARTS)).astype(np.int64)
    return excess


def _oddness(cents: NDArray[np.number], mean: NDArray[np.float64], spread: NDArray[np.float64]) -> NDArray[np.float64]:
    odd: NDArray[np.float64] = np.minimum(np.maximum((cents - mean) / spread, -5), 20)
    return odd


def habit_facts(facts: Whole) -> Whole:
    """Return the `HABIT_FACTS` among the facts, (N, 6)."""
    return facts[:, _HABIT]


def _habits(look: Lookback, cents: Whole, fraud: NDArray[np.bool_], *, delay: int) -> Iterator[Whole]:
    cents, legitimate = cents[look.order], ~fraud[look.order]
    here, known = np.arange(len(cents)), look.older(delay)
    for values in (np.ones_like(cents), cents, cents * cents):
        clean = running(values * legitimate)
        yield clean[known] - clean[look.start]
    for values in (np.ones_like(cents), cents, cents * cents):
        every = running(values)
        yield every[here] - every[known]


def _owner_facts(look: Lookback, values: tuple[Whole, Whole, Whole, NDArray[np.bool_]], delay: int) -> Iterator[Whole]:
    seconds, cents, excess, fraud = values
    seconds, cents, excess, fraud = seconds[look.order], cents[look.order], excess[look.order], fraud[look.order]
    plain = fraud & (excess == 0)
    here, known = np.arange(len(seconds)), look.older(delay)
    begins = [look.since(days * DAY) for days in WINDOWS]
    for each in (np.ones_like(cents), cents, excess):
        sums = running(each)
        yield from (sums[here] - sums[begin] for begin in begins)
    begins = [np.minimum(known, look.since(days * DAY + delay)) for days in WINDOWS]
    for marked in (np.ones_like(fraud), fraud, plain):
        sums = running(marked.astype(np.int64))
        yield from (sums[known] - sums[begin] for begin in begins)
    yield _age(seconds, np.where(here > look.start, here - 1, -1))
    yield known - look.start
    frauds = running(fraud.astype(np.int64))
    yield frauds[known] - frauds[look.start]
    yield from _runs(look, known, (seconds, fraud, plain))


def _runs(look: Lookback, known: Whole, values: tuple[Whole, NDArray[np.bool_], NDArray[np.bool_]]) -> list[Whole]:
    """Return what is known of the last run of frauds without a legitimate transaction between them."""
    seconds, fraud, plain = values
    last = latest(plain, known, look.start)
    found = last >= 0
    before = np.where(found, latest(~fraud, np.maximum(last, 0), look.start), -1)
    begin = np.where(found, np.where(before >= 0, before + 1, look.start), -1)
    run = np.where(found, last - begin + 1, 0)
    since = np.where(found, known - 1 - last, -1)
    legitimate = latest(~fraud, known, look.start)
    ages = [_age(seconds, each) for each in (last, begin, before, legitimate)]
    return [*ages[:3], run, since, ages[3]]


def _age(seconds: Whole, place: Whole) -> Whole:
    return np.where(place >= 0, seconds - seconds[np.maximum(place, 0)], -1)


def features_of(facts: Whole, config: HistoryConfig) -> NDArray[np.float32]:
    """Return what models read, (N, features); see `FEATURES` for the names."""
    features = np.empty((len(facts), len(FEATURES)), dtype=np.float32)
    for begin in range(0, len(facts), _PART):
        part = facts[begin : begin + _PART]
        cents = part[:, 0].astype(np.float64)
        features[begin : begin + _PART, : len(_OWN_FEATURES)] = _own_features(part, cents, config)
        owners = part[:, _HABIT.stop :].reshape(len(part), 2, len(OWNER_FACTS)).astype(np.float64)
        found = _owner_features(owners, cents[:, None, None]).reshape(len(part), -1)
        features[begin : begin + _PART, len(_OWN_FEATURES) :] = found
    return features


def _own_features(facts: Whole, cents: NDArray[np.float64], config: HistoryConfig) -> NDArray[np.float64]:
    habit = habit_facts(facts)
    mean, spread = habit_of(habit, config)
    angle = facts[:, 1] * (2 * np.pi / DAY)
    own = np.empty((len(facts), len(_OWN_FEATURES)))
    own[:, 0], own[:, 3], own[:, 5] = np.log1p(
        [cents / 100, mean / 100, (habit[:, 0] + habit[:, 3]).astype(np.float64)]
    )
    own[:, 1] = np.log((cents + 100) / (mean + 100))
    own[:, 2] = _oddness(cents, mean, spread)
    own[:, 4] = spread / (mean + 1)
    own[:, 6], own[:, 7] = np.sin(angle), np.cos(angle)
    own[:, 8] = facts[:, 2] >= 5
    return own


def _owner_features(facts: NDArray[np.float64], cents: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return features of customer and terminal, (N, 2, owner features), from their facts, (N, 2, owner facts)."""
    paid, spent, excess, known, fraud, plain = (facts[..., place : place + 3] for place in range(0, 18, 3))
    ever, last, begin, run = facts[..., 19:21], facts[..., 21:22], facts[..., 22:23], facts[..., 24:26]
    ages = np.concatenate([facts[..., 18:19], facts[..., 21:24], facts[..., 26:27]], axis=-1)
    span = np.where(last >= 0, begin - last, -1)
    logs = np.log1p(np.maximum(np.concatenate([plain, known[..., 2:], run], axis=-1), -0.5))
    parts = [
        np.log1p(paid),
        np.log((cents + 100) / ((spent + cents) / (paid + 1) + 100)),
        excess / _PARTS,
        (fraud + 0.01) / (known + 1),
        (plain + 0.01) / (known + 1),
        logs[..., :4],
        (ever[..., 1:] + 0.01) / (ever[..., :1] + 1),
        _days(ages),
        logs[..., 4:],
        _days(span),
    ]
    return np.concatenate(parts, axis=-1)


def _days(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return days on a scale that is fine for the last days and coarse for the last months; the most where none."""
    return np.where(seconds < 0, 5.0, np.log1p(np.minimum(np.maximum(seconds, 0) / DAY, 120.0)))


_OWNER_FEATURES = (
    *(f"paid_{days}" for days in WINDOWS),
    *(f"against_mean_{days}" for days in WINDOWS),
    *(f"excess_{days}" for days in WINDOWS),
    *(f"fraud_share_{days}" for days in WINDOWS),
    *(f"plain_share_{days}" for days in WINDOWS),
    *(f"plain_{days}" for days in WINDOWS),
    "known_30",
    "fraud_share_ever",
    "gap",
    "since_fraud",
    "since_run",
    "since_legitimate_before",
    "since_legitimate",
    "run",
    "known_since_fraud",
    "run_days",
)

_OWN_FEATURES = (
    "amount",
    "against_habit",
    "oddness",
    "habit",
    "habit_spread",
    "habit_count",
    "hour_sine",
    "hour_cosine",
    "weekend",
)

FEATURES = (
    *_OWN_FEATURES,
    *(f"customer_{name}" for name in _OWNER_FEATURES),
    *(f"terminal_{name}" for name in _OWNER_FEATURES),
)
