"""Windows: which stretches of a store's flat arrays are read as sequences, and which of their events count.

    events of one consumer     .  .  .  .  .  .  .  .
    a window                      start  scored   end
    known from the start on       |------|
    guessed, one after another           |--------|

A window costs four numbers and no event is copied. Truncation, sliding, sessions and splits turn windows into windows.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cartveil.errors import InputError
from cartveil.insight.sequences.store import SequenceStore

Numbers = NDArray[np.int64]

#: Events that are looked at together.
_BLOCK = 1 << 20

_SECOND = 1_000_000


@dataclass(frozen=True)
class Windows:
    """Stretches of the flat arrays, by consumer.

    Args:
        consumer: Whose events, (n,), rising.
        start: First event (n,).
        scored: First event that is guessed, between `start` and `end`; those before are known and only read, (n,).
        end: One past the last event (n,).
    """

    consumer: Numbers
    start: Numbers
    scored: Numbers
    end: Numbers

    def __len__(self) -> int:
        return len(self.consumer)

    @property
    def lengths(self) -> Numbers:
        """Return the number of events of each window, (n,)."""
        return self.end - self.start

    @property
    def consumers(self) -> Numbers:
        """Return whose windows these are, each once, rising."""
        return np.unique(self.consumer)

    def take(self, rows: NDArray[np.bool_] | Numbers) -> "Windows":
        """Return some of the windows, by place or by truth."""
        return Windows(self.consumer[rows], self.start[rows], self.scored[rows], self.end[rows])

    def of(self, consumers: Numbers) -> "Windows":
        """Return all windows of these consumers, given rising, each once."""
        first = np.searchsorted(self.consumer, consumers, side="left")
        last = np.searchsorted(self.consumer, consumers, side="right")
        return self.take(ranges(first, last))


def whole_sequences(store: SequenceStore) -> Windows:
    """Return one window per consumer: all that they ever did."""
    start = store.offsets[:-1]
    return Windows(np.arange(store.consumers), start, start, store.offsets[1:])


def truncated(windows: Windows, *, at_most: int, keep: Literal["last", "first"] = "last") -> Windows:
    """Cut windows to a maximum length.

    Args:
        windows: What to cut.
        at_most: Events that stay, at least 1. As a model reads all but the last and guesses all but the first, 51
            events are 50 steps.
        keep: Which end stays: the `last` events (cut on the left) or the `first` (cut on the right).

    Raises:
        InputError: `at_most` is below 1.
    """
    if at_most < 1:
        raise InputError("`at_most` must be at least 1", hint="no event would stay")
    if keep == "first":
        end = np.minimum(windows.end, windows.start + at_most)
        return replace(windows, end=end, scored=np.minimum(windows.scored, end))
    start = np.maximum(windows.start, windows.end - at_most)
    return replace(windows, start=start, scored=np.maximum(windows.scored, start))


def sliding(windows: Windows, *, length: int, step: int) -> Windows:
    """Cut each window into overlapping ones.

    Args:
        windows: What to cut.
        length: Events of a window, at least 2; the last of each may be shorter.
        step: Events from one start to the next, from 1 to `length - 1`.

    Raises:
        InputError: With these figures an event would never be guessed.

    Guarantees:
        - Every event but the first of each window given, where it was scored, is scored once and has one before it.
    """
    if not 1 <= step < length:
        hint = "let them overlap by an event at least, or what follows a cut is never guessed"
        raise InputError("`step` must be from 1 to `length - 1`", hint=hint)
    count = 1 + np.maximum(0, -(-(windows.lengths - length) // step))
    whole = windows.take(np.repeat(np.arange(len(windows)), count))
    number = ranges(np.zeros_like(count), count)  # first, second, ... of its window
    start = whole.start + number * step
    end = np.minimum(start + length, whole.end)
    fresh = np.where(number > 0, start - step + length, whole.start)
    return replace(whole, start=start, end=end, scored=np.clip(whole.scored, fresh, end))


def sessions(store: SequenceStore, windows: Windows, *, gap: float) -> Windows:
    """Cut windows where nothing happened for long.

    Args:
        store: Whose times to look at.
        windows: What to cut.
        gap: Seconds; an event more than so long after the one before begins a session.
    """
    found = [_sessions(store, block, gap * _SECOND) for block in blocks_of(windows)]
    return joined(found) if found else windows


def bounded(windows: Windows, *, at_most: int) -> Windows:
    """Keep the last windows of each consumer, at most so many: a bound of what one consumer can contribute.

    Raises:
        InputError: `at_most` is below 1.
    """
    if at_most < 1:
        raise InputError("`at_most` must be at least 1", hint="nobody could contribute anything")
    after = np.searchsorted(windows.consumer, windows.consumer, side="right") - np.arange(len(windows))
    return windows.take(after <= at_most)


def joined(parts: list[Windows]) -> Windows:
    """Return windows one after another; they must come by consumer."""
    return Windows(
        np.concatenate([part.consumer for part in parts]),
        np.concatenate([part.start for part in parts]),
        np.concatenate([part.scored for part in parts]),
        np.concatenate([part.end for part in parts]),
    )


def ranges(first: Numbers, last: Numbers) -> Numbers:
    """Return `first[0] .. last[0] - 1, first[1] .. last[1] - 1` and so on, one after another."""
    sizes = last - first
    before = np.cumsum(sizes) - sizes
    return np.repeat(first - before, sizes) + np.arange(int(sizes.sum()))


def blocks_of(windows: Windows, *, events: int = _BLOCK) -> Iterator[Windows]:
    """Return the windows in blocks of about so many events: a window more, and at least one."""
    if not len(windows):
        return
    block = (np.cumsum(windows.lengths) - windows.lengths) // events  # in which block each begins
    edges = np.flatnonzero(np.diff(block, prepend=-1))
    for begin, end in zip(edges, [*edges[1:], len(windows)], strict=True):
        yield windows.take(np.arange(begin, end))


def covered(windows: Windows) -> Iterator[Numbers]:
    """Return the events that stand in some window, each once, in blocks."""
    if not len(windows):
        return
    order = np.argsort(windows.start, kind="stable")
    start, end = windows.start[order], np.maximum.accumulate(windows.end[order])
    first = np.flatnonzero(np.concatenate([[True], start[1:] > end[:-1]]))
    last = np.concatenate([first[1:], [len(start)]]) - 1
    merged = Windows(windows.consumer[order][first], start[first], start[first], end[last])
    for block in blocks_of(merged):
        yield ranges(block.start, block.end)


def _sessions(store: SequenceStore, windows: Windows, gap: float) -> Windows:
    rows = ranges(windows.start, windows.end)
    window = np.repeat(np.arange(len(windows)), windows.lengths)
    begins = np.ones(len(rows), bool)
    begins[1:] = (window[1:] != window[:-1]) | (store.time[rows[1:]] - store.time[rows[1:] - 1] > gap)
    first = np.flatnonzero(begins)
    last = np.concatenate([first[1:], [len(rows)]]) - 1
    whole = windows.take(window[first])
    start, end = rows[first], rows[last] + 1 if len(rows) else rows[first]
    return replace(whole, start=start, end=end, scored=np.clip(whole.scored, start, end))
