"""Dropout in private training: each unit of each row has a coin of its own, and nobody can foresee them.

A generator that runs on from row to row gives everybody after a consumer other masks where that consumer is missing.
Two batches that differ by one consumer then differ in everybody's gradient, by far more than the clip, and whoever
knows the seed knows both. So masks are bits of the operating system's randomness, as the noise is, and no seed stands
anywhere.

Why the clip is then the sensitivity: the masks of the others are independent of who else was drawn, since every bit is
independent of every other, whatever row it falls to. So let both batches have the same masks for all whom they share:
whatever these are, the two sums differ by the added consumer's gradient alone, which is clipped. What holds for all
masks holds for their mixture, as nothing else shows them. This is true in both tiers: the kernel asks the model's own
dropout for its masks, (B, T, ·) at once, and every other random number that a row might share is refused.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from cartveil.errors import ModelError
from cartveil.insight.privacy.randomness import Randomness

#: Values of the number that is drawn for each unit.
_SIDES = 1 << 16


@contextmanager
def secret_masks(random: Randomness, device: torch.device) -> Iterator[None]:
    """Draw dropout from randomness that keeps a secret, and let nothing draw from torch's generators.

    Args:
        random: Where masks come from.
        device: Where the model computes.

    Raises:
        ModelError: At the end, if something else than dropout was drawn.

    Guarantees:
        - Torch's generators are as before: a checkpoint that keeps their state tells nothing of masks, nor of how many
          consumers were drawn.
    """
    before = _states(device)
    with _Masks(random):
        yield
    if not all(map(torch.equal, before, _states(device))):
        raise ModelError(
            "the model draws at random what consumers may share",
            hint="privately, only `nn.Dropout`, `functional.dropout` and our LSTM's dropout may be random",
        )


class _Masks(TorchFunctionMode):
    def __init__(self, random: Randomness) -> None:
        super().__init__()
        self._random = random

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        call = self._dropout if func is functional.dropout else func
        return call(*args, **(kwargs or {}))

    def _dropout(self, values: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        if not training or p == 0:
            return values
        drawn = np.frombuffer(self._random.read(2 * values.numel()), np.uint16)
        kept = torch.from_numpy(drawn >= round(p * _SIDES)).view(values.shape).to(values)
        kept = kept.div_(1 - p) if p < 1 else kept
        return values.mul_(kept) if inplace else values * kept


def _states(device: torch.device) -> list[Tensor]:
    found = [torch.get_rng_state()]
    return [*found, torch.cuda.get_rng_state(device)] if device.type == "cuda" else found
