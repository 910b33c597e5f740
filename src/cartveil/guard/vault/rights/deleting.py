"""Deleting many consumers' rows at once: a few statements for thousands of them."""

from collections.abc import Mapping, Sequence
from itertools import chain

from cartveil.events.schema import Column
from cartveil.guard.vault.rights.holds import Held
from cartveil.guard.vault.room import Room
from cartveil.guard.vault.rows.erasures import batches, marks
from cartveil.guard.vault.rows.tables import Stored

#: Rows deleted per consumer number and table.
Deleted = Mapping[int, Mapping[str, int]]


def delete_people(
    room: Room, numbers: Sequence[int], *, held: Mapping[int, Mapping[str, Held]], tables: Sequence[str] | None = None
) -> Deleted:
    """Delete what is consumers', inside the caller's transaction; of whom nothing is held, key and id as well.

    Args:
        room: The vault.
        numbers: The consumers.
        held: What must stay, by number and table.
        tables: Of which tables; all if None, and only then key and id go.
    """
    names = {name: int(table) for name, table in room.store.execute("SELECT name, number FROM stored_tables")}
    deleted: dict[int, dict[str, int]] = {number: {} for number in numbers}
    for some in batches(numbers):
        room.store.execute(f"DELETE FROM search_codes WHERE consumer IN ({marks(some)})", some)  # noqa: S608 - marks only
        for name in sorted(names, key=lambda name: names[name]):
            if tables is None or name in tables:
                stay = {number: held[number][name].rows for number in some if name in held.get(number, {})}
                counts = _delete_rows(room, names[name], some, stay)
                for number in some:
                    deleted[number][name] = counts.get(number, 0)
        gone = [number for number in some if tables is None and not held.get(number)]
        if gone:
            room.store.execute(f"DELETE FROM consumers WHERE id IN ({marks(gone)})", gone)  # noqa: S608 - marks only
    return deleted


def delete_rows(room: Room, table: int, rows: Sequence[int]) -> int:
    """Delete rows of a table by their numbers, inside the caller's transaction; return how many."""
    count = 0
    for some in batches(rows):
        count += room.store.execute(f"DELETE FROM records_{table} WHERE row IN ({marks(some)})", some).rowcount  # noqa: S608
    return count


def delete_codes(room: Room, stored: Stored, rows: Sequence[int], *, columns: Sequence[Column] | None = None) -> None:
    """Delete the search codes of rows of a table: of some columns, or of all."""
    specs = [spec for _, spec in stored.columns()] if columns is None else columns
    places = [place for spec in specs for place in (stored.search_place(spec), stored.last_four_place(spec))]
    for place in places:
        for some in batches(rows):
            query = f"DELETE FROM search_codes WHERE place = ? AND row IN ({marks(some)})"  # noqa: S608 - marks only
            room.store.execute(query, (place, *some))


def _delete_rows(room: Room, table: int, numbers: Sequence[int], stay: Mapping[int, frozenset[int]]) -> dict[int, int]:
    """Delete the rows of some consumers but those that stay; return how many of each."""
    where = f"FROM records_{table} WHERE consumer IN ({marks(numbers)})"
    if not stay:
        counts = dict(room.store.execute(f"SELECT consumer, count(*) {where} GROUP BY consumer", numbers).fetchall())
        room.store.execute(f"DELETE {where}", numbers)
        return counts
    kept = set(chain.from_iterable(stay.values()))
    lines = room.store.execute(f"SELECT consumer, row {where}", numbers).fetchall()
    going = [(owner, row) for owner, row in lines if row not in kept]
    delete_rows(room, table, [row for _, row in going])
    counts = {}
    for owner, _ in going:
        counts[owner] = counts.get(owner, 0) + 1
    return counts
