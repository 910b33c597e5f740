"""Everything that training draws from, so that it can be put back as it was."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class States:
    """State of numpy's generator in JSON's types, and of torch's by kind of device."""

    numpy: Any
    torch: dict[str, Tensor]


class Generators:
    """Numpy's generator for batches, and torch's own for dropout.

    Args:
        seed: Of the first.
        device: Where dropout is drawn.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self.numpy = np.random.default_rng(seed)
        self._cuda = device if device.type == "cuda" else None

    def states(self) -> States:
        """Return the states now."""
        found = {"cpu": torch.get_rng_state()}
        if self._cuda is not None:
            found["cuda"] = torch.cuda.get_rng_state(self._cuda)
        return States(self.numpy.bit_generator.state, found)

    def restore(self, states: States) -> None:
        """Put every generator back."""
        self.numpy.bit_generator.state = states.numpy
        torch.set_rng_state(states.torch["cpu"])
        if self._cuda is not None:
            torch.cuda.set_rng_state(states.torch["cuda"], self._cuda)
