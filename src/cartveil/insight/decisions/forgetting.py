"""Forgetting in the wing that learns: erased pseudonyms leave the saved releases, and models that saw them say so.

A model holds no pseudonym, so nothing can be cut out of it; what can be done is to remove the events, and to mark the
card until somebody trains again. A model whose release is not in the folder is marked too: nobody can rule out that it
saw the consumer. Only releases are touched; any other Parquet file is left as it is.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cartveil.errors import IntegrityError, ModelError, ReadError, StorageError
from cartveil.events.protected import ProtectedEvents, load_protected
from cartveil.insight.models.card import CARD, NEEDS_RETRAINING, digest_of, read_card, write_card


def forget(folder: str | Path, pseudonyms: Iterable[str]) -> dict[str, Any]:
    """Remove pseudonyms from every release under a folder, and mark the models that were trained on them.

    Args:
        folder: Where releases and models were saved, at any depth; it may be missing.
        pseudonyms: What the consumer was called in each release.

    Returns:
        `releases` rewritten, `events` removed, `models` marked (paths from the folder), and `unreadable` files.
        It holds no pseudonym, so it may stand in a receipt.

    Raises:
        StorageError: A file cannot be replaced; those before it are, and the rest can be done by calling again.
    """
    root, gone = Path(folder), sorted(set(pseudonyms))
    releases, unreadable = _releases(root)
    models = _concerned(root, releases, gone) if gone else []
    removed, rewritten = 0, []
    for path, events in releases:
        held = _held(events, gone)
        if held:
            _replace(path, events.without(gone))
            removed += held
            rewritten.append(str(path.relative_to(root)))
    marked = [_marked(root, path, card) for path, card in models]
    return {"releases": rewritten, "events": removed, "models": marked, "unreadable": unreadable}


def affected(folder: str | Path, pseudonyms: Iterable[str]) -> dict[str, Any]:
    """Return what `forget` would do, and do nothing; arguments and answer as there."""
    root, gone = Path(folder), sorted(set(pseudonyms))
    releases, unreadable = _releases(root)
    held = {path: _held(events, gone) for path, events in releases}
    names = [str(path.relative_to(root)) for path, count in held.items() if count]
    models = [str(path.parent.relative_to(root)) for path, _ in _concerned(root, releases, gone)] if gone else []
    return {"releases": names, "events": sum(held.values()), "models": models, "unreadable": unreadable}


def mark(folder: str | Path, pseudonyms: Iterable[str]) -> dict[str, Any]:
    """Mark the models that were trained on consumers whose records were corrected; their releases stay as they left.

    Returns:
        `models` marked, paths from the folder, and `unreadable` files.

    Raises:
        StorageError: A card cannot be replaced.
    """
    root, names = Path(folder), sorted(set(pseudonyms))
    releases, unreadable = _releases(root)
    marked = [_marked(root, path, card) for path, card in _concerned(root, releases, names)] if names else []
    return {"models": marked, "unreadable": unreadable}


def _releases(root: Path) -> tuple[list[tuple[Path, ProtectedEvents]], list[str]]:
    found, unreadable = [], []
    for path in sorted(root.rglob("*.parquet")):
        try:
            found.append((path, load_protected(path)))
        except IntegrityError:
            continue  # a Parquet file that is no release
        except ReadError:
            unreadable.append(str(path.relative_to(root)))
    return found, unreadable


def _held(events: ProtectedEvents, pseudonyms: list[str]) -> int:
    if "subject" not in events.table.column_names:
        return 0  # a release for forecasts tells nobody apart
    return int(pc.sum(pc.is_in(events.table["subject"], value_set=pa.array(pseudonyms, pa.string()))).as_py() or 0)


def _replace(path: Path, events: ProtectedEvents) -> None:
    beside = path.with_name(f".{path.name}.new")
    try:
        events.save(beside)
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise StorageError("cannot replace the release", path=str(path), hint="is the disk full?") from error
    finally:
        beside.unlink(missing_ok=True)


def _concerned(
    root: Path, releases: Iterable[tuple[Path, ProtectedEvents]], pseudonyms: list[str]
) -> list[tuple[Path, dict[str, Any]]]:
    """Return the cards of models that saw these consumers, or may have: whose release is not in the folder."""
    with_them: set[str] = set()
    clean: set[str] = set()
    for _, events in releases:
        (with_them if _held(events, pseudonyms) else clean).add(digest_of(events.table))
    found = []
    for path in sorted(root.rglob(CARD)):
        try:
            card = read_card(path.parent)
        except ModelError:
            continue  # a card of something else, or a model that cannot be loaded anyway
        if card.get("data", {}).get("digest") not in clean - with_them:
            found.append((path, card))
    return found


def _marked(root: Path, path: Path, card: dict[str, Any]) -> str:
    """Mark one model, and return its path from the folder."""
    try:
        write_card(path.parent, {**card, "status": NEEDS_RETRAINING})
    except OSError as error:
        raise StorageError("cannot mark the model", path=str(path), hint="is the disk full?") from error
    return str(path.parent.relative_to(root))
