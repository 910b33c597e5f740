"""Memory that is used again for every part: fresh memory costs the operating system a fault per page."""

import math

from torch import Tensor


class Workspace:
    """Lend the same memory over and over, to requests that come in the same order every time."""

    def __init__(self) -> None:
        self._blocks: list[Tensor] = []
        self._next = 0

    def rewind(self) -> None:
        """Take back everything that was lent."""
        self._next = 0

    def take(self, *shape: int, like: Tensor) -> Tensor:
        """Lend memory of a shape, of any content, until `rewind`."""
        size, place = math.prod(shape), self._next
        self._next += 1
        if place == len(self._blocks):
            self._blocks.append(like.new_empty(size))
        block = self._blocks[place]
        if len(block) < size or (block.dtype, block.device) != (like.dtype, like.device):
            block = self._blocks[place] = like.new_empty(size)
        return block[:size].view(shape)
