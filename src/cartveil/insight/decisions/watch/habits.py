"""How often an actor does something in a day, and how far today goes beyond it.

A value (a screen, an hour, an unknown device, an access without a case) is counted over the day; what counts is not
that it is rare but that this actor, whose role does so seldom, does it so often today. The actor's own days back off
to those of its role. Readings differ in what they hold to be a habit, since none is right alone:

- `steady`: all days before; what is new stays strange until it has been usual for long;
- `fresh`: days from the first on which anybody of the role did so, the actor's last week left out; a new screen that
  all peers begin to use is soon no news, and who misuses access for some days does not become used to it;
- `slow`: the last two weeks are counted together against the days before them: a little every day adds up.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartveil.insight.sequences.relations import grouped, starts_of

_DAY = 86400
#: How many days of its role an actor without a past is worth, and days that the role's own rate starts from.
_PEERS, _START = 10.0, 10.0
#: How much counts of a day vary beyond chance: shape of the negative binomial.
_SHAPE = 3.0
#: Days that are no habit yet in the fresh reading, and days in which everything is new.
_UNSETTLED, _FIRST = 7, 7
#: Days that the slow reading counts together, today included.
_SLOW = 14
#: How many readings there are: steady, fresh, slow.
READINGS = 3


@dataclass(frozen=True)
class Past:
    """Who acted on which day, in order of time.

    Args:
        actors: Number of the actor of each row.
        roles: Number of the role of each row.
        day: Days since the first one, (rows,).
        unit: Number of the (actor, day) of each row, by actor and day.
        so_far: Events of that unit up to and including the row, (rows,).
        keys: actor * days + day of each unit, rising.
        first: First row of each unit.
        events: Prefix sums of the units' events, (units + 1,).
        days: How many days the stream spans.
        role_days: (roles, days + 1): (actor, day)s of the role before each day.
        role_events: The same, of events.
    """

    actors: NDArray[np.int64]
    roles: NDArray[np.int64]
    day: NDArray[np.int64]
    unit: NDArray[np.int64]
    so_far: NDArray[np.int64]
    keys: NDArray[np.int64]
    first: NDArray[np.int64]
    events: NDArray[np.int64]
    days: int
    role_days: NDArray[np.float64]
    role_events: NDArray[np.float64]

    @classmethod
    def of(cls, actors: NDArray[np.int64], roles: NDArray[np.int64], seconds: NDArray[np.int64]) -> "Past":
        """Gather the days of actors and roles; seconds rise, one row or more."""
        day = seconds // _DAY - int(seconds[0]) // _DAY
        days = int(day[-1]) + 1
        units = grouped(actors * days + day)
        keys, first, unit, count = units.keys, units.first, units.of, units.count
        role_of, day_of = roles[first], keys % days
        shape = (int(roles.max()) + 1, days)
        return cls(
            actors,
            roles,
            day,
            unit,
            _places(unit, count),
            keys,
            first,
            np.append(0, np.cumsum(count)),
            days,
            _before_each_day(shape, role_of, day_of, np.ones(len(keys))),
            _before_each_day(shape, role_of, day_of, count.astype(np.float64)),
        )

    def days_of(self, actors: NDArray[np.int64], until: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return on how many days before `until` these actors acted."""
        return self._place(actors, until) - self._place(actors, np.zeros_like(until))

    def events_of(self, actors: NDArray[np.int64], until: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many events these actors had before the day `until`."""
        return self.events[self._place(actors, until)] - self.events[self._place(actors, np.zeros_like(until))]

    def _place(self, actors: NDArray[np.int64], until: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.asarray(np.searchsorted(self.keys, actors * self.days + until))


@dataclass(frozen=True)
class Cells:
    """One value of one actor on one day: `of` leads from rows to cells, `place` counts the cell's rows up to each."""

    of: NDArray[np.int64]
    place: NDArray[np.int64]
    actor: NDArray[np.int64]
    role: NDArray[np.int64]
    value: NDArray[np.int64]
    day: NDArray[np.int64]
    settled: NDArray[np.int64]
    before: NDArray[np.int64]
    older: NDArray[np.int64]
    earlier: NDArray[np.int64]
    peers: NDArray[np.float64]
    born: NDArray[np.int64]
    births: NDArray[np.float64]


def beyond_habit(values: NDArray[np.int64], past: Past) -> tuple[NDArray[np.float32], ...]:
    """Return by how much the count of each row's value exceeds the habit, in nats: steady, fresh, slow, (rows,) each.

    Args:
        values: Number of the value of each row, from 0, (rows,).
        past: Who acted on which day.

    Guarantees:
        - A row's answer depends on that row and earlier ones only.

    Source: the exponent of Chernoff's bound on the upper tail of a negative binomial; the rate is the posterior mean
        of a gamma whose prior is the role's rate.
    """
    cells = _cells(values, past)
    own_days = past.days_of(cells.actor, cells.day)
    role_days = past.role_days[cells.role, cells.day]
    steady_role = (cells.peers + cells.before + 0.5) / (role_days + 2 * _START)
    steady = (cells.before + _PEERS * steady_role) / (own_days + _PEERS)
    # What did not exist cannot have been a habit: days count from the first on which somebody of the role did so.
    since = past.days_of(cells.actor, cells.born)
    peer_days = role_days - past.role_days[cells.role, cells.born] - (own_days - since)
    news = (cells.births + 0.5) / (role_days + 2 * _START)
    fresh_role = (cells.peers + _START * news) / (np.maximum(peer_days, 0) + _START)
    own = past.days_of(cells.actor, cells.settled) - past.days_of(cells.actor, np.minimum(cells.born, cells.settled))
    fresh = (cells.older + _PEERS * fresh_role) / (own + _PEERS)
    return (
        _exceeds(cells, past, steady, cells.day),
        _exceeds(cells, past, fresh, cells.settled),
        _exceeds_slowly(cells, past, steady_role),
    )


def _exceeds_slowly(cells: Cells, past: Past, role_rate: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return by how much the count of the last days exceeds what the days before them make one expect."""
    begin = np.maximum(cells.day - _SLOW + 1, 0)
    days = past.days_of(cells.actor, begin)
    lately = past.days_of(cells.actor, cells.day) - days
    rate = (cells.earlier + _PEERS * role_rate) / (days + _PEERS)
    events = past.events_of(cells.actor, cells.day) - past.events_of(cells.actor, begin)
    role_events = (past.role_events[cells.role, cells.day] + 1) / (past.role_days[cells.role, cells.day] + 1)
    usual = (past.events_of(cells.actor, begin) + _PEERS * role_events) / (days + _PEERS)
    share = np.minimum(rate / usual, 1.0)
    expected = np.maximum((rate * (lately + 1))[cells.of], share[cells.of] * (events[cells.of] + past.so_far))
    return _exponent((cells.before - cells.earlier)[cells.of] + cells.place, expected)


def _exceeds(cells: Cells, past: Past, rate: NDArray[np.float64], until: NDArray[np.int64]) -> NDArray[np.float32]:
    role_events = (past.role_events[cells.role, cells.day] + 1) / (past.role_days[cells.role, cells.day] + 1)
    usual = (past.events_of(cells.actor, until) + _PEERS * role_events) / (past.days_of(cells.actor, until) + _PEERS)
    share = np.minimum(rate / usual, 1.0)
    # A busy day holds more of everything: the count is held against the day's events too.
    return _exponent(cells.place, np.maximum(rate[cells.of], share[cells.of] * past.so_far))


def _exponent(counts: NDArray[np.int64], expected: NDArray[np.float64]) -> NDArray[np.float32]:
    count, expected = counts.astype(np.float64), np.maximum(expected, 1e-9)
    exponent = count * np.log(count / expected) - (count + _SHAPE) * np.log((count + _SHAPE) / (expected + _SHAPE))
    return np.where(count > expected, np.maximum(exponent, 0.0), 0.0).astype(np.float32)


def _cells(values: NDArray[np.int64], past: Past) -> Cells:
    width, days = int(values.max()) + 1, past.days
    cells = grouped((past.actors * width + values) * days + past.day)
    keys, first, of, count = cells.keys, cells.first, cells.of, cells.count
    group, day, role, value = keys // days, keys % days, past.roles[first], values[first]
    total = np.append(0, np.cumsum(count))
    begin = total[starts_of(group)]
    before = total[:-1] - begin
    settled = np.maximum(day - _UNSETTLED, 0)
    older, earlier = (
        total[np.maximum(np.searchsorted(keys, group * days + np.maximum(day - back, 0)), starts_of(group))] - begin
        for back in (_UNSETTLED, _SLOW - 1)
    )
    shape = (len(past.role_days) * width, days)
    kind = role * width + value
    of_role = _before_each_day(shape, kind, day, count.astype(np.float64))
    born_at = np.where(of_role[:, -1] > 0, (of_role > 0).argmax(1) - 1, days)
    return Cells(
        of,
        _places(of, count),
        group // width,
        role,
        value,
        day,
        settled,
        before,
        older,
        earlier,
        # An actor that came from another role may have done it more often than its new peers.
        np.maximum(of_role[kind, day] - before, 0.0),
        np.minimum(born_at[kind], day),
        _births(born_at, width, past)[role, day],
    )


def _births(born_at: NDArray[np.int64], width: int, past: Past) -> NDArray[np.float64]:
    """Return how many values were new to each role before each day, (roles, days + 1)."""
    known = np.flatnonzero((born_at < past.days) & (born_at >= _FIRST))
    shape = (len(past.role_days), past.days)
    return _before_each_day(shape, known // width, born_at[known], np.ones(len(known)))


def _before_each_day(
    shape: tuple[int, int], rows: NDArray[np.int64], days: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    daily = np.bincount(rows * shape[1] + days, weights=weights, minlength=shape[0] * shape[1]).reshape(shape)
    return np.concatenate([np.zeros((shape[0], 1)), np.cumsum(daily, axis=1)], axis=1)


def _places(groups: NDArray[np.int64], count: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the how-manieth row of its group each row is, from 1."""
    order = np.argsort(groups, kind="stable")
    place = np.empty(len(groups), dtype=np.int64)
    place[order] = np.arange(1, len(groups) + 1) - np.repeat(np.cumsum(count) - count, count)
    return place
