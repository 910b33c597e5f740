"""Scoring a stream: one payment at a time, with what is stored of its customer and its terminal.

    scorer = scorer_of(model, table)          # what came before
    score = scorer.score_one(Transaction("t1", 1532476800, "c7", "m3", 41.50))
    scorer.report("t1")                       # somebody says that it was fraud

A payment takes the same time however long the past is, and its score is that of `CardFraud.score` on the same
payments.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from cartveil.errors import InputError
from cartveil.insight.decisions.card_fraud.carrying import carried, final_states
from cartveil.insight.decisions.card_fraud.model import CardFraud, probability_of
from cartveil.insight.decisions.card_fraud.prepared import TOLD, Prepared, prepare
from cartveil.insight.models.lstm import State
from cartveil.insight.sequences.card_history import cents_of, excess_of, features_of
from cartveil.insight.sequences.card_state import Owner, Payment
from cartveil.insight.sequences.card_trails import steps_of
from cartveil.insight.sequences.transactions import DAY, LARGEST_AMOUNT, transactions_of

#: A time so far past that of any payment before is a wrong clock: it would settle all that waits.
_LEAP = 60 * DAY


@dataclass(frozen=True)
class Transaction:
    """A payment as it comes in.

    Args:
        transaction: What it is called.
        seconds: When, since 1970.
        customer: Who pays.
        terminal: Where.
        amount: How much.
    """

    transaction: Hashable
    seconds: int
    customer: Hashable
    terminal: Hashable
    amount: float


@dataclass
class Kept:
    """What is stored of one customer or terminal.

    Args:
        owner: What its facts are made of.
        trail: State of the LSTM after its last payment, (1, 1, H) twice; None before the first.
    """

    owner: Owner = field(default_factory=Owner)
    trail: State | None = None


@dataclass(frozen=True)
class Open:
    """A payment whose verdict is not in, as its customer and its terminal remember it, and its score."""

    payments: tuple[Payment, ...]
    score: float


@dataclass
class ScorerState:
    """What a scorer stores.

    Args:
        customers: By name.
        terminals: By name.
        open: Payments whose verdict is not in, by name.
        latest: When the newest payment was made, -1 before the first.
    """

    customers: dict[Hashable, Kept] = field(default_factory=dict)
    terminals: dict[Hashable, Kept] = field(default_factory=dict)
    open: dict[Hashable, Open] = field(default_factory=dict)
    latest: int = -1

    def close(self, payment: Payment) -> None:
        """Take no more reports of a payment, and keep its name no longer."""
        found = self.open.pop(payment.name, None) if payment.name is not None else None
        for each in () if found is None else found.payments:
            each.name = None


class Scorer:
    """Score payments as they come.

    Args:
        model: What scores.
        state: What came before; None for nothing.

    Guarantees:
        - Scores are those of `CardFraud.score` on the same payments within 1e-6.
        - A payment of a name that is open already gets the score that it got, and counts once.
        - A payment that comes late counts with its customer as made when that one was last seen, and with its terminal
          likewise: what is wrong with the clock of one does not reach the other.
        - What is refused leaves nothing behind.
    """

    def __init__(self, model: CardFraud, state: ScorerState | None = None) -> None:
        self.model, self.state = model, state or ScorerState()
        self._delay = model.history.delay

    def score_one(self, payment: Transaction) -> float:
        """Return how likely a payment is fraud, and remember it.

        Raises:
            InputError: The amount is no number; name, customer or terminal is unknown; or the time lies more than 60
                days past that of any payment before.
        """
        self._require_usable(payment)
        before = self.state.open.get(payment.transaction)
        if before is not None:
            return before.score
        customer = self.state.customers.setdefault(payment.customer, Kept())
        terminal = self.state.terminals.setdefault(payment.terminal, Kept())
        now = [max(payment.seconds, kept.owner.latest) for kept in (customer, terminal)]
        settled = [self._settled(kept.owner, each) for kept, each in zip((customer, terminal), now, strict=True)]
        cents = cents_of(np.minimum([payment.amount], LARGEST_AMOUNT))
        facts = self._facts(now, int(cents[0]), (customer.owner, terminal.owner))
        features = features_of(facts, self.model.history)
        excess, told = excess_of(features[:, TOLD - 1]), tuple(features[0, :TOLD].tolist())
        made = tuple(Payment(each, int(cents[0]), int(excess[0]), told, payment.transaction) for each in now)
        states = self._read((customer, terminal), settled, made)
        score = self._fused(states, features)
        for kept, each in zip((customer, terminal), made, strict=True):
            kept.owner.add(each)
        self.state.open[payment.transaction] = Open(made, score)
        self.state.latest = max(self.state.latest, payment.seconds)
        return score

    def report(self, transaction: Hashable) -> bool:
        """Take note that a payment was fraud; it counts from the delay on that the model was trained with.

        Returns:
            Whether it counts: a payment that is not known, or that was legitimate for so long, is left as it is.
        """
        found = self.state.open.get(transaction)
        if found is None:
            return False
        for payment in found.payments:
            payment.fraud = True
        return True

    def forget(self, customer: Hashable) -> bool:
        """Drop what is stored of a customer; a terminal's sums keep its payments, without a name.

        Returns:
            Whether anything was stored.
        """
        kept = self.state.customers.pop(customer, None)
        for payment in () if kept is None else kept.owner.waiting:
            self.state.close(payment)
        return kept is not None

    def _require_usable(self, payment: Transaction) -> None:
        if not np.isfinite(payment.amount):
            raise InputError("amount is no number", path="amount", hint="leave the payment out")
        for name in ("transaction", "customer", "terminal"):
            if getattr(payment, name) is None:
                raise InputError(f"{name} is unknown", path=name, hint="leave the payment out")
        if self.state.latest >= 0 and payment.seconds > self.state.latest + _LEAP:
            hint = "mend the clock; after a longer pause begin with `scorer_of` and a table of what came before"
            raise InputError("the time lies more than 60 days past any payment before", path="seconds", hint=hint)

    def _settled(self, owner: Owner, now: int) -> list[Payment]:
        settled = owner.settle(now, self._delay)
        for payment in settled:
            self.state.close(payment)
        return settled

    def _facts(self, now: Sequence[int], cents: int, owners: Sequence[Owner]) -> NDArray[np.int64]:
        customer = owners[0]
        own = [cents, now[0] % DAY, (now[0] // DAY + 3) % 7]
        habit = [*customer.clean, *customer.fresh]
        known = [fact for owner, each in zip(owners, now, strict=True) for fact in owner.facts(each, self._delay)]
        return np.array([[*own, *habit, *known]], dtype=np.int64)  # (1, facts)

    def _read(self, kept: Sequence[Kept], settled: Sequence[list[Payment]], made: Sequence[Payment]) -> Tensor | None:
        """Let both trails take their steps up to this payment, and return their states, (1, 2H)."""
        network, states = self.model.network, []
        if not network.config.trails:
            return None
        encoders = (network.customer, network.terminal)
        for encoder, each, payments, now in zip(encoders, kept, settled, made, strict=True):
            steps = _steps(each.owner, payments, now, delay=self._delay)
            found, each.trail = carried(encoder, steps[None], each.trail)
            states.append(found[:, -1])  # (1, H)
            each.owner.step = now.seconds
        return torch.cat(states, dim=1)

    def _fused(self, states: Tensor | None, features: NDArray[np.float32]) -> float:
        with torch.no_grad():
            odds = self.model.network.fuse(states, torch.from_numpy(features).double()).numpy()
        if self.model.trees is not None:
            odds = (odds + self.model.trees.log_odds(features)) / 2
        return float(probability_of(odds)[0])


def scorer_of(model: CardFraud, table: pa.Table) -> Scorer:
    """Return a scorer that has seen these payments.

    Args:
        model: What scores.
        table: What came before, as `CardFraud.score` takes it; what is reported of payments whose verdict is not in
            yet is known to the scorer, and counts when it would.
    """
    prepared = prepare(transactions_of(table), model.history)
    scorer = Scorer(model)
    seconds, delay = prepared.events.seconds, model.history.delay
    waiting = np.flatnonzero(seconds > seconds[-1:] - delay)
    scores = dict(zip(waiting.tolist(), model.probabilities(prepared, waiting).tolist(), strict=True))
    _remember(scorer.state, prepared, table["transaction"], scores=scores, delay=delay)
    scorer.state.latest = int(seconds[-1]) if len(seconds) else -1
    if model.network.config.trails:
        _remember_trails(scorer, prepared)
    return scorer


def _remember(
    state: ScorerState, prepared: Prepared, names: pa.ChunkedArray, *, scores: Mapping[int, float], delay: int
) -> None:
    events = prepared.events
    called = names.take(pa.array(events.row)).to_pylist()
    kept = (_all(events.customers, state.customers), _all(events.terminals, state.terminals))
    columns = zip(
        events.seconds.tolist(),
        cents_of(events.amount).tolist(),
        prepared.excess.tolist(),
        prepared.features[:, :TOLD].tolist(),
        called,
        events.known_within(delay).tolist(),
        strict=True,
    )
    for row, (seconds, cents, excess, told, name, fraud) in enumerate(columns):
        made = Payment(seconds, cents, excess, tuple(told), name, fraud)
        for number, each in zip((events.customer[row], events.terminal[row]), kept, strict=True):
            owner = each[number].owner
            for payment in owner.settle(seconds, delay):
                state.close(payment)
            owner.add(made)
            owner.step = seconds
        if row in scores:
            state.open[name] = Open((made, made), scores[row])


def _all(names: pa.Array, state: dict[Hashable, Kept]) -> list[Kept]:
    return [state.setdefault(name, Kept()) for name in names.to_pylist()]


def _remember_trails(scorer: Scorer, prepared: Prepared) -> None:
    events, network, state = prepared.events, scorer.model.network, scorer.state
    each = (
        (network.customer, prepared.customer, events.customer, events.customers, state.customers),
        (network.terminal, prepared.terminal, events.terminal, events.terminals, state.terminals),
    )
    for encoder, trails, numbers, names, kept in each:
        owners, after = np.unique(numbers[::-1], return_index=True)
        hidden, cell = final_states(encoder, trails, len(numbers) - 1 - after)  # each owner's last payment
        for name, h, c in zip(names.take(pa.array(owners)).to_pylist(), hidden, cell, strict=True):
            kept[name].trail = (h[None, None], c[None, None])


def _steps(owner: Owner, settled: list[Payment], made: Payment, *, delay: int) -> NDArray[np.float32]:
    """Return the steps since an owner's last payment: verdicts that came in, then this payment, (T, step features)."""
    payments = [*settled, made]
    times = [*(payment.seconds + delay for payment in settled), made.seconds]
    before = [owner.step, *times[:-1]]
    gaps = [now - then if then >= 0 else -1 for now, then in zip(times, before, strict=True)]
    verdict = np.array([1] * len(settled) + [0])
    told = np.array([payment.told for payment in payments], dtype=np.float32)
    return steps_of(verdict, np.array([payment.fraud for payment in payments]), told, np.array(gaps))
