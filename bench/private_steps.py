"""The training steps that `bench.private_training` compares: one function a variant, all on the same batch.

Every step ends with the update of an SGD optimizer, and every private one clips each consumer to `CLIP` and adds noise
of `MULTIPLIER`. Stock PyTorch and Opacus compute the scores of the last position only where the loss is there only.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from cartveil.insight.models.encoder import Batch, EncoderConfig
from cartveil.insight.models.next_item import NextItem, NextItemConfig
from cartveil.insight.privacy import kernel
from cartveil.insight.privacy.accounting import EventLog
from cartveil.insight.privacy.clipping import ClippedSum, clipped_sum, plain_sum
from cartveil.insight.privacy.noise import add_noise
from cartveil.insight.training.lessons import Lesson, losses_of

CLIP, MULTIPLIER, RATE = 1.0, 1.0, 0.1

#: Consumers whose activations are in memory at once, in Cartveil's steps.
TILE = 32

Step = Callable[[], object]


@dataclass(frozen=True)
class Shape:
    """Sizes of one comparison: loss at every position, or at the last alone."""

    batch: int
    length: int
    embedding: int
    hidden: int
    items: int
    layers: int = 1
    everywhere: bool = True


SHAPES = {
    "all": Shape(256, 50, 128, 128, 10_000),
    "last": Shape(256, 50, 128, 128, 10_000, everywhere=False),
    "small": Shape(128, 20, 100, 100, 1_000),
    "two_layers": Shape(256, 50, 128, 128, 10_000, layers=2),
    "hidden_256": Shape(256, 50, 128, 256, 10_000),
}


@dataclass(frozen=True)
class Sequences:
    """What one step trains on: items (B, T), the item after each (B, T), weight of each position's loss (B, T)."""

    items: Tensor
    targets: Tensor
    weights: Tensor


class NotHereError(Exception):
    """A variant cannot run here; its text says why."""


class Stock(nn.Module):
    """Embedding, LSTM and linear layer, as PyTorch or Opacus has them."""

    def __init__(self, shape: Shape, lstm: Callable[..., nn.Module]) -> None:
        super().__init__()
        self.embedding = nn.Embedding(shape.items, shape.embedding)
        self.lstm = lstm(shape.embedding, shape.hidden, num_layers=shape.layers, batch_first=True)
        self.head = nn.Linear(shape.hidden, shape.items)
        self.everywhere = shape.everywhere

    def forward(self, items: Tensor) -> Tensor:
        """Return scores of all items, (B, T, V) or after the last position (B, 1, V)."""
        states, _ = self.lstm(self.embedding(items))  # (B, T, H)
        scores: Tensor = self.head(states if self.everywhere else states[:, -1:])
        return scores


def sequences(shape: Shape, *, seed: int = 0) -> Sequences:
    """Return a batch of full length with items drawn at random, as costly as any; id 0 is padding."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(1, shape.items, (shape.batch, shape.length + 1), generator=generator)
    weights = torch.zeros(shape.batch, shape.length)
    weights[:, slice(None) if shape.everywhere else slice(-1, None)] = 1.0
    return Sequences(drawn[:, :-1].contiguous(), drawn[:, 1:].contiguous(), weights / weights.sum(1, keepdim=True))


def torch_step(shape: Shape) -> Step:
    """Return non-private training of a stock `nn.LSTM`: what everything else is compared with."""
    model, data = Stock(shape, nn.LSTM), sequences(shape)
    targets, optimizer = _wanted(shape, data), _optimizer(model)

    def step() -> None:
        optimizer.zero_grad()
        functional.cross_entropy(model(data.items).flatten(0, 1), targets.flatten()).backward()
        optimizer.step()

    return step


def opacus_step(shape: Shape, *, functorch: bool) -> Step:
    """Return Opacus with a gradient of its own for every consumer, by its hooks or by functorch."""
    opacus = _opacus()
    model = opacus.GradSampleModule(Stock(shape, opacus.layers.DPLSTM), force_functorch=functorch)
    data = sequences(shape)
    targets = _wanted(shape, data)
    optimizer = opacus.optimizers.DPOptimizer(_optimizer(model), **_noise(shape))

    def step() -> None:
        losses = functional.cross_entropy(model(data.items).transpose(1, 2), targets, reduction="none")  # (B, T)
        losses.mean(1).mean().backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def ghost_step(shape: Shape) -> Step:
    """Return Opacus' ghost clipping: norms in a first backward pass, the clipped sum in a second."""
    opacus = _opacus()
    from opacus.grad_sample import GradSampleModuleFastGradientClipping
    from opacus.utils.fast_gradient_clipping_utils import DPLossFastGradientClipping

    inner = Stock(shape, opacus.layers.DPLSTM)
    model = GradSampleModuleFastGradientClipping(inner, max_grad_norm=CLIP, use_ghost_clipping=True)
    optimizer = opacus.optimizers.DPOptimizerFastGradientClipping(_optimizer(model), **_noise(shape))
    criterion = DPLossFastGradientClipping(model, optimizer, nn.CrossEntropyLoss())
    data = sequences(shape)
    targets = _wanted(shape, data)

    def step() -> None:
        scores = model(data.items)
        criterion(scores.flatten(0, 1), targets.flatten(), shape=scores.shape).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def next_item(shape: Shape, *, tied: bool = False) -> NextItem:
    """Return Cartveil's model of a shape: the same layers and sizes, one bias in the LSTM instead of two."""
    field = (("item", shape.items),)
    encoder = EncoderConfig(
        field, embedding=shape.embedding, hidden=shape.hidden, layers=shape.layers, dropout=0.0, project=False
    )
    return NextItem(NextItemConfig(encoder, shape.items, tied=tied))


def lesson(data: Sequences) -> Lesson:
    """Return a batch as Cartveil's model takes it."""
    count, steps = data.items.shape
    batch = Batch({"item": data.items}, {}, torch.zeros(count, steps, 0), torch.full((count,), steps))
    return Lesson(batch, data.targets, data.weights)


def tiles(whole: Lesson, *, size: int = TILE) -> Iterator[Lesson]:
    """Yield a batch in tiles of consumers."""
    batch = whole.batch
    for start in range(0, len(whole.targets), size):
        rows = slice(start, start + size)
        items = {name: ids[rows] for name, ids in batch.categorical.items()}
        part = Batch(items, {}, batch.numeric[rows], batch.lengths[rows])
        yield Lesson(part, whole.targets[rows], whole.weights[rows])


def cartveil_step(shape: Shape, *, tier: str, private: bool) -> Step:
    """Return Cartveil's private step of a tier, or the tier's own step without privacy."""
    model = next_item(shape)
    data, optimizer = lesson(sequences(shape)), _optimizer(model)
    add_up, log = TIERS[tier], EventLog()

    def gradients_of() -> Mapping[str, Tensor]:
        if private:
            return add_noise(add_up(model, data, CLIP), multiplier=MULTIPLIER, log=log)
        return PLAIN_TIERS[tier](model, data)

    def step() -> None:
        gradients = gradients_of()
        for name, parameter in model.named_parameters():
            parameter.grad = gradients[name] / shape.batch if name in gradients else None
        optimizer.step()

    return step


def noise_step(shape: Shape) -> Step:
    """Return the noise of a private step alone."""
    model, log = next_item(shape), EventLog()
    gradients = {name: torch.zeros_like(each) for name, each in model.named_parameters() if each.requires_grad}
    summed = ClippedSum(gradients, CLIP, shape.batch, 0, 0)
    return lambda: add_noise(summed, multiplier=MULTIPLIER, log=log)


def tape(model: NextItem, data: Lesson, clip: float) -> ClippedSum:
    """Return the clipped sum of the pure PyTorch tier."""
    return clipped_sum(model, losses_of, tiles(data), clip=clip)


def tape_plain(model: NextItem, data: Lesson) -> Mapping[str, Tensor]:
    """Return the plain sum of the pure PyTorch tier."""
    return plain_sum(model, losses_of, tiles(data))


def compiled(model: NextItem, data: Lesson, clip: float) -> ClippedSum:
    """Return the clipped sum of the compiled tier."""
    _require_kernel()
    return kernel.clipped_sum(model, data.batch, data.targets, data.weights, clip=clip)


def compiled_plain(model: NextItem, data: Lesson) -> Mapping[str, Tensor]:
    """Return the plain sum of the compiled tier."""
    _require_kernel()
    return kernel.plain_sum(model, data.batch, data.targets, data.weights)[0]


#: From the slowest to the fastest; the last that is there is used.
TIERS: Mapping[str, Callable[[NextItem, Lesson, float], ClippedSum]] = {"tape": tape, "kernel": compiled}
PLAIN_TIERS: Mapping[str, Callable[[NextItem, Lesson], Mapping[str, Tensor]]] = {
    "tape": tape_plain,
    "kernel": compiled_plain,
}


def _require_kernel() -> None:
    if not kernel.available():
        raise NotHereError("the kernel was not compiled; a C++ compiler and a new install bring it")


def _wanted(shape: Shape, data: Sequences) -> Tensor:
    return data.targets if shape.everywhere else data.targets[:, -1:]


def _optimizer(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=RATE)


def _noise(shape: Shape) -> dict[str, Any]:
    return {"noise_multiplier": MULTIPLIER, "max_grad_norm": CLIP, "expected_batch_size": shape.batch}


def _opacus() -> Any:
    try:
        import opacus
    except ImportError:
        raise NotHereError("opacus is not installed; it comes with the extra `bench`") from None
    return opacus
