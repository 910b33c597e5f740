"""Which wrapping key a vault is at, so that nobody wraps with a retired one or opens it with an old keyring.

In `meta`, under the name `keys`, stands as JSON, with a mark that only the keyring can make:

- `version`: the wrapping key that new consumers are wrapped by;
- `towards`: the version that a rotation under way wraps everyone with, or null;
- `destroyed`: all versions up to this one are destroyed.

A vault from before rotations has no such line; it is at version 1.
"""

import json
from dataclasses import asdict, dataclass

from cartveil.errors import IntegrityError, KeyringError
from cartveil.guard.keys import Keyring
from cartveil.guard.vault.room import Room, mark_of


@dataclass(frozen=True)
class Versions:
    """What a vault knows of its keyring's wrapping keys."""

    version: int = 1
    towards: int | None = None
    destroyed: int = 0


def read_versions(room: Room) -> Versions:
    """Return what the vault knows.

    Raises:
        IntegrityError: Somebody without the keyring changed it.
    """
    row = room.store.execute("SELECT value FROM meta WHERE name = 'keys'").fetchone()
    return _parse(room, str(row[0])) if row is not None else Versions()


def write_versions(room: Room, versions: Versions) -> None:
    """Write what the vault knows, inside the caller's transaction."""
    text = json.dumps(asdict(versions))
    value = json.dumps({**asdict(versions), "mark": room.mark("keys", text)})
    query = "INSERT INTO meta (name, value) VALUES ('keys', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
    room.store.execute(query, (value,))


def follow(room: Room) -> None:
    """Take up the newest wrapping key before a data key is wrapped, inside the transaction that stores it.

    Without this a program that has been open since before a rotation would wrap new consumers by a key that is about
    to be destroyed.
    """
    if room.keyring.version < read_versions(room).version:
        room.keyring.refresh()
        _refuse_older(room)


def check_versions(room: Room) -> None:
    """Compare the keyring with what the vault knows of it.

    Raises:
        KeyringError: The keyring is an older copy: it lacks a key, or has one that was destroyed.
        IntegrityError: What the vault knows was changed.
    """
    if _is_older(room.keyring, read_versions(room)):
        room.keyring.refresh()  # another program may have rotated since the keyring was opened
        _refuse_older(room)


def _refuse_older(room: Room) -> None:
    if _is_older(room.keyring, read_versions(room)):
        hint = "put the newest copy of the keyring in its place; an older one lacks keys, or brings back destroyed ones"
        raise KeyringError("is older than the vault", path=str(room.keyring.path), hint=hint)


def _is_older(keyring: Keyring, versions: Versions) -> bool:
    states = {key.name: key.state for key in keyring.key_ids()}
    destroyed = (f"wrapping-{version}" for version in range(1, versions.destroyed + 1))
    return keyring.version < versions.version or any(states.get(name) != "destroyed" for name in destroyed)


def _parse(room: Room, value: str) -> Versions:
    try:
        said = json.loads(value)
        mark = said.pop("mark")
        versions = Versions(**said)
        if mark == mark_of(room.keyring, "keys", json.dumps(asdict(versions))):
            return versions
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass
    hint = "restore the vault from a backup, and find out who changed it"
    raise IntegrityError("what it knows of its keys was changed", path=room.store.name, hint=hint)
