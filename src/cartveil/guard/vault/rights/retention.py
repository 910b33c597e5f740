"""Retention: what is older than the schema lets it be goes by itself, unless it is held.

`retention_days` on the column of time, or on the consumer's id, is that of the row: the row goes. On any other column
it is that of the cell: the cell becomes empty. Age is told by the column of time; what has none is never swept, and
counted as `undated`. A sweep also completes the erasures whose holds have ended.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pyarrow as pa

from cartveil.events.kinds import Role
from cartveil.events.schema import Column
from cartveil.guard.policy import Decision, Principal, Request
from cartveil.guard.vault import journal
from cartveil.guard.vault.rights.deleting import delete_codes, delete_rows
from cartveil.guard.vault.rights.erasing import ForgetMany, case_of, complete, sign_log
from cartveil.guard.vault.rights.holds import active_holds, held_rows
from cartveil.guard.vault.rights.rewriting import rewrite
from cartveil.guard.vault.room import Room
from cartveil.guard.vault.rows import erasures
from cartveil.guard.vault.rows.ages import rows_before, time_column
from cartveil.guard.vault.rows.consumers import Consumer, find_many, ids_of
from cartveil.guard.vault.rows.erasures import batches, marks
from cartveil.guard.vault.rows.resting import fetch_rows
from cartveil.guard.vault.rows.tables import Stored, stored_table


@dataclass(frozen=True)
class _Due:
    """What is due in one table."""

    stored: Stored
    rows: Sequence[int] = ()
    cells: Mapping[str, Sequence[int]] = field(default_factory=dict)  # rows by column
    held: int = 0
    undated: int = 0

    def facts(self) -> dict[str, Any]:
        """Return the counts."""
        cells = {name: len(rows) for name, rows in self.cells.items()}
        return {"rows": len(self.rows), "cells": cells, "held": self.held, "undated": self.undated}


def sweep(room: Room, actor: Principal, *, dry_run: bool, forget: Sequence[ForgetMany]) -> dict[str, Any]:
    """Remove what is too old; see `Vault.sweep`."""
    request, decision = journal.ask(room, actor, "sweep", table=None, about={"purpose": "compliance"})
    if not decision.allowed:
        raise journal.refuse(room, request, decision)
    ready = _ready(room)
    if dry_run:
        due = [_due(room, stored_table(room, table.name)) for table in room.schema.tables]
        with room.store.transaction():
            journal.write(room, request, decision, case="plan")
        return _facts(due, consumers=0, erasures=len(ready))
    with room.store.transaction():
        due = [_due(room, stored_table(room, table.name)) for table in room.schema.tables]
        for each in due:
            _remove(room, each, (request, decision))
        gone = _remove_empty(room) if any(each.rows for each in due) else 0
        note = sign_log(room)
    room.witness.keep(note)
    room.store.erase_traces()
    done = _complete(room, actor, ready, forget)
    return _facts(due, consumers=gone, erasures=done)


def _facts(due: Sequence[_Due], *, consumers: int, erasures: int) -> dict[str, Any]:
    tables = {each.stored.table.name: each.facts() for each in due}
    return {"tables": tables, "consumers": consumers, "erasures": erasures}


def _due(room: Room, stored: Stored) -> _Due:
    """Find what is too old in one table and not held."""
    days = _row_days(stored)
    columns = {spec.name: spec.retention_days for _, spec in stored.columns() if _is_of_cell(spec)}
    limits = {name: limit for name, limit in columns.items() if limit is not None}
    if days is None and not limits:
        return _Due(stored)
    if time_column(stored) is None:
        (count,) = room.store.execute(f"SELECT count(*) FROM records_{stored.number}").fetchone()  # noqa: S608
        return _Due(stored, undated=int(count))
    held = _held(room, stored)
    old = [] if days is None else _older(room, stored, days)
    rows = [row for row in old if row not in held]
    going = set(rows)
    cells = {
        name: [row for row in _filled(room, stored, name, _older(room, stored, limit)) if row not in held | going]
        for name, limit in limits.items()
    }
    return _Due(stored, rows, cells, held=len(held.intersection(old)))


def _row_days(stored: Stored) -> int | None:
    specs = (stored.table.by_role(Role.TIME), stored.table.by_role(Role.SUBJECT))
    days = [spec.retention_days for spec in specs if spec is not None and spec.retention_days is not None]
    return min(days, default=None)


def _is_of_cell(spec: Column) -> bool:
    return spec.role not in (Role.TIME, Role.SUBJECT) and spec.retention_days is not None


def _older(room: Room, stored: Stored, days: int) -> list[int]:
    return rows_before(room, stored, room.now() - timedelta(days=days))


def _held(room: Room, stored: Stored) -> set[int]:
    """Return the rows of a table that are held, whoever they are of."""
    if not any(hold.place in ("", stored.table.name) for hold in active_holds(room)):
        return set()
    people = dict(room.store.execute("SELECT lookup, id FROM consumers").fetchall())
    name = stored.table.name
    return {row for of_one in held_rows(room, people).values() if name in of_one for row in of_one[name].rows}


def _filled(room: Room, stored: Stored, name: str, rows: Sequence[int]) -> list[int]:
    """Return those of some rows in which a cell is not empty yet."""
    sql = next(sql for sql, spec in stored.columns() if spec.name == name)
    query = f"SELECT row FROM records_{stored.number} WHERE {sql} IS NOT NULL AND row IN"  # noqa: S608 - made-up names
    return [
        int(row)
        for some in batches(rows)
        for (row,) in room.store.execute(f"{query} ({marks(some)}) ORDER BY row", some)
    ]


def _remove(room: Room, due: _Due, asked: tuple[Request, Decision]) -> None:
    """Remove rows and empty cells of one table, inside the caller's transaction, and write both down."""
    request, decision = replace(asked[0], table=due.stored.table.name), asked[1]
    if due.rows:
        delete_codes(room, due.stored, due.rows)
        journal.write(room, request, decision, rows=delete_rows(room, due.stored.number, due.rows))
    for name, rows in due.cells.items():
        if rows:
            _empty(room, due.stored, name, rows)
            of_cells = replace(request, fields=((name, due.stored.table.column(name).kind),))
            journal.write(room, of_cells, decision, rows=len(rows))


def _empty(room: Room, stored: Stored, name: str, rows: Sequence[int]) -> None:
    delete_codes(room, stored, rows, columns=[stored.table.column(name)])
    for some in batches(rows):
        resting = fetch_rows(room, stored, some)
        rewrite(room, resting, {name: pa.nulls(len(resting), pa.string())})


def _remove_empty(room: Room) -> int:
    """Remove the keys and ids of consumers of whom no row is left and nothing stands."""
    rows = [f"SELECT consumer FROM records_{int(n)}" for (n,) in room.store.execute("SELECT number FROM stored_tables")]  # noqa: S608
    standing = [f"SELECT lookup FROM {name}" for name in ("erasures", "holds", "restrictions", "requests")]  # noqa: S608
    some = " UNION ".join(f"{query} WHERE consumer IS NOT NULL" for query in rows)
    query = f"DELETE FROM consumers WHERE id NOT IN ({some}) AND lookup NOT IN ({' UNION '.join(standing)})"  # noqa: S608
    return room.store.execute(query).rowcount


def _ready(room: Room) -> dict[str, Consumer]:
    """Return the consumers whose erasure was held up, and can go on."""
    waiting = {each.lookup: each for each in erasures.load_state(room, "kept")}
    people = find_many(room, list(waiting))
    held = held_rows(room, {lookup: each.number for lookup, each in people.items()})
    ready = {}
    for lookup, consumer in people.items():
        now = {name: one.facts() for name, one in held.get(consumer.number, {}).items()}
        if now != (waiting[lookup].receipt or {}).get("kept"):
            ready[lookup] = consumer
    return ready


def _complete(room: Room, actor: Principal, ready: Mapping[str, Consumer], forget: Sequence[ForgetMany]) -> int:
    if not ready:
        return 0
    request, decision = journal.ask(room, actor, "erase", table=None, about={"purpose": "compliance"})
    if not decision.allowed:
        raise journal.refuse(room, request, decision)
    _, ids, _ = ids_of(room, ((each.number, each.data_key, each.subject) for each in ready.values()))
    asked = (request, decision)
    cases = [case_of(subject, lookup, asked) for subject, lookup in zip(ids.to_pylist(), ready, strict=True)]
    return len(complete(room, cases, forget=forget))
