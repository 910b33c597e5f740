"""Models on disk: weights as safetensors, everything else in one JSON card, and nothing that can run code.

A model is a folder of two files, `weights-<12 hex>.safetensors` and `card.json`. The card names its weights, and is put
in place last and in one step: it is the moment at which the new model stands. It says what the model is, what it was
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
- `weights`: name of the file of the weights; `weights.safetensors` where a card of an earlier version is silent;
- `weights_sha256`: of the weights that belong to it.
"""

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from cartveil.errors import MissingExtraError, ModelError, StorageError
from cartveil.events.writing import replace_file
from cartveil.insight.models.card_checks import WEIGHTS, WEIGHTS_FILE, check_objects, check_promise

if TYPE_CHECKING:
    from torch import Tensor

CARD = "card.json"

#: Rises when the layout of the card or the meaning of the weights changes; other versions are refused.
FORMAT = 1

CURRENT, NEEDS_RETRAINING = "current", "needs retraining"

_AGAIN, _ELSEWHERE = "train the model again", "choose another --out"


def save_model(folder: str | Path, state: Mapping[str, "Tensor"], card: Mapping[str, Any]) -> None:
    """Write weights and card, in place of the model of the same kind that may stand there; one writer at a time.

    Args:
        folder: Made where it is missing.
        state: Name -> tensor.
        card: What can be said in JSON; `format`, `cartveil`, `status` and name and digest of the weights are added, and
            `privacy` and `vocabulary_digest` where they are missing: null, so that nothing is promised by silence.

    Raises:
        MissingExtraError: The extra `learn` is not installed.
        ModelError: `privacy` is no whole and finite promise, or what stands there must not be replaced: `check_place`.
        StorageError: The folder cannot be written.

    Guarantees:
        - A reader sees the old model or the new one, whole, whenever the writer is killed.
    """
    try:
        from safetensors.torch import save  # loads torch, which forgetting must do without
    except ModuleNotFoundError as error:
        raise _missing(error) from None

    check_objects(card, folder)
    check_promise(card.get("privacy"), folder)
    check_place(folder, str(card.get("kind")), private=card.get("privacy") is not None)
    target, shared = Path(folder), _shared(state)
    weights = save({name: tensor.detach().contiguous() for name, tensor in state.items() if name not in shared})
    full = _full(card, hashlib.sha256(weights).hexdigest(), shared)
    try:
        target.mkdir(parents=True, exist_ok=True)
        replace_file(target / full["weights"], lambda new: new.write_bytes(weights))
        write_card(target, full)
        _remove_other_weights(target, full["weights"])
    except OSError as error:
        raise StorageError("cannot write the model", path=str(folder), hint="is the disk full?") from error


def check_place(folder: str | Path, kind: str, *, private: bool) -> None:
    """Refuse a folder whose model must not be replaced; worth asking before a long training.

    Args:
        folder: Where the model is to be saved; it may be missing.
        kind: What it will be.
        private: Whether it will state its privacy.

    Raises:
        ModelError: There is a model of another kind, one that states its privacy where the new one does not, or a card
            that cannot be read.
    """
    if not (Path(folder) / CARD).exists():
        return
    try:
        card = read_card(folder)
    except ModelError as error:
        raise ModelError(f"holds something else: {error.message}", path=str(folder), hint=_ELSEWHERE) from error
    if card.get("kind") != kind:
        raise ModelError(f"holds a `{card.get('kind')}`, not a `{kind}`", path=str(folder), hint=_ELSEWHERE)
    if card.get("privacy") is not None and not private:
        message = "holds a model with a privacy statement, and the new one has none"
        raise ModelError(message, path=str(folder), hint=_ELSEWHERE)


def load_model(folder: str | Path, *, kind: str) -> tuple[dict[str, "Tensor"], dict[str, Any]]:
    """Read weights and card.

    Args:
        folder: What `save_model` wrote.
        kind: What the card must say the model is.

    Returns:
        Weights by name, and the card.

    Raises:
        MissingExtraError: The extra `learn` is not installed.
        ModelError: No model, one of another kind or format version, or files that do not belong together.
    """
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load
    except ModuleNotFoundError as error:
        raise _missing(error) from None

    card, weights = _card_and_weights(folder, kind)
    if hashlib.sha256(weights).hexdigest() != card.get("weights_sha256"):
        raise ModelError("weights do not belong to the card", path=str(folder), hint=_AGAIN)
    try:
        state = load(weights)
    except SafetensorError as error:
        raise ModelError("weights are broken", path=str(folder), hint=_AGAIN) from error
    for name, kept in card.get("shared_weights", {}).items():
        if kept not in state:
            raise ModelError("weights do not belong to the card", path=str(folder), hint=_AGAIN)
        state[name] = state[kept]
    return state, card


def read_card(folder: str | Path) -> dict[str, Any]:
    """Read a model's card alone.

    Raises:
        ModelError: No card, not JSON, written by another format version, or damaged.
    """
    file = Path(folder) / CARD
    try:
        card = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError("no model here", path=str(folder), hint="make one with `cartveil train`") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError("card cannot be read", path=str(file), hint=_AGAIN) from error
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        found = card.get("format") if isinstance(card, dict) else None
        hint = "train the model again with this version of Cartveil"
        raise ModelError(f"format version `{found}` is not `{FORMAT}`", path=str(file), hint=hint)
    check_objects(card, file)
    return card


def require_kind(card: Mapping[str, Any], *kinds: str, path: str | Path) -> None:
    """Refuse a model of another kind.

    Args:
        card: What `read_card` returned.
        kinds: What the model may be.
        path: Of the model, for the message.

    Raises:
        ModelError: It is something else.
    """
    found, wanted = card.get("kind"), " or a ".join(f"`{kind}`" for kind in kinds)
    if found not in kinds:
        raise ModelError(f"is a `{found}`, not a {wanted}", path=str(path), hint=f"name the folder of a {wanted}")


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


def _full(card: Mapping[str, Any], digest: str, shared: Mapping[str, str]) -> dict[str, Any]:
    usual = {"cartveil": _version(), "status": CURRENT, "vocabulary_digest": None, "privacy": None}
    # A card that was loaded may be saved again: what it says of its old weights is not true of these.
    kept = {name: value for name, value in card.items() if name not in ("shared_weights", "weights")}
    tied = {"shared_weights": dict(shared)} if shared else {}
    named = {"weights": f"weights-{digest[:12]}.safetensors", "weights_sha256": digest}
    return {"format": FORMAT, **usual, **kept, **tied, **named}


def _card_and_weights(folder: str | Path, kind: str) -> tuple[dict[str, Any], bytes]:
    card = read_card(folder)
    while True:
        require_kind(card, kind, path=folder)
        try:
            return card, (Path(folder) / card.get("weights", WEIGHTS)).read_bytes()
        except OSError as error:
            before, card = card, read_card(folder)
            # A writer may have put a new model in place since the card was read.
            if card.get("weights") == before.get("weights"):
                raise ModelError("weights are missing", path=str(folder), hint=_AGAIN) from error


def _remove_other_weights(folder: Path, kept: str) -> None:
    for path in folder.iterdir():
        if path.name != kept and WEIGHTS_FILE.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _missing(error: ModuleNotFoundError) -> MissingExtraError:
    message = f"reading and writing models needs the extra `learn` ({error.name})"
    return MissingExtraError(message, hint="pip install 'cartveil[learn]'")


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast(pa.large_string()) if pa.types.is_string(column.type) else column


def _version() -> str:
    try:
        return version("cartveil")
    except PackageNotFoundError:
        return "unknown"
