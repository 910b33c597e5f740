"""Where a consumer lives, as far as a policy may ask: what a column of kind `region` says that rests in clear.

A sealed region is not opened for this: nothing is opened before the decision.
"""

from cartveil.events.kinds import Kind, Method, Role
from cartveil.events.schema import Table
from cartveil.guard.vault.room import Room
from cartveil.guard.vault.rows.resting import last_cell
from cartveil.guard.vault.rows.tables import stored_table


def region_of(room: Room, consumer: int, *, table: Table) -> str:
    """Return the region of one consumer; empty where none is known.

    Args:
        room: The vault.
        consumer: Their number.
        table: Asked first; then the others, in the schema's order.
    """
    for each in (table, *(other for other in room.schema.tables if other is not table)):
        name = _column(each)
        if name is not None:
            # A later row replaces an earlier one, as for consent.
            cell = last_cell(room, stored_table(room, each.name), name, consumer=consumer)
            region = cell.strip() if isinstance(cell, str) else ""
            if region:
                return region
    return ""


def _column(table: Table) -> str | None:
    if table.by_role(Role.SUBJECT) is None:
        return None
    kept = (column for column in table.columns if column.protect.method is Method.KEEP)
    return next((column.name for column in kept if column.kind is Kind.REGION), None)
