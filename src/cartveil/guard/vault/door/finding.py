"""How rows are found without knowing whose they are: methods of `Vault`."""

from collections.abc import Mapping, Sequence

from cartveil.errors import InputError
from cartveil.guard.policy import Principal
from cartveil.guard.vault.door import searching
from cartveil.guard.vault.door.searching import Found, Search
from cartveil.guard.vault.room import Room


class Finding:
    """The part of `Vault` that searches and joins."""

    _room: Room

    def find(
        self,
        actor: Principal,
        table: str,
        where: Mapping[str, object],
        *,
        purpose: str,
        fields: Sequence[str] | None = None,
        context: Mapping[str, object] | None = None,
        last_four: bool = False,
        after: int = 0,
        limit: int = 50,
    ) -> Found:
        """Show the rows that have a value, whoever they belong to, each field as `read` would show it.

        Args:
            actor: Needs to see the column searched by, clear or masked.
            table: A table of the schema.
            where: One column and its value: sealed with `index = true`, or a token, pseudonym or `fpe`. Phones and
                cards are found whatever their writing.
            purpose: What it is for.
            fields: Which fields of the rows; all if None.
            context: As for `read`.
            last_four: Whether the value is the last four digits of a phone or a card.
            after: What `next` of the page before said.
            limit: Rows of a page, 1 to 500.

        Returns:
            A page of readings, one per consumer; who may not be seen, or is erased, is left out.

        Raises:
            RefusedError: Policy does not let this actor search by that column.
            InputError: The column cannot be searched by.
            IntegrityError: A row or a search code was changed.

        Guarantees:
            - The search is on the disk before any key is opened, each reading before any row is.
        """
        (column, value), *more = (where.items() if isinstance(where, Mapping) else ()) or [("", "")]
        if more or not column:
            raise InputError("searches go by one column", path=table, hint="name one column and its value")
        search = Search(actor, table, column, str(value), purpose, fields, context, last_four, after, limit)
        with self._room.store.typed_errors():
            return searching.find(self._room, search)

    def related(
        self,
        actor: Principal,
        table: str,
        subject: str,
        *,
        by: str,
        to: str,
        purpose: str,
        fields: Sequence[str] | None = None,
        context: Mapping[str, object] | None = None,
        after: int = 0,
        limit: int = 50,
    ) -> Found:
        """Show the rows of another table that share a token with one consumer's, such as an order number.

        Args:
            actor: Needs to see the column in both tables.
            table: Where the consumer's rows lie.
            subject: The consumer's id.
            by: The column of `table` that holds the token; the other table's is the one of the same kind.
            to: The other table; its rows may be anybody's, or nobody's.
            purpose: What it is for.
            fields: Which fields of the other table; all if None.
            context: As for `read`.
            after: What `next` of the page before said.
            limit: Rows of a page, 1 to 500.

        Returns:
            As `find`. The tokens are compared as they rest: nothing is opened to join.

        Raises:
            RefusedError: Policy says no.
            InputError: The tables share no token.
            UnknownSubjectError: No such consumer.
            ErasedError: The consumer was erased.
        """
        search = Search(actor, table, by, subject, purpose, fields, context, after=after, limit=limit)
        with self._room.store.typed_errors():
            return searching.related(self._room, search, to=to)
