"""Names of items as vectors: what is called alike is alike, and so a thing that nobody has bought yet has relatives.

Words and runs of characters of a name, and the category, are hashed into a fixed number of places and weighted by how
rare they are. Nothing is learned from consumers.

>>> names = name_vectors(["RED MUG", "BLUE MUG", "GARDEN RAKE"], ["kitchen", "kitchen", "garden"])
>>> mug, rake = names.dense([0, 1])[0] @ names.dense([1, 2]).T
>>> bool(mug > rake)
True

Source: Weinberger et al., Feature Hashing for Large Scale Multitask Learning, ICML 2009, equation 4, without signs;
runs of characters as of Bojanowski et al., Enriching Word Vectors with Subword Information, TACL 2017, section 3.2.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from cartveil.insight.sequences.hashes import hashes_of

#: Places that the parts of names are hashed into.
PLACES = 4096

#: Characters of a run; words are marked at both ends, so that a run knows where it stands.
_RUN = 3

#: A whole word says more than a run of its characters, and a category more than a word.
_WORD_WEIGHT, _CATEGORY_WEIGHT = 2.0, 2.0

_WORDS = re.compile(r"\w+")


@dataclass(frozen=True)
class NameVectors:
    """Sparse vectors of n names, each of length 1; that of an empty name is 0.

    Args:
        offsets: Name i holds `places[offsets[i]:offsets[i + 1]]`, (n + 1,).
        places: (entries,) int64, below `PLACES`.
        values: (entries,) float32.
        rarity: What a part of a name counts, by its place, (PLACES,) float64.
    """

    offsets: NDArray[np.int64]
    places: NDArray[np.int64]
    values: NDArray[np.float32]
    rarity: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def dense(self, rows: Sequence[int] | NDArray[np.int64]) -> Tensor:
        """Return some of the vectors, (rows, PLACES)."""
        chosen = np.asarray(rows, np.int64)
        begin, length = self.offsets[chosen], self.offsets[chosen + 1] - self.offsets[chosen]
        row = np.repeat(np.arange(len(chosen)), length)
        within = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
        entry = np.repeat(begin, length) + within
        table = np.zeros((len(chosen), PLACES), np.float32)
        table[row, self.places[entry]] = self.values[entry]
        return torch.from_numpy(table)  # (rows, PLACES)

    def like(self, names: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return how much each vector is like the most alike of some names, 0 to 1, and which that is, (n,) each."""
        nearest, which = np.zeros(len(self)), np.zeros(len(self), np.int64)
        owner = np.repeat(np.arange(len(self)), np.diff(self.offsets))
        asked = name_vectors(names, [""] * len(names), rarity=self.rarity).dense(range(len(names))).numpy()
        for number, vector in enumerate(asked):
            alike = np.bincount(owner, weights=self.values * vector[self.places], minlength=len(self))
            which[alike > nearest] = number
            nearest = np.maximum(nearest, alike)
        return np.minimum(nearest, 1), which


def name_vectors(
    names: Sequence[str], categories: Sequence[str], *, rarity: NDArray[np.float64] | None = None
) -> NameVectors:
    """Return the vectors of names; what stands in many of them counts little.

    Args:
        names: As a shop shows them; an empty text where there is none.
        categories: Of each, an empty text where there is none.
        rarity: Of the names that these are to be compared with; None to count these.
    """
    parts = [_parts(name, category) for name, category in zip(names, categories, strict=True)]
    row = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    flat = pa.array([text for part in parts for text, _ in part], pa.string())
    weight = np.array([each for part in parts for _, each in part], np.float64)
    key = row * PLACES + (hashes_of(flat) % np.uint64(PLACES)).astype(np.int64)
    pairs, back = np.unique(key, return_inverse=True)
    count = np.bincount(back, weights=weight, minlength=len(pairs))
    owner, place = pairs // PLACES, pairs % PLACES
    if rarity is None:
        rarity = np.log(1 + len(parts) / np.maximum(np.bincount(place, minlength=PLACES), 1))
    value = count * rarity[place]
    norm = np.sqrt(np.bincount(owner, weights=value**2, minlength=len(parts)))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(parts)))]).astype(np.int64)
    return NameVectors(offsets, place, (value / norm[owner]).astype(np.float32), rarity)


def relatives(names: NameVectors, of: Sequence[int], among: Sequence[int], *, at_most: int) -> tuple[Tensor, Tensor]:
    """Find what is called most alike.

    Args:
        names: Vectors of all.
        of: Rows to find relatives of, (N,).
        among: Rows that may be relatives, (M,).
        at_most: How many each, at most M are found.

    Returns:
        Rows, most alike first, and the cosines, from 0 to 1, each (N, at most `at_most`).
    """
    asked, near = names.dense(list(of)), min(at_most, len(among))
    blocks = [torch.arange(begin, min(begin + 4096, len(among))) for begin in range(0, len(among), 4096)]
    rows = torch.tensor(list(among), dtype=torch.int64)
    alike = [asked @ names.dense(rows[block].numpy()).T for block in blocks]
    found = torch.cat([torch.zeros(len(asked), 0), *alike], dim=1).topk(near, dim=1)  # (N, near)
    return rows[found.indices], found.values.clamp(0, 1)


def _parts(name: str, category: str) -> list[tuple[str, float]]:
    found = [(f"= {category.casefold()}", _CATEGORY_WEIGHT)] if category else []
    for word in _WORDS.findall(name.casefold()):
        marked = f"<{word}>"
        found.append((marked, _WORD_WEIGHT))
        found += [(marked[at : at + _RUN], 1.0) for at in range(len(marked) - _RUN + 1)]
    return found
