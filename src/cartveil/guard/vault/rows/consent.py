"""Which purposes consumers agreed to, as their own records say."""

import json
import re

from cartveil.events.kinds import Method, Role
from cartveil.guard.vault.room import Room
from cartveil.guard.vault.rows.resting import check_marks, fetch_chunks, last_cell
from cartveil.guard.vault.rows.tables import Stored, stored_table

_BETWEEN = re.compile(r"[;,|\s]+")


def has_consented(room: Room, consumer: int, purpose: str) -> bool:
    """Return whether one consumer agreed to a purpose; no record is no consent."""
    column = _column(room)
    if column is None:
        return False
    stored, name = column
    # A later row replaces an earlier one: what counts is what they said last.
    return purpose in _purposes(last_cell(room, stored, name, consumer=consumer))


def purposes_of(room: Room, consumer: int) -> frozenset[str]:
    """Return the purposes that one consumer agreed to."""
    column = _column(room)
    if column is None:
        return frozenset()
    stored, name = column
    return _purposes(last_cell(room, stored, name, consumer=consumer)) - {""}


def consenting(room: Room, purpose: str) -> set[int]:
    """Return the numbers of all consumers who agreed to a purpose.

    Raises:
        IntegrityError: Someone changed a row that says so.
    """
    column = _column(room)
    if column is None:
        return set()
    stored, name = column
    check_marks(room, stored)  # consent rests in the clear: whoever can write the file must not give it for others
    agreed: dict[int, bool] = {}
    for resting in fetch_chunks(room, stored, [name]):
        known: dict[object, bool] = {}
        for owner, cell in zip(resting.owners, resting.cells[0], strict=True):
            if cell not in known:
                known[cell] = purpose in _purposes(cell)
            if owner is not None:
                agreed[owner] = known[cell]
    return {owner for owner, yes in agreed.items() if yes}


def _column(room: Room) -> tuple[Stored, str] | None:
    """Return the column that holds consent: the one with that role, kept in a table that names consumers."""
    for table in room.schema.tables:
        column = table.by_role(Role.CONSENT)
        if column is not None and column.protect.method is Method.KEEP and table.by_role(Role.SUBJECT) is not None:
            return stored_table(room, table.name), column.name
    return None


def _purposes(cell: object) -> frozenset[str]:
    """Return the purposes that a cell names: a list, or words with `;`, `,`, `|` or spaces between."""
    text = cell if isinstance(cell, str) else ""
    words = _listed(text) if text.startswith("[") else _BETWEEN.split(text)
    return frozenset(word.strip().lower() for word in words)


def _listed(text: str) -> list[str]:
    try:
        return [str(word) for word in json.loads(text)]
    except ValueError:
        return []
