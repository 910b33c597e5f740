"""Long sequences: read in chunks of time, with the state carried over and the gradient cut at the borders.

Memory is that of one chunk, however long the sequences are. The state is not cut: what happened thousands of steps ago
still moves the prediction, only the blame for it reaches back no further than the chunk.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from cartveil.errors import ModelError
from cartveil.insight.models.encoder import Batch
from cartveil.insight.models.next_item import NextItem
from cartveil.insight.training.lessons import Lesson
from cartveil.insight.training.updates import not_finite

#: Hidden and cell state, (layers, B, H) each.
State = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Chunk:
    """Some steps of a lesson.

    Args:
        lesson: Those steps alone; a sequence that ended before them has length 0 and no weight.
        state: What the chunk before handed on; None in the first.
        total: Sum of the weights of the whole lesson, so that the losses of all chunks add up to its mean loss.
    """

    lesson: Lesson
    state: State | None
    total: float


def chunk_loss(model: NextItem, chunk: Chunk) -> tuple[Tensor, State]:
    """Return a chunk's part of the mean cross-entropy, and the state to carry on."""
    lesson = chunk.lesson
    states, state = model.encoder.carry(lesson.batch, chunk.state)  # (B, T, H)
    return model.losses_after(states, lesson.targets, lesson.weights).sum() / chunk.total, state


class ChunkedUpdate:
    """Back-propagate chunk by chunk, and take one step for the whole lesson; see `Update`.

    The loss that `fit` is given with it is of a chunk, such as `chunk_loss`: (model, chunk) -> its part of the mean
    loss, and the state to carry on.

    Args:
        size: Steps of a chunk.

    Raises:
        ModelError: A chunk would hold no step.

    Guarantees:
        - Where every sequence fits into one chunk, the gradients are those of `PlainUpdate`.

    Source: Williams and Peng, An Efficient Gradient-Based Algorithm for On-Line Training, 1990, section 3.
    """

    bounded = False

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ModelError("a chunk must hold a step", hint="some hundred steps are usual")
        self.size = size

    def gradients(self, model: nn.Module, loss: Callable[[Any, Any], Any], batch: Lesson) -> float:
        """Return the loss of a whole lesson, its gradients left at the parameters."""
        state, mean = None, 0.0
        total = float(batch.weights.sum().clamp(min=1e-6))
        for lesson in chunks_of(batch, self.size):
            value, state = loss(model, Chunk(lesson, state, total))
            if not torch.isfinite(value):
                raise not_finite()
            value.backward()
            mean += float(value.detach())
        return mean

    def state(self) -> Mapping[str, Any]:
        """Return the size of a chunk; a sequence's state is carried within a lesson, not from one to the next."""
        return {"size": self.size}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Check that chunks are as long as they were.

        Raises:
            ModelError: They are not.
        """
        if state["size"] != self.size:
            raise ModelError("checkpoint was made with chunks of another size", hint=f"it had {state['size']} steps")


def chunks_of(lesson: Lesson, size: int) -> Iterator[Lesson]:
    """Yield a lesson in pieces of `size` steps, up to the end of its longest sequence."""
    batch = lesson.batch
    for begin in range(0, int(batch.lengths.max()), size):
        steps = slice(begin, begin + size)
        piece = Batch(
            {name: ids[:, steps] for name, ids in batch.categorical.items()},
            {name: ids[:, steps] for name, ids in batch.bags.items()},
            batch.numeric[:, steps],
            (batch.lengths - begin).clamp(0, size),
        )
        yield replace(lesson, batch=piece, targets=lesson.targets[:, steps], weights=lesson.weights[:, steps])
