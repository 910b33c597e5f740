"""From signals to evidence: how rare it is among clean days of the same role that a signal rises so high.

What the network did not expect, what exceeds a habit and how large a number is are turned into the same currency:
minus the decimal logarithm of the share of clean (actor, day)s in which the signal rose at least as high.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Clean days of a role below which it is judged beside all roles.
_ENOUGH = 60
#: Calibration keeps at most this many quantiles per role and signal.
_KEPT = 512


@dataclass(frozen=True)
class Calibration:
    """What signals were like on clean days.

    Args:
        levels: Shares of clean days, rising, (levels,).
        values: What the signal rose to on that share, per role (0: all) and signal, (roles, signals, levels).
        tail: Mean excess over the level of .95, (roles, signals).
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
