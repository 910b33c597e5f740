"""Occasions as tensors: everything the model is told about a moment, gathered as of that moment."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cartveil.insight.models.encoder import Batch
from cartveil.insight.models.heads import BASKET, NextBasketBatch
from cartveil.insight.models.neighbours import bought_table, bought_together, linear_weights
from cartveil.insight.sequences.baskets import Baskets
from cartveil.insight.sequences.habits import Habits, habits_of, trends_of
from cartveil.insight.sequences.histories import Histories, histories_of
from cartveil.insight.sequences.occasions import Occasions


@dataclass(frozen=True)
class Facts:
    """What is known of all items as of a moment: trends (V, F) and item-item weights (V, V)."""

    trends: Tensor
    weights: Tensor


@dataclass(frozen=True)
class Sample:
    """The occasions of one cutoff as tensors.

    Args:
        histories: Last baskets.
        habits: Pairs of occasion and bought item, with `row` rising.
        neighbours: (n, V) float16.
        trends: (V, F).
        target_row: Occasion of each target item.
        target_item: Target items.
    """

    histories: Histories
    habits: Habits
    neighbours: Tensor
    trends: Tensor
    target_row: np.ndarray
    target_item: np.ndarray

    def __len__(self) -> int:
        return len(self.histories.lengths)


def facts_at(baskets: Baskets, cutoff: float, *, ridge: float, weights: Tensor | None = None) -> Facts:
    """Gather what is known of all items before a cutoff; `weights` spares computing them anew."""
    if weights is None:
        weights = linear_weights(together_before(baskets, cutoff), ridge=ridge)
    return Facts(torch.from_numpy(trends_of(baskets, cutoff)), weights)


def together_before(baskets: Baskets, cutoff: float) -> Tensor:
    """Return how many consumers bought each pair of items before a cutoff, (V, V)."""
    basket = baskets.basket_of_entry
    past = baskets.day[basket] < cutoff
    consumer, item = torch.from_numpy(baskets.owner[basket[past]]), torch.from_numpy(baskets.items[past])
    return bought_together(consumer, item, items=baskets.item_count)


def sample_of(
    baskets: Baskets, occasions: Occasions, facts: Facts, *, steps: int, width: int, with_target: bool = True
) -> Sample:
    """Gather the occasions of one cutoff."""
    habits = habits_of(baskets, occasions)
    row, item = targets_of(baskets, occasions) if with_target else (np.zeros(0, np.int64), np.zeros(0, np.int64))
    return Sample(
        histories=histories_of(baskets, occasions, steps=steps, width=width),
        habits=habits,
        neighbours=_near(habits, facts.weights, len(occasions)).half(),
        trends=facts.trends,
        target_row=row,
        target_item=item,
    )


def _near(habits: Habits, weights: Tensor, count: int) -> Tensor:
    """Return the sum of the weights of what each occasion's consumer bought, (count, V)."""
    row, item = torch.from_numpy(habits.row), torch.from_numpy(habits.item)
    if count == 1:  # a list for one: a few rows of the weights, where the product reads them all
        return weights[item].sum(0, keepdim=True)
    return bought_table(row, item, consumers=count, items=len(weights)) @ weights


def targets_of(baskets: Baskets, occasions: Occasions) -> tuple[np.ndarray, np.ndarray]:
    """Return occasion and item of everything in the target baskets, each (targets,)."""
    begin, size = baskets.offsets[occasions.end], np.diff(baskets.offsets)[occasions.end]
    row = np.repeat(np.arange(len(occasions)), size)
    within = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    return row, baskets.items[np.repeat(begin, size) + within]


def batch_of(sample: Sample, chosen: np.ndarray) -> NextBasketBatch:
    """Take some occasions of a sample, in the order given."""
    habits, histories = sample.habits, sample.histories
    pair_row, pair = _ranges(habits.row, chosen)
    target_row, target = _ranges(sample.target_row, chosen)
    lengths = histories.lengths[chosen]
    longest = int(lengths.max(initial=1))
    want = torch.zeros(len(chosen), sample.neighbours.shape[1])
    want[torch.from_numpy(target_row), torch.from_numpy(sample.target_item[target])] = 1.0
    return NextBasketBatch(
        histories=Batch(
            categorical={},
            bags={BASKET: torch.from_numpy(histories.items[chosen, :longest]).long()},
            numeric=torch.from_numpy(histories.numeric[chosen, :longest]),
            lengths=torch.from_numpy(lengths),
        ),
        neighbours=sample.neighbours[torch.from_numpy(chosen)].float(),
        trends=sample.trends[None],
        group=torch.zeros(len(chosen), dtype=torch.int64),
        pair_row=torch.from_numpy(pair_row),
        pair_item=torch.from_numpy(habits.item[pair]),
        habits=torch.from_numpy(habits.features[pair]),
        target=want,
    )


def mixed_batches(samples: list[Sample], size: int, generator: np.random.Generator) -> Iterator[NextBasketBatch]:
    """Draw every occasion once; a batch mixes the cutoffs, so that no step follows one season."""
    places = np.concatenate([np.stack([np.full(len(s), n), np.arange(len(s))], 1) for n, s in enumerate(samples)])
    generator.shuffle(places)
    for begin in range(0, len(places), size):
        part = places[begin : begin + size]
        numbers = np.unique(part[:, 0])
        yield _joined([batch_of(samples[n], part[part[:, 0] == n, 1]) for n in numbers])


def ordered_batches(sample: Sample, size: int) -> Iterator[NextBasketBatch]:
    """Take a sample's occasions in order."""
    for begin in range(0, len(sample), size):
        yield batch_of(sample, np.arange(begin, min(begin + size, len(sample))))


def _ranges(rows: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each entry that belongs to a chosen row the row's place in `chosen`, and the entry's place."""
    begin, end = np.searchsorted(rows, chosen), np.searchsorted(rows, chosen, side="right")
    length = end - begin
    place = np.repeat(np.arange(len(chosen)), length)
    return place, np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length) + np.repeat(begin, length)


def _joined(parts: list[NextBasketBatch]) -> NextBasketBatch:
    sizes = [len(part.lengths) for part in parts]
    longest = max(part.histories.numeric.shape[1] for part in parts)
    shift = np.cumsum([0, *sizes[:-1]])
    return NextBasketBatch(
        histories=Batch(
            categorical={},
            bags={BASKET: torch.cat([_longer(part.histories.bags[BASKET], longest) for part in parts])},
            numeric=torch.cat([_longer(part.histories.numeric, longest) for part in parts]),
            lengths=torch.cat([part.lengths for part in parts]),
        ),
        neighbours=torch.cat([part.neighbours for part in parts]),
        trends=torch.cat([part.trends for part in parts]),
        group=torch.repeat_interleave(torch.arange(len(parts)), torch.tensor(sizes)),
        pair_row=torch.cat([part.pair_row + int(by) for part, by in zip(parts, shift, strict=True)]),
        pair_item=torch.cat([part.pair_item for part in parts]),
        habits=torch.cat([part.habits for part in parts]),
        target=torch.cat([part.target for part in parts]),
    )


def _longer(tensor: Tensor, steps: int) -> Tensor:
    missing = torch.zeros(len(tensor), steps - tensor.shape[1], tensor.shape[2], dtype=tensor.dtype)
    return torch.cat([tensor, missing], dim=1)  # (B, steps, ...)
