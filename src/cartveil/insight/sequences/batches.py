"""Batches: windows of like length side by side, padded on the right, as plain arrays.

A batch is made by looking up a few columns at the rows of its windows, and nothing of it is kept for the next: the size
of the store does not matter.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cartveil.errors import InputError
from cartveil.insight.sequences.encoding import Encoding, lookup_of
from cartveil.insight.sequences.scaling import Scale
from cartveil.insight.sequences.store import SequenceStore
from cartveil.insight.sequences.vocabulary import RESERVED
from cartveil.insight.sequences.windows import Numbers, Windows

#: Name -> array; see `BatchReader.batch`.
SequenceBatch = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class BatchPlan:
    """How windows are put together.

    Args:
        size: Windows of a batch, at most.
        steps: Padded steps of a batch (windows times the longest), at most; None for no such bound.
        targets: Whether the next event is to be guessed: the last event of a window is then a target alone.
        pool: Batches that are sorted by length together. More waste less on padding, fewer mix lengths better.
    """

    size: int = 256
    steps: int | None = None
    targets: bool = True
    pool: int = 64


@dataclass(frozen=True)
class BatchReader:
    """A store as an encoding shows it.

    Args:
        store: Where the events are.
        encoding: Vocabularies and scales.

    Raises:
        InputError: The encoding speaks of a column that the store does not keep.
    """

    store: SequenceStore
    encoding: Encoding
    _lookups: dict[str, NDArray[np.int64]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.encoding.vocabularies:
            raise InputError("an encoding needs a field", hint="name one that is to be predicted")
        lookups = {name: lookup_of(self.store, name, vocabulary) for name, vocabulary in self.encoding.vocabularies}
        for name, _ in self.encoding.scales:
            if name not in self.store.numeric:
                hint = f"it keeps: {', '.join(self.store.numeric)}"
                raise InputError("the store keeps no such column of numbers", path=name, hint=hint)
        object.__setattr__(self, "_lookups", lookups)

    def batches(
        self, windows: Windows, *, plan: BatchPlan, random: np.random.Generator | None = None
    ) -> Iterator[SequenceBatch]:
        """Return windows in batches of like length.

        Args:
            windows: What to read; where targets are wanted, windows that hold none are left out.
            plan: See `BatchPlan`.
            random: Shuffles windows and batches; without it they come in one fixed order.

        Yields:
            What `batch` returns, and `window`: which of the windows it is, (B,).
        """
        for rows in batch_rows(windows, plan=plan, random=random):
            yield {**self.batch(windows.take(rows), targets=plan.targets), "window": rows}

    def batch(self, windows: Windows, *, targets: bool = True) -> SequenceBatch:
        """Return windows as one batch, padded on the right with 0.

        Args:
            windows: B windows; there may be none.
            targets: See `BatchPlan`.

        Returns:
            `ids` (B, T) int64 of the first field; every further field by its name, (B, T) int64; `numeric`
            (B, T, F) float32; `lengths` (B,) int64; `consumer` (B,) int64. With targets also `targets` (B, T) int64,
            ids of the first field one event later, and `weights` (B, T) float32: 1 where the target is scored and
            known, 0 elsewhere.
        """
        ends = np.maximum(windows.end - 1, windows.start) if targets else windows.end
        lengths = ends - windows.start
        steps = np.arange(max(int(lengths.max(initial=0)), 1))
        real = steps < lengths[:, None]  # (B, T)
        rows = np.where(real, windows.start[:, None] + steps, 0)  # (B, T)
        names = [name for name, _ in self.encoding.vocabularies]
        found = {name: self._ids(name, rows, real) for name in names}
        answer: SequenceBatch = {"ids" if name == names[0] else name: ids for name, ids in found.items()}
        answer |= {"numeric": self._numeric(rows, real), "lengths": lengths, "consumer": windows.consumer}
        return answer | self._targets(windows, rows, real) if targets else answer

    def _ids(self, name: str, rows: Numbers, real: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.where(real, self._lookups[name][self.store.codes[name][rows]], 0)  # (B, T)

    def _numeric(self, rows: Numbers, real: NDArray[np.bool_]) -> NDArray[np.float32]:
        answer = np.zeros((*rows.shape, len(self.encoding.scales)), np.float32)  # (B, T, F)
        for number, (name, scale) in enumerate(self.encoding.scales):
            answer[..., number] = _scaled(self.store.numeric[name][rows], scale, real)
        return answer

    def _targets(self, windows: Windows, rows: Numbers, real: NDArray[np.bool_]) -> SequenceBatch:
        ids = self._ids(self.encoding.vocabularies[0][0], np.where(real, rows + 1, 0), real)
        counts = real & (rows + 1 >= windows.scored[:, None]) & (ids >= RESERVED)
        return {"targets": ids, "weights": counts.astype(np.float32)}


def batch_rows(windows: Windows, *, plan: BatchPlan, random: np.random.Generator | None = None) -> Iterator[Numbers]:
    """Return which windows stand together in each batch.

    Guarantees:
        - Every window is in one batch, but those without a target where targets are wanted.
        - No batch is larger than the plan says; one window longer than `steps` is a batch of its own.
    """
    if plan.size < 1 or plan.pool < 1 or (plan.steps is not None and plan.steps < 1):
        raise InputError("a batch needs room for a window", hint="give sizes of at least 1")
    first = windows.start + 1 if plan.targets else windows.start
    rows = np.flatnonzero(np.maximum(windows.scored, first) < windows.end)
    if random is not None:
        rows = random.permutation(rows)
    width = plan.size * plan.pool
    for begin in range(0, len(rows), width):
        pool = rows[begin : begin + width]
        pool = pool[np.argsort(windows.lengths[pool], kind="stable")]
        found = _cut(pool, windows.lengths[pool] - plan.targets, plan)
        for number in random.permutation(len(found)) if random is not None else range(len(found)):
            yield found[number]


def _cut(rows: Numbers, lengths: Numbers, plan: BatchPlan) -> list[Numbers]:
    found, begin = [], 0
    while begin < len(rows):
        end = min(begin + plan.size, len(rows))
        if plan.steps is not None:  # lengths rise: the last of a batch is its longest
            padded = lengths[begin:end] * np.arange(1, end - begin + 1)
            end = begin + max(1, int(np.searchsorted(padded, plan.steps, side="right")))
        found.append(rows[begin:end])
        begin = end
    return found


def _scaled(values: NDArray[np.float32], scale: Scale, real: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.where(real, scale.of(values), np.float32(0))
