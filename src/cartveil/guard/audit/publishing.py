"""The log as a folder of files: to be served by any web server, or copied to another host, and checked there.

The layout is that of `tiles`. Whoever has the folder and the public key can prove what is in the log and that it only
grew, without the vault. Entries are left out unless asked for: hashes say nothing of who did what.
"""

import shutil
from pathlib import Path

from cartveil.errors import IntegrityError, ReadError, StorageError
from cartveil.events.writing import replace_file
from cartveil.guard.audit.checkpoint import Checkpoint, verify_checkpoint
from cartveil.guard.audit.log import AuditLog
from cartveil.guard.audit.merkle import leaf_hash, tree_root, verify_consistency
from cartveil.guard.audit.tiles import (
    HASH_BYTES,
    WIDTH,
    Tiles,
    read_bundle,
    shape,
    split_tile,
    tile_nodes,
    tile_path,
    tile_root,
    width_of,
    write_bundle,
)

CHECKPOINT_FILE = "checkpoint"


def publish(log: AuditLog, note: str, folder: Path, *, public_key: bytes, entries: bool = False) -> int:
    """Write what a checkpoint covers to a folder; from then on only what is new.

    Args:
        log: The log.
        note: A checkpoint of it, not older than the one in the folder.
        folder: Made if it is not there.
        public_key: Who signs checkpoints.
        entries: Write the entries too.

    Returns:
        How many files were written.

    Raises:
        IntegrityError: The folder holds another log, or one that this log does not continue; nothing was written.
        StorageError: The disk refused.
        InputError: An entry is too long for a bundle.

    Guarantees:
        - Every file is written whole or not at all, and the checkpoint last: what it covers is there.
        - Interrupted, publishing again completes it.
    """
    promise = verify_checkpoint(note, public_key=public_key)
    before = _published_before(log, promise, folder, public_key)
    files = 0
    for level, index, width in shape(promise.size):
        new = width_of(level, index, size=before) < width
        if new:
            files += _write(folder / tile_path(level, index, width), log.tile(level, index)[: width * HASH_BYTES])
        if entries and not level:
            files += _write_bundle(log, folder / tile_path("entries", index, width), (index, width), new=new)
    files += _write(folder / CHECKPOINT_FILE, note.encode("utf-8"))
    _remove_outgrown(folder, before, promise.size)
    return files


def verify_published(folder: Path, *, public_key: bytes) -> dict[str, int]:
    """Check a published log with nothing but its folder and the public key.

    Returns:
        Counts: `entries` of the log, `bundles` of entries that are there and were checked.

    Raises:
        ReadError: No published log is there.
        IntegrityError: A file is missing or was changed.
    """
    promise = verify_checkpoint(published_checkpoint(folder), public_key=public_key)
    tiles = published_tiles(folder, promise.size)
    if tree_root(promise.size, tile_nodes(tiles)) != promise.root:
        raise IntegrityError("tiles do not lead to the checkpoint", path=str(folder))
    bundles = 0
    for level, index, width in shape(promise.size):
        tile = tiles(level, index)
        if level and any(tile_root(tiles(level - 1, index * WIDTH + n)) != _hash(tile, n) for n in range(width)):
            raise IntegrityError("tile was changed", path=str(folder / tile_path(level, index, width)))
        bundles += not level and _check_bundle(folder, index, tile)
    return {"entries": promise.size, "bundles": bundles}


def published_checkpoint(folder: Path) -> str:
    """Return the checkpoint of a published log.

    Raises:
        ReadError: There is none.
    """
    try:
        return (folder / CHECKPOINT_FILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        hint = "name a folder that `cartveil publish` wrote"
        raise ReadError("no published log", path=str(folder), hint=hint) from None


def published_tiles(folder: Path, size: int) -> Tiles:
    """Return the tiles of a published log of `size` entries.

    Raises:
        IntegrityError: From what is returned, where a file is missing or has another length.
    """

    def tiles(level: int, index: int) -> bytes:
        width = width_of(level, index, size=size)
        tile, found = _read(folder, level, index, width=width)
        if not found or len(tile) != found * HASH_BYTES:
            raise IntegrityError("tile is missing", path=str(folder / tile_path(level, index, width)))
        return tile[: width * HASH_BYTES]

    return tiles


def _published_before(log: AuditLog, promise: Checkpoint, folder: Path, public_key: bytes) -> int:
    """Return how many entries the folder covers, after a check that the log continues it."""
    if not (folder / CHECKPOINT_FILE).exists():
        return 0
    old = verify_checkpoint(published_checkpoint(folder), public_key=public_key)
    if old.origin != promise.origin:
        raise IntegrityError("holds another log", path=str(folder), hint="choose another folder")
    if old.size > promise.size:
        raise IntegrityError(f"log is shorter than the {old.size} entries published", path=str(folder))
    proof = log.prove_consistency(old.size, promise.size)
    verify_consistency(old=old.size, new=promise.size, old_root=old.root, new_root=promise.root, proof=proof)
    return old.size


def _write_bundle(log: AuditLog, path: Path, place: tuple[int, int], *, new: bool) -> int:
    # Entries may be asked for when the tiles above them were published long ago.
    if not new and path.exists():
        return 0
    start = place[0] * WIDTH
    return _write(path, write_bundle(log.entries(start, start + place[1])))


def _write(path: Path, content: bytes) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError((error.strerror or "cannot be made").lower(), path=str(path.parent)) from None
    replace_file(path, lambda new: new.write_bytes(content))
    return 1


def _remove_outgrown(folder: Path, before: int, size: int) -> None:
    """Remove the partial tiles of a tile that is full now; until then each serves the checkpoint of its time."""
    for level, index, width in shape(before):
        if width < WIDTH == width_of(level, index, size=size):
            for name in (level, "entries") if level == 0 else (level,):
                full = folder / tile_path(name, index, WIDTH)
                if full.exists():
                    shutil.rmtree(full.with_name(f"{full.name}.p"), ignore_errors=True)


def _check_bundle(folder: Path, index: int, tile: bytes) -> int:
    """Compare the entries of a tile with its hashes, where they are published."""
    width = len(tile) // HASH_BYTES
    bundle, found = _read(folder, "entries", index, width=width)
    if not found:
        return 0
    hashes = [leaf_hash(entry) for entry in read_bundle(bundle)]
    if len(hashes) != found or hashes[:width] != split_tile(tile):
        raise IntegrityError("entries were changed", path=str(folder / tile_path("entries", index, width)))
    return 1


def _read(folder: Path, level: int | str, index: int, *, width: int) -> tuple[bytes, int]:
    """Return a tile's file, or that of the full tile which took its place, and how much must be in it; 0 if neither."""
    for found in (width, WIDTH):
        path = folder / tile_path(level, index, found)
        try:
            return path.read_bytes(), found
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ReadError((error.strerror or "cannot be read").lower(), path=str(path)) from None
    return b"", 0


def _hash(tile: bytes, place: int) -> bytes:
    return tile[place * HASH_BYTES : (place + 1) * HASH_BYTES]
