"""Models on disk: weights as safetensors, everything else in one JSON card, and nothing that can run code.

A model is a folder of two files, `weights.safetensors` and `card.json`. The card says what the model is, what it was
trained on (a digest of the release, never a pseudonym), how it compares with the simple baselines, and whether it
still may be used: erasing a consumer turns `status` from `current` to `needs retraining`.

What every card says, whatever else a model adds:

- `format`: version of this layout; other versions are refused;
- `cartveil`: version of the program that wrote it;
- `kind`: what the model is;
- `status`: `current` or `needs retraining`;
- `config`: the model's frozen config, as `models.config` writes and reads it;
- `data.digest`: `digest_of` the events that it saw, never a pseudonym;
- `vocabulary_digest`: of the words behind its ids, or null; others would give other answers without a word;
- `metrics`, `baselines`: how good it is, and how good the simple ways are;
- `privacy`: epsilon with delta, unit, relation and how it came about, or null: nothing is promised;
- `attacks`: what membership inference and audits found, where they were run;
- `shared_weights`: name of a tied matrix -> the name under which it is written, where there are any;
- `weights_sha256`: of the weights that belong to it.
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

#: Without these an epsilon says nothing.
_PROMISE = ("epsilon", "delta", "unit", "relation")


def save_model(folder: str | Path, state: Mapping[str, "Tensor"], card: Mapping[str, Any]) -> None:
    """Write weights and card; a reader sees the old model or the new one, never a mixture.

    Args:
        folder: Made where it is missing.
        state: Name -> tensor.
        card: What can be said in JSON; `format`, `cartveil`, `status` and the digest of the weights are added, and
            `privacy` and `vocabulary_digest` where they are missing: null, so that nothing is promised by silence.

    Raises:
        ModelError: `privacy` is an epsilon without what gives it a meaning.
        StorageError: The folder cannot be written.
    """
    from safetensors.torch import save  # loads torch, which forgetting must do without

    _check_promise(card.get("privacy"), folder)
    target = Path(folder)
    shared = _shared(state)
    weights = save({name: tensor.detach().contiguous() for name, tensor in state.items() if name not in shared})
    full = {
        "format": FORMAT,
        "cartveil": _version(),
        "status": CURRENT,
        "vocabulary_digest": None,
        "privacy": None,
        **card,
        **({"shared_weights": shared} if shared else {}),
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
    for name, kept in card.get("shared_weights", {}).items():
        if kept not in state:
            raise ModelError("weights do not belong to the card", path=str(folder), hint="train the model again")
        state[name] = state[kept]
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


def require_vocabulary(card: Mapping[str, Any], digest: str, *, path: str | Path) -> None:
    """Refuse words that are not those a model was trained with.

    Args:
        card: What `load_model` returned.
        digest: Of the words at hand.
        path: Of the model, for the message.

    Raises:
        ModelError: The card names another digest, or none.
    """
    if card.get("vocabulary_digest") != digest:
        hint = "load the model with the words it was trained with, or train it again"
        raise ModelError("vocabulary is not the one of the model", path=str(path), hint=hint)


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


def _shared(state: Mapping[str, "Tensor"]) -> dict[str, str]:
    # Tied matrices are one tensor under several names: written once, under the first of them.
    first: dict[tuple[object, ...], str] = {}
    shared = {}
    for name, tensor in state.items():
        place = (tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), tensor.dtype)
        if tensor.numel() and first.setdefault(place, name) != name:
            shared[name] = first[place]
    return shared


def _check_promise(privacy: Any, folder: str | Path) -> None:
    lacking = [] if privacy is None else [name for name in _PROMISE if name not in privacy]
    if lacking:
        hint = "epsilon means nothing without delta, unit and relation; give the whole statement"
        raise ModelError(f"privacy is stated without `{lacking[0]}`", path=str(folder), hint=hint)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast(pa.large_string()) if pa.types.is_string(column.type) else column


def _version() -> str:
    try:
        return version("cartveil")
    except PackageNotFoundError:
        return "unknown"
