"""What stands beside consumers' rows (holds, restrictions, requests, releases, budgets), compared with the log.

Each line carries a mark, so that none can be written or changed without the keyring; one that was removed, or put back
as it was before, is found here. A release carries none: the log names each of them whole.
"""

from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cartveil.errors import IntegrityError
from cartveil.guard.vault.door.exporting import scopes, whereto
from cartveil.guard.vault.rights.budget_lines import check_ledger
from cartveil.guard.vault.rights.holds import all_holds
from cartveil.guard.vault.rights.requests import all_requests, words_of
from cartveil.guard.vault.room import Room
from cartveil.guard.vault.rows.restricting import LIFTED, restrictions


def check_standing(room: Room) -> None:
    """Compare holds, restrictions, requests, releases and budgets with the log.

    Raises:
        IntegrityError: One was changed, removed, or put back.
    """
    log = room.log.events()
    log = log.filter(pc.equal(log["decision"], "allow"))
    _compare(room, {hold.id for hold in all_holds(room)}, _placed(log), what="hold")
    _compare(room, {each.subject for each in restrictions(room)}, _restricted(log), what="restriction")
    states = {each.id: words_of(each) for each in all_requests(room)}
    _compare(room, set(states.items()), set(_stated(log).items()), what="request")
    exports = log.filter(pc.equal(log["action"], "export"))
    said = set(zip(exports["purpose"].to_pylist(), exports["session"].to_pylist(), strict=True))
    found = {(scope.purpose, whereto(scope)) for scope in scopes(room)}
    if any(not name for _, name in said):  # exports of an earlier version do not say to whom: they vouch for any
        said = {each for each in said if each[1]}
        found &= said
    _compare(room, found, said, what="release")
    check_ledger(room)


def _compare(room: Room, found: set[Any], said: set[Any], *, what: str) -> None:
    if found != said:
        hint = "restore the vault from a backup, and find out who changed it"
        raise IntegrityError(f"a {what} is not what the log says", path=room.store.name, hint=hint)


def _placed(log: pa.Table) -> set[str]:
    """Return the holds that were placed and not lifted: the log names each of them once for either."""
    times = Counter(log.filter(pc.equal(log["action"], "hold"))["case"].to_pylist())
    return {name for name, count in times.items() if count % 2}


def _restricted(log: pa.Table) -> set[str]:
    log = log.filter(pc.equal(log["action"], "restrict"))
    last = dict(zip(log["subject"].to_pylist(), log["case"].to_pylist(), strict=True))
    return {subject for subject, case in last.items() if case != LIFTED}


def _stated(log: pa.Table) -> dict[str, str]:
    log = log.filter(pc.and_(pc.equal(log["action"], "request"), pc.not_equal(log["session"], "")))
    return dict(zip(log["case"].to_pylist(), log["session"].to_pylist(), strict=True))
