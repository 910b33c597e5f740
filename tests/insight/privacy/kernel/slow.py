"""The slow and obvious way: one sequence at a time through PyTorch's own LSTM, in double precision."""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from cartveil.insight.models.encoder import Batch, EncoderConfig
from cartveil.insight.models.next_item import NextItem, NextItemConfig


@dataclass(frozen=True)
class Case:
    """A model and what it is to learn from."""

    model: NextItem
    batch: Batch
    targets: Tensor
    weights: Tensor

    @property
    def given(self) -> tuple[NextItem, Batch, Tensor, Tensor]:
        return self.model, self.batch, self.targets, self.weights


def case(
    size: int = 9,
    steps: int = 12,
    *,
    units: int = 12,
    hidden: int | None = None,
    items: int = 70,
    layers: int = 1,
    tied: bool = False,
    bias: bool = True,
    numeric: int = 0,
    fields: int = 1,
    last: bool = False,
    dropout: float = 0.0,
    seed: int = 0,
) -> Case:
    """Return a random model with padded sequences of length 1 and more."""
    torch.manual_seed(seed)
    categorical = (("item", items), *((f"field{number}", 7) for number in range(fields - 1)))
    encoder = EncoderConfig(
        categorical, (), numeric, units, hidden or units, layers=layers, dropout=dropout, project=False
    )
    model = NextItem(NextItemConfig(encoder, items, tied=tied, bias=bias))
    lengths = torch.randint(1, steps + 1, (size,))
    lengths[0] = steps
    ids = {name: torch.randint(0, rows, (size, steps)) for name, rows in categorical}
    batch = Batch(ids, {}, torch.randn(size, steps, numeric), lengths)
    weights = (torch.rand(size, steps) + 0.5) * batch.mask
    if last:
        weights = torch.zeros(size, steps)
        weights[torch.arange(size), lengths - 1] = 1.0
    return Case(model, batch, torch.randint(0, items, (size, steps)), weights)


def gradients(given: Case) -> list[dict[str, Tensor]]:
    """Return the gradient of each sequence's loss, name -> float64."""
    model = copy.deepcopy(given.model).double()
    stock = nn.LSTM(
        model.encoder.lstm.input_size, model.encoder.lstm.hidden_size, model.encoder.lstm.num_layers, batch_first=True
    ).double()
    for name, _ in list(stock.named_parameters()):
        stock._parameters[name] = getattr(model.encoder.lstm, name)
    stock._init_flat_weights()
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    each = []
    for row, length in enumerate(given.batch.lengths.tolist()):
        loss = _loss(model, stock, given, slice(row, row + 1), length)
        each.append(dict(zip(trained, torch.autograd.grad(loss, list(trained.values())), strict=True)))
    return each


def _loss(model: NextItem, stock: nn.LSTM, given: Case, row: slice, length: int) -> Tensor:
    ids = {name: value[row, :length] for name, value in given.batch.categorical.items()}
    embedded = [
        functional.embedding(ids[name], field.weight, padding_idx=field.padding_idx)  # type: ignore[arg-type]
        for name, field in model.encoder.embeddings.items()
    ]
    steps = torch.cat([*embedded, given.batch.numeric[row, :length].double()], dim=-1)
    scores = functional.linear(stock(steps)[0][0], model.head.weight, model.head.bias)  # (T, V)
    each = functional.cross_entropy(scores, given.targets[row, :length][0], reduction="none")
    return (each * given.weights[row, :length][0].double()).sum()


def norms(each: list[dict[str, Tensor]]) -> Tensor:
    """Return the norm of each sequence's gradient over all parameters."""
    return torch.stack([sum(value.square().sum() for value in one.values()).sqrt() for one in each])  # type: ignore[union-attr]


def weighted(each: list[dict[str, Tensor]], factors: Tensor) -> dict[str, Tensor]:
    """Return the sum of the gradients, each times its factor."""
    return {name: sum(f * one[name] for f, one in zip(factors, each, strict=True)) for name in each[0]}  # type: ignore[misc]


def distance(found: dict[str, Tensor], expected: dict[str, Tensor]) -> float:
    """Return the largest relative error over the parameters, each measured as a whole."""
    assert found.keys() == expected.keys()
    return max(float((found[k].double() - v).norm() / v.norm().clamp(min=1e-9)) for k, v in expected.items())
