"""What a card must be before anything in it is believed: files get damaged, and promises are easily half made."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cartveil.errors import ModelError

#: The weights of a card that does not name them, and every name that weights may have.
WEIGHTS, WEIGHTS_FILE = "weights.safetensors", re.compile(r"weights(-[0-9a-f]{12})?\.safetensors")

#: Without these an epsilon says nothing.
_PROMISE = ("epsilon", "delta", "unit", "relation")

#: What must be an object where it is said at all; those with True may be null.
_OBJECTS = {"attacks": True, "config": False, "data": False, "privacy": True, "shared_weights": False}


def check_promise(privacy: Any, folder: str | Path) -> None:
    """Refuse an epsilon without its meaning, or one that promises nothing."""
    if privacy is None:
        return
    if lacking := [name for name in _PROMISE if name not in privacy]:
        hint = "epsilon means nothing without delta, unit and relation; give the whole statement"
        raise ModelError(f"privacy is stated without `{lacking[0]}`", path=str(folder), hint=hint)
    for name in ("epsilon", "delta"):
        if type(privacy[name]) not in (int, float) or not math.isfinite(privacy[name]):
            hint = "what has no finite epsilon promises nothing: leave `privacy` out"
            raise ModelError(f"privacy is stated with `{name}` that is no finite number", path=str(folder), hint=hint)


def check_objects(card: Mapping[str, Any], path: str | Path) -> None:
    """Refuse a card whose parts are not what whoever reads them takes them for."""
    wrong = [
        name
        for name, may_be_null in _OBJECTS.items()
        if not isinstance(card.get(name, {}), Mapping) and not (may_be_null and card[name] is None)
    ]
    wrong += [] if WEIGHTS_FILE.fullmatch(str(card.get("weights", WEIGHTS))) else ["weights"]
    if not wrong and not all(isinstance(kept, str) for kept in card.get("shared_weights", {}).values()):
        wrong = ["shared_weights"]
    if wrong:
        raise ModelError(f"card is damaged: `{wrong[0]}` makes no sense", path=str(path), hint="train the model again")
