"""Transactions made ready to be learnt from or scored: features, and the trails of customers and terminals."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from cartveil.insight.models.encoder import Batch
from cartveil.insight.sequences.card_history import FEATURES, HistoryConfig, excess_of, facts_of, features_of
from cartveil.insight.sequences.card_trails import Trails, trails_of
from cartveil.insight.sequences.transactions import Transactions

#: Features that a step of a trail tells: amount, amount against habit, oddness.
TOLD = 3


@dataclass(frozen=True)
class Prepared:
    """Transactions with what is known when each is made.

    Args:
        events: In order of time, (N,).
        features: (N, features).
        excess: How far each lies above what is odd for its customer, in fixed point, (N,).
        customer: Trails of the customers.
        terminal: Trails of the terminals.
        history: How the past was read.
    """

    events: Transactions
    features: NDArray[np.float32]
    excess: NDArray[np.int64]
    customer: Trails
    terminal: Trails
    history: HistoryConfig


def prepare(events: Transactions, history: HistoryConfig | None = None) -> Prepared:
    """Compute features and trails in one pass over time; a transaction is told nothing that comes after it.

    Args:
        events: With all that came before them; without a past everything is new.
        history: See `HistoryConfig`.
    """
    history = history or HistoryConfig()
    known = events.known_within(history.delay)
    facts = facts_of(events, history)
    features = features_of(facts, history)
    excess = excess_of(features[:, FEATURES.index("oddness")])
    customer, terminal = (
        trails_of(owner, events.seconds, features[:, :TOLD], fraud=known, delay=history.delay)
        for owner in (events.customer, events.terminal)
    )
    return Prepared(events, features, excess, customer, terminal, history)


def batch_of(steps: NDArray[np.floating], lengths: NDArray[np.int64]) -> Batch:
    """Return steps of trails (B, T, step features) as what an encoder reads."""
    return Batch({}, {}, torch.from_numpy(steps), torch.from_numpy(lengths))
