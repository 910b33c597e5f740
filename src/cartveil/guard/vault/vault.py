"""The vault: the one door to consumers' records.

Whoever wants something of a record comes through here, and each time the same happens: the policy decides, the log
is written, only then a key is opened. Data lies sealed under a key per consumer; to destroy it is to forget.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa

from cartveil.errors import IntegrityError, KeyringError
from cartveil.events.patterns import find_patterns
from cartveil.events.schema import Schema, format_schema, parse_schema
from cartveil.events.spans import Finder
from cartveil.guard.keys import Keyring
from cartveil.guard.policy import Policy, Principal
from cartveil.guard.protect.steps import Scope
from cartveil.guard.store import SQLiteStore
from cartveil.guard.vault import consumers, erasing, exporting, journal, reading, records, resting, tables
from cartveil.guard.vault.erasing import Forget
from cartveil.guard.vault.exporting import Export
from cartveil.guard.vault.layout import TABLES
from cartveil.guard.vault.reading import NotShown, Reading, Wish
from cartveil.guard.vault.room import Room, mark_of

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class PutResult:
    """What was put: rows, distinct consumers in them, and values (rows times stored columns)."""

    rows: int
    subjects: int
    values: int


class Vault:
    """An open vault. Made by `create` and `open`; a context manager.

    Guarantees:
        - Nothing is given that policy does not permit, and nothing that the log does not say.
        - Data and log change together or not at all.
        - Without the keyring the file tells neither values nor who is in it.
    """

    def __init__(self, room: Room) -> None:
        self._room = room

    @classmethod
    def create(
        cls,
        path: str | Path,
        keyring: Keyring,
        schema: Schema,
        *,
        clock: Clock,
        policy: Policy | None = None,
        finder: Finder = find_patterns,
        survive_power_loss: bool = True,
    ) -> "Vault":
        """Make an empty vault with the tables of a schema.

        Args:
            path: Where; nothing may stand there.
            keyring: Whose keys seal it; needed again to open it.
            schema: The tables; kept in the vault.
            clock: Tells the time, for the log and for rules about hours.
            policy: Who may do what; the shipped one if None.
            finder: Finds personal values in free text, for exports.
            survive_power_loss: Wait for the disk at each commit. False is for rehearsals and tests: until the vault is
                opened again, a power cut may take the last commits (all of each or nothing).

        Raises:
            StorageError: A file stands there, or the disk refused.
            SchemaError: A subject column would not rest sealed.
        """
        store = SQLiteStore.create(Path(path), survive_power_loss=survive_power_loss)
        room = Room(store, keyring, schema, policy or Policy.load(), clock, finder)
        try:
            with store.typed_errors():
                _lay_out(room)
        except BaseException:  # also Ctrl-C: a vault without its tables must not stay
            store.remove()
            raise
        return cls(room)

    @classmethod
    def open(
        cls,
        path: str | Path,
        keyring: Keyring,
        *,
        clock: Clock,
        policy: Policy | None = None,
        finder: Finder = find_patterns,
    ) -> "Vault":
        """Open a vault; arguments as for `create`.

        Raises:
            ReadError: No such file.
            IntegrityError: Not a vault, or a changed one.
            KeyringError: Another keyring sealed it.
        """
        store = SQLiteStore.open(Path(path))
        try:
            with store.typed_errors():
                meta = dict(store.execute("SELECT name, value FROM meta").fetchall())
                _check_keyring(meta, keyring, store.name)
                schema = _stored_schema(meta, keyring, store.name)
        except BaseException:
            store.close()
            raise
        return cls(Room(store, keyring, schema, policy or Policy.load(), clock, finder))

    @property
    def schema(self) -> Schema:
        """Return the schema that the vault was made with."""
        return self._room.schema

    @property
    def path(self) -> Path:
        """Return the vault's file."""
        return Path(self._room.store.name)

    @property
    def public_key(self) -> bytes:
        """Return the 32 raw bytes that check this vault's receipts and checkpoints (Ed25519)."""
        return self._room.keyring.public_key

    def counts(self) -> dict[str, int]:
        """Return how much is in the vault: `consumers`, `entries` of the log, and `rows` over all tables."""
        room = self._room
        with self._errors():
            rows = sum(resting.count_rows(room, table.name) for table in room.schema.tables)
            (people,) = room.store.execute("SELECT count(*) FROM consumers").fetchone()
            return {"consumers": int(people), "entries": room.log.size, "rows": rows}

    def at_rest(self, table: str, subject: str) -> list[dict[str, Any]]:
        """Return one consumer's rows as they lie in the file, to look at the protection itself.

        Returns:
            Per row the sealed bytes, token or pseudonym of each column; `kept` stands for a value that rests in the
            clear, which is for `read` to show. No key is opened.

        Raises:
            UnknownSubjectError: No such consumer.
            ErasedError: The consumer was erased.
        """
        room = self._room
        with self._errors():
            return reading.at_rest(room, table, subject)

    def put(self, actor: Principal, table: str, data: pa.Table) -> PutResult:
        """Add rows to a table: all of them or none.

        Args:
            actor: Needs the action `put`.
            table: A table of the schema.
            data: Clear rows with the schema's columns; not changed.

        Raises:
            RefusedError: Policy says no.
            ColumnError: Columns are missing or unknown, a row names no consumer, or values must not be stored.
            ErasedError: Some consumers were erased.
            StorageError: The disk is full or failed; nothing was written.
        """
        room = self._room
        with self._errors():
            stored = tables.stored_table(room, table)
            request, decision = journal.ask(room, actor, "put", table=stored.table, about={})
            if not decision.allowed:
                raise journal.refuse(room, request, decision, rows=data.num_rows)
            with room.store.transaction():
                stored = tables.stored_table(room, table)
                subjects = records.insert(room, stored, data)
                journal.write(room, request, decision, rows=data.num_rows)
                erasing.sign_log(room)
        width = len(stored.columns()) + (stored.subject is not None)
        return PutResult(data.num_rows, subjects, data.num_rows * width)

    def read(
        self,
        actor: Principal,
        table: str,
        subject: str,
        *,
        purpose: str,
        fields: Sequence[str] | None = None,
        context: Mapping[str, object] | None = None,
    ) -> Reading:
        """Show one consumer's rows, each field in the strongest view that policy permits.

        Args:
            actor: Who asks.
            table: A table of the schema that names consumers.
            subject: The consumer's id, as text.
            purpose: What it is for.
            fields: Which fields; all if None.
            context: Some of `case` (a number), `case_open`, `session`; the vault itself works out the hour, consent and
                whose record it is.

        Raises:
            RefusedError: No field may be seen; says why and what would permit it.
            UnknownSubjectError: No such consumer.
            ErasedError: The consumer was erased.

        Guarantees:
            - The audit entry is on the disk before a key is opened; without entry there is no answer.
            - Refusals and questions about nobody are written down too.
        """
        with self._errors():
            return reading.read(self._room, Wish(actor, table, subject, purpose, fields, context))

    def reveal(
        self,
        actor: Principal,
        table: str,
        subject: str,
        *,
        fields: Sequence[str],
        purpose: str,
        context: Mapping[str, object] | None = None,
    ) -> Reading:
        """Show fields of one consumer's rows in the clear, or nothing; otherwise as `read`."""
        with self._errors():
            return reading.read(self._room, Wish(actor, table, subject, purpose, fields, context, "reveal"))

    def read_many(self, wishes: Iterable[Wish]) -> list[Reading | NotShown]:
        """Answer several wishes as `read` and `reveal` would, with one durable write of the log for all of them.

        A disk takes milliseconds to make a write durable; who answers many people at a time pays them once.

        Args:
            wishes: In order; taken one by one, the clock asked for each. Making them must not ask this vault itself.

        Returns:
            For each wish its reading, or the error that `read` would raise.

        Guarantees:
            - No key is opened before the entries of all wishes are on the disk.
        """
        with self._errors():
            return reading.read_many(self._room, wishes)

    def export(
        self, actor: Principal, *, purpose: str, recipient: str, period: str = "", table: str | None = None
    ) -> Export:
        """Release events that name nobody.

        Args:
            actor: Needs the action `export` for this purpose.
            purpose: Decides whether consent is needed, which columns leave, and whether consumers are told apart.
            recipient: Who gets them; pseudonyms are theirs alone.
            period: Pseudonyms of two periods cannot be joined.
            table: The table of events; the first with subject, time and item if None.

        Raises:
            RefusedError: Policy says no, or no column may leave.
        """
        with self._errors():
            return exporting.export(self._room, actor, Scope(purpose, recipient, period), table=table)

    def pseudonyms(self, subject: str) -> dict[str, str]:
        """Return a consumer's pseudonym in each release, for whoever must forget it; for `faces.assemble` alone."""
        with self._errors():
            return erasing.release_pseudonyms(self._room, subject)

    def erase(self, actor: Principal, subject: str, *, forget: Sequence[Forget] = ()) -> dict[str, Any]:
        """Forget one consumer for good.

        Args:
            actor: A privacy officer, or the consumer.
            subject: The consumer's id, as text.
            forget: Each is told the consumer's pseudonym per release (`purpose/recipient/period`), removes it from what
                it keeps, and says what it did, as JSON values.

        Returns:
            The signed receipt; see `receipt`. Of an erasure that was done before, the same receipt as then.

        Raises:
            RefusedError: Policy says no.
            UnknownSubjectError: No such consumer.

        Guarantees:
            - From the first step on, reading says `erased`.
            - Killed at any point, erasing again completes it.
            - No byte of rows or wrapped key stays in the file or its WAL.
        """
        with self._errors():
            return erasing.erase(self._room, actor, subject, forget=forget)

    def audit_events(self, actor: Principal) -> pa.Table:
        """Return the log as an event table, in order of time; asking for it is written down.

        Raises:
            RefusedError: Policy says no.
        """
        room = self._room
        with self._errors():
            request, decision = journal.ask(room, actor, "audit", table=None, about={"purpose": "security"})
            if not decision.allowed:
                raise journal.refuse(room, request, decision)
            with room.store.transaction():
                journal.write(room, request, decision, rows=room.log.size)
            return room.log.events()

    def checkpoint(self) -> str:
        """Sign, store and return a checkpoint of the log; keep it elsewhere, and nobody can cut the log unseen."""
        with self._errors(), self._room.store.transaction():
            return erasing.sign_log(self._room)

    def verify(self, checkpoint: str | None = None) -> dict[str, Any]:
        """Check the whole file: SQLite's own structure, the log against every promise, every row and consumer.

        Args:
            checkpoint: One that was kept elsewhere.

        Returns:
            Counts: `entries`, `checkpoints`, `consumers`, `rows`.

        Raises:
            IntegrityError: Something was changed.
        """
        room = self._room
        with self._errors():
            room.store.check()
            counts = room.log.verify(checkpoint, public_key=room.keyring.public_key)
            people = consumers.check_consumers(room)
            erasing.check_erasures(room)
            stored = [tables.stored_table(room, table.name) for table in room.schema.tables]
            rows = sum(resting.check_marks(room, each) for each in stored)
            journal.check_rows(room, rows)
        return {**counts, "consumers": people, "rows": rows}

    def close(self) -> None:
        """Close the file."""
        self._room.store.close()

    def __enter__(self) -> "Vault":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        with self._room.store.typed_errors():
            yield


def _lay_out(room: Room) -> None:
    with room.store.transaction():
        room.store.define(TABLES)
        text = format_schema(room.schema)
        meta = {
            "tenant": room.keyring.tenant,
            "public key": room.keyring.public_key.hex(),
            "schema": text,
            "schema mark": room.mark("schema", text),
            "last consumer": "0",
        }
        room.store.insert("meta", ("name", "value"), meta.items())
        tables.create_tables(room)
        erasing.sign_log(room)


def _check_keyring(meta: Mapping[str, str], keyring: Keyring, name: str) -> None:
    if meta.get("public key") != keyring.public_key.hex() or meta.get("tenant") != keyring.tenant:
        hint = "open it with the keyring that it was made with"
        raise KeyringError("was sealed with another keyring", path=name, hint=hint)


def _stored_schema(meta: Mapping[str, str], keyring: Keyring, name: str) -> Schema:
    """Return the schema in the file; a changed one could turn `seal` into `keep`, so it carries a mark."""
    text = meta.get("schema", "")
    if meta.get("schema mark") != mark_of(keyring, "schema", text):
        raise IntegrityError("its schema was changed", path=name, hint="restore the vault from a backup")
    return parse_schema(text)
