"""The lines of the ledger of privacy budgets: where they stand, how each is marked, and what the log says of them.

A line is a grant, a reservation or what was spent. It stands in a table, so that what is left is one sum away, and in
the log, which nobody can write anew: where the two differ, somebody changed the table.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from cartveil.errors import IntegrityError
from cartveil.guard.vault.receipt import canonical
from cartveil.guard.vault.room import Room

TABLES = """
CREATE TABLE budgets (
  id TEXT PRIMARY KEY, dataset TEXT NOT NULL, purpose TEXT NOT NULL, state TEXT NOT NULL, epsilon TEXT NOT NULL,
  delta TEXT NOT NULL, actor TEXT NOT NULL, made TEXT NOT NULL, mark TEXT NOT NULL
) STRICT;
"""

GRANTED, RESERVED, SPENT = "granted", "reserved", "spent"

#: Stands in the log between a line that was spent and what its training says that it used.
USED = "/used/"


@dataclass(frozen=True)
class Line:
    """One line of the ledger.

    Args:
        id: Its name.
        dataset: The table whose consumers it is about.
        purpose: One of `PURPOSES`.
        state: `granted`, `reserved` or `spent`.
        epsilon: How much, as a decimal.
        delta: How much, as a decimal.
        actor: Who granted or reserved it.
        made: When, in ISO 8601.
    """

    id: str
    dataset: str
    purpose: str
    state: str
    epsilon: str
    delta: str
    actor: str
    made: str


@dataclass(frozen=True)
class Said:
    """What the first `size` entries of the log say of each line of the ledger, by its name."""

    words: Mapping[str, str]
    size: int


COLUMNS = tuple(Line.__dataclass_fields__)

#: The acts that change the ledger, and how many entries of the log are looked at together.
_ACTIONS, _BATCH = (b"grant_budget", b"spend_budget"), 8192


def all_lines(room: Room) -> list[Line]:
    """Return the ledger, in the order in which it was written.

    Raises:
        IntegrityError: A line was changed.
    """
    query = f"SELECT {', '.join(COLUMNS)}, mark FROM budgets ORDER BY made, id"  # noqa: S608 - names above
    found = [(Line(*row[:-1]), row[-1]) for row in room.store.execute(query).fetchall()]
    for line, mark in found:
        if mark != mark_of(room, line):
            raise IntegrityError("a budget was changed", path=room.store.name)
    return [line for line, _ in found]


def check_ledger(room: Room, read: Said | None = None) -> list[Line]:
    """Compare the ledger with the log, of which a part was `read` before others had to wait, and return it.

    Raises:
        IntegrityError: A line was changed, removed, or put back as it was before.
    """
    lines = all_lines(room)
    if {line.id: words_of(line) for line in lines} != said(room, read).words:
        hint = "restore the vault from a backup, and find out who changed it"
        raise IntegrityError("a budget is not what the log says", path=room.store.name, hint=hint)
    return lines


def said(room: Room, before: Said | None = None) -> Said:
    """Return what the log says of each line, the last of it; entries of other acts are not even parsed.

    What a training says that it used stands behind the line in its entry, and is no part of it.
    """
    words, start, size = dict(before.words) if before else {}, before.size if before else 0, room.log.size
    for begin in range(start, size, _BATCH):
        for text in room.log.entries(begin, min(size, begin + _BATCH)):
            if any(action in text for action in _ACTIONS):
                entry = json.loads(text)
                if entry["action"].encode() in _ACTIONS and entry["decision"] == "allow":
                    words[entry["case"]] = entry["session"].partition(USED)[0]
    return Said(words, size)


def words_of(line: Line) -> str:
    """Return how the log puts a line."""
    return f"{line.state}/epsilon={line.epsilon}/delta={line.delta}"


def mark_of(room: Room, line: Line) -> str:
    """Return the mark that vouches for a line."""
    return room.mark("budget", canonical(asdict(line)).decode())
