"""Models on disk: weights as safetensors, everything else in one JSON card, and nothing that can run code.

A model is a folder of two files, `weights.safetensors` and `card.json`. The card says what the model is, what it was
trained on (a digest of the release, never a pseudonym), how it compares with the simple baselines, and whether it
still may be used: erasing a consumer turns `status` from `current` to `needs retraining`.
"""

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from cartveil.errors import ModelError, StorageError
from cartveil.events.writing import replace_file

if TYPE_CHECKING:
    from torch import Tensor

CARD, WEIGHTS = "card.json", "weights.safetensors"

#: Rises when the layout of the card or the meaning of the weights changes; other versions are refused.
FORMAT = 1

CURRENT, NEEDS_RETRAINING = "current", "needs retraining"


def save_model(folder: str | Path, state: Mapping[str, "Tensor"], card: Mapping[str, Any]) -> None:
    """Write weights and card; a reader sees the old model or the new one, never a mixture.

    Args:
        folder: Made where it is missing.
        state: Name -> tensor.
        card: What can be said in JSON; `format`, `cartveil`, `status` and the digest of the weights are added.

    Raises:
        StorageError: The folder cannot be written.
    """
    from safetensors.torch import save  # loads torch, which forgetting must do without

    target = Path(folder)
    weights = save({name: tensor.detach().contiguous() for name, tensor in state.items()})
    full = {
        "format": FORMAT,
        "cartveil": _version(),
        "status": CURRENT,
        **card,
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
    }
    try:
        target.mkdir(parents=True, exist_ok=True)
        replace_file(target / WEIGHTS, lambda new: new.write_bytes(weights))
        write_card(target, full)
    except OSError as error:
        raise StorageError("cannot write the model", path=str(folder), hint="is the disk full?") from error


def load_model(folder: str | Path, *, kind: str) -> tuple[dict[str, "Tensor"], dict[str, Any]]:
    """Read weights and card.

    Args:
        folder: What `save_model` wrote.
        kind: What the card must say the model is.

    Returns:
        Weights by name, and the card.

    Raises:
        ModelError: No model, one of another kind or format version, or files that do not belong together.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    card = read_card(folder)
    if card.get("kind") != kind:
        raise ModelError(f"is a `{card.get('kind')}`, not a `{kind}`", path=str(folder))
    try:
        weights = (Path(folder) / WEIGHTS).read_bytes()
        state = load(weights)
    except (OSError, SafetensorError) as error:
        raise ModelError("weights are missing or broken", path=str(folder), hint="train the model again") from error
    if hashlib.sha256(weights).hexdigest() != card.get("weights_sha256"):
        raise ModelError("weights do not belong to the card", path=str(folder), hint="train the model again")
    return state, card


def read_card(folder: str | Path) -> dict[str, Any]:
    """Read a model's card alone.

    Raises:
        ModelError: No card, not JSON, or written by another format version.
    """
    file = Path(folder) / CARD
    try:
        card = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError("no model here", path=str(folder), hint="make one with `cartveil train`") from None
    except (OSError, ValueError) as error:
        raise ModelError("card cannot be read", path=str(file), hint="train the model again") from error
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        found = card.get("format") if isinstance(card, dict) else None
        hint = "train the model again with this version of Cartveil"
        raise ModelError(f"format version `{found}` is not `{FORMAT}`", path=str(file), hint=hint)
    return card


def write_card(folder: str | Path, card: Mapping[str, Any]) -> None:
    """Replace a model's card in one step."""
    text = json.dumps(card, ensure_ascii=False, indent=1, sort_keys=True)
    replace_file(Path(folder) / CARD, lambda new: new.write_text(text, encoding="utf-8"))


def digest_of(table: pa.Table) -> str:
    """Return SHA-256 over a table's names and values, whatever its chunks, as hexadecimal text."""
    plain = pa.table({name: _plain(table[name]) for name in sorted(table.column_names)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, plain.schema) as stream:
        stream.write_table(plain.combine_chunks())
    return hashlib.sha256(sink.getvalue()).hexdigest()


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast(pa.large_string()) if pa.types.is_string(column.type) else column


def _version() -> str:
    try:
        return version("cartveil")
    except PackageNotFoundError:
        return "unknown"
