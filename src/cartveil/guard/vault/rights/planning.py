"""What an erasure would do, before it does it: rows per table, what must be kept and why, who would be told."""

from collections.abc import Sequence
from typing import Any

from cartveil.guard.policy import Principal
from cartveil.guard.vault import journal
from cartveil.guard.vault.door.releases import release_pseudonyms
from cartveil.guard.vault.rights.erasing import Forget
from cartveil.guard.vault.rights.holds import held_rows
from cartveil.guard.vault.rights.requests import all_requests
from cartveil.guard.vault.room import Room, subject_text
from cartveil.guard.vault.rows import erasures
from cartveil.guard.vault.rows.consumers import find, is_erased, open_key, why_absent
from cartveil.guard.vault.rows.restricting import ask_about
from cartveil.guard.vault.rows.tables import stored_table


def plan_erasure(room: Room, actor: Principal, subject: str, *, affected: Sequence[Forget]) -> dict[str, Any]:
    """Return what erasing a consumer would do; see `Vault.plan_erasure`."""
    subject = room.known(subject_text(subject))
    lookup = room.lookup(subject)
    request, decision = ask_about(room, actor, "request", subject)
    consumer = find(room, lookup)
    if consumer is None or (is_erased(room, lookup) and erasures.load(room, [lookup])[lookup].state != "kept"):
        journal.deny(room, request, rules=("unknown-consumer",), subject=subject)
        raise why_absent(room, lookup)
    open_key(room, consumer, subject)
    with room.store.transaction():
        tables = _tables(room, lookup, consumer.number)
        journal.write(room, request, decision, subject=subject, case="plan")
    kept = any(each["kept"] for each in tables.values())
    pseudonyms = release_pseudonyms(room, subject)
    query = "SELECT count(*) FROM search_codes WHERE consumer = ?"
    return {
        "tables": tables,
        "key": "kept" if kept else "destroyed",
        "search_codes": int(room.store.execute(query, (consumer.number,)).fetchone()[0]),
        "releases": sorted(pseudonyms),
        "affected": [dict(each(pseudonyms)) for each in affected],
        "requests": [each.id for each in all_requests(room, lookup) if each.is_open()],
    }


def _tables(room: Room, lookup: str, number: int) -> dict[str, dict[str, Any]]:
    held = held_rows(room, {lookup: number}).get(number, {})
    found: dict[str, dict[str, Any]] = {}
    for table in room.schema.tables:
        query = f"SELECT count(*) FROM records_{stored_table(room, table.name).number} WHERE consumer = ?"  # noqa: S608
        (rows,) = room.store.execute(query, (number,)).fetchone()
        kept = held.get(table.name)
        count = 0 if kept is None else len(kept.rows)
        why = {} if kept is None else {name: value for name, value in kept.facts().items() if name != "rows"}
        found[table.name] = {"deleted": int(rows) - count, "kept": count, **why}
    return found
