"""Rules about the log itself and what was laid out in it: entries that are missing, consumers who do not exist."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cartveil.insight.decisions.watch.rules.config import RuleConfig
from cartveil.insight.decisions.watch.rules.found import Found
from cartveil.insight.decisions.watch.rules.trail import Trail


def honeytoken(trail: Trail, config: RuleConfig) -> Found:
    """Find whatever touches a made-up consumer, from the first day on and whatever was decided."""
    tokens = pa.array(config.honeytokens, pa.string())
    rows = np.flatnonzero(pc.fill_null(pc.is_in(trail.subjects, value_set=tokens), False).to_numpy())
    return Found(rows, np.ones(len(rows)), "touched a consumer who does not exist and is there to be watched")


def log_gap(trail: Trail, config: RuleConfig) -> Found:
    """Find entries before which the log lacks numbers, is silent for long, or runs back in time."""
    if len(trail) < 2:
        return Found(np.empty(0, dtype=np.int64), np.empty(0), "")
    order = np.argsort(trail.index, kind="stable")
    missing = np.diff(trail.index[order], prepend=trail.index[order][:1]) - 1
    missing[0] = 0
    back = np.maximum.accumulate(trail.seconds[order]) - trail.seconds[order]
    pause = np.diff(np.maximum.accumulate(trail.seconds[order]), prepend=trail.seconds[order][0])
    longest = np.concatenate([[0], np.maximum.accumulate(pause)[:-1]])
    # The longest usual pause, such as a weekend, must have been seen once: it may be the first thing after a week.
    settled = trail.day[order] >= trail.day.min() + 2 * config.settled_days
    silent = (pause > config.silence_seconds) & (pause > config.silence_times * longest) & settled
    hit = (missing > 0) | (back > config.clock_seconds) | silent
    rows = order[hit]
    weight = np.where(missing > 0, 1.0, 0.7)[hit]
    sentence = "{:.0f} entries missing before it, {:.0f} minutes of silence, the clock {:.0f} minutes back"
    values = tuple(column[hit].astype(np.float64) for column in (np.maximum(missing, 0), pause / 60, back / 60))
    return Found(rows, weight, sentence, values)
