"""Clipped sums: what noise may be added to, and how one is obtained for a model of our layers.

>>> model, rows = nn.Linear(3, 1, bias=False), torch.ones(4, 3)
>>> clipped_sum(model, lambda model, part: model(part).sum(1), [rows], clip=0.5).clipped
4
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from cartveil.errors import ModelError
from cartveil.insight.privacy.clipping.tape import Tape

Part = TypeVar("Part")
Model = TypeVar("Model", bound=nn.Module)

#: Keeps automatic clipping from dividing by zero. Source: Bu et al., Automatic Clipping, NeurIPS 2023, section 3.
_STABILITY = 0.01


@dataclass(frozen=True)
class ClippedSum:
    """A sum of gradients to which no example contributes more than `bound`.

    Args:
        gradients: Name of a parameter -> its share of the sum.
        bound: Largest norm of one example's contribution over all parameters together.
        examples: How many examples were added up.
        clipped: How many of them were scaled down.
        non_finite: How many had no finite gradient, and were left out.
    """

    gradients: dict[str, Tensor]
    bound: float
    examples: int
    clipped: int
    non_finite: int


def clipped_sum(
    model: Model,
    losses: Callable[[Model, Part], Tensor],
    parts: Iterable[Part],
    *,
    clip: float,
    automatic: bool = False,
    shares: Tensor | None = None,
) -> ClippedSum:
    """Clip the gradient of each example, and add them up.

    Args:
        model: Of `nn.Linear`, `nn.Embedding`, `nn.LayerNorm`, our LSTM and our softmax head, and of layers without
            parameters; the first axis of what they read is the example, and no example may look at another.
        losses: (model, part) -> loss of each example of the part, (B,).
        parts: The batch in tiles of about 32 examples; none at all gives a sum of zero.
        clip: Largest norm of an example's gradient.
        automatic: Scale every gradient to just below `clip`, not only the larger ones.
        shares: Share of `clip` that each example may use, in the order of the parts, (examples,), where several are of
            one consumer; theirs may not add up to more than 1.

    Raises:
        ModelError: The model has a trained parameter in another kind of layer, or uses one outside of its layer, or
            bound, shares or losses do not make sense.

    Guarantees:
        - The sum is that of the clipped gradients which PyTorch gives example by example, within 1e-5 of its norm.
        - No example contributes more than `clip` within rounding, and one that is not finite contributes nothing.
        - No gradient per example is ever held, but for a few numbers of each norm; the model is as before afterwards.

    Source: Abadi et al., Deep Learning with Differential Privacy, CCS 2016, algorithm 1; automatic: Bu et al.,
    Automatic Clipping, NeurIPS 2023, section 3.
    """
    if not clip > 0:
        raise ModelError("`clip` must be above zero", hint="it is the largest norm of one consumer's gradient")
    examples = clipped = non_finite = 0
    with Tape(model) as tape, torch.autocast(tape.device, enabled=False):  # a bound holds in full precision only
        for part in parts:
            count = _record(tape, model, losses, part)
            norms = tape.norms()  # (B,) float64
            factors = _factors(norms, _limits(norms, clip, shares, examples), automatic=automatic)
            finite = torch.isfinite(norms)
            lost = count - int(finite.sum())
            tape.add(factors, finite=finite if lost else None)
            examples += count
            clipped += int((factors < 1).sum()) - lost
            non_finite += lost
        return ClippedSum(tape.gradients(), clip, examples, clipped, non_finite)


def plain_sum(model: Model, losses: Callable[[Model, Part], Tensor], parts: Iterable[Part]) -> dict[str, Tensor]:
    """Return the sum of the examples' gradients as they are, obtained in the same way, to compare costs."""
    with Tape(model) as tape, torch.autocast(tape.device, enabled=False):
        for part in parts:
            _record(tape, model, losses, part)
            tape.add(None)
        return tape.gradients()


def _record(tape: Tape, model: Model, losses: Callable[[Model, Part], Tensor], part: Part) -> int:
    tape.begin()
    with torch.enable_grad():
        values = losses(model, part)
        if values.ndim != 1:
            raise ModelError(f"losses have {values.ndim} axes", hint="give one loss for each example, not their mean")
        tape.run(values)
    return len(values)


def _limits(norms: Tensor, clip: float, shares: Tensor | None, first: int) -> Tensor:
    """Return the largest norm of each example of a part, (B,), whose first one has a number."""
    limits = torch.full_like(norms, clip)
    if shares is None:
        return limits
    own = shares[first : first + len(norms)]
    if len(own) < len(norms) or not bool(((own >= 0) & (own <= 1)).all()):
        raise ModelError("every example needs a share from 0 to 1", hint="a consumer with 4 windows gives 0.25 to each")
    return limits * own.to(norms)


def _factors(norms: Tensor, limits: Tensor, *, automatic: bool) -> Tensor:
    raw = limits / (norms + _STABILITY) if automatic else (limits / norms).clamp_(max=1)
    return torch.where(torch.isfinite(norms), raw, 0.0)
