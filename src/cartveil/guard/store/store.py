"""What the vault and its log need of a database, and nothing more.

Queries are portable SQL: `?` stands for a value, types are INTEGER, TEXT, BLOB and ANY, conflicts are settled by
`ON CONFLICT`. Whatever a database does in its own way, such as bulk loads or overwriting what was deleted, has a
method here.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Cell:
    """A value of a query that is compared with a column of type ANY; other values need no such sign."""

    value: int | float | str | bytes = field(repr=False)


class Rows(Protocol):
    """What a query gives: a cursor."""

    @property
    def rowcount(self) -> int:
        """Return how many rows a change changed."""

    def fetchone(self) -> Any:
        """Return the next row as a tuple, or None."""

    def fetchall(self) -> list[Any]:
        """Return all rows that are left, as tuples."""

    def __iter__(self) -> Iterator[Any]: ...


class Store(Protocol):
    """An open database with one vault in it.

    Guarantees:
        - A transaction is done whole or not at all, and when it returned it survives a crash.
        - At most one transaction at a time; another waits, and in the end gives up with `StorageError`.
        - After `erase_traces` no byte of what was deleted is left where the store keeps its data. What a server keeps
          beside it (WAL, archives, replicas) is not the store's: see `PostgreSQLStore`.
    """

    @property
    def name(self) -> str:
        """Return what errors call it: a file's path, or host and database; never a password."""

    @property
    def layout(self) -> int:
        """Return the layout of its tables."""

    @layout.setter
    def layout(self, layout: int) -> None: ...

    def execute(self, query: str, values: Sequence[object] = ()) -> Rows:
        """Run one statement of portable SQL."""

    def define(self, statements: str) -> None:
        """Create tables and indexes, each statement ended by `;`, as SQLite writes them; `STRICT` included."""

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Add many rows, the fastest way that the database has; names are never a user's."""

    def transaction(self) -> AbstractContextManager[None]:
        """Do all of it or nothing, also when interrupted by Ctrl-C or a full disk."""

    def snapshot(self) -> AbstractContextManager[None]:
        """Read everything as it was at one moment, while others go on writing; nothing can be written in it."""

    def typed_errors(self) -> AbstractContextManager[None]:
        """Say what the database says in the words of `cartveil.errors`; never its text, which may hold values."""

    def erase_traces(self) -> None:
        """Overwrite what was deleted wherever it may still lie."""

    def check(self) -> None:
        """Check the database's own structure; `IntegrityError` where it is damaged."""

    def close(self) -> None:
        """Close it."""

    def remove(self) -> None:
        """Close it, and remove a vault that was not finished."""
