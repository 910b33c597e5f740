"""Files that appear whole or not at all: written to a neighbour, forced to the disk, then put in place.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     replace_file(Path(folder) / "note.txt", lambda new: new.write_text("whole"))
...     (Path(folder) / "note.txt").read_text()
'whole'
"""

import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cartveil.errors import InputError, StorageError

#: Random part of the name of a neighbour.
_RANDOM_BYTES = 8

#: Writes a file's content to the path that it is given.
Write = Callable[[Path], object]


def replace_file(path: Path, write: Write, *, mode: int = 0o666) -> None:
    """Write a file, in place of the one that may stand there.

    Args:
        path: Where the file is to stand.
        write: Writes the content to another path beside it.
        mode: Permissions, before the process's own mask.

    Raises:
        StorageError: The disk refused; what stood there stands there still.

    Guarantees:
        - At every moment there is the old content or the new, whole, and nobody ever sees it with other permissions.
    """
    _put(path, write, mode=mode, place=lambda new: new.replace(path))


def create_file(path: Path, write: Write, *, mode: int = 0o666) -> None:
    """Write a file that does not exist yet; otherwise as `replace_file`.

    Raises:
        FileExistsError: It exists; it stays as it is.
        StorageError: The disk refused.
    """
    # Unlike a rename, a link fails where a file stands.
    _put(path, write, mode=mode, place=lambda new: os.link(new, path))


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Fill a folder that appears whole at the end of the block, or not at all.

    Args:
        path: Where; nothing may stand there yet.

    Yields:
        A folder beside it, to be filled with files; it takes its name when the block ends, and is removed when the
        block fails.

    Raises:
        InputError: Something stands there already.
        StorageError: The disk refused.
    """
    if path.exists() or path.is_symlink():
        raise InputError("exists already", path=str(path), hint="choose another name, or remove it first")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
        yield temporary
        for place in (*temporary.iterdir(), temporary):
            _sync(place)
        temporary.rename(path)
    except OSError as error:
        reason = (error.strerror or "write failed").lower()
        raise StorageError(reason, path=str(path), hint="nothing was written; free space or check rights") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def strays_of(path: Path) -> list[Path]:
    """Return the neighbours that killed writers of a file left behind; one that is being written is among them."""
    front, length = f".{path.name}.", 2 * _RANDOM_BYTES
    try:
        found = [each for each in path.parent.iterdir() if each.name.startswith(front)]
    except OSError:
        return []
    return [each for each in found if re.fullmatch(f"[0-9a-f]{{{length}}}", each.name.removeprefix(front))]


def _put(path: Path, write: Write, *, mode: int, place: Callable[[Path], object]) -> None:
    new = path.with_name(f".{path.name}.{secrets.token_hex(_RANDOM_BYTES)}")
    try:
        os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
        write(new)
        _sync(new)
        place(new)
        _sync(path.parent)
    except FileExistsError:
        raise
    except OSError as error:
        reason = (error.strerror or "write failed").lower()
        hint = "nothing was written; check the folder, its permissions and the free space"
        raise StorageError(reason, path=str(path), hint=hint) from None
    finally:
        new.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
