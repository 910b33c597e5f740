"""Gradients of rows that are looked up: of an embedding, alone or tied to an output layer."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cartveil.insight.privacy.clipping.products import Product


@dataclass(frozen=True)
class Lookup:
    """L look-ups of rows of a matrix.

    Args:
        ids: (L,).
        slopes: Slope of each looked-up row, (L, E).
        owner: Consumer of each look-up, rising, (L,).
        weight: Name of the matrix.
        rows: How many rows it has, V.
    """

    ids: Tensor
    slopes: Tensor
    owner: Tensor
    weight: str
    rows: int


def merged(noted: Sequence[Lookup]) -> list[Lookup]:
    """Return the same look-ups, those of one matrix as one."""
    groups: dict[str, list[Lookup]] = {}
    for lookup in noted:
        groups.setdefault(lookup.weight, []).append(lookup)
    return [group[0] if len(group) == 1 else _merged(group) for group in groups.values()]


def _merged(group: Sequence[Lookup]) -> Lookup:
    owner, order = torch.sort(torch.cat([each.owner for each in group]), stable=True)
    ids, slopes = torch.cat([each.ids for each in group]), torch.cat([each.slopes for each in group])
    return Lookup(ids[order], slopes[order], owner, group[0].weight, group[0].rows)


def squares(lookup: Lookup, *, size: int) -> tuple[Tensor, Tensor]:
    """Return the squared norm of each consumer's gradient, and the sum of its slopes' norms, (B,) float64 each.

    Look-ups of one row add up first.
    """
    pairs, place = torch.unique(lookup.owner * lookup.rows + lookup.ids, return_inverse=True)
    total = lookup.slopes.new_zeros(len(pairs), lookup.slopes.shape[1]).index_add_(0, place, lookup.slopes)
    norms, steps = (torch.linalg.vector_norm(rows, dim=1).double() for rows in (total, lookup.slopes))
    found = norms.new_zeros(size).index_add_(0, pairs // lookup.rows, norms.square())
    return found, norms.new_zeros(size).index_add_(0, lookup.owner, steps)


def cross(lookup: Lookup, product: Product) -> Tensor:
    """Return the inner product of a consumer's two gradients of one matrix, (B,) float64.

    The output layer's gradient of the row of item v is sum_s g_s[v] h_s, and so that product is

        sum_ts g_s[v_t] <dx_t, h_s>
    """
    counts = torch.bincount(lookup.owner, minlength=len(product.counts)).tolist()
    looked_up = zip(torch.split(lookup.ids, counts), torch.split(lookup.slopes, counts), strict=True)
    rows = zip(product.of_each(product.inputs), product.of_each(product.slopes), strict=True)
    width = lookup.slopes.shape[1]
    found = [
        ((h[:, :width] @ dx.T).double() * g[:, ids]).sum() for (ids, dx), (h, g) in zip(looked_up, rows, strict=True)
    ]
    return torch.stack(found)


def add(lookup: Lookup, factors: Tensor | None, *, finite: Tensor | None, into: Tensor) -> None:
    """Add the look-ups' gradients, each times its consumer's factor, to a matrix (V, E)."""
    slopes = lookup.slopes
    if factors is not None:
        slopes = slopes * factors.to(slopes)[lookup.owner, None]
    if finite is not None:
        slopes = slopes.masked_fill(~finite[lookup.owner, None], 0)
    into.index_add_(0, lookup.ids, slopes)
