"""The vault: the one door to consumers' records.

Whoever wants something of a record comes through here, and each time the same happens: the policy decides, the log
is written, only then a key is opened. Data lies sealed under a key per consumer; to destroy it is to forget.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa

from cartveil.errors import InputError, IntegrityError, KeyringError
from cartveil.events.patterns import find_patterns
from cartveil.events.schema import Schema, format_schema, parse_schema
from cartveil.events.spans import Finder
from cartveil.guard.keys import Keyring
from cartveil.guard.policy import Policy, Principal
from cartveil.guard.protect.risk import Study
from cartveil.guard.protect.steps import Scope
from cartveil.guard.store import SQLiteStore, Store
from cartveil.guard.vault import journal
from cartveil.guard.vault.door import exporting, reading, releases
from cartveil.guard.vault.door.exporting import Export
from cartveil.guard.vault.door.finding import Finding
from cartveil.guard.vault.door.reading import NotShown, Reading, Wish
from cartveil.guard.vault.layout import TABLES
from cartveil.guard.vault.outside import Outside
from cartveil.guard.vault.rights import erasing
from cartveil.guard.vault.rights.erasing import Forget
from cartveil.guard.vault.rights.ledger import Ledger
from cartveil.guard.vault.rights.rights import Rights
from cartveil.guard.vault.room import Room, mark_of
from cartveil.guard.vault.rows import records, resting, tables
from cartveil.guard.vault.rows.versions import check_versions
from cartveil.guard.vault.upkeep import restoring
from cartveil.guard.vault.upkeep.checking import Checking
from cartveil.guard.vault.upkeep.upgrading import upgrade
from cartveil.guard.vault.upkeep.wrapping import WrappingKeys
from cartveil.guard.vault.witness import Witness

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class PutResult:
    """What was put: rows, distinct consumers in them, and values (rows times stored columns)."""

    rows: int
    subjects: int
    values: int


class Vault(Finding, Rights, Ledger, WrappingKeys, Checking):
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
        place: str | Path | Store,
        keyring: Keyring,
        schema: Schema,
        *,
        clock: Clock,
        policy: Policy | None = None,
        finder: Finder = find_patterns,
        outside: Outside | None = None,
        witness: str | Path | None = None,
        survive_power_loss: bool = True,
    ) -> "Vault":
        """Make an empty vault with the tables of a schema.

        Args:
            place: Where: a file that does not stand there yet, or a store that `PostgreSQLStore.create` just made.
            keyring: Whose keys seal it; needed again to open it.
            schema: The tables; kept in the vault.
            clock: Tells the time, for the log and for rules about hours.
            policy: Who may do what; the shipped one if None.
            finder: Finds personal values in free text, for exports.
            outside: Who knows which cases are open, and who is told when somebody breaks the glass.
            witness: Folder for the newest checkpoint and the list of the erased; the keyring's if None. Never back it
                up together with the vault: it is what knows that a backup is old.
            survive_power_loss: Of a file: wait for the disk at each commit. False is for rehearsals and tests: until
                the vault is opened again, a power cut may take the last commits (all of each or nothing).

        Raises:
            StorageError: A file stands there, or the disk refused.
            SchemaError: A subject column would not rest sealed.
        """
        store: Store = (
            SQLiteStore.create(Path(place), survive_power_loss=survive_power_loss)
            if isinstance(place, str | Path)
            else place
        )
        seen = _witness(keyring, secrets.token_hex(4), witness)
        room = Room(store, keyring, schema, policy or Policy.load(), clock, finder, outside or Outside(), witness=seen)
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
        place: str | Path | Store,
        keyring: Keyring,
        *,
        clock: Clock,
        policy: Policy | None = None,
        finder: Finder = find_patterns,
        outside: Outside | None = None,
        witness: str | Path | None = None,
        restored_by: Principal | None = None,
    ) -> "Vault":
        """Open a vault; arguments as for `create`, the store one that `PostgreSQLStore.open` gave.

        Args:
            restored_by: Who says that this vault was just restored from a backup, and is older than its newest
                checkpoint for that reason; needs the action `backup`.

        Raises:
            ReadError: No such file.
            IntegrityError: Not a vault, a changed one, or an old one in place of a newer.
            KeyringError: Another keyring sealed it, or this is an older copy of the one that did.
            RefusedError: Policy does not let this actor restore.

        Guarantees:
            - Whoever was erased since a backup was made is erased from it before anything can be read.
        """
        store: Store = SQLiteStore.open(Path(place)) if isinstance(place, str | Path) else place
        try:
            with store.typed_errors():
                meta = dict(store.execute("SELECT name, value FROM meta").fetchall())
                _check_keyring(meta, keyring, store.name)
                schema = _stored_schema(meta, keyring, store.name)
                upgrade(store)
                home = _witness(keyring, "", witness).folder
                seen = _witness(keyring, restoring.name_of(store, meta, keyring=keyring, home=home), home)
                rules = policy or Policy.load()
                room = Room(store, keyring, schema, rules, clock, finder, outside or Outside(), witness=seen)
                check_versions(room)
                restoring.settle(room) if restored_by is None else restoring.settle_restored(room, restored_by)
        except BaseException:
            store.close()
            raise
        return cls(room)

    @classmethod
    def restore(
        cls,
        backup: str | Path,
        place: str | Path,
        keyring: Keyring,
        *,
        actor: Principal,
        clock: Clock,
        policy: Policy | None = None,
        witness: str | Path | None = None,
    ) -> "Vault":
        """Put a backup in place and open it; everybody who was erased since is erased from it first.

        Args:
            backup: What `backup` wrote; it stays as it is.
            place: Where the vault is to stand; nothing may stand there.
            keyring: Whose keys seal it.
            actor: Needs the action `backup`.
            clock: As in `open`.
            policy: As in `open`.
            witness: As in `create`.

        Raises:
            ReadError: No such backup.
            StorageError: Something stands in its place.
            RefusedError: Policy does not let this actor restore; nothing was put in place.
        """
        file = Path(place)
        restoring.copy_backup(Path(backup), file)
        try:
            return cls.open(file, keyring, clock=clock, policy=policy, witness=witness, restored_by=actor)
        except BaseException:
            for ending in ("", "-wal", "-shm"):
                file.with_name(file.name + ending).unlink(missing_ok=True)
            raise

    @property
    def schema(self) -> Schema:
        """Return the schema that the vault was made with."""
        return self._room.schema

    @property
    def name(self) -> str:
        """Return what errors call it: its file, or host, database and schema."""
        return self._room.store.name

    @property
    def path(self) -> Path:
        """Return the vault's file.

        Raises:
            InputError: It lies in a database.
        """
        if not isinstance(self._room.store, SQLiteStore):
            raise InputError("a vault in a database has no file", path=self.name, hint="ask for its `name`")
        return self._room.store.path

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
        if not isinstance(data, pa.Table):
            raise InputError("is not an Arrow table", path="data", hint="`pa.Table.from_pylist`, `from_pandas`")
        with self._errors():
            stored = tables.stored_table(room, table)
            request, decision = journal.ask(room, actor, "put", table=stored.table, about={})
            if not decision.allowed:
                raise journal.refuse(room, request, decision, rows=data.num_rows)
            with room.store.transaction():
                stored = tables.stored_table(room, table)
                subjects = records.insert(room, stored, data)
                journal.write(room, request, decision, rows=data.num_rows)
                note = erasing.sign_log(room)
            room.witness.keep(note)
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
            context: Some of `case` (a number), `case_open`, `session`, `break_glass` and its `reason`; the vault itself
                works out the hour, consent, the consumer's region and whose record it is.

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
        self,
        actor: Principal,
        *,
        purpose: str,
        recipient: str,
        period: str = "",
        table: str | None = None,
        study: Study | None = None,
    ) -> Export:
        """Release events that name nobody.

        Args:
            actor: Needs the action `export` for this purpose.
            purpose: Decides whether consent is needed, which columns leave, and whether consumers are told apart.
            recipient: Who gets them; pseudonyms are theirs alone.
            period: Pseudonyms of two periods cannot be joined.
            table: The table of events; the first with subject, time and item if None.
            study: How to make the report on risk and utility; None to make one only where the schema sets limits.

        Raises:
            RefusedError: Policy says no, no column may leave, or the release is above the schema's limits.
        """
        with self._errors():
            scope = Scope(purpose, recipient, period)
            return exporting.export(self._room, actor, scope, table=table, study=study)

    def pseudonyms(self, subject: str) -> dict[str, str]:
        """Return a consumer's pseudonym in each release, for whoever must forget it; for `faces.assemble` alone."""
        with self._errors():
            return releases.release_pseudonyms(self._room, subject)

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
            "last four": "codes",
            **restoring.named(room.witness.vault, keyring=room.keyring),
        }
        room.store.insert("meta", ("name", "value"), meta.items())
        tables.create_tables(room)
        note = erasing.sign_log(room)
    room.witness.keep(note)


def _witness(keyring: Keyring, vault: str, folder: str | Path | None) -> Witness:
    """Return what is kept of a vault outside it; beside its keyring unless somebody knows a better place."""
    home = keyring.path.parent if folder is None else Path(folder)
    return Witness(home, vault, lambda text: mark_of(keyring, "witness", text))


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
