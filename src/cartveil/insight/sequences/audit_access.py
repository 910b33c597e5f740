"""How an access stands to what was allowed before it: the case that it names, an approval, a consent, the place."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.insight.sequences.relations import (
    Keys,
    days_before,
    keys_of,
    latest_before,
    mean_before,
    since_before,
    times_before,
)
from cartveil.insight.sequences.streams import named, seconds_of, yes_no

_HOUR, _DAY = 3600, 86400
#: Two places within this time are two at once.
_AT_ONCE = 30 * 60
#: An export may be repeated by the service that carries it out within this time.
_ECHO = 60
#: What `role`, or `actor_kind` where a log has it, calls whoever is no person.
_SERVICE = "service"
#: An approval of the same table is remembered this long.
_APPROVED = 7 * _DAY
#: Among so many new cases the usual number of a new one is looked for.
_NEW_CASES = 400
_PLACES = ("device", "network")

_USES = ("0", "1", "2 or 3", "4 to 7", "8 or more")
_AGES = ("no number", "far ahead", "ahead", "new", "of late", "old", "older", "far older")
_APPROVALS = ("not exported", "case approved", "case never approved", "table approved lately", "never approved")
_CONSENTS = ("unknown", "given", "withdrawn", "withdrawn within a day")
_CHECKS = ("no check", "an old check", "a check that said yes", "an old check that said no", "a check that said no")


@dataclass(frozen=True)
class Access:
    """An audit log as numbers, in order of time; -1 where there is none."""

    log: pa.Table
    seconds: NDArray[np.int64]
    actor: Keys
    role: Keys
    subject: Keys
    case: Keys
    table: Keys
    exports: NDArray[np.bool_]
    approvals: NDArray[np.bool_]
    checks: NDArray[np.bool_]
    denied: NDArray[np.bool_]
    services: NDArray[np.bool_]

    @classmethod
    def of(cls, log: pa.Table) -> "Access":
        """Read a log that stands in order of time."""
        action, decision = log["action"].cast(pa.string()), log["decision"].cast(pa.string())

        def does(name: str) -> NDArray[np.bool_]:
            return np.asarray(pc.fill_null(pc.equal(action, name), False))

        return cls(
            log,
            seconds_of(log["time"]),
            keys_of(log["actor"]),
            keys_of(log["role"]),
            keys_of(log["subject"]),
            keys_of(log["case"]),
            keys_of(log["table"]),
            does("export"),
            does("approve"),
            does("consent_check"),
            np.asarray(pc.fill_null(pc.equal(decision, "deny"), False)),
            _services(log),
        )


def _services(log: pa.Table) -> NDArray[np.bool_]:
    found = np.zeros(log.num_rows, dtype=bool)
    for name in ("role", "actor_kind"):
        if name in log.column_names:
            found |= np.asarray(pc.fill_null(pc.equal(log[name].cast(pa.string()), _SERVICE), False))
    return found


def places_of(access: Access) -> dict[str, pa.Array]:
    """Return how known device and network are to the actor and its role, and whether it is in two places at once."""
    columns: dict[str, pa.Array] = {}
    day = access.seconds // _DAY
    gap = since_before(access.actor, access.seconds)
    moved = np.zeros(len(day), dtype=np.int64)
    for place, name in enumerate(name for name in _PLACES if name in access.log.column_names):
        here = keys_of(access.log[name])
        own = keys_of(access.actor, here)
        shared = days_before(keys_of(access.role, here), day) > 0
        columns[f"new_{name}"] = yes_no((own >= 0) & (times_before(own) == 0))
        columns[f"{name}_days"] = named(np.searchsorted([1, 2, 4, 8], days_before(own, day), side="right"), _USES)
        columns[f"{name}_shared"] = yes_no(shared)
        before = latest_before(access.actor, here.astype(np.float64))
        moved += (place + 1) * ((gap < _AT_ONCE) & (before != here))
    if columns:
        columns["elsewhere"] = named(moved, ("no", "other device", "other network", "other device and network"))
    return columns


def cases_of(access: Access) -> dict[str, pa.Array]:
    """Return what is known of the case: whether it is new, of the same consumer, and how old its number says it is."""
    case = access.case
    owner = keys_of(case, access.subject)
    # A case that has been seen, but never with this subject.
    another = (case >= 0) & (owner >= 0) & (times_before(case) > 0) & (times_before(owner) == 0)
    same = latest_before(access.actor, case.astype(np.float64)) == case
    turn = np.where(case < 0, 0, np.where(same, 1, np.where(times_before(case) == 0, 2, 3)))
    return {
        "case_of_another": yes_no(another),
        "case_turn": named(turn, ("no case", "the case before", "a case not seen before", "an earlier case")),
        "case_age": named(_ages(access), _AGES),
        "reach": named((access.subject >= 0).astype(np.int64), ("many", "one")),
    }


def _ages(access: Access) -> NDArray[np.int64]:
    """Return how far a case's number lies behind those of new cases of its kind, as a place in `_AGES`."""
    text = access.log["case"].cast(pa.string())
    digits = pc.struct_field(pc.extract_regex(text, r"^\D*(?P<number>\d{1,15})$"), "number")
    number = digits.cast(pa.float64()).to_numpy(zero_copy_only=False)
    kind = np.where(np.isnan(number), -1, keys_of(pc.utf8_slice_codeunits(text, 0, 1)))
    fresh = (kind >= 0) & (times_before(access.case) == 0)
    age = np.full(len(number), np.nan)
    for one in np.unique(kind[kind >= 0]):
        rows = np.flatnonzero(kind == one)
        usual = _recent_mean(number[rows], fresh[rows])
        behind = usual - number[rows]
        scale = mean_before(np.zeros(len(rows), dtype=np.int64), np.abs(behind))
        age[rows] = behind / np.maximum(scale, 1.0)
    known = np.searchsorted([-10.0, -3.0, -1.0, 1.0, 3.0, 10.0], np.nan_to_num(age)) + 1
    return np.where(np.isnan(age), 0, known)


def _recent_mean(values: NDArray[np.float64], counted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the mean of the last counted values before each row, NaN before the first."""
    total = np.concatenate([[0.0], np.cumsum(np.where(counted, values, 0.0))])[:-1]
    place = np.concatenate([[0], np.cumsum(counted)])[:-1]
    # Sums up to each counted value; the window ends at the row and begins so many counted values before it.
    sums = np.concatenate([[0.0], np.cumsum(values[counted])])
    begin = np.maximum(place - _NEW_CASES, 0)
    return np.where(place > 0, (total - sums[begin]) / np.maximum(place - begin, 1), np.nan)


def approvals_of(access: Access) -> dict[str, pa.Array]:
    """Return whether what is exported was approved before."""
    seconds = access.seconds.astype(np.float64)
    of_case = latest_before(access.case, seconds, access.approvals)
    of_table = latest_before(keys_of(access.actor, access.table), seconds, access.approvals)
    lately = seconds - of_table < _APPROVED
    state = np.where(~np.isnan(of_case), 1, np.where(access.case >= 0, 2, np.where(lately, 3, 4)))
    return {"approval": named(np.where(access.exports, state, 0), _APPROVALS)}


def consents_of(access: Access) -> dict[str, pa.Array]:
    """Return what the last check of consent said: of the subject, of the case, and of the actor's own last check."""
    said, seconds = access.denied.astype(np.float64), access.seconds.astype(np.float64)
    subject = latest_before(access.subject, said, access.checks)
    when = latest_before(access.subject, seconds, access.checks)
    state = np.where(subject > 0, np.where(seconds - when < _DAY, 3, 2), 1)
    state = np.where(np.isnan(subject) | access.checks, 0, state)
    of_case = latest_before(access.case, said, access.checks)
    case_state = np.where(np.isnan(of_case) | access.checks | (access.subject >= 0), 0, 1 + np.nan_to_num(of_case))
    own = latest_before(access.actor, said, access.checks)
    recent = seconds - latest_before(access.actor, seconds, access.checks) < _HOUR
    own_state = np.where(np.isnan(own) | access.checks, 0, 1 + 2 * np.nan_to_num(own) + recent)
    return {
        "consent": named(state, _CONSENTS),
        "consent_of_case": named(case_state.astype(np.int64), _CONSENTS[:3]),
        "check_before": named(own_state.astype(np.int64), _CHECKS),
    }


def echoes_of(access: Access, columns: pa.Array | pa.ChunkedArray) -> NDArray[np.bool_]:
    """Return which exports of a service repeat, within a minute, what another actor exported: it carries them out.

    A person who repeats somebody's export answers for it.
    """
    read = pa.chunked_array([columns]) if isinstance(columns, pa.Array) else columns
    rows = keys_of(access.log["rows"].cast(pa.int64()))
    what = keys_of(access.table, keys_of(read), rows, access.case + 1)
    what = np.where(access.exports, what, -1)
    by = latest_before(what, access.actor.astype(np.float64))
    return np.asarray(access.services & (since_before(what, access.seconds) <= _ECHO) & (by != access.actor))
