"""What consumers are called in the releases that told them apart: for whoever must forget them, or tell them."""

from collections.abc import Sequence

import pyarrow as pa

from cartveil.events.kinds import Kind
from cartveil.guard.protect.pseudonym import pseudonym
from cartveil.guard.protect.steps import Scope, subject_pseudonym
from cartveil.guard.vault.door.exporting import WITHOUT_SUBJECTS, scopes
from cartveil.guard.vault.room import Room


def linked_scopes(room: Room) -> list[Scope]:
    """Return the releases that told consumers apart."""
    return [scope for scope in scopes(room) if scope.purpose not in WITHOUT_SUBJECTS]


def release_pseudonyms(room: Room, subject: str) -> dict[str, str]:
    """Return a consumer's pseudonym in each release that had consumers."""
    return {_name(scope): subject_pseudonym(subject, room.keyring.derive, scope) for scope in linked_scopes(room)}


def release_name(room: Room, subject: str, release: tuple[str, str, str]) -> str:
    """Return a consumer's pseudonym in one release."""
    return subject_pseudonym(subject, room.keyring.derive, Scope(*release))


def pseudonyms_of(room: Room, subjects: Sequence[str]) -> list[dict[str, str]]:
    """Return each consumer's pseudonyms; as `release_pseudonyms`, in batches."""
    ids, found = pa.array(subjects, pa.string()), [dict[str, str]() for _ in subjects]
    for scope in linked_scopes(room):
        key = room.keyring.derive(f"release {Kind.USER_ID}", *scope.names())
        for names, code in zip(found, pseudonym(ids, key).to_pylist(), strict=True):
            names[_name(scope)] = code
    return found


def _name(scope: Scope) -> str:
    """Return a release as `purpose/recipient/period`; a slash within a part is written `%2F`, so none hides another."""
    return "/".join(part.replace("/", "%2F") for part in scope.names())
