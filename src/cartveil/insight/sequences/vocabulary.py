"""Items as small numbers, so that a network can look them up.

Id 0 pads, id 1 stands for every item that is not in the vocabulary; known items follow, most frequent first, or in the
order in which a public list gives them.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.errors import InputError

#: How many ids stand for no item: padding and unknown.
RESERVED = 2


@dataclass(frozen=True)
class Vocabulary:
    """The words that have an id of their own, in the order of their ids."""

    words: tuple[str, ...]

    @property
    def size(self) -> int:
        """Return how many ids there are, the two reserved ones included."""
        return len(self.words) + RESERVED

    def ids(self, column: pa.ChunkedArray) -> np.ndarray:
        """Return the id of each value, (rows,) int64; 1 where a value is unknown, 0 where it is NULL."""
        found = pc.index_in(column.cast(pa.string()), value_set=pa.array(self.words, pa.string()))
        ids = pc.fill_null(pc.add(found, RESERVED), RESERVED - 1)
        ids = pc.if_else(pc.is_null(column), 0, ids)
        return np.asarray(ids.to_numpy(zero_copy_only=False), dtype=np.int64)

    def word(self, number: int) -> str:
        """Return the word behind an id that is not reserved."""
        return self.words[number - RESERVED]

    def digest(self) -> str:
        """Return SHA-256 over the words in their order, for a model's card."""
        return hashlib.sha256(json.dumps(self.words, ensure_ascii=False).encode()).hexdigest()


def learn_vocabulary(column: pa.ChunkedArray, *, at_most: int, at_least: int = 1) -> Vocabulary:
    """Take the most frequent values; ties go by the word, so that the same events give the same ids.

    Args:
        column: Training data only: a word that has an id says that somebody used it.
        at_most: Words that get an id.
        at_least: How often a word must occur to get one; rarer ones are all unknown.
    """
    counts = pc.value_counts(pc.drop_null(column).cast(pa.string()))
    return most_frequent(counts.field("values"), counts.field("counts"), at_most=at_most, at_least=at_least)


def most_frequent(
    words: pa.Array | pa.ChunkedArray, counts: pa.Array | NDArray[np.int64], *, at_most: int, at_least: int = 1
) -> Vocabulary:
    """Take the most frequent of words already counted, each once; a word counted 0 times is never taken."""
    table = pa.table({"word": words, "count": counts})
    table = table.filter(pc.greater_equal(table["count"], max(at_least, 1)))
    table = table.sort_by([("count", "descending"), ("word", "ascending")]).slice(0, at_most)
    return Vocabulary(tuple(table["word"].to_pylist()))


def public_vocabulary(words: Iterable[str]) -> Vocabulary:
    """Take words that are public, such as a catalogue's, in their order; nothing is learnt and no budget is spent.

    Raises:
        InputError: No word, or one twice.
    """
    known = tuple(words)
    if not known:
        raise InputError("a vocabulary needs a word", hint="name the catalogue's items")
    if len(set(known)) < len(known):
        raise InputError("a word of the vocabulary stands there twice", hint="give each item once")
    return Vocabulary(known)
