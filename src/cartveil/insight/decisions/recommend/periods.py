"""Which days teach and which are held out, and the occasions of the days that teach."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from cartveil.insight.decisions.recommend.config import RecommenderConfig
from cartveil.insight.decisions.recommend.samples import Sample, facts_at, sample_of
from cartveil.insight.decisions.recommend.times import day_of
from cartveil.insight.sequences.baskets import Baskets, days_of
from cartveil.insight.sequences.clock import without_stray_times
from cartveil.insight.sequences.occasions import cutoffs_before, occasions_with_target

#: Occasions of all cutoffs together, which bounds memory.
_MOST_OCCASIONS = 30_000

#: Days between two computations of the item-item weights; in between they hardly change.
_WEIGHTS_EVERY = 30.0


@dataclass(frozen=True)
class Span:
    """Days since 1970: first event, start of the validation period, end of all, and the horizon of a target."""

    first: float
    held_out: float
    end: float
    horizon: float


def without_strays(table: pa.Table) -> tuple[pa.Table, int]:
    """Return the events less those that a wrong clock dated, and how many those are.

    The latest event ends the last period, so that one dated years ahead would leave nobody to learn from.
    """
    kept = without_stray_times(days_of(table["time"]))
    return (table, 0) if kept.all() else (table.filter(pa.array(kept)), int((~kept).sum()))


def span_of(
    baskets: Baskets, config: RecommenderConfig, held_out_from: datetime | None, until: datetime | None
) -> Span:
    """Part a period into training and validation; `held_out_from` and `until` go before what follows from the data."""
    first, last = float(baskets.day.min()), float(baskets.day.max())
    end = last + 1e-6 if until is None else day_of(until)
    # A shop with a short past gets a horizon that leaves room for training and validation.
    horizon = min(config.horizon, (end - first) / 5)
    held_out = end - horizon if held_out_from is None else day_of(held_out_from)
    return Span(first, held_out, end, horizon)


def training_samples(baskets: Baskets, span: Span, config: RecommenderConfig) -> list[Sample]:
    """Gather the occasions of every cutoff before the validation period, each with what was known then."""
    every = min(config.every, max(span.horizon / 4, 1e-3))
    cutoffs = cutoffs_before(span.held_out, first=span.first, horizon=span.horizon, every=every, at_most=config.cutoffs)
    samples: list[Sample] = []
    facts, computed = None, -np.inf
    for cutoff in cutoffs:
        occasions = occasions_with_target(baskets, cutoff, horizon=span.horizon)
        occasions = occasions.part(slice(None, None, 1 + len(occasions) * len(cutoffs) // _MOST_OCCASIONS))
        if not len(occasions):
            continue
        fresh = facts is None or cutoff - computed >= _WEIGHTS_EVERY
        weights = None if fresh or facts is None else facts.weights
        facts, computed = facts_at(baskets, cutoff, ridge=config.ridge, weights=weights), cutoff if fresh else computed
        samples.append(sample_of(baskets, occasions, facts, steps=config.steps, width=config.width))
    return samples
