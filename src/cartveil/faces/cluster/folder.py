"""A folder that appears whole or not at all."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cartveil.errors import StorageError
from cartveil.faces.files import make_folder, refuse_existing


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Fill a folder that appears whole at the end of the block, or not at all.

    Args:
        path: Where; nothing may stand there yet.

    Yields:
        A folder beside it, to be filled; it takes its name when the block ends, and is removed when the block fails.

    Raises:
        InputError: Something stands there already.
        StorageError: The disk refused.
    """
    refuse_existing(path)
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        temporary.mkdir()
        yield temporary
        _to_disk(temporary)
        temporary.rename(path)
    except OSError as error:
        reason = (error.strerror or "write failed").lower()
        raise StorageError(reason, path=str(path), hint="nothing was written; free space or check rights") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _to_disk(folder: Path) -> None:
    # The files are on disk already, each by its own writer; their names are what is left to save.
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
