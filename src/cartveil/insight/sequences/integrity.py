"""Size and SHA-256 of each file of a store, so that a changed file is refused before anything of it is mapped.

What is mapped is not looked at again: one wrong bit among the offsets of the words ends the process, and one among the
events teaches a model something that never happened.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cartveil.errors import IntegrityError

#: The way out of whatever is wrong with a store.
AGAIN = "write the store again with `write_sequences`"


@dataclass(frozen=True)
class FileDigest:
    """What a file must be.

    Args:
        size: In bytes.
        sha256: Of all of it, 64 hexadecimal digits.
    """

    size: int
    sha256: str


def digests_of(folder: Path, names: Iterable[str]) -> dict[str, FileDigest]:
    """Return size and SHA-256 of these files, by name."""
    return {name: FileDigest((folder / name).stat().st_size, sha256_of(folder / name)) for name in names}


def require_unchanged(folder: Path, files: Mapping[str, FileDigest], *, trusted: Collection[str] = ()) -> None:
    """Compare files with what they must be.

    Args:
        folder: Where they are.
        files: Name -> what it must be.
        trusted: Names of files of which the size alone is looked at.

    Raises:
        IntegrityError: A file is missing, or is not what was written.
    """
    for name, told in files.items():
        try:
            same = (folder / name).stat().st_size == told.size
            same = same and (name in trusted or sha256_of(folder / name) == told.sha256)
        except OSError as error:
            raise IntegrityError("cannot be read", path=str(folder / name), hint=AGAIN) from error
        if not same:
            raise IntegrityError("not the file that was written with this store", path=str(folder / name), hint=AGAIN)


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
