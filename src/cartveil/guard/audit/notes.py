"""Checkpoints kept where the log's operator cannot change them: a file of notes that only grows.

A file of notes is signed checkpoints one after the other, an empty line after each. It can lie on another disk, on a
share that only takes appends, or on another host, behind whoever answers `add-checkpoint`. A checkpoint enters only if
the log proves that it continues the last one: a log that was rewritten, cut or forked is refused, and says so.

Source: C2SP `tlog-witness`, for the request; answers carry no cosignature.
"""

import base64
import binascii
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cartveil.errors import IntegrityError, ReadError, StorageError
from cartveil.guard.audit.checkpoint import Checkpoint, verify_checkpoint
from cartveil.guard.audit.merkle import verify_consistency

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

#: Gives the proof that a log of the second size begins with the one of the first.
Prove = Callable[[int, int], Sequence[bytes]]

# Four lines, an empty one, a signature; and an empty one before the next. As printed, a checkpoint has none after it.
_NOTE = re.compile(r"((?:[^\n]+\n){4}\n[^\n]+\n)(?:\n|\Z)")
_LAST_NOTE = re.compile(r"(?:\A|(?<=\n\n))" + _NOTE.pattern + r"\Z")

# Many times what a checkpoint takes.
_TAIL_BYTES = 64 * 1024

# A proof over 2**63 entries has no more.
_MOST_HASHES = 63


@dataclass(frozen=True)
class Submission:
    """A checkpoint offered to be kept, and the proof that it continues the one of `old` entries."""

    old: int
    proof: tuple[bytes, ...]
    note: str

    def body(self) -> bytes:
        """Return it as it is sent."""
        lines = [f"old {self.old}", *(base64.b64encode(each).decode("ascii") for each in self.proof), ""]
        return ("\n".join(lines) + "\n" + self.note).encode("utf-8")


def parse_submission(body: bytes) -> Submission:
    """Read what was sent.

    Raises:
        IntegrityError: It is no submission.
    """
    try:
        head, empty, note = body.decode("utf-8").partition("\n\n")
        first, *lines = head.split("\n")
        size = int(first.removeprefix("old "))
        submission = Submission(size, tuple(base64.b64decode(line) for line in lines), note)
        if not empty or len(lines) > _MOST_HASHES or submission.body() != body:
            raise ValueError
    except (ValueError, binascii.Error):
        raise IntegrityError("is not a checkpoint with its proof", path="checkpoint") from None
    return submission


def read_notes(path: Path) -> list[str]:
    """Return the checkpoints in a file of notes, oldest first; none where there is no file.

    Raises:
        IntegrityError: Something else stands in it.
        ReadError: It cannot be read.
    """
    text, notes, end = _read(path), [], 0
    while found := _NOTE.match(text, end):
        notes.append(found[1])
        end = found.end()
    if end != len(text):
        raise _torn(path)
    return notes


def last_note(path: Path) -> str | None:
    """Return the newest checkpoint in a file of notes, without a look at the others; None where there is none.

    Raises:
        IntegrityError: The file does not end with a checkpoint.
        ReadError: It cannot be read.
    """
    text = _read(path, last=_TAIL_BYTES)
    found = _LAST_NOTE.search(text)
    if text and found is None:
        raise _torn(path)
    return found[1] if found else None


def _read(path: Path, *, last: int | None = None) -> str:
    """Return a file's text, or what its last bytes say; nothing where there is no file."""
    try:
        with path.open("rb") as file:
            if last is not None:
                file.seek(max(0, file.seek(0, os.SEEK_END) - last))
            # The tail may begin within a character, far before the last checkpoint.
            return file.read().decode("utf-8", "strict" if last is None else "replace")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise _torn(path) from None
    except OSError as error:
        raise ReadError((error.strerror or "cannot be read").lower(), path=str(path)) from None


def _torn(path: Path) -> IntegrityError:
    hint = "remove what stands behind the last whole checkpoint, if a full disk cut it off"
    return IntegrityError("is not a file of whole checkpoints", path=str(path), hint=hint)


def check_continues(promise: Checkpoint, last: Checkpoint, proof: Sequence[bytes]) -> None:
    """Check that a checkpoint continues the last one.

    Raises:
        IntegrityError: It does not: the log was rewritten, cut, or tells two stories.
    """
    hint = "keep both checkpoints: together they show that the log was changed"
    if promise.origin != last.origin:
        raise IntegrityError("holds checkpoints of another log", path="checkpoint", hint="choose another file")
    if promise.size < last.size:
        said = f"log of {promise.size} entries is shorter than the {last.size} entries that it was"
        raise IntegrityError(said, path="checkpoint", hint=hint)
    roots = {"old_root": last.root, "new_root": promise.root}
    try:
        verify_consistency(old=last.size, new=promise.size, proof=proof, **roots)
    except IntegrityError:
        said = f"log does not continue the {last.size} entries that it was"
        raise IntegrityError(said, path="checkpoint", hint=hint) from None


def keep_note(path: Path, note: str, *, public_key: bytes, prove: Prove) -> bool:
    """Append a checkpoint to a file of notes, if it continues the last one there.

    Args:
        path: The file; made if it is not there.
        note: The checkpoint.
        public_key: Who signs checkpoints of this log.
        prove: Gives the proof from the last one.

    Returns:
        Whether it was written; one that says what the last one says is not.

    Raises:
        IntegrityError: Not signed by this key, or it does not continue the last one; nothing was written.
        StorageError: The disk refused.
    """
    promise = verify_checkpoint(note, public_key=public_key)
    with _appending(path) as descriptor:
        newest = last_note(path)
        if newest is not None:
            last = verify_checkpoint(newest, public_key=public_key)
            proof = prove(last.size, promise.size) if last.size < promise.size else ()
            check_continues(promise, last, proof)
            if last.size == promise.size:
                return False
        # A checkpoint that a person put there, as it was printed, has no empty line after it.
        gap = "" if newest is None or _read(path, last=2) == "\n\n" else "\n"
        os.write(descriptor, f"{gap}{note}\n".encode())
        os.fsync(descriptor)
    return True


@contextmanager
def _appending(path: Path) -> Iterator[int]:
    """Open a file to add to its end, one program at a time; works where a file may only be appended to."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            if fcntl is not None:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StorageError((error.strerror or "cannot be written").lower(), path=str(path)) from None
