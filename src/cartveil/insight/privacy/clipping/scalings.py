"""Gradients of a layer norm's scale and shift: small enough to be held consumer by consumer."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Scaling:
    """What each consumer contributes to one trained vector of a norm.

    Args:
        name: Of the vector.
        each: Each consumer's gradient, (B, D).
    """

    name: str
    each: Tensor


def merged(noted: Sequence[Scaling]) -> list[Scaling]:
    """Return the same, those of a norm that was called several times as one."""
    groups: dict[str, Tensor] = {}
    for scaling in noted:
        groups[scaling.name] = groups[scaling.name] + scaling.each if scaling.name in groups else scaling.each
    return [Scaling(name, each) for name, each in groups.items()]


def squares(scaling: Scaling) -> Tensor:
    """Return the squared norm of each consumer's gradient, (B,) float64."""
    norms: Tensor = torch.linalg.vector_norm(scaling.each, dim=1)
    return norms.double().square()


def add(scaling: Scaling, factors: Tensor | None, *, finite: Tensor | None, into: Tensor) -> None:
    """Add each consumer's gradient times its factor to a vector (D,)."""
    each = scaling.each if finite is None else scaling.each.masked_fill(~finite[:, None], 0)
    into += each.sum(0) if factors is None else factors.to(each) @ each
