"""The parts of a detector as its card and weights hold them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from cartveil.insight.decisions.watch.coding import Coding
from cartveil.insight.decisions.watch.surprise import Calibration
from cartveil.insight.models.config import read_config
from cartveil.insight.models.fields import FieldsConfig, FieldsModel
from cartveil.insight.sequences.vocabulary import Vocabulary

#: What the names of arrays begin with among the weights.
ARRAYS = "calibration."


def part_in(state: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """Return the tensors whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def network_in(card: Any, state: Mapping[str, torch.Tensor], folder: str | Path) -> FieldsModel | None:
    """Return the network that a card and its weights describe; None where the detector has none."""
    if card is None:
        return None
    model = FieldsModel(read_config(FieldsConfig, card, path=folder))
    model.load_state_dict(dict(state))
    return model.eval()


def coding_in(card: Mapping[str, Any]) -> Coding:
    """Return how columns become ids."""
    words = tuple(Vocabulary(tuple(words)) for words in card["words"])
    return Coding(words, tuple(tuple(edges) for edges in card["edges"]), Vocabulary(tuple(card["roles"])))


def calibration_in(state: Mapping[str, torch.Tensor], prefix: str) -> Calibration:
    """Return what signals were like on clean days."""
    arrays = {name: tensor.numpy() for name, tensor in part_in(state, ARRAYS + prefix).items()}
    return Calibration(**{name: arrays[name] for name in ("levels", "values", "tail", "most")})
