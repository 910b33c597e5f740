"""A small training that tests of the loop share: forty sequences of which each item follows from the one before."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cartveil.insight.models.encoder import Batch, EncoderConfig
from cartveil.insight.models.next_item import NextItem, NextItemConfig
from cartveil.insight.training.examples import Examples
from cartveil.insight.training.lessons import Lesson, losses_of, mean_loss
from cartveil.insight.training.loop import TrainingConfig, fit
from cartveil.insight.training.progress import Progress
from cartveil.insight.training.updates import Update

ITEMS, SEQUENCES, STEPS, BATCH = 12, 40, 9, 8
CONFIG = TrainingConfig(epochs=3, learning_rate=0.02, save_every=2, report_every=1)


def sequences(*, count: int = SEQUENCES, seed: int = 5) -> Tensor:
    """Return item ids (count, STEPS + 1): mostly each item is followed by the next."""
    generator = np.random.default_rng(seed)
    first = generator.integers(0, ITEMS - 2, (count, 1))
    jumps = generator.random((count, STEPS)) < 0.1
    ids = first + np.concatenate([np.zeros((count, 1)), np.cumsum(1 + jumps, 1)], 1)
    return torch.from_numpy((ids % (ITEMS - 2) + 2).astype(np.int64))


def small_model(**encoder: object) -> NextItem:
    """Return a model with dropout, its weights always the same."""
    torch.manual_seed(7)
    shape = EncoderConfig(categorical=(("item", ITEMS),), embedding=6, hidden=8, dropout=0.2, project=False)
    return NextItem(NextItemConfig(replace(shape, **encoder), ITEMS))


def lesson(ids: Tensor, lengths: Tensor | None = None) -> Lesson:
    """Return what is learnt from whole sequences (B, T + 1), or from their first steps."""
    known, wanted = ids[:, :-1], ids[:, 1:]
    lengths = torch.full((len(ids),), known.shape[1]) if lengths is None else lengths
    real = torch.arange(known.shape[1])[None] < lengths[:, None]
    batch = Batch({"item": known * real}, {}, torch.zeros(*known.shape, 0), lengths)
    return Lesson(batch, wanted * real, real.float())


def shuffled(ids: Tensor) -> Callable[[np.random.Generator], Iterator[Lesson]]:
    """Return batches in a fresh order."""

    def batches(generator: np.random.Generator) -> Iterator[Lesson]:
        order = generator.permutation(len(ids))
        yield from (lesson(ids[order[begin : begin + BATCH]]) for begin in range(0, len(ids), BATCH))

    return batches


def trained(
    *,
    config: TrainingConfig = CONFIG,
    checkpoint: Path | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
    update: Update | None = None,
    model: NextItem | None = None,
    ids: Tensor | None = None,
    better: float = -1.0,
) -> NextItem:
    """Return the model after the small training; with `better` 1 a larger loss is the better."""
    model, ids = small_model() if model is None else model, sequences() if ids is None else ids
    check = lesson(sequences(seed=6))
    fit(
        model,
        mean_loss,
        batches=shuffled(ids),
        steps=len(ids) // BATCH,
        validate=lambda net: better * float(losses_of(net, check).sum()),
        config=config,
        checkpoint=checkpoint,
        on_progress=on_progress,
        update=update,
    )
    return model


def private_examples(ids: Tensor, owners: np.ndarray | None = None) -> Examples:
    """Return sequences of owners, everyone's own where none are named; a row's losses count as their mean."""

    def part(rows: np.ndarray) -> Lesson:
        whole = lesson(ids[torch.from_numpy(rows)])
        return replace(whole, weights=whole.weights / STEPS)

    return Examples(np.arange(len(ids)) if owners is None else owners, part)


def same_weights(one: NextItem, other: NextItem) -> bool:
    """Return whether all weights are equal to the last bit."""
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(name == again and torch.equal(tensor, twin) for (name, tensor), (again, twin) in pairs)
