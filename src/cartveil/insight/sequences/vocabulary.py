"""Items as small numbers, so that a network can look them up.

Id 0 pads, id 1 stands for every item that is not in the vocabulary; known items follow, most frequent first.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

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


def learn_vocabulary(column: pa.ChunkedArray, *, at_most: int) -> Vocabulary:
    """Take the most frequent values; ties go by the word, so that the same events give the same ids."""
    counts = pc.value_counts(pc.drop_null(column).cast(pa.string()))
    table = pa.table({"word": counts.field("values"), "count": counts.field("counts")})
    table = table.sort_by([("count", "descending"), ("word", "ascending")]).slice(0, at_most)
    return Vocabulary(tuple(table["word"].to_pylist()))
