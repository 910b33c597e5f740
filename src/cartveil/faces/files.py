"""Writing files so that they appear whole or not at all."""

import io
import json
import tempfile
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cartveil.errors import InputError, ReadError, StorageError
from cartveil.events.protected import ProtectedEvents
from cartveil.events.writing import replace_file


def refuse_existing(*paths: Path | None) -> None:
    """Refuse where something stands at an output's place; to be asked before any work is done for it."""
    for path in paths:
        if path is not None and (path.exists() or path.is_symlink()):
            raise InputError("exists already", path=str(path), hint="choose another name, or remove it first")


def make_folder(path: Path) -> None:
    """Make a folder and those above it; one that is there stays."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or "cannot be made").lower()
        raise StorageError(reason, path=str(path), hint="choose another folder, or check the permissions") from None


def refuse_unwritable(folder: Path) -> None:
    """Refuse where a folder cannot be made or written; asked before costly work, and leaves nothing behind."""
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        make_folder(folder)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = (error.strerror or "cannot be written").lower()
        raise StorageError(reason, path=str(folder), hint="choose another folder, or check the permissions") from None
    finally:
        with suppress(OSError):  # not made, or no longer empty: then it is somebody else's
            for each in made:
                each.rmdir()


def write_new(path: Path, text: str) -> None:
    """Write a text file that must not exist yet."""
    refuse_existing(path)
    write_text(path, text)


def write_text(path: Path, text: str, *, mode: int = 0o666) -> None:
    """Write a text file, whole or not at all."""
    replace_file(path, lambda new: new.write_text(text, encoding="utf-8"), mode=mode)


def write_json(path: Path, value: object) -> None:
    """Write one JSON value, whole or not at all."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def write_parquet(path: Path, table: pa.Table) -> None:
    """Write a Parquet file, whole or not at all."""
    replace_file(path, lambda new: pq.write_table(table, new, compression="zstd"))


def write_secret(path: Path, data: bytes, *, public_key: Path | None = None) -> None:
    """Write a file for its owner only, whole or not at all; encrypted where an RSA public key is given."""
    content = data if public_key is None else _sealed_to(data, public_key)
    replace_file(path, lambda new: new.write_bytes(content), mode=0o600)


def write_release(path: Path, events: ProtectedEvents, *, public_key: Path | None = None) -> None:
    """Write a release, whole or not at all; encrypted to the owner of an RSA public key where one is given."""
    if public_key is None:
        replace_file(path, events.save)
        return
    # In memory: a release for one recipient must not touch the disk in clear.
    clear = io.BytesIO()
    events.save(clear)
    sealed = _sealed_to(clear.getvalue(), public_key)
    replace_file(path, lambda new: new.write_bytes(sealed))


def _sealed_to(data: bytes, public_key: Path) -> bytes:
    """Return data encrypted to the owner of the RSA public key in a file."""
    from cartveil.guard.protect.release import release_to

    try:
        pem = public_key.read_bytes()
    except OSError:
        raise ReadError("cannot be read", path=str(public_key), hint="give an RSA public key in PEM form") from None
    return release_to(data, pem)
