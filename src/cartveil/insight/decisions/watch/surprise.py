"""From surprise to evidence: how rare a surprise is among clean events of the same role.

Three things are measured per field. The network's surprise says what should have come next; the rarity of the value
itself, by counts of the actor that back off to those of the role, needs no network and stays high when the network has
got used to it; and a number's own size has no upper end. All are turned into the same currency: minus the decimal
logarithm of the share of clean events that were at least as surprising.
"""

import math
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cartveil.insight.sequences.relations import starts_of, times_before
from cartveil.insight.sequences.streams import StreamSpec

#: How many events of its role an actor without a past is worth.
_PEERS = 10.0
#: Clean events of a role below which it is judged beside all roles.
_ENOUGH = 200
#: Calibration keeps at most this many quantiles per role and channel.
_KEPT = 512
#: Evidence is compared with an actor's own in steps of this size, leaving the last week out.
_STEP, _DAY, _UNSETTLED = 0.5, 86400, 7 * 86400
#: On how many days an actor must have done something for it to be a habit.
_HABITUAL_DAYS = 3


def rarity(
    ids: NDArray[np.int64], actors: NDArray[np.int64], roles: NDArray[np.int64], sizes: tuple[int, ...]
) -> NDArray[np.float32]:
    """Return how rare each value was for its actor before, in nats, (rows, fields).

    Args:
        ids: (rows, fields), in order of time.
        actors: Number of the actor of each row.
        roles: Number of the role of each row.
        sizes: Ids of each field.
    """
    own, peers = times_before(actors), times_before(roles)
    answer = np.empty(ids.shape, dtype=np.float32)
    for field, size in enumerate(sizes):
        value = ids[:, field]
        of_role = (times_before(roles * size + value) + 0.5) / (peers + 0.5 * size)
        of_actor = (times_before(actors * size + value) + _PEERS * of_role) / (own + _PEERS)
        answer[:, field] = -np.log(of_actor)
    return answer


def magnitude(stream: pa.Table, spec: StreamSpec) -> NDArray[np.float32]:
    """Return how large each number is, (rows, fields): log(1 + value); 0 for words and for NULL.

    Bins and counts end at the largest value of the training period; this does not.
    """
    answer = np.zeros((stream.num_rows, len(spec.described)), dtype=np.float32)
    for place, name in enumerate(spec.numeric, start=len(spec.fields)):
        values = stream[name].cast(pa.float64()).to_numpy(zero_copy_only=False)
        answer[:, place] = np.log1p(np.maximum(np.nan_to_num(values), 0.0))
    return answer


@dataclass(frozen=True)
class Calibration:
    """What surprise was like on clean events.

    Args:
        levels: Shares of clean events, rising, (levels,).
        values: Surprise reached by that share, per role (0: all) and channel, (roles, channels, levels).
        tail: Mean excess over the level of .95, (roles, channels).
        most: Evidence that the largest value seen can give, (roles,).
    """

    levels: NDArray[np.float64]
    values: NDArray[np.float32]
    tail: NDArray[np.float32]
    most: NDArray[np.float32]

    def evidence(self, surprise: NDArray[np.float32], roles: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return -log10 of the share of clean events at least as surprising, (rows, channels)."""
        answer = np.zeros(surprise.shape, dtype=np.float32)
        known = np.where(roles < len(self.values), roles, 0)
        for role in np.unique(known):
            rows = np.flatnonzero(known == role)
            for channel in range(surprise.shape[1]):
                answer[rows, channel] = self._one(surprise[rows, channel], int(role), channel)
        return answer

    def _one(self, surprise: NDArray[np.float32], role: int, channel: int) -> NDArray[np.float64]:
        values = self.values[role, channel]
        place = np.searchsorted(values, surprise - 1e-5, side="left")
        above = np.append(1 - self.levels, 1 - self.levels[-1])[place]
        # Beyond what was ever seen the tail is taken as exponential, at most two powers of ten further.
        beyond = np.maximum(surprise - values[-1], 0) / (max(float(self.tail[role, channel]), 1e-3) * math.log(10))
        return np.asarray(np.minimum(-np.log10(above), self.most[role]) + np.minimum(beyond, 2.0))


def calibrate(surprise: NDArray[np.float32], roles: NDArray[np.int64], *, sizes: int) -> Calibration:
    """Learn what surprise is like on clean events.

    Args:
        surprise: (rows, channels) of events that training did not see.
        roles: Role id of each row.
        sizes: How many role ids there are; id 0 stands for all roles together.
    """
    count = min(_KEPT, max(2, len(surprise)))
    # Levels crowd towards 1, where the evidence is; the last one stands for the largest value seen.
    levels = 1 - np.logspace(0, -math.log10(len(surprise) + 1), count)
    values = np.zeros((sizes, surprise.shape[1], count), dtype=np.float32)
    tail = np.ones((sizes, surprise.shape[1]), dtype=np.float32)
    most = np.zeros(sizes, dtype=np.float32)
    for role in range(sizes):
        mine = surprise[roles == role] if role else surprise
        mine = mine if len(mine) >= _ENOUGH else surprise
        most[role] = math.log10(len(mine) + 1)
        if len(mine):
            values[role] = np.quantile(mine, levels, axis=0, method="higher").T
            values[role, :, -1] = mine.max(0)
            high = np.quantile(mine, 0.95, axis=0)
            tail[role] = np.maximum(mine - high, 0).sum(0) / np.maximum((mine > high).sum(0), 1)
    return Calibration(levels, values, np.maximum(tail, 1e-3), most)


def unusual_for_actor(
    evidence: NDArray[np.float64], actors: NDArray[np.int64], seconds: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Lower evidence to what it is worth among the actor's own earlier events.

    What is rare in a role may be one person's way of working. The last week is left out: who misuses access for some
    days must not become used to it. What the actor did on fewer than three days stays as it is: once is no habit.

    Args:
        evidence: (rows, fields), in order of time.
        actors: Number of the actor of each row.
        seconds: Time of each row, rising.
    """
    order = np.argsort(actors, kind="stable")
    begin = starts_of(actors[order])
    # How many of the actor's events are older than the last week: a binary search over all actors at once.
    span = int(np.ptp(seconds)) + _UNSETTLED + 1
    axis = actors[order] * span + (seconds[order] - seconds.min())
    settled = np.maximum(np.searchsorted(axis, axis - _UNSETTLED, side="left"), begin)
    day = actors[order] * (span // _DAY + 2) + seconds[order] // _DAY - seconds.min() // _DAY
    steps = np.floor(evidence[order] / _STEP).astype(np.int64)  # (rows, fields)
    answer = evidence[order].copy()
    for field in range(evidence.shape[1]):
        for step in np.unique(steps[:, field][steps[:, field] * _STEP >= 1]):
            reached = steps[:, field] >= step
            rows = np.flatnonzero(steps[:, field] == step)
            seen = _before(reached, settled[rows], begin[rows])
            days = _before(_first_of(day, reached), settled[rows], begin[rows])
            own = -np.log10((seen + 1) / (settled[rows] - begin[rows] + 1))
            lower = np.minimum(answer[rows, field], own)
            answer[rows, field] = np.where(days >= _HABITUAL_DAYS, lower, answer[rows, field])
    lowered = np.empty_like(answer)
    lowered[order] = answer
    return lowered


def _before(counted: NDArray[np.bool_], until: NDArray[np.int64], begin: NDArray[np.int64]) -> NDArray[np.int64]:
    total = np.concatenate([[0], np.cumsum(counted)])
    return np.asarray(total[until] - total[begin])


def _first_of(groups: NDArray[np.int64], chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which rows are the first chosen ones of their group."""
    rows = np.flatnonzero(chosen)
    first = np.zeros(len(chosen), dtype=bool)
    first[rows[np.unique(groups[rows], return_index=True)[1]]] = True
    return first
