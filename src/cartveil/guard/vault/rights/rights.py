"""What consumers may ask of a vault, and what the law asks of whoever keeps one: the methods of `Vault` for both."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from cartveil.errors import InputError
from cartveil.events.writing import create_file
from cartveil.guard.policy import Principal
from cartveil.guard.store import SQLiteStore
from cartveil.guard.vault import journal
from cartveil.guard.vault.rights import correcting, dossier, erasing, holds, planning, requests, retention
from cartveil.guard.vault.rights.correcting import Correction
from cartveil.guard.vault.rights.dossier import Dossier
from cartveil.guard.vault.rights.erasing import Forget, ForgetMany
from cartveil.guard.vault.rights.holds import Hold
from cartveil.guard.vault.rights.requests import ConsumerRequest
from cartveil.guard.vault.room import Room
from cartveil.guard.vault.rows import restricting
from cartveil.guard.vault.rows.restricting import Restriction


class Rights:
    """The part of `Vault` that answers consumers.

    Guarantees:
        - Every step is an entry of the log; refusals too.
        - Whoever can write the file but has no keyring can add no hold, restriction or request unseen.
    """

    _room: Room

    def file_request(self, actor: Principal, subject: str, *, kind: str, days: int = requests.DAYS) -> ConsumerRequest:
        """Write down that a consumer asked for something.

        Args:
            actor: A privacy officer, or the consumer.
            subject: The consumer's id, as text.
            kind: `access`, `correct`, `restrict` or `erase`.
            days: To answer in, at most 30.

        Raises:
            UnknownSubjectError: No such consumer.
            ErasedError: The consumer was erased.
        """
        with self._room.store.typed_errors():
            return requests.file_request(self._room, actor, subject, kind=kind, days=days)

    def requests(self, actor: Principal, *, state: str | None = None, overdue: bool = False) -> list[ConsumerRequest]:
        """Return requests, the most pressing first; to a consumer their own.

        Args:
            actor: A privacy officer, or a consumer.
            state: Only those that are `open`, `in_progress`, `done` or `refused`.
            overdue: Only those whose day has passed without an answer.
        """
        with self._room.store.typed_errors():
            return requests.list_requests(self._room, actor, state=state, overdue=overdue)

    def fulfil(
        self,
        actor: Principal,
        request_id: str,
        *,
        table: str = "",
        values: Mapping[str, object] | None = None,
        row: int | None = None,
        ground: str = "objection",
        forget: Sequence[Forget] = (),
    ) -> Dossier | Restriction | Mapping[str, Any]:
        """Do what a request asks for, and close it.

        Args:
            actor: A privacy officer.
            request_id: Its name.
            table: For a correction, as in `correct`.
            values: For a correction.
            row: For a correction.
            ground: For a restriction.
            forget: For an erasure or a correction: who learned from the consumer.

        Returns:
            The dossier, what was corrected, the restriction, or the receipt.

        Raises:
            InputError: No such request, or one that was answered.
        """
        room = self._room
        with room.store.typed_errors():
            request = requests.start_request(room, actor, request_id)
            subject = requests.whose(room, request)
            answer: Dossier | Restriction | Mapping[str, Any]
            match request.kind:
                case requests.Asked.ACCESS:
                    answer, outcome = dossier.dossier(room, actor, subject), "given"
                case requests.Asked.RESTRICT:
                    answer, outcome = restricting.restrict(room, actor, subject, ground=ground), f"restricted: {ground}"
                case requests.Asked.CORRECT:
                    wish = Correction(table, subject, values or {}, row)
                    answer = correcting.correct(room, actor, wish, changed=forget)
                    outcome = f"corrected: {answer['rows']} rows"
                case _:
                    answer = erasing.erase(room, actor, subject, forget=forget)
                    outcome = "erased, but for what is held" if answer.get("kept") else "erased"
            requests.finish_request(room, actor, request_id, outcome=outcome)
        return answer

    def refuse_request(self, actor: Principal, request_id: str, *, ground: str) -> ConsumerRequest:
        """Refuse a request.

        Args:
            actor: A privacy officer.
            request_id: Its name.
            ground: `legal_hold`, `identity_not_proven`, `manifestly_unfounded`, `excessive`, `rights_of_others` or
                `withdrawn`.
        """
        with self._room.store.typed_errors():
            return requests.refuse_request(self._room, actor, request_id, ground=ground)

    def extend_request(self, actor: Principal, request_id: str, *, ground: str) -> ConsumerRequest:
        """Give a request 60 days more, once.

        Args:
            actor: A privacy officer.
            request_id: Its name.
            ground: `complexity` or `number_of_requests`.
        """
        with self._room.store.typed_errors():
            return requests.extend_request(self._room, actor, request_id, ground=ground)

    def access(self, actor: Principal, subject: str) -> Dossier:
        """Return everything that is held about one consumer, in the clear.

        Args:
            actor: A privacy officer, or the consumer.
            subject: The consumer's id, as text.

        Raises:
            RefusedError: Policy says no.
            UnknownSubjectError: No such consumer.
            ErasedError: The consumer was erased; what must be kept all the same an officer still gets.

        Guarantees:
            - The entry is on the disk before a key is opened.
            - No row of anybody else is in it.
        """
        with self._room.store.typed_errors():
            return dossier.dossier(self._room, actor, subject)

    def correct(
        self,
        actor: Principal,
        table: str,
        subject: str,
        values: Mapping[str, object],
        *,
        row: int | None = None,
        changed: Sequence[Forget] = (),
    ) -> dict[str, Any]:
        """Replace values in a consumer's rows.

        Args:
            actor: A privacy officer, or the consumer.
            table: A table of the schema that names consumers.
            subject: The consumer's id, as text.
            values: Column to new value; text is read as the column's own type, None empties it.
            row: Which of the consumer's rows, counted from 0 in the order of reading; all if None.
            changed: Each is told the consumer's pseudonyms where a column changed that leaves in releases.

        Returns:
            `rows` corrected, their `fields`, and what those who were told answered.

        Guarantees:
            - The log names the fields, never a value.
            - No byte of the old values stays in the file or its WAL.
        """
        with self._room.store.typed_errors():
            wish = Correction(table, subject, values, row)
            return correcting.correct(self._room, actor, wish, changed=changed)

    def restrict(self, actor: Principal, subject: str, *, ground: str) -> Restriction:
        """Restrict the use of one consumer's data: read for compliance and by themselves only, and never exported.

        Args:
            actor: A privacy officer, or the consumer.
            subject: The consumer's id, as text.
            ground: `accuracy`, `unlawful`, `claim` or `objection` (GDPR art. 18(1)).
        """
        with self._room.store.typed_errors():
            return restricting.restrict(self._room, actor, subject, ground=ground)

    def lift_restriction(self, actor: Principal, subject: str) -> None:
        """Lift a restriction; for a privacy officer."""
        with self._room.store.typed_errors():
            restricting.lift(self._room, actor, subject)

    def hold(
        self,
        actor: Principal,
        *,
        ground: str,
        subject: str | None = None,
        table: str | None = None,
        until: date | None = None,
        days: int = 0,
    ) -> Hold:
        """Keep data that would otherwise be erased or swept.

        Args:
            actor: A privacy officer.
            ground: `tax`, `legal_obligation`, `legal_claim`, `investigation` or `public_interest`.
            subject: Whose; everybody's if None.
            table: Of which table; of all if None.
            until: The last day; until it is lifted if None.
            days: Only rows younger than that, by the table's column of time; 0 for all.
        """
        with self._room.store.typed_errors():
            asked = {"subject": subject, "table": table, "ground": ground, "until": until, "days": days}
            return holds.place_hold(self._room, actor, asked)

    def lift_hold(self, actor: Principal, hold_id: str) -> None:
        """Lift a hold; what waited for it goes with the next sweep."""
        with self._room.store.typed_errors():
            holds.lift_hold(self._room, actor, hold_id)

    def holds(self, actor: Principal) -> list[Hold]:
        """Return all holds; for a privacy officer."""
        room = self._room
        with room.store.typed_errors():
            request, decision = requests.officer(room, actor)
            with room.store.transaction():
                found = holds.all_holds(room)
                journal.write(room, request, decision, rows=len(found))
            return found

    def plan_erasure(self, actor: Principal, subject: str, *, affected: Sequence[Forget] = ()) -> dict[str, Any]:
        """Say what erasing a consumer would do, and change nothing.

        Args:
            actor: A privacy officer, or the consumer.
            subject: The consumer's id, as text.
            affected: Each is told the consumer's pseudonyms, and says what it would have to forget.

        Returns:
            Per table rows `deleted` and `kept`, with `ground` and `until`; what becomes of the `key`; `search_codes`,
            `releases`, what was said of `affected`, and open `requests`.
        """
        with self._room.store.typed_errors():
            return planning.plan_erasure(self._room, actor, subject, affected=affected)

    def erase_many(
        self, actor: Principal, subjects: Iterable[str], *, forget: Sequence[ForgetMany] = ()
    ) -> list[dict[str, Any]]:
        """Forget many consumers for good, in time that grows with their number.

        Args:
            actor: A privacy officer, or a consumer who names themselves alone.
            subjects: Ids, as text.
            forget: Each is told once, with the pseudonyms of everybody; its answer stands in each receipt.

        Returns:
            A signed receipt per id, in the order given; they share one checkpoint.

        Raises:
            RefusedError: Policy says no about one of them; nobody is erased.
            UnknownSubjectError: One of them is not there; nobody is erased.

        Guarantees:
            - As for `erase`, for each of them.
        """
        with self._room.store.typed_errors():
            return erasing.erase_many(self._room, actor, subjects, forget=forget)

    def sweep(self, actor: Principal, *, dry_run: bool = False, forget: Sequence[ForgetMany] = ()) -> dict[str, Any]:
        """Remove what is older than its `retention_days`, and complete erasures whose holds have ended.

        Args:
            actor: A privacy officer.
            dry_run: Only count.
            forget: As in `erase_many`, for the erasures.

        Returns:
            Per table `rows` removed, `cells` emptied by column, `held` and `undated` rows; `consumers` of whom nothing
            was left; `erasures` completed.
        """
        with self._room.store.typed_errors():
            return retention.sweep(self._room, actor, dry_run=dry_run, forget=forget)

    def backup(self, actor: Principal, path: str | Path) -> int:
        """Copy the vault as it is, sealed, while it is in use.

        Args:
            actor: Needs the action `backup`.
            path: Where; nothing may stand there. The copy is readable by its owner only.

        Returns:
            How many bytes it has.

        Raises:
            InputError: The vault lies in a database, which has tools of its own.
            StorageError: The disk refused.
        """
        room, file = self._room, Path(path)
        with room.store.typed_errors():
            if not isinstance(room.store, SQLiteStore):
                raise InputError("a vault in a database is copied by the database", hint="use `pg_dump`")
            store = room.store
            request, decision = journal.ask(room, actor, "backup", table=None, about={})
            if not decision.allowed:
                raise journal.refuse(room, request, decision)
            with room.store.transaction():
                journal.write(room, request, decision, case="made")
            try:
                create_file(file, store.copy_to, mode=0o600)
            except FileExistsError:
                raise InputError("exists already", path=str(file), hint="choose another name") from None
        return file.stat().st_size
