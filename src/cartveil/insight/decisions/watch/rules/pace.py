"""Rules about when and how much: bursts, bulk, office hours, accounts that wake up."""

import numpy as np
from numpy.typing import NDArray

from cartveil.insight.decisions.watch.rules.config import RuleConfig
from cartveil.insight.decisions.watch.rules.found import Found, found, rarity_today
from cartveil.insight.decisions.watch.rules.trail import Trail, Whole, counted_before, days_before, units
from cartveil.insight.sequences.relations import since_before, times_before, within

_DAY = 86400
#: How many times the usual is as grave as can be.
_GRAVEST_TIMES = 10.0


def burst(trail: Trail, config: RuleConfig) -> Found:
    """Find more reads within minutes than on any earlier day of the actor."""
    actor = np.where(trail.reads, trail.actor, -1)
    reads = (within(actor, trail.seconds, seconds=config.burst_seconds) + 1).astype(np.float64)
    reads[~trail.reads] = 0
    usual = highest_before(trail, reads)
    limit = np.maximum(config.burst_times * usual, config.burst_reads)
    hit = (reads > limit) & np.isfinite(usual)
    minutes = config.burst_seconds // 60
    sentence = f"{{:.0f}} reads within {minutes} minutes; at most {{:.0f}} on any day before"
    return found(trail, hit, _times(reads, limit), sentence, reads, usual)


def bulk(trail: Trail, config: RuleConfig) -> Found:
    """Find more records on a day than on any earlier day of the actor."""
    unit = units(trail)
    rows = np.where(trail.reads & trail.allowed, trail.rows, 0.0)
    today = counted_before(unit, rows) + rows
    usual = highest_before(trail, today)
    limit = np.maximum(config.bulk_times * usual, config.bulk_rows)
    hit = (today > limit) & (rows > 0) & np.isfinite(usual)
    sentence = "{:.0f} records on one day; at most {:.0f} on any day before"
    return found(trail, hit, _times(today, limit), sentence, today, usual)


def off_hours(trail: Trail, config: RuleConfig) -> Found:
    """Find people at work at night, or on a weekend, who do not usually work then."""
    night = (trail.hour < config.day_from) | (trail.hour >= config.day_to)
    weekend = (trail.day + 3) % 7 >= 5  # 1970-01-01 was a Thursday
    off = night | weekend
    days = days_before(trail.actor, trail.day, np.ones(len(trail), dtype=bool))
    # At night and on a weekend are different habits.
    nights = np.where(
        night, days_before(trail.actor, trail.day, night), days_before(trail.actor, trail.day, weekend & ~night)
    )
    share = nights / np.maximum(days, 1)
    hit = off & trail.person & (days >= config.settled_days) & (share < config.off_hours_share)
    weight = rarity_today(trail, hit) * (1 - share / config.off_hours_share)
    return found(trail, hit, weight, "outside working hours on {:.0f} of {:.0f} days before", nights, days)


def dormant(trail: Trail, config: RuleConfig) -> Found:
    """Find actors who were not seen for long and act again."""
    gap = np.nan_to_num(since_before(trail.actor, trail.seconds)) / _DAY
    hit = gap >= config.dormant_days
    weight = 0.5 + 0.5 * np.clip(gap / config.dormant_days - 1, 0, 1)
    return found(trail, hit, weight, "the account had not been used for {:.0f} days", gap)


def highest_before(trail: Trail, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the highest value of the actor's earlier days; NaN in the actor's first days."""
    if not len(trail):
        return np.empty(0)
    unit = units(trail)
    count = int(unit.max()) + 1
    highest = np.zeros(count)
    np.maximum.at(highest, unit, values)
    actor, day = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64)
    actor[unit], day[unit] = trail.actor, trail.day
    order = np.lexsort((day, actor))
    before = np.full(count, np.nan)
    before[order] = _running_highest(actor[order], highest[order])
    before[_in_place(actor, order) < 3] = np.nan
    return before[unit]


def _running_highest(actor: Whole, highest: NDArray[np.float64]) -> NDArray[np.float64]:
    # Actors are laid on steps that rise by more than any value, so that one running maximum serves all.
    step = float(highest.max(initial=0.0)) + 1.0
    level = np.unique(actor, return_inverse=True)[1] * step
    running = np.maximum.accumulate(highest + level)
    before = np.concatenate([[0.0], running[:-1]]) - level
    return np.asarray(np.maximum(before, 0.0))


def _in_place(actor: Whole, order: Whole) -> Whole:
    place = np.empty(len(order), dtype=np.int64)
    place[order] = times_before(actor[order])
    return place


def _times(value: NDArray[np.float64], limit: NDArray[np.float64]) -> NDArray[np.float64]:
    ratio = np.maximum(value, 1e-9) / np.maximum(np.nan_to_num(limit, nan=np.inf), 1e-9)
    return np.asarray(0.3 + 0.7 * np.log(np.maximum(ratio, 1e-9)) / np.log(_GRAVEST_TIMES))
