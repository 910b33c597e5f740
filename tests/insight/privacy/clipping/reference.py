"""The slow and obvious way: one consumer at a time, through PyTorch's own layers, with a gradient of its own."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from cartveil.insight.models.lstm import Lstm
from cartveil.insight.models.softmax import SoftmaxHead


@dataclass(frozen=True)
class Part:
    """Items (B, T), the item after each (B, T), and weight of each step's loss (B, T)."""

    items: Tensor
    targets: Tensor
    weights: Tensor

    def rows(self, chosen: slice) -> "Part":
        return Part(self.items[chosen], self.targets[chosen], self.weights[chosen])

    def tiles(self, size: int) -> list["Part"]:
        return [self.rows(slice(start, start + size)) for start in range(0, len(self.items), size)]


class Model(nn.Module):
    """What is clipped: embedding, optionally a projection and a norm, LSTM, softmax head."""

    def __init__(
        self,
        items: int = 40,
        units: int = 8,
        *,
        tied: bool = False,
        bias: bool = True,
        between: bool = False,
        **lstm: object,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(items, units, padding_idx=0)
        self.between = nn.Sequential(nn.Linear(units, units), nn.LayerNorm(units), nn.ReLU()) if between else None
        self.lstm = Lstm(units, units, **lstm)
        width = units * (2 if self.lstm.bidirectional else 1)
        self.head = SoftmaxHead(width, items, bias=bias, weight=self.embedding.weight if tied else None)

    def losses(self, part: Part) -> Tensor:
        steps = self.embedding(part.items)
        steps = steps if self.between is None else self.between(steps)
        return self.head.losses(self.lstm(steps)[0], part.targets, part.weights)


class Stock(nn.Module):
    """The same of PyTorch's own layers, made with the other's weights."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        own = model.lstm
        self.embedding = nn.Embedding(*model.embedding.weight.shape, padding_idx=0)
        units = own.input_size
        self.between = nn.Sequential(nn.Linear(units, units), nn.LayerNorm(units), nn.ReLU()) if model.between else None
        self.lstm = nn.LSTM(units, own.hidden_size, own.num_layers, batch_first=True, bidirectional=own.bidirectional)
        self.head = nn.Linear(model.head.weight.shape[1], len(model.head.weight), bias=model.head.bias is not None)
        self.to(model.head.weight.dtype).load_state_dict(model.state_dict())
        if model.head.weight is model.embedding.weight:
            self.head.weight = self.embedding.weight
        for name, parameter in model.named_parameters():
            self.get_parameter(name).requires_grad_(parameter.requires_grad)

    def losses(self, part: Part) -> Tensor:
        steps = self.embedding(part.items)
        steps = steps if self.between is None else self.between(steps)
        scores = self.head(self.lstm(steps)[0])
        each = functional.cross_entropy(scores.flatten(0, 1), part.targets.flatten(), reduction="none")
        return (each.view(part.targets.shape) * part.weights).sum(1)


def sequences(size: int = 7, steps: int = 9, items: int = 40, *, padded: bool = True, last: bool = False) -> Part:
    """Return sequences of different lengths, with repeated items, and random weights of their losses."""
    lengths = torch.randint(1, steps + 1, (size, 1)) if padded else torch.full((size, 1), steps)
    place = torch.arange(steps)
    real = place < lengths  # (B, T)
    drawn = torch.randint(1, min(items, 12), (size, steps + 1))
    weights = (0.1 + torch.rand(size, steps)) * (place == lengths - 1 if last else real)
    return Part(drawn[:, :-1] * real, drawn[:, 1:] * real, weights)


def one_by_one(
    model: nn.Module, losses: Callable[[Part], Tensor], part: Part, factor: Callable[[Tensor], Tensor | float]
) -> dict[str, Tensor]:
    """Return the sum of the consumers' gradients, each times what `factor` says of its norm."""
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    total = {name: torch.zeros_like(p) for name, p in trained.items()}
    for row in range(len(part.items)):
        loss = losses(part.rows(slice(row, row + 1))).sum()
        found = torch.autograd.grad(loss, list(trained.values()), allow_unused=True, materialize_grads=True)
        norm = torch.stack([each.double().square().sum() for each in found]).sum().sqrt()
        for name, each in zip(trained, found, strict=True):
            total[name] += factor(norm) * each
    return total


def error(found: dict[str, Tensor], expected: dict[str, Tensor]) -> float:
    """Return the norm of the difference over the norm of what was expected."""
    difference = sum(float((found[name].double() - expected[name].double()).square().sum()) for name in found)
    return (difference / sum(float(each.double().square().sum()) for each in expected.values())) ** 0.5
