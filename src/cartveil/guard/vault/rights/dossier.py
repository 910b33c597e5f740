"""A dossier: everything that is held about one consumer, and nothing about anybody else (GDPR art. 15 and 20)."""

import base64
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from cartveil.events.kinds import Method, Role
from cartveil.guard.keys import SecretKey
from cartveil.guard.policy import Principal
from cartveil.guard.protect.rest import Sealing
from cartveil.guard.vault import journal
from cartveil.guard.vault.door.exporting import WITHOUT_SUBJECTS
from cartveil.guard.vault.door.releases import release_name
from cartveil.guard.vault.rights.holds import active_holds
from cartveil.guard.vault.rights.requests import all_requests
from cartveil.guard.vault.room import Room, subject_text
from cartveil.guard.vault.rows import erasures
from cartveil.guard.vault.rows.consent import purposes_of
from cartveil.guard.vault.rows.consumers import Consumer, find, is_erased, open_key, why_absent
from cartveil.guard.vault.rows.resting import Resting, fetch, opened, subject_column
from cartveil.guard.vault.rows.restricting import ask_about, restrictions
from cartveil.guard.vault.rows.tables import Stored, stored_table

KIND = "cartveil dossier v1"


@dataclass(frozen=True)
class Dossier:
    """What is held about one consumer.

    Args:
        tables: Their rows in the clear, by table.
        about: The rest: `columns` with kind, purposes and days of retention, `consents`, `releases`, `holds`,
            `restrictions`, `requests`, and when it was made.
    """

    tables: Mapping[str, pa.Table] = field(repr=False)
    about: Mapping[str, Any] = field(repr=False)

    def to_json(self) -> bytes:
        """Return all of it as one JSON document, UTF-8."""
        rows = {name: [_plain_row(row) for row in table.to_pylist()] for name, table in self.tables.items()}
        document = {"kind": KIND, **self.about, "tables": rows}
        return json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False).encode("utf-8") + b"\n"


def dossier(room: Room, actor: Principal, subject: str) -> Dossier:
    """Return everything that is held about one consumer; see `Vault.access`."""
    subject = room.known(subject_text(subject))
    request, decision = ask_about(room, actor, "access", subject)
    lookup = room.lookup(subject)
    with room.store.transaction():
        consumer = _consumer(room, actor, lookup)
        resting = [] if consumer is None else _resting(room, consumer)
        if consumer is not None:
            about = _about(room, subject, consumer)
            journal.write(room, request, decision, rows=sum(map(len, resting)), subject=subject)
    if consumer is None:
        journal.deny(room, request, rules=("unknown-consumer",), subject=subject)
        raise why_absent(room, lookup)
    # Only here, with the entry on the disk, is the key opened.
    key = open_key(room, consumer, subject)
    return Dossier({each.stored.table.name: _clear(room, each, (subject, key)) for each in resting}, about)


def _consumer(room: Room, actor: Principal, lookup: str) -> Consumer | None:
    """Return the consumer; of an erased one what must be kept is shown for compliance alone."""
    if not is_erased(room, lookup):
        return find(room, lookup)
    kept = erasures.load(room, [lookup])[lookup].state == "kept"
    return find(room, lookup) if kept and actor.role != "consumer" else None


def _resting(room: Room, consumer: Consumer) -> list[Resting]:
    found = []
    for table in room.schema.tables:
        stored = stored_table(room, table.name)
        if stored.subject is not None and stored.types:
            names = [spec.name for _, spec in stored.columns()]
            found.append(fetch(room, stored, names, consumer=consumer.number))
    return found


def _clear(room: Room, resting: Resting, who: tuple[str, SecretKey]) -> pa.Table:
    (subject, key), stored, count = who, resting.stored, len(resting)
    columns: dict[str, Any] = {}
    if count:
        columns = opened(room, resting, Sealing([key], pa.array(resting.rows, pa.int64()), [0] * count))
        if stored.subject is not None:
            columns[stored.subject.name] = subject_column(stored, pa.array([subject] * count, pa.string()))
    names = [spec.name for spec in stored.table.columns if spec.name in columns]
    return pa.table({name: columns[name] for name in names})


def _about(room: Room, subject: str, consumer: Consumer) -> dict[str, Any]:
    lookup, purposes = room.lookup(subject), sorted(purposes_of(room, consumer.number))
    holds = [hold for hold in active_holds(room) if hold.lookup in ("", lookup)]
    return {
        "made": room.now().isoformat(),
        "tenant": room.keyring.tenant,
        "subject": subject,
        "columns": _columns([stored_table(room, table.name) for table in room.schema.tables]),
        "consents": purposes,
        "releases": _releases(room, subject, purposes),
        "holds": [{"table": h.place, "ground": h.ground, "until": h.until, "days": h.days} for h in holds],
        "restrictions": [{"ground": each.ground, "since": each.since} for each in restrictions(room, [lookup])],
        "requests": [
            {name: value for name, value in each.facts().items() if name != "subject"}
            for each in all_requests(room, lookup)
        ],
    }


def _columns(tables: Sequence[Stored]) -> dict[str, Any]:
    hidden = (Method.DROP, Method.REFUSE)
    return {
        stored.table.name: {
            spec.name: {
                "kind": str(spec.kind),
                "purposes": list(spec.purposes),
                "retention_days": spec.retention_days,
                **({"row_retention": True} if spec.retention_days and spec.role in (Role.TIME, Role.SUBJECT) else {}),
            }
            for spec in stored.table.columns
            if spec.protect.method not in hidden
        }
        for stored in tables
        if stored.subject is not None
    }


def _releases(room: Room, subject: str, purposes: Sequence[str]) -> list[dict[str, Any]]:
    """Return every release that told consumers apart: who has it, since when, and what the consumer is called there."""
    query = "SELECT purpose, recipient, period, made FROM releases ORDER BY made, purpose, recipient, period"
    return [
        {
            "purpose": purpose,
            "recipient": recipient,
            "period": period,
            "made": made,
            "pseudonym": release_name(room, subject, (purpose, recipient, period)),
            "consented_today": purpose in purposes,
        }
        for purpose, recipient, period, made in room.store.execute(query).fetchall()
        if purpose not in WITHOUT_SUBJECTS
    ]


def _plain_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in row.items()}


def _plain(value: object) -> object:
    match value:
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Decimal():
            return str(value)
        case bytes():
            return base64.b64encode(value).decode("ascii")
        case float() if not math.isfinite(value):
            return str(value)
    return value
