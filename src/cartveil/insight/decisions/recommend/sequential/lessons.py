"""Histories as a next item model takes them: each step is asked for the item that follows."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from cartveil.insight.decisions.recommend.sequential.item_histories import ItemHistories
from cartveil.insight.models.encoder import PADDING, UNKNOWN, Batch
from cartveil.insight.training.lessons import Lesson

#: The encoder's field that holds items.
FIELD = "item"


def inputs_of(histories: ItemHistories, steps: int, *, numbers: np.ndarray | None = None) -> Batch:
    """Return the last `steps` items of each history as the encoder reads them.

    Args:
        histories: Of B consumers.
        steps: How many, at most.
        numbers: Item id -> the model's own id, (V,); None where they are the same.
    """
    lengths = np.clip(histories.lengths, 1, steps)
    ids = histories.padded(int(lengths.max(initial=1)))  # (B, T)
    ids = ids if numbers is None else numbers[ids]
    # Nobody's history is read as one unknown item: an LSTM needs a step.
    ids[histories.lengths == 0, 0] = UNKNOWN
    return batch_of(torch.from_numpy(ids), torch.from_numpy(lengths))


def lesson_of(ids: np.ndarray, lengths: np.ndarray) -> Lesson:
    """Return a lesson from padded ids (B, T + 1): step t is asked for id t + 1, unless it is unknown or padding."""
    longest = max(int(lengths.max(initial=0)), 2)
    ids = ids[:, :longest]
    targets = torch.from_numpy(ids[:, 1:])  # (B, T)
    wanted = (targets > UNKNOWN).float()
    read = batch_of(torch.from_numpy(ids[:, :-1]), torch.from_numpy(np.maximum(lengths - 1, 1)))
    return Lesson(read, targets.clamp(min=UNKNOWN), wanted)


def batch_of(ids: Tensor, lengths: Tensor) -> Batch:
    """Return ids (B, T) as a batch of one field."""
    return Batch({FIELD: ids.contiguous()}, {}, torch.zeros(*ids.shape, 0), lengths)


def shuffled_rows(lengths: np.ndarray, batch: int, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield row numbers in batches of a fresh order, histories of like length together, so that little is padded."""
    order = generator.permutation(len(lengths))
    pools = np.array_split(order, max(1, len(order) // (batch * 20)))
    ordered = np.concatenate([pool[np.argsort(lengths[pool], kind="stable")] for pool in pools])
    parts = [ordered[begin : begin + batch] for begin in range(0, len(ordered), batch)]
    for number in generator.permutation(len(parts)):
        yield parts[number]


def steps_of(rows: int, batch: int) -> int:
    """Return how many batches `shuffled_rows` gives."""
    return -(-rows // batch)


__all__ = ["FIELD", "PADDING", "batch_of", "inputs_of", "lesson_of", "shuffled_rows", "steps_of"]
