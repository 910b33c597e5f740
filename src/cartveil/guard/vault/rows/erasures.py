"""The erasures of a vault, as its file keeps them: who, how far, and the receipt.

States, in order: `begun`; then `deleted` and `done`, or, where something must be kept, `reduced` and `kept`. A `kept`
one begins anew when its holds end.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow.compute as pc

from cartveil.errors import IntegrityError
from cartveil.guard.vault.receipt import canonical, verify_receipt
from cartveil.guard.vault.room import Room

#: Lookups per question, below SQLite's limit of variables.
AT_ONCE = 5000

#: States in which nothing of the consumer is left.
GONE = ("deleted", "done")


@dataclass(frozen=True)
class Erasure:
    """One erasure: `progress` is what the receipt will say, `receipt` what it said."""

    lookup: str
    state: str
    progress: Mapping[str, Any] = field(default_factory=dict)
    receipt: Mapping[str, Any] | None = None

    @property
    def begun(self) -> str:
        """Return when it began."""
        return str(self.progress.get("begun") or (self.receipt or {}).get("begun", ""))


def load(room: Room, lookups: Sequence[str]) -> dict[str, Erasure]:
    """Return the erasures that there are, by lookup.

    Raises:
        IntegrityError: One was changed, or written by somebody without the keyring.
    """
    found: dict[str, Erasure] = {}
    for some in batches(lookups):
        query = f"SELECT lookup, state, progress, receipt FROM erasures WHERE lookup IN ({marks(some)})"  # noqa: S608 - marks only
        for row in room.store.execute(query, some):
            found[row[0]] = _read(room, row)
    return found


def load_state(room: Room, state: str) -> list[Erasure]:
    """Return all erasures in one state."""
    query = "SELECT lookup, state, progress, receipt FROM erasures WHERE state = ? ORDER BY lookup"
    return [_read(room, row) for row in room.store.execute(query, (state,)).fetchall()]


def save(room: Room, erasures: Sequence[Erasure]) -> None:
    """Write erasures in place of what stood there of the same consumers, inside the caller's transaction."""
    for some in batches([each.lookup for each in erasures]):
        room.store.execute(f"DELETE FROM erasures WHERE lookup IN ({marks(some)})", some)  # noqa: S608 - marks only
    columns = ("lookup", "state", "begun", "progress", "receipt")
    room.store.insert("erasures", columns, (_line(room, each) for each in erasures))


def check_erasures(room: Room) -> None:
    """Compare the list of the erased with consumers and log.

    Raises:
        IntegrityError: One who was erased is here, or the list is not what the log says.
    """
    rows = room.store.execute("SELECT lookup, state, progress, receipt FROM erasures").fetchall()
    erasures = [_read(room, row) for row in rows]
    for each in erasures:
        if each.receipt is not None:
            verify_receipt(each.receipt, public_key=room.keyring.public_key)
    gone = {each.lookup for each in erasures if each.state in GONE}
    written = [each for each in erasures if each.state != "begun" or each.progress.get("again")]
    present = {lookup for (lookup,) in room.store.execute("SELECT lookup FROM consumers")}
    log = room.log.events()
    said = log.filter(pc.and_(pc.equal(log["action"], "erase"), pc.equal(log["decision"], "allow")))
    if gone & present or len(written) != len(pc.unique(said["subject"])):
        raise changed(room)


def changed(room: Room) -> IntegrityError:
    """Return the error for a state that nobody with the keyring wrote."""
    return IntegrityError("an erasure's state was changed", path=room.store.name)


def batches(values: Sequence[Any], size: int = AT_ONCE) -> Iterable[Sequence[Any]]:
    """Return values in groups that one question can hold."""
    return (values[start : start + size] for start in range(0, len(values), size))


def marks(values: Sequence[Any]) -> str:
    """Return a question mark for each value."""
    return ",".join("?" * len(values))


def _read(room: Room, row: Sequence[Any]) -> Erasure:
    try:
        lookup, state = str(row[0]), str(row[1])
        progress, receipt = json.loads(row[2]), None if row[3] is None else json.loads(row[3])
        written = progress.pop("mark", "")
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise changed(room) from None
    # A finished one needs no mark: its receipt is signed, and checked before it is handed out.
    if (receipt is None or state != "done") and written != _mark(room, lookup, state, progress):
        raise changed(room)
    return Erasure(lookup, state, progress, receipt)


def _line(room: Room, each: Erasure) -> tuple[object, ...]:
    progress: dict[str, Any] = {}
    if each.state != "done":
        progress = {**each.progress, "mark": _mark(room, each.lookup, each.state, each.progress)}
    receipt = None if each.receipt is None else json.dumps(each.receipt, ensure_ascii=False)
    return each.lookup, each.state, each.begun, json.dumps(progress), receipt


def _mark(room: Room, lookup: str, state: str, progress: Mapping[str, Any]) -> str:
    return room.mark("erasure", canonical({"lookup": lookup, "state": state, "progress": progress}).decode())
