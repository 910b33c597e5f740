"""What is kept of a vault outside its own file: its newest checkpoint, and the list of the erased.

Whoever can put an old file in place of the new one, or restores a backup, brings back consumers who were erased. The
vault itself cannot know; these two files beside the keyring do. They must not be backed up together with the vault.

- `erasures-<vault>.jsonl`: a line per step of an erasure, each with a mark that only the keyring can make: `lookup` and
  `subject` (codes, as the vault and its log call the consumer), `state` (`begun`, `kept` or `done`), and the `receipt`.
- `checkpoint-<vault>.txt`: the newest signed checkpoint of the log.
"""

import fcntl
import hmac
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from cartveil.errors import IntegrityError, ReadError, StorageError
from cartveil.events.writing import replace_file
from cartveil.guard.audit import parse_checkpoint
from cartveil.guard.vault.receipt import canonical

_HINT = "take the list of erasures from where it was kept, and find out who changed it"


@dataclass(frozen=True)
class Witness:
    """The two files of one vault.

    Args:
        folder: Where they lie.
        vault: The vault's own name for itself.
        mark: Makes the mark of a text.
    """

    folder: Path
    vault: str
    mark: Callable[[str], str]

    @property
    def erasures(self) -> Path:
        """Return where the list of the erased lies."""
        return self.folder / f"erasures-{self.vault}.jsonl"

    @property
    def checkpoint(self) -> Path:
        """Return where the newest checkpoint lies."""
        return self.folder / f"checkpoint-{self.vault}.txt"

    def size(self) -> int:
        """Return how long the list is, in bytes of whole lines; 0 where there is none."""
        try:
            with self.erasures.open("rb") as file:
                return _whole_end(file)
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise self._unreadable(error) from None

    def append(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Add lines to the list; when this returned they are on the disk.

        Raises:
            StorageError: The disk refused; no line was added, or a torn one that the next call removes.
        """
        text = b"".join(canonical({**line, "mark": self._mark(line)}) + b"\n" for line in lines)
        try:
            with os.fdopen(os.open(self.erasures, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                _leave_torn(file)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            reason = (error.strerror or "write failed").lower()
            raise StorageError(reason, path=str(self.erasures), hint=StorageError.usual_hint) from None

    def lines(self, start: int) -> list[dict[str, Any]]:
        """Return the lines from a byte on; a torn last one was never acknowledged and is left out.

        Raises:
            IntegrityError: A line was changed, or the list is shorter than it was.
        """
        try:
            with self.erasures.open("rb") as file:
                file.seek(0, os.SEEK_END)
                if file.tell() < start:
                    raise IntegrityError("list of erasures was cut", path=str(self.erasures), hint=_HINT)
                file.seek(start)
                text = file.read()
        except FileNotFoundError:
            if start:
                raise IntegrityError("list of erasures is gone", path=str(self.erasures), hint=_HINT) from None
            return []
        except OSError as error:
            raise self._unreadable(error) from None
        return [self._line(line) for line in text[: _whole_bytes(text)].splitlines()]

    def keep(self, note: str | None) -> None:
        """Keep a checkpoint, unless a newer one is kept already."""
        kept = self.kept()
        if note is not None and (kept is None or parse_checkpoint(kept).size < parse_checkpoint(note).size):
            self.replace(note)

    def replace(self, note: str) -> None:
        """Keep a checkpoint in place of any other: the vault was restored."""
        replace_file(self.checkpoint, lambda new: new.write_text(note, encoding="utf-8"), mode=0o600)

    def kept(self) -> str | None:
        """Return the newest checkpoint, or None."""
        try:
            return self.checkpoint.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError):
            raise ReadError("cannot be read", path=str(self.checkpoint)) from None

    def _line(self, text: bytes) -> dict[str, Any]:
        try:
            line = dict(json.loads(text))
            written = str(line.pop("mark"))
            if hmac.compare_digest(written, self._mark(line)):
                return line
        except (ValueError, TypeError, KeyError, RecursionError):
            pass
        raise IntegrityError("list of erasures was changed", path=str(self.erasures), hint=_HINT)

    def _mark(self, line: Mapping[str, Any]) -> str:
        return self.mark(canonical({**line, "vault": self.vault}).decode())

    def _unreadable(self, error: OSError) -> ReadError:
        return ReadError((error.strerror or "cannot be read").lower(), path=str(self.erasures))


def _leave_torn(file: BinaryIO) -> None:
    """Go to the end of the last whole line, and cut what stands behind it."""
    file.seek(_whole_end(file))
    file.truncate()


def _whole_end(file: BinaryIO) -> int:
    """Return where the last whole line ends: what a crash tore off behind it is written over one day."""
    end = file.seek(0, os.SEEK_END)
    if end and (file.seek(end - 1), file.read(1))[1] != b"\n":
        file.seek(0)
        end = _whole_bytes(file.read())
    return end


def _whole_bytes(text: bytes) -> int:
    """Return the length of the whole lines; what stands behind them was torn by a crash."""
    return text.rfind(b"\n") + 1
