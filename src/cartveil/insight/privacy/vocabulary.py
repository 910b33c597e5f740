"""Which words a private model may know, and how often each is bought, released with noise and written into the log.

The list of items that anybody ever bought tells who bought the rare ones. Where the catalogue is not public, a private
model learns the list itself through noise: each consumer votes for a few words, and only words with enough votes come
out. A word of one consumer alone passes with the probability `delta` at most.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray

from cartveil.errors import InputError
from cartveil.events.protected import ProtectedEvents
from cartveil.insight.privacy.accounting import noise_multiplier_for
from cartveil.insight.privacy.clipping import ClippedSum
from cartveil.insight.privacy.entries import Threshold
from cartveil.insight.privacy.event_log import EventLog
from cartveil.insight.privacy.noise import GRID, add_noise
from cartveil.insight.privacy.randomness import Randomness


@dataclass(frozen=True)
class WordBudget:
    """What a list of words may cost.

    Args:
        at_most: Distinct words of one consumer that count, the most recent ones.
        multiplier: Standard deviation of the noise over the bound.
        delta: Probability that a word passes which one consumer alone has; 0 where the words are known.
        column: The column of the words.
    """

    at_most: int
    multiplier: float
    delta: float = 0.0
    column: str = "item"

    def __post_init__(self) -> None:
        if self.at_most < 1:
            raise InputError("must be at least 1", path="at_most", hint="nobody could contribute anything")
        if not 0 <= self.delta < 1:
            raise InputError("must be between 0 and 1", path="delta", hint="a small part of the whole delta")


@dataclass(frozen=True)
class PrivateVocabulary:
    """Words that came out, the weightiest first.

    Args:
        words: The words.
        weights: Their noisy votes, (words,); a consumer's votes have norm 1 together, so they are no counts.
        threshold: What a weight had to pass.
    """

    words: tuple[str, ...]
    weights: NDArray[np.float64]
    threshold: float


def word_budget(*, epsilon: float, delta: float, at_most: int, column: str = "item") -> WordBudget:
    """Return the budget of a vocabulary that costs some epsilon and delta, half of delta for the threshold.

    Args:
        epsilon: For the vocabulary alone.
        delta: For the vocabulary alone.
        at_most: As in `WordBudget`.
        column: As in `WordBudget`.
    """
    multiplier = noise_multiplier_for(epsilon=epsilon, delta=delta / 2, rate=1.0, steps=1)
    return WordBudget(at_most, multiplier, delta / 2, column)


def private_vocabulary(
    events: ProtectedEvents, *, budget: WordBudget, log: EventLog, random: Randomness | None = None
) -> PrivateVocabulary:
    """Return words that many consumers have.

    Args:
        events: A release with `subject`, `time` and the column of the words.
        budget: What it may cost, with a delta above 0.
        log: The account; noise and threshold are written into it.
        random: The operating system's unless a test says otherwise.

    Raises:
        InputError: No delta to spend, or no such column.

    Guarantees:
        - Of each consumer at most `at_most` words count, chosen by their own events alone, together with norm 1.
        - A word that only one consumer has comes out with a probability of at most the budget's delta, all such words
          of this consumer together. Words that do not count are no candidates.
        - Rows without a consumer or a word count for nothing.

    Source:
        Gopi et al. (2020), Differentially private set union, algorithm 1 with the weighted Gaussian update; the
        threshold of its theorem 5.1 with the whole of `delta` for the failure, the noise being accounted for by itself.
    """
    if budget.delta <= 0:
        raise InputError("must be above 0", path="delta", hint="unknown words cannot come out without one")
    subject, word, words = _votes(events, budget)
    weights = np.bincount(word, 1 / np.sqrt(np.bincount(subject))[subject], len(words))
    found = _noisy(_summed("vocabulary", weights, 1.0), budget=budget, log=log, random=random)
    log.append(Threshold(budget.delta, "vocabulary"))
    threshold = threshold_of(budget)
    order = np.argsort(-found, kind="stable")
    order = order[found[order] > threshold]
    return PrivateVocabulary(tuple(words.take(pa.array(order)).to_pylist()), found[order], threshold)


def private_counts(
    events: ProtectedEvents,
    words: tuple[str, ...],
    *,
    budget: WordBudget,
    log: EventLog,
    random: Randomness | None = None,
) -> NDArray[np.float64]:
    """Return by how many consumers each of some known words was bought, with noise.

    Args:
        events: A release with `subject`, `time` and the column of the words.
        words: Distinct words that are public, or came out of `private_vocabulary` with the same log.
        budget: What it may cost; its delta is not used.
        log: The account.
        random: The operating system's unless a test says otherwise.

    Returns:
        Noisy counts in the order of the words, (words,); some are negative.

    Guarantees:
        - Of each consumer at most `at_most` of the words count, each once: the bound is the root of `at_most`.
        - Every word gets noise, also one that nobody bought.
    """
    if len(set(words)) < len(words):
        raise InputError("a word stands there twice", path="words", hint="name each word once")
    _check_column(events, budget)
    known = events.table.filter(pc.is_in(events.table[budget.column], pa.array(words, pa.string())))
    _, word, found = _votes(ProtectedEvents(known, events.release, events.mark), budget)
    places = np.asarray(pc.index_in(found, pa.array(words, pa.string())).to_numpy(zero_copy_only=False), np.int64)
    counts = np.bincount(places[word], minlength=len(words)).astype(np.float64)
    votes = _summed("popularity", counts, math.sqrt(budget.at_most))
    return _noisy(votes, budget=budget, log=log, random=random)


def threshold_of(budget: WordBudget) -> float:
    """Return the weight above which a word comes out.

    A consumer with `t` words that nobody else has gives each of them 1/sqrt(t) at most; all `t` stay below with a
    probability of 1 - delta. The costliest `t` counts.
    """
    normal, scale = NormalDist(), budget.multiplier
    needed = (
        # The tail of one word, computed from the small side: 1 - (1 - delta)^(1/t).
        1 / math.sqrt(t) - scale * normal.inv_cdf(-math.expm1(math.log1p(-budget.delta) / t))
        for t in range(1, budget.at_most + 1)
    )
    return max(needed) + scale * GRID  # values were rounded to a grid


def _votes(events: ProtectedEvents, budget: WordBudget) -> tuple[NDArray[np.int64], NDArray[np.int64], pa.Array]:
    """Return consumer and word of each vote as numbers, (votes,) each, and the words."""
    _check_column(events, budget)
    table = events.table.select(list(dict.fromkeys(["subject", "time", budget.column])))
    table = table.rename_columns(["subject", "time", "word"])
    table = table.filter(pc.and_(pc.is_valid(table["subject"]), pc.is_valid(table["word"])))
    pairs = table.group_by(["subject", "word"]).aggregate([("time", "max")])
    order = [("subject", "ascending"), ("time_max", "descending"), ("word", "ascending")]
    pairs = pairs.sort_by(order)
    subject = _codes(pairs["subject"])[0]
    first = np.searchsorted(subject, subject)  # of each vote, where its consumer's begin
    keep = np.arange(len(subject)) - first < budget.at_most
    # Words are numbered after the cut: one that nobody may vote for any more is no candidate, or noise lets it out.
    word, words = _codes(pairs["word"].filter(pa.array(keep)))
    return _dense(subject[keep]), word, words


def _check_column(events: ProtectedEvents, budget: WordBudget) -> None:
    for name in ("subject", "time", budget.column):
        if name not in events.table.column_names:
            hint = "name a column of a release that tells consumers apart"
            raise InputError("no such column", path=name, hint=hint)


def _codes(column: Any) -> tuple[NDArray[np.int64], pa.Array]:
    encoded = pc.dictionary_encode(column).combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):  # an empty column has no chunk
        encoded = pa.DictionaryArray.from_arrays(pa.array([], pa.int32()), pa.array([], pa.string()))
    return np.asarray(encoded.indices.to_numpy(zero_copy_only=False), np.int64), encoded.dictionary


def _dense(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(np.unique(codes, return_inverse=True)[1], np.int64)


def _noisy(votes: ClippedSum, *, budget: WordBudget, log: EventLog, random: Randomness | None) -> NDArray[np.float64]:
    ((what, _),) = votes.gradients.items()
    noisy = add_noise(votes, multiplier=budget.multiplier, log=log, random=random, what=what)
    return np.asarray(noisy[what].numpy())


def _summed(what: str, values: Any, bound: float) -> ClippedSum:
    """Return summed votes with the most by which one consumer moves them."""
    return ClippedSum({what: torch.from_numpy(values)}, bound, len(values), 0, 0)
