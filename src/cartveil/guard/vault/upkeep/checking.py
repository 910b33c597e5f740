"""The log and the whole, looked after: read, signed, proven, published and checked; methods of `Vault`."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cartveil.guard.policy import Principal
from cartveil.guard.vault import journal
from cartveil.guard.vault.door import searching
from cartveil.guard.vault.rights import erasing, standing
from cartveil.guard.vault.room import Room
from cartveil.guard.vault.rows import consumers, erasures, resting, tables
from cartveil.guard.vault.upkeep import auditing, rotating


class Checking:
    """The part of `Vault` that can be checked by others."""

    _room: Room

    def audit_events(self, actor: Principal, *, subject: str | None = None) -> pa.Table:
        """Return the log as an event table, in order of time; asking for it is written down.

        Args:
            actor: Who asks.
            subject: Only what concerns this consumer, by id; also of one who was erased.

        Raises:
            RefusedError: Policy says no.
        """
        room = self._room
        with self._room.store.typed_errors():
            return auditing.events(room, actor, subject=subject)

    def alerts(self, actor: Principal) -> pa.Table:
        """Return the entries of every reading behind broken glass, refused ones included; asked as `audit_events` is.

        Raises:
            RefusedError: Policy says no.
        """
        log = self.audit_events(actor)
        return log.filter(pc.not_equal(log["reason"], ""))

    def checkpoint(self) -> str:
        """Sign, store and return a checkpoint of the log; keep it elsewhere, and nobody can cut the log unseen."""
        with self._room.store.typed_errors():
            with self._room.store.transaction():
                note = erasing.sign_log(self._room)
            self._room.witness.keep(note)
            return note

    def prove_consistency(self, old: int, new: int | None = None) -> list[bytes]:
        """Return the proof that the log of `new` entries, or of all, begins with the log of `old` entries.

        Raises:
            IndexError: `old` is greater than `new`, or the log has fewer entries.
        """
        with self._room.store.typed_errors():
            return auditing.prove_consistency(self._room, old, new)

    def publish(self, folder: str | Path, *, reader: Principal | None = None) -> int:
        """Write the log to a folder that any web server can serve; later calls add what is new.

        Args:
            folder: Made if it is not there; of one log only.
            reader: Who may read the log and publishes its entries too; hashes alone if None.

        Returns:
            How many files were written.

        Raises:
            RefusedError: Policy does not let the reader read the log.
            IntegrityError: The folder holds another log, or one that this log does not continue.
            StorageError: The disk refused.
        """
        with self._room.store.typed_errors():
            return auditing.publish(self._room, Path(folder), reader=reader)

    def verify_log(self, *checkpoints: str) -> dict[str, int]:
        """Check the log alone: every entry, its tree, and every promise.

        Args:
            checkpoints: Kept elsewhere; without one, a log that was cut together with its own checkpoints seems whole.

        Returns:
            Counts: `entries`, `checkpoints` stored with the log.

        Raises:
            IntegrityError: Something was changed; the path names the first entry.
        """
        with self._room.store.typed_errors():
            return auditing.verify_log(self._room, checkpoints)

    def verify(self, *checkpoints: str) -> dict[str, Any]:
        """Check everything: the database's own structure, the log against every promise, every row and consumer.

        It is checked as it stands at one moment; others may go on writing.

        Args:
            checkpoints: Kept elsewhere.

        Returns:
            Counts: `entries`, `checkpoints`, `consumers`, `rows`.

        Raises:
            IntegrityError: Something was changed.
        """
        room = self._room
        with self._room.store.typed_errors(), room.store.snapshot():
            room.store.check()
            counts = auditing.verify_log(room, checkpoints)
            people = consumers.check_consumers(room)
            erasures.check_erasures(room)
            standing.check_standing(room)
            stored = [tables.stored_table(room, table.name) for table in room.schema.tables]
            rows = sum(resting.check_marks(room, each) for each in stored)
            searching.check_codes(room, stored)
            journal.check_rows(room, rows)
            rotating.check_log(room)
        return {**counts, "consumers": people, "rows": rows}
