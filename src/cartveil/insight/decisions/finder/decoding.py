"""The best tagging of a batch, as places with a confidence: the networks' mean scores under their mean moves."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cartveil.insight.decisions.finder.field import lattice, moves_of
from cartveil.insight.models.encoder import Batch
from cartveil.insight.models.tags import TagModel, best_tags
from cartveil.insight.training.devices import has_bfloat16

Place = tuple[int, int, str, float]
Row = NDArray[np.int64]

_CPU = torch.device("cpu")

#: Sequences have as many steps as a multiple of this, and batches above this size as many sequences.
_STEPS, _ROWS = 8, 32


def decode(models: Sequence[TagModel], batch: Batch, labels: Sequence[str]) -> list[list[Place]]:
    """Return (start, end, label, confidence) of what each sequence of a batch holds.

    Args:
        models: At least one.
        batch: The sequences.
        labels: Of the tags, two for each after `O`.
    """
    with torch.no_grad():
        scores = _scores(models, batch)  # (B, T, K)
        moves = torch.stack([moves_of(model) for model in models]).mean(0)  # (K + 2, K)
        unsure = torch.nonzero(~surely_nothing(scores, moves, batch.mask)).squeeze(-1)
        tags = torch.zeros(scores.shape[:2], dtype=torch.long)  # (B, T)
        tags[unsure] = best_tags(scores[unsure], moves.expand(len(unsure), -1, -1), batch.mask[unsure])
        some = torch.nonzero(tags.any(-1)).squeeze(-1)
        answer: list[list[Place]] = [[] for _ in range(len(tags))]
        if not len(some):
            return answer
        sure = confidence(scores[some], moves, tags[some], batch.mask[some])
    rows, starts, ends, found = runs(tags[some].numpy())
    least = _least(sure.numpy(), rows, starts, ends)
    columns = (each.tolist() for each in (some.numpy()[rows], starts, ends, found, least))
    for row, start, end, label, worst in zip(*columns, strict=True):
        answer[row].append((start, end, labels[label], worst))
    return answer


def surely_nothing(scores: Tensor, moves: Tensor, mask: Tensor) -> Tensor:
    """Return which sequences hold `O` alone in their best tagging, without looking for it, (B,).

    A tagging that leaves `O` for n steps takes n + 1 other moves, each worth at most the best move less the one that
    stays; where every step costs twice that much, it does not pay.

    Args:
        scores: (B, T, K).
        moves: (K + 2, K).
        mask: (B, T).
    """
    gains = [moves[:-2].amax() - moves[0, 0], *(row.amax() - row[0] for row in moves[-2:])]
    gain = torch.stack(gains).amax().clamp(min=0)
    cost = scores[..., 0] - scores[..., 1:].amax(-1)  # (B, T)
    return cost.masked_fill(~mask, float("inf")).amin(-1) > 2 * gain


def _scores(models: Sequence[TagModel], batch: Batch) -> Tensor:
    """Return the networks' mean scores, (B, T, K)."""
    rows, steps = batch.numeric.shape[:2]
    even = evened(batch)
    with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16(_CPU)):
        return torch.stack([model(even).float() for model in models]).mean(0)[:rows, :steps]


def evened(batch: Batch) -> Batch:
    """Return a batch with more padding, so that few shapes occur: each new one costs the LSTM as much as a reading."""
    rows, steps = batch.numeric.shape[:2]
    more = -steps % _STEPS
    lacking = (-rows % _ROWS) if rows > _ROWS else (1 << (rows - 1).bit_length()) - rows
    fields = {name: functional.pad(ids, (0, more, 0, lacking)) for name, ids in batch.categorical.items()}
    numeric = functional.pad(batch.numeric, (0, 0, 0, more, 0, lacking))
    return Batch(fields, {}, numeric, functional.pad(batch.lengths, (0, lacking), value=1))


def confidence(scores: Tensor, moves: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
    """Return how likely each chosen tag is given the whole sequence, (B, T).

    Args:
        scores: (B, T, K).
        moves: (K + 2, K).
        tags: (B, T).
        mask: (B, T).
    """
    likely = lattice(scores.double(), moves.double(), mask).likely  # (B, T, K)
    return likely.gather(-1, tags[..., None]).squeeze(-1).float()


def runs(tags: Row) -> tuple[Row, Row, Row, Row]:
    """Return row, start, end and label number of each run of tags: 0 is `O`, odd begins, even goes on."""
    padded = np.pad(tags, ((0, 0), (0, 1)))  # so that a run ends where its row does
    begins = padded % 2 == 1
    rows, starts = np.nonzero(begins)
    flat, width = padded.ravel(), padded.shape[1]
    # A place ends a run where what follows does not go on.
    stops = np.flatnonzero((flat > 0) & ~np.append((flat[1:] > 0) & (flat[1:] % 2 == 0), False))
    ends = stops % width + 1
    return rows, starts, ends, (padded[rows, starts] - 1) // 2


def _least(sure: NDArray[np.float32], rows: Row, starts: Row, ends: Row) -> NDArray[np.float64]:
    """Return how sure the least sure character of each run is, (runs,)."""
    flat, width = np.append(sure.ravel(), np.float32(1)), sure.shape[1]
    edges = np.stack([rows * width + starts, rows * width + ends], axis=1).ravel()
    return np.minimum.reduceat(flat, edges)[::2].astype(np.float64)
