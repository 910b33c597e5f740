"""What a network learns from traces: windows of them, each step asked for the next call."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from cartveil.insight.models.encoder import PADDING, Batch
from cartveil.insight.sequences.traces import Traces
from cartveil.insight.training.lessons import Lesson

#: The encoder's field that holds calls.
FIELD = "call"


@dataclass(frozen=True)
class Windows:
    """Traces cut into windows; a step reads the call before the one that it is asked for.

    Args:
        read: Calls before, (windows, steps); at a trace's first step the id that stands for its beginning.
        asked: The calls, (windows, steps).
        counted: Which steps no window before has asked, (windows, steps) float32.
        lengths: Steps of each window, (windows,).
    """

    read: NDArray[np.int64]
    asked: NDArray[np.int64]
    counted: NDArray[np.float32]
    lengths: NDArray[np.int64]

    def lesson(self, chosen: NDArray[np.int64]) -> Lesson:
        """Return some windows as the model takes them."""
        lengths = self.lengths[chosen]
        steps = int(lengths.max())
        read, asked, counted = (table[chosen, :steps] for table in (self.read, self.asked, self.counted))
        numeric = torch.zeros((*read.shape, 0))
        batch = Batch({FIELD: torch.from_numpy(read)}, {}, numeric, torch.from_numpy(lengths))
        return Lesson(batch, torch.from_numpy(asked), torch.from_numpy(counted))

    def groups(self, size: int) -> list[NDArray[np.int64]]:
        """Return all windows in groups of like length."""
        return _cut(np.argsort(self.lengths, kind="stable"), size)

    def shuffled(self, size: int, generator: np.random.Generator) -> Iterator[Lesson]:
        """Yield every window once, those of like length together, in a fresh order."""
        groups = _cut(np.argsort(self.lengths + generator.random(len(self.lengths)), kind="stable"), size)
        yield from (self.lesson(groups[place]) for place in generator.permutation(len(groups)))


def windows_of(traces: Traces, *, steps: int, overlap: int) -> Windows:
    """Cut traces into windows of at most `steps` calls, each repeating the last `overlap` calls of the one before.

    Args:
        traces: To cut; empty ones have no window.
        steps: Longest window.
        overlap: Steps that only warm the network up.
    """
    lengths, stride = traces.lengths, steps - overlap
    counts = np.where(lengths > 0, np.maximum(1, -(-(lengths - overlap) // stride)), 0)
    owner = np.repeat(np.arange(len(traces)), counts)
    place = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    begin = place * stride  # within the trace
    at = begin[:, None] + np.arange(steps)[None]  # (windows, steps)
    real = at < lengths[owner][:, None]
    rows = np.where(real, traces.offsets[owner][:, None] + at, 0)
    # No call has the id one above the vocabulary: it stands for the beginning of a trace.
    read = np.where(at == 0, traces.size, traces.calls[np.maximum(rows - 1, 0)])
    counted = real & ((place == 0)[:, None] | (np.arange(steps) >= overlap)[None])
    asked = np.where(real, traces.calls[rows], PADDING)
    return Windows(np.where(real, read, PADDING), asked, counted.astype(np.float32), real.sum(1))


def _cut(order: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    return [order[begin : begin + size] for begin in range(0, len(order), size)]
