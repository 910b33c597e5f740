"""How much is read: at once and today, against what the actor and its role usually read."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cartveil.insight.sequences.audit_access import Access
from cartveil.insight.sequences.relations import Keys, keys_of, starts_of, times_before, total_before
from cartveil.insight.sequences.streams import numbers

_DAY = 86400
#: How many earlier reads or days of its role an actor without a past is worth.
_PEERS = 10.0


def amounts_of(access: Access, excused: NDArray[np.bool_]) -> dict[str, pa.Array]:
    """Return how far rows at once and rows so far today exceed the habit, in standard deviations of their logarithm.

    Args:
        access: The log.
        excused: Rows that another actor is answerable for; they count as nothing read.
    """
    rows = access.log["rows"].cast(pa.float64()).to_numpy(zero_copy_only=False)
    rows = np.where(excused, 0.0, np.nan_to_num(rows))
    action = keys_of(access.log["action"])
    what = keys_of(action, access.table + 1)
    return {
        "rows_against_habit": _rounded(_at_once(rows, keys_of(access.actor, what), keys_of(access.role, what))),
        "rows_today": _rounded(_today(rows, access)),
        "exported_today": _rounded(_today(np.where(access.exports, rows, 0.0), access)),
        "viewed_today": _rounded(_today(np.where(access.exports, 0.0, rows), access)),
    }


def _rounded(values: NDArray[np.float64]) -> pa.Array:
    return numbers(np.maximum(values, 0.0).round(2).astype(np.float64))


def _at_once(rows: NDArray[np.float64], own: Keys, peers: Keys) -> NDArray[np.float64]:
    values = np.log1p(rows)
    return _above(values, _Moments.before(own, values), _Moments.before(peers, values))


def _today(rows: NDArray[np.float64], access: Access) -> NDArray[np.float64]:
    """Return by how much the sum of the day up to each row exceeds the sums of earlier days."""
    if len(rows) == 0:
        return np.empty(0)
    day = access.seconds // _DAY - int(access.seconds[0]) // _DAY
    unit = keys_of(access.actor, day)
    so_far = total_before(unit, rows) + rows
    known, first, of = np.unique(unit, return_index=True, return_inverse=True)
    whole = np.log1p(np.bincount(of, weights=rows, minlength=len(known)))
    order = np.argsort(day[first], kind="stable")
    # Moments of days: a day's own sum is known when it is over.
    own, peers = (_Moments.before(keys[first][order], whole[order]) for keys in (access.actor, access.role))
    place = np.empty(len(known), dtype=np.int64)
    place[order] = np.arange(len(known))
    peers = peers.as_of(access.role[first][order], day[first][order])
    return _above(np.log1p(so_far), own.take(place[of]), peers.take(place[of]))


class _Moments:
    """Number, sum and sum of squares of earlier values with the same key."""

    def __init__(self, count: NDArray[np.float64], total: NDArray[np.float64], squares: NDArray[np.float64]) -> None:
        self.count, self.total, self.squares = count, total, squares

    @classmethod
    def before(cls, keys: Keys, values: NDArray[np.float64]) -> "_Moments":
        return cls(times_before(keys).astype(np.float64), total_before(keys, values), total_before(keys, values**2))

    def take(self, places: NDArray[np.int64]) -> "_Moments":
        return _Moments(self.count[places], self.total[places], self.squares[places])

    def as_of(self, keys: Keys, days: NDArray[np.int64]) -> "_Moments":
        """Return for each row what was known when its day began: others' sums of the same day are not over."""
        order = np.lexsort((np.arange(len(keys)), days, keys))
        begin = starts_of(keys_of(keys, days - days.min())[order])
        place = np.empty(len(keys), dtype=np.int64)
        place[order] = order[begin]
        return self.take(place)


def _above(values: NDArray[np.float64], own: _Moments, peers: _Moments) -> NDArray[np.float64]:
    mean = (peers.total + 1.0) / (peers.count + 1.0)
    square = np.maximum((peers.squares + 1.0) / (peers.count + 1.0), mean**2 + 0.1)
    usual = (own.total + _PEERS * mean) / (own.count + _PEERS)
    spread = (own.squares + _PEERS * square) / (own.count + _PEERS) - usual**2
    return np.asarray((values - usual) / np.sqrt(np.maximum(spread, 0.1)))
