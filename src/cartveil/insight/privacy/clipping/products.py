"""Gradients that are products: of what a layer read, and of the slopes of what it gave, one row per step.

The gradient of one consumer is the sum over steps t of slope g_t times input x_t. Its squared norm needs no such sum:

    |sum_t g_t x_t|^2 = sum_ts <g_t, g_s> <x_t, x_s>

which costs T^2 (O + I) instead of T O I. The input ends in a 1, whose weights are the bias.

Source: Goodfellow, Efficient Per-Example Gradient Computations, arXiv 1510.01799, section 5; over time: Li et al.,
Large Language Models Can Be Strong Differentially Private Learners, ICLR 2022, section 4.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

#: An operation of a Gram matrix takes as long as this many of a wide product, on the processors we know.
_GRAM_COST = 1.5

#: From this many columns on, half a Gram matrix in pieces is cheaper than a whole one at once.
_WIDE = 2048


@dataclass(frozen=True)
class Product:
    """R rows of what a layer read, and of the slopes of what it gave.

    Args:
        inputs: What was read and 1, both times the factor of the row's gradient, (R, I + 1); may be changed.
        slopes: (R, O); may be changed.
        counts: Rows of each consumer, which lie together.
        weights: (name, first column, end) of each trained weight.
        biases: Names of the trained biases.
        steps_first: Rows of one step lie together instead, and all consumers have equally many.
    """

    inputs: Tensor
    slopes: Tensor
    counts: Sequence[int]
    weights: tuple[tuple[str, int, int], ...]
    biases: tuple[str, ...]
    steps_first: bool = False

    def of_each(self, rows: Tensor) -> list[Tensor]:
        """Return rows (R, ·) consumer by consumer, (T, ·) each."""
        if self.steps_first:
            return list(rows.view(-1, len(self.counts), rows.shape[1]).unbind(1))
        return list(torch.split(rows, list(self.counts)))

    def together(self, rows: Tensor) -> Tensor:
        """Return rows (R, ·) of consumers that have equally many as (B, T, ·)."""
        if self.steps_first:
            return rows.view(-1, len(self.counts), rows.shape[1]).transpose(0, 1)
        return rows.view(len(self.counts), -1, rows.shape[1])

    def spread(self, values: Tensor) -> Tensor:
        """Return the value (B,) of each row's consumer, (R,)."""
        if self.steps_first:
            return values.repeat(self.counts[0] if self.counts else 0)
        return values.repeat_interleave(torch.tensor(self.counts, device=values.device))


def merged(noted: Sequence[Product]) -> list[Product]:
    """Return the same products, those of one layer that was called several times as one."""
    groups: dict[tuple[object, ...], list[Product]] = {}
    for product in noted:
        groups.setdefault((product.weights, product.biases), []).append(product)
    return [group[0] if len(group) == 1 else _merged(group) for group in groups.values()]


def _merged(group: Sequence[Product]) -> Product:
    inputs, slopes = (
        torch.cat([rows for consumer in zip(*each, strict=True) for rows in consumer])
        for each in ([p.of_each(p.inputs) for p in group], [p.of_each(p.slopes) for p in group])
    )
    counts = [sum(each) for each in zip(*(p.counts for p in group), strict=True)]
    return Product(inputs, slopes, counts, group[0].weights, group[0].biases)


def by_gram(product: Product) -> bool:
    """Return whether the squared norms come from Gram matrices: of few steps, but of more than one."""
    longest, out, width = max(product.counts, default=0), product.slopes.shape[1], _width(product)
    return set(product.counts) != {1} and _GRAM_COST * longest * (out + width) <= out * width


def squares(product: Product) -> tuple[Tensor, Tensor]:
    """Return of each consumer's gradient the squared norm, and the sum of the norms of its steps, (B,) float64 each."""
    inputs = _trained(product)
    if set(product.counts) == {1}:
        square = _row_squares(inputs) * _row_squares(product.slopes)
        return square, square.sqrt()
    if not by_gram(product):
        return _by_product(product, inputs)
    return _by_gram(product, inputs) if len(set(product.counts)) == 1 else _by_ragged_gram(product, inputs)


def scale(product: Product, factors: Tensor | None, *, finite: Tensor | None) -> None:
    """Multiply each row by its consumer's factor.

    Args:
        product: Changed in place.
        factors: Of each consumer (B,); 1 where not given.
        finite: Which consumers have a finite gradient (B,), where not all have; the others are left out.
    """
    if factors is not None:
        product.inputs.mul_(product.spread(factors.to(product.inputs))[:, None])
    if finite is not None:  # zero times infinity is not zero
        lost = ~product.spread(finite)
        product.inputs[lost] = 0
        product.slopes[lost] = 0


def _columns(product: Product) -> list[tuple[int, int]]:
    last = product.inputs.shape[1]
    return [*((first, end) for _, first, end in product.weights), *[(last - 1, last)] * len(product.biases)]


def _width(product: Product) -> int:
    return sum(end - first for first, end in _columns(product))


def _trained(product: Product) -> Tensor:
    """Return the columns of the inputs that meet a trained parameter, once for each, (R, I)."""
    if _width(product) == product.inputs.shape[1] and len(product.biases) == 1:
        return product.inputs
    return torch.cat([product.inputs[:, first:end] for first, end in _columns(product)], dim=1)


def _row_squares(rows: Tensor) -> Tensor:
    norms: Tensor = torch.linalg.vector_norm(rows, dim=1)
    return norms.double().square()


def _by_gram(product: Product, inputs: Tensor) -> tuple[Tensor, Tensor]:
    slopes, inputs = product.together(product.slopes), product.together(inputs)  # (B, T, O), (B, T, I)
    wide = slopes.shape[2] >= _WIDE and not slopes.is_cuda
    outer = (_half_gram(slopes) if wide else torch.bmm(slopes, slopes.transpose(1, 2))).double()  # (B, T, T)
    outer.mul_(torch.bmm(inputs, inputs.transpose(1, 2)))
    return outer.sum((1, 2)), outer.diagonal(dim1=1, dim2=2).sqrt().sum(1)


def _half_gram(rows: Tensor) -> Tensor:
    """Return for each consumer a matrix with the same sum against symmetric ones as its Gram matrix, (B, T, T).

    Of the two blocks of products between early and late rows, one is computed, and counts twice; the diagonal is that
    of the Gram matrix.
    """
    size, steps = rows.shape[:2]
    half = steps // 2 - steps // 2 % 8
    gram = rows.new_zeros(size, steps, steps)
    for each, into in zip(rows.unbind(0), gram.unbind(0), strict=True):
        into[:half, :half] = each[:half] @ each[:half].T
        into[:, half:] = each @ each[half:].T
    gram[:, :half, half:] *= 2
    return gram


def _by_ragged_gram(product: Product, inputs: Tensor) -> tuple[Tensor, Tensor]:
    each = zip(product.of_each(inputs), product.of_each(product.slopes), strict=True)
    found = [(g @ g.T).double().mul_(x @ x.T) for x, g in each]
    return torch.stack([gram.sum() for gram in found]), torch.stack([gram.diagonal().sqrt().sum() for gram in found])


def _by_product(product: Product, inputs: Tensor) -> tuple[Tensor, Tensor]:
    each = list(zip(product.of_each(inputs), product.of_each(product.slopes), strict=True))
    steps = [(_row_squares(x) * _row_squares(g)).sqrt().sum() for x, g in each]
    return torch.stack([_row_squares(x.T @ g).sum() for x, g in each]), torch.stack(steps)
