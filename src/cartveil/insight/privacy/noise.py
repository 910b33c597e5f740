"""The noise step: a clipped sum goes in, a noisy one comes out, and the account knows of it.

How much noise is needed follows from how much one consumer can move the sum, and that bound travels with the sum, so it
cannot be forgotten or guessed here.
"""

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cartveil.errors import InputError, ModelError
from cartveil.insight.privacy import kernel
from cartveil.insight.privacy.entries import Noise
from cartveil.insight.privacy.event_log import EventLog
from cartveil.insight.privacy.kernel.normals import KEY_BYTES
from cartveil.insight.privacy.randomness import Randomness, operating_system

if TYPE_CHECKING:
    from cartveil.insight.privacy.clipping import ClippedSum

#: Noisy values are rounded to a grid of the noise's own scale times this.
GRID = 2.0**-20

#: Values treated at a time; the buffers stay in cache.
_PIECE = 1 << 15


def add_noise(
    clipped: "ClippedSum", *, multiplier: float, log: EventLog, random: Randomness | None = None, what: str = "training"
) -> dict[str, Tensor]:
    """Return a clipped sum with Gaussian noise, scaled from the sum's own bound.

    Args:
        clipped: Gradients and the most by which one consumer can move them together, in the Euclidean norm.
        multiplier: Standard deviation of the noise over that bound, above 0.
        log: The account; the step stands in it before the noisy sum is given out.
        random: The operating system's unless a test says otherwise.
        what: What the sum is for, as the account calls it.

    Returns:
        Name -> noisy gradient, of the gradient's own shape, type and device. Divide it by the expected batch size,
        never by the size that was drawn.

    Raises:
        InputError: No noise, or a sum without a bound.
        ModelError: The sum is not finite.

    Guarantees:
        - The sum is used up: its tensors may hold the noisy values afterwards.
        - Independent noise on every entry, from one draw of randomness that is never used again.
        - Values lie on a grid that depends on multiplier and bound alone, so their last bits tell nothing of the sum.

    Source:
        Abadi et al. (2016), Deep learning with differential privacy, algorithm 1; the grid against Mironov (2012), On
        significance of the least significant bits for differential privacy.
    """
    _check(clipped, multiplier)
    source = operating_system() if random is None else random
    log.append(Noise(multiplier, clipped.bound, source.secret, what))
    scale = multiplier * clipped.bound
    return {name: noisy(value, scale, source) for name, value in clipped.gradients.items()}


def noisy(value: Tensor, scale: float, random: Randomness) -> Tensor:
    """Return a tensor plus normals of standard deviation `scale`, rounded to the grid of that scale.

    Single precision on the CPU goes through the compiled kernel where it is there, under a key that is read once for
    this tensor: its stream (ChaCha20) is as hard to foresee as the key, and several times as fast as reading all bytes.
    It works in place: a copy would cost as much as the noise, and leave the clean sum in memory. Seeded numbers stay in
    plain torch, so that a test sees the same with and without the kernel.
    """
    step = 2.0 ** math.floor(math.log2(scale)) * GRID
    if random.secret and value.dtype == torch.float32 and value.device.type == "cpu" and kernel.available():
        made = value.detach().contiguous()
        kernel.add_normals(made, scale, random.read(KEY_BYTES), grid=step)
        return made
    flat = value.detach().reshape(-1)
    made = torch.empty_like(flat)
    for begin in range(0, len(flat), _PIECE):
        piece = flat[begin : begin + _PIECE]
        noise = random.normal(len(piece)).to(flat.device).mul_(scale / step)
        made[begin : begin + _PIECE] = noise.add_(piece.double(), alpha=1 / step).round_().mul_(step)
    return made.view(value.shape)


def _check(clipped: "ClippedSum", multiplier: float) -> None:
    if not (multiplier > 0 and math.isfinite(multiplier)):
        raise InputError("must be above 0", path="multiplier", hint="`noise_multiplier_for` says how much is needed")
    if not (clipped.bound > 0 and math.isfinite(clipped.bound)):
        raise InputError("must be above 0", path="bound", hint="a sum without a bound cannot be made private")
    if not all(_finite(value) for value in clipped.gradients.values()):
        raise ModelError("the clipped sum is not finite", hint="lower the learning rate")


def _finite(value: Tensor) -> bool:
    # Least and largest need no table of answers beside the tensor, and a NaN is both.
    return not value.numel() or all(math.isfinite(float(end)) for end in torch.aminmax(value))
