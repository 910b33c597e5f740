"""The file of an account: one program at a time adds lines to it, and each is on the disk before anything goes on.

Two trainings that wrote into one file would each count its own steps alone, and both would promise too much. So whoever
opens the file holds it until it is closed, or until nobody refers to it any more.
"""

import os
import weakref
from pathlib import Path

from cartveil.errors import StorageError

try:
    import fcntl
except ImportError:  # not on Windows: there nobody is kept out
    fcntl = None  # type: ignore[assignment]


class AccountFile:
    """A file of lines that is held as long as it is open.

    Args:
        path: Where; a new file is made where there is none.

    Raises:
        StorageError: It cannot be opened, or another account holds it, of this program or of another.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._owner = path, os.getpid()
        try:
            self._number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as error:
            raise StorageError(f"the account cannot be opened: {error.strerror}", path=str(path)) from None
        # Closed at the latest when nobody refers to it any more.
        self._close = weakref.finalize(self, os.close, self._number)
        try:
            self._take()
        except OSError as error:
            self._close()
            raise StorageError(f"the account cannot be held: {error.strerror}", path=str(path)) from None

    def lines(self) -> list[bytes]:
        """Return all lines.

        Raises:
            StorageError: The disk refused.
        """
        try:
            with os.fdopen(self._number, "rb", closefd=False) as file:
                file.seek(0)
                text = file.read()
            # A kill may cut the last line; its sum was then never given out, and the next line must not follow it.
            whole = text.rfind(b"\n") + 1
            if whole < len(text):
                os.ftruncate(self._number, whole)
        except OSError as error:
            raise StorageError(f"the account cannot be read: {error.strerror}", path=str(self._path)) from None
        return text[:whole].splitlines()

    def append(self, line: str) -> None:
        """Add one line; when this returns it is on the disk.

        Raises:
            StorageError: The disk refused, or the file was closed. After a refusal it is closed: what the disk holds
                then is known only to whoever opens it anew.
        """
        if not self._close.alive or self._owner != os.getpid():
            hint = "open the account anew, in the program that trains"
            raise StorageError("the account is closed", path=str(self._path), hint=hint)
        try:
            text = f"{line}\n".encode()
            while text:
                text = text[os.write(self._number, text) :]
            os.fsync(self._number)
        except OSError as error:
            self.close()
            raise StorageError(f"the account cannot be written: {error.strerror}", path=str(self._path)) from None

    def close(self) -> None:
        """Let go of the file; a second time does nothing."""
        if self._close.alive and self._owner == os.getpid() and fcntl is not None:
            fcntl.flock(self._number, fcntl.LOCK_UN)  # else a program that was forked off would go on holding it
        self._close()

    def _take(self) -> None:
        """Keep others out, and see to it that a new file does not vanish when the power fails."""
        if fcntl is None:
            return
        try:
            fcntl.flock(self._number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._close()
            hint = "wait until the other training ends, or give this one an account of its own"
            raise StorageError("the account is in use", path=str(self._path), hint=hint) from None
        if os.fstat(self._number).st_size == 0:
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
