"""Small files written whole or not at all."""

import os
import secrets
from pathlib import Path

from cartveil.errors import KeyringError, StorageError


def write_new_file(path: Path, content: bytes, *, mode: int) -> None:
    """Write a file that does not exist yet: to a neighbour, to the disk, then linked into place.

    Guarantees:
        - At every moment there is either no file at `path` or the whole one.
        - An existing file stays as it is.

    Raises:
        KeyringError: The file exists.
        StorageError: The disk refused.
    """
    neighbour = _neighbour(path)
    try:
        _write_through(neighbour, content, mode)
        os.link(neighbour, path)  # unlike a rename, this fails where a file stands
        _sync_folder(path.parent)
    except FileExistsError:
        raise KeyringError("exists already", path=str(path), hint="open it, or choose another path") from None
    except OSError as error:
        hint = "check the folder, its permissions and the free space"
        raise StorageError(f"cannot be written: {error.strerror}", path=str(path), hint=hint) from None
    finally:
        neighbour.unlink(missing_ok=True)


def _neighbour(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}")


def _write_through(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
