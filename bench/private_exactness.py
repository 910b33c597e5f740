"""How exact the clipped sums are: against one consumer after another through stock `nn.LSTM`, in double precision.

Cases are of the first shape's width, length and items with fewer consumers: one layer and two, padded, tied, loss at
the last position alone. The limit on the norms is their median, so that one half is clipped and the other is not. The
error is the largest over all parameters of |ours - loop| / |loop|, in the Euclidean norm.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.private_steps import Sequences, Shape, next_item, sequences
from cartveil.insight.models.encoder import Batch
from cartveil.insight.models.next_item import NextItem
from cartveil.insight.privacy.clipping import ClippedSum
from cartveil.insight.training.lessons import Lesson

CONSUMERS = 12

#: (model, lesson, limit on the norm) -> clipped sum.
Tier = Callable[[NextItem, Lesson, float], ClippedSum]


@dataclass(frozen=True)
class Case:
    """One model and batch to be exact on."""

    shape: Shape
    tied: bool = False
    padded: bool = False


CASES = {
    "one layer": Case(Shape(CONSUMERS, 50, 128, 128, 10_000)),
    "last position": Case(Shape(CONSUMERS, 50, 128, 128, 10_000, everywhere=False)),
    "two layers": Case(Shape(CONSUMERS, 50, 128, 128, 10_000, layers=2)),
    "padded": Case(Shape(CONSUMERS, 50, 128, 128, 10_000), padded=True),
    "tied": Case(Shape(CONSUMERS, 50, 128, 128, 10_000), tied=True),
    "two layers, padded, tied": Case(Shape(CONSUMERS, 50, 128, 128, 10_000, layers=2), tied=True, padded=True),
}


def errors(tier: Tier, cases: Mapping[str, Case]) -> dict[str, float]:
    """Return the largest relative error of a tier's clipped sum in every case."""
    return {name: error(tier, case) for name, case in cases.items()}


def error(tier: Tier, case: Case) -> float:
    """Return the largest relative error over all parameters."""
    torch.manual_seed(0)
    model, data = next_item(case.shape, tied=case.tied), lesson_of(case)
    each = list(_one_by_one(model, data))
    norms = [_norm(gradients) for gradients in each]
    limit = sorted(norms)[len(norms) // 2]
    wanted = {
        name: sum(min(1.0, limit / norm) * gradients[name] for norm, gradients in zip(norms, each, strict=True))
        for name in each[0]
    }
    found = tier(model, data, limit).gradients
    return max(float((found[name].detach().double() - whole).norm() / whole.norm()) for name, whole in wanted.items())


def lesson_of(case: Case) -> Lesson:
    """Return a case's batch; padded ones have every length from 1 on."""
    data, shape = sequences(case.shape), case.shape
    lengths = torch.full((shape.batch,), shape.length)
    if case.padded:
        lengths = torch.linspace(1, shape.length, shape.batch).long()
        real = torch.arange(shape.length) < lengths[:, None]  # (B, T)
        data = Sequences(data.items * real, data.targets * real, data.weights * real)
    batch = Batch({"item": data.items}, {}, torch.zeros(shape.batch, shape.length, 0), lengths)
    return Lesson(batch, data.targets, data.weights)


def _one_by_one(model: NextItem, data: Lesson) -> Iterator[dict[str, Tensor]]:
    loop = _Loop(model)
    items = data.batch.categorical["item"]
    for row, length in enumerate(data.batch.lengths.tolist()):
        loop.zero_grad()
        loss = loop(items[row, :length], data.targets[row, :length], data.weights[row, :length].double())
        loss.backward()
        yield {name: each.grad.clone() for name, each in loop.trained().items() if each.grad is not None}


class _Loop(nn.Module):
    """The same weights in stock layers and double precision; it reads one sequence, without its padding."""

    def __init__(self, model: NextItem) -> None:
        super().__init__()
        encoder, config = model.encoder, model.config
        matrix = encoder.embeddings["item"].weight
        self.embedding = nn.Parameter(matrix.detach().double())
        self.head = self.embedding if config.tied else nn.Parameter(model.head.weight.detach().double())
        self.bias = nn.Parameter(model.head.bias.detach().double())
        self.lstm = nn.LSTM(matrix.shape[1], config.encoder.hidden, config.encoder.layers, batch_first=True).double()
        self.lstm.load_state_dict({name: each.double() for name, each in encoder.lstm.state_dict().items()})
        self._tied = config.tied

    def forward(self, items: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """Return the sequence's weighted sum of cross-entropies."""
        states, _ = self.lstm(functional.embedding(items, self.embedding, padding_idx=0)[None])  # (1, T, H)
        scores = functional.linear(states[0], self.head, self.bias)  # (T, V)
        return (functional.cross_entropy(scores, targets, reduction="none") * weights).sum()

    def trained(self) -> dict[str, nn.Parameter]:
        """Return the parameters that training changes, under the names of Cartveil's model."""
        # The two biases of `nn.LSTM` act as one, and one of them is trained.
        lstm = {f"encoder.lstm.{name}": each for name, each in self.lstm.named_parameters() if "bias_hh" not in name}
        head = {} if self._tied else {"head.weight": self.head}
        return {"encoder.embeddings.item.weight": self.embedding, **head, "head.bias": self.bias, **lstm}


def _norm(gradients: Mapping[str, Tensor]) -> float:
    return float(torch.stack([each.square().sum() for each in gradients.values()]).sum().sqrt())
