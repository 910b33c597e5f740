"""Two ways to know a strange trace that only count: n-grams of calls, and the nearest trace that is known.

Where one of them does as well as a network, use it: it learns in seconds.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartveil.errors import ModelError
from cartveil.insight.sequences.traces import Traces

_ROWS = 256


@dataclass(frozen=True)
class NextCallCounts:
    """Witten-Bell n-grams: how likely each call is after those before it, by counts that back off to shorter pasts.

    Args:
        keys: Per order from 1, the n-grams seen, as sorted numbers.
        counts: Per order, how often each was seen.
        contexts: Per order, the pasts (of one call less) seen, as sorted numbers.
        followed: Per order, how often each past was followed by something, and by how many different calls.
        size: Ids of calls.

    Source: Witten and Bell, The Zero-Frequency Problem, IEEE Transactions on Information Theory, 1991, method C.
    """

    keys: tuple[NDArray[np.int64], ...]
    counts: tuple[NDArray[np.int64], ...]
    contexts: tuple[NDArray[np.int64], ...]
    followed: tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]
    size: int

    @property
    def order(self) -> int:
        """Return the length of the longest n-gram."""
        return len(self.keys)

    def surprise(self, traces: Traces) -> NDArray[np.float64]:
        """Return minus the log-likelihood of each call in nats, (events,)."""
        chance = np.full(len(traces.calls), 1 / self.size)
        for order, (past, whole) in enumerate(_grams(traces, self.order)):
            seen = _found(self.keys[order], self.counts[order], whole)
            total = _found(self.contexts[order], self.followed[order][0], past)
            kinds = _found(self.contexts[order], self.followed[order][1], past)
            # A past never seen has neither: the shorter one stands.
            chance = np.where(total > 0, (seen + kinds * chance) / np.maximum(total + kinds, 1), chance)
        return np.asarray(-np.log(chance), dtype=np.float64)

    def scores(self, traces: Traces) -> NDArray[np.float64]:
        """Return the mean surprise of each trace, (n,); 0 for an empty one."""
        return means_of(self.surprise(traces), traces)


def count_next_calls(traces: Traces, *, order: int = 6) -> NextCallCounts:
    """Count the n-grams of normal traces.

    Args:
        traces: Normal ones.
        order: Longest n-gram; 1 to 8 while numbers of 63 bits can hold it.

    Raises:
        ModelError: Nothing to count, or an order too long for so many calls.
    """
    if not len(traces.calls):
        raise ModelError("no call to learn from", hint="the training traces are empty")
    if order < 1 or order * np.log2(traces.size + 1) >= 63:
        raise ModelError(f"an order of {order} does not fit {traces.size} calls", hint="take a shorter one")
    keys, counts, contexts, followed = [], [], [], []
    for past, whole in _grams(traces, order):
        key, first, count = np.unique(whole, return_index=True, return_counts=True)
        context, place = np.unique(past[first], return_inverse=True)
        total = np.bincount(place, weights=count).astype(np.int64)
        keys.append(key)
        counts.append(count)
        contexts.append(context)
        followed.append((total, np.bincount(place)))
    return NextCallCounts(tuple(keys), tuple(counts), tuple(contexts), tuple(followed), traces.size)


def _grams(traces: Traces, order: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return for each length from 1 the past and the n-gram of every call as numbers; before a trace stands 0."""
    place = np.arange(len(traces.calls)) - np.repeat(traces.offsets[:-1], traces.lengths)
    past = np.zeros(len(traces.calls), np.int64)
    answer, width = [], traces.size
    for length in range(1, order + 1):
        # Padding is id 0, which no call has; so the beginning of a trace is a past of its own.
        answer.append((past, past * width + traces.calls))
        before = np.where(place >= length, np.roll(traces.calls, length), 0)
        past = past + before * width ** (length - 1)
    return answer


def _found(keys: NDArray[np.int64], values: NDArray[np.int64], asked: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the value of each key, 0 where it is not known."""
    place = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return np.where(keys[place] == asked, values[place], 0)


@dataclass(frozen=True)
class NearestTrace:
    """How far a trace is from the nearest normal one, as bags of n-grams of calls weighted by tf-idf.

    Args:
        grams: The n-grams that training knows, as sorted numbers, (G,).
        weights: Inverse document frequency of each, and of one never seen last, (G + 1,).
        known: The normal traces, rows of length 1, (n, G) float32.
        order: Length of the n-grams.

    Source: Liao and Vemuri, Use of K-Nearest Neighbor Classifier for Intrusion Detection, Computers & Security, 2002.
    """

    grams: NDArray[np.int64]
    weights: NDArray[np.float32]
    known: NDArray[np.float32]
    order: int

    def scores(self, traces: Traces) -> NDArray[np.float64]:
        """Return 1 less the cosine with the nearest normal trace, (n,); 1 for an empty trace."""
        answer = np.ones(len(traces))
        for begin in range(0, len(traces), _ROWS):
            some = traces.part(np.arange(begin, min(begin + _ROWS, len(traces))))
            answer[begin : begin + _ROWS] = 1 - (self._rows(some) @ self.known.T).max(1)
        return answer

    def leave_one_out(self) -> NDArray[np.float64]:
        """Return the same of the normal traces, each against the others, (n,)."""
        near = self.known @ self.known.T
        np.fill_diagonal(near, 0.0)
        return np.asarray(1 - near.max(1), dtype=np.float64)

    def _rows(self, traces: Traces) -> NDArray[np.float32]:
        table = _table(traces, self.grams, self.order) * self.weights
        length = np.sqrt((table * table).sum(1, keepdims=True))
        # What was never seen is part of the length alone: it makes a trace unlike all others.
        return np.asarray((table / np.maximum(length, 1e-12))[:, :-1], dtype=np.float32)


def remember_traces(traces: Traces, *, order: int = 1) -> NearestTrace:
    """Remember normal traces.

    Args:
        traces: Normal ones.
        order: Length of the n-grams in the bags.

    Raises:
        ModelError: Nothing to remember.
    """
    if not len(traces.calls):
        raise ModelError("no call to learn from", hint="the training traces are empty")
    grams = np.unique(_whole_grams(traces, order)[0])
    seen = (_table(traces, grams, order)[:, :-1] > 0).sum(0)
    idf = np.log((1 + len(traces)) / (1 + np.append(seen, 0))) + 1
    empty = NearestTrace(grams, idf.astype(np.float32), np.empty((0, len(grams)), np.float32), order)
    return NearestTrace(grams, empty.weights, empty._rows(traces), order)


def _whole_grams(traces: Traces, order: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the n-grams that lie within a trace, and whose they are."""
    place = np.arange(len(traces.calls)) - np.repeat(traces.offsets[:-1], traces.lengths)
    whole = place >= order - 1
    return _grams(traces, order)[-1][1][whole], traces.owner[whole]


def _table(traces: Traces, grams: NDArray[np.int64], order: int) -> NDArray[np.float32]:
    """Return how often each gram stands in each trace, those never seen in the last column, (n, G + 1)."""
    found, owner = _whole_grams(traces, order)
    place = np.minimum(np.searchsorted(grams, found), len(grams) - 1)
    column = np.where(grams[place] == found, place, len(grams))
    width = len(grams) + 1
    return np.bincount(owner * width + column, minlength=len(traces) * width).reshape(-1, width).astype(np.float32)


def means_of(values: NDArray[np.float64], traces: Traces) -> NDArray[np.float64]:
    """Return the mean of each trace's values, (n,); 0 for an empty one."""
    return np.asarray(np.bincount(traces.owner, weights=values, minlength=len(traces)) / np.maximum(traces.lengths, 1))
