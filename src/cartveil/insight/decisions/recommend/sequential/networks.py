"""The two networks that a sequence recommender may hold, behind one face: histories in, chances of all items out.

A plain one knows every item (`CosineNextItem`). A private one is a `NextItem` over a shelf of popular items, since what
exact clipping knows is the plain softmax, and the noise grows with the number of items.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cartveil.insight.decisions.recommend.sequential.cosine import CosineConfig, CosineNextItem
from cartveil.insight.decisions.recommend.sequential.item_histories import ItemHistories
from cartveil.insight.decisions.recommend.sequential.lessons import FIELD, inputs_of
from cartveil.insight.models.encoder import UNKNOWN, EncoderConfig
from cartveil.insight.models.next_item import NextItem, NextItemConfig
from cartveil.insight.sequences.vocabulary import RESERVED


@dataclass(frozen=True)
class Shape:
    """What a network is built from.

    Args:
        items: Ids that it knows, reserved ones included.
        hidden: Units of a state and of an item.
        dropout: Share of units dropped.
        steps: Last items that it reads.
        private: Whether it is one that can be trained privately.
        memory: See `CosineConfig`; networks saved before it was there have none.
    """

    items: int
    hidden: int
    dropout: float
    steps: int
    private: bool
    memory: float = 0.0


@dataclass(frozen=True)
class Network:
    """A network and the items it knows.

    Args:
        shape: What it was built from.
        model: The network.
        shelf: Ids of the items it knows, in the order of its own ids after the reserved, (K,); None for all.
    """

    shape: Shape
    model: CosineNextItem | NextItem
    shelf: Tensor | None = None

    def chances(self, histories: ItemHistories, popularity: Tensor) -> Tensor:
        """Return the chance of every item to follow, (n, V); off the shelf, that of popularity (V,)."""
        self.model.eval()
        with torch.no_grad():
            numbers = None if self.shelf is None else numbers_of(self.shelf, len(popularity))
            scores = self.model.scores(inputs_of(histories, self.shape.steps, numbers=numbers))  # (n, K + 2)
            known = torch.softmax(scores[:, RESERVED:].float(), dim=1)
        if self.shelf is None:
            return torch.nn.functional.pad(known, (RESERVED, 0))
        chances = popularity.repeat(len(histories), 1)
        chances[:, self.shelf] = known * popularity[self.shelf].sum()
        return chances

    def state(self) -> dict[str, Tensor]:
        """Return what is saved."""
        weights = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        return weights if self.shelf is None else {**weights, "shelf": self.shelf}


def build(shape: Shape) -> CosineNextItem | NextItem:
    """Return an untrained network; weights are drawn from torch's generator."""
    if not shape.private:
        return CosineNextItem(CosineConfig(shape.items, shape.hidden, shape.dropout, shape.memory))
    encoder = EncoderConfig(
        ((FIELD, shape.items),), embedding=shape.hidden, hidden=shape.hidden, dropout=shape.dropout, project=False
    )
    return NextItem(NextItemConfig(encoder, shape.items, field=FIELD, tied=True, bias=True))


def load_network(shape: Mapping[str, Any] | None, state: Mapping[str, Tensor]) -> Network | None:
    """Return what `Network.state` gave, built anew; None where there is none."""
    if shape is None:
        return None
    known = Shape(**shape)
    model = build(known)
    own = {name.removeprefix("model."): tensor for name, tensor in state.items() if name.startswith("model.")}
    model.load_state_dict(own)
    return Network(known, model.eval(), state.get("shelf"))


def numbers_of(shelf: Tensor, item_count: int) -> np.ndarray:
    """Return the shelf's own id of each item: unknown off the shelf, 0 for padding, (V,)."""
    numbers = np.full(item_count, UNKNOWN, np.int64)
    numbers[0] = 0
    numbers[shelf.numpy()] = np.arange(RESERVED, RESERVED + len(shelf))
    return numbers
