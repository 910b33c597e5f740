"""How much to order so that stock lasts at a service level until the order after this one arrives.

    now ---- lead time ---->  this order arrives
        ---- review -->  next look ---- lead time ---->  the next order arrives

Stock and this order together have to last over review period and lead time. Sums of so many periods are forecast of
their own up to the forecaster's horizon; beyond it they are carried on, and the table says so.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.errors import InputError
from cartveil.insight.decisions.forecast.horizon import LEVELS, QUANTILE_COLUMNS
from cartveil.insight.decisions.forecast.tails import Reals, at_levels, mean_and_spread

#: Periods that a forecast may be carried on to, in horizons: what lies further is nobody's guess.
MOST_HORIZONS = 13


def reorder_quantity(
    totals: pa.Table,
    *,
    service_level: float = 0.95,
    lead_time: int = 2,
    review: int = 0,
    stock: float | Mapping[str, float] = 0.0,
) -> pa.Table:
    """Return how many units of each item to order now.

    The order fills stock up to the quantile, at the service level, of the demand of all periods of lead time and
    review together. Up to the horizon that quantile is forecast of its own. Beyond it the mean goes on at the rate of
    the whole horizon, and the spread grows as it did from one period to the horizon, between the square root of
    the periods (each on its own) and straight (all alike). Between levels a quantile is interpolated; above the highest
    the tail is exponential. What is carried on, and the tail, are assumptions and no forecasts.

    Args:
        totals: What `Forecaster.totals` returned.
        service_level: Share of cycles without a stock-out, above 0 and below 1.
        lead_time: Periods until an order arrives, at least 1; weeks, where weeks are forecast.
        review: Periods until the next order can be placed; 0 where one is placed whenever it is needed.
        stock: Units on hand and on order, less those that customers wait for: one number, or item -> units (an item
            not named has none). Below zero, customers wait.

    Returns:
        item, expected (median demand of lead time and review), needed (its quantile), stock, quantity (whole units),
        and forecast: false where the periods reach beyond the horizon.

    Raises:
        InputError: Service level, lead time or review is out of range, stock is no number, or `totals` is no such
            table.
    """
    if not 0 < service_level < 1:
        raise InputError("must lie between 0 and 1", path="service_level", hint="0.95 is usual")
    period, horizon = _horizon_of(totals)
    for name, value, least in (("lead_time", lead_time, 1), ("review", review, 0)):
        if not least <= value:
            raise InputError(f"must be at least {least}", path=name, hint=f"a number of {period}")
    periods = lead_time + review
    if periods > MOST_HORIZONS * horizon:
        hint = f"at most {MOST_HORIZONS * horizon} {period}: train a forecaster with a longer horizon"
        raise InputError(f"{periods} {period} are too far ahead", path="lead_time", hint=hint)
    items, sums = _sums_of(totals, period, horizon)  # (I, horizon, levels)
    quantiles = sums[:, periods - 1] if periods <= horizon else carried_on(sums, periods)
    needed = at_levels(quantiles, service_level)
    held = _stock(items, stock)
    return pa.table(
        {
            "item": pa.array(items, pa.string()),
            "expected": quantiles[:, LEVELS.index(0.5)].astype(np.float64),
            "needed": needed,
            "stock": held,
            "quantity": np.ceil(np.maximum(needed - held, 0.0) - 1e-6).astype(np.int64),
            "forecast": np.full(len(items), periods <= horizon),
        }
    )


def carried_on(sums: NDArray[np.floating], periods: int) -> Reals:
    """Return quantiles of the sum of more periods than were forecast; see `reorder_quantity`.

    Args:
        sums: Quantiles of the sums of the first 1, 2, ... periods, (I, horizon, levels).
        periods: More than the horizon.

    Returns:
        (I, levels), rising, never below zero.

    Guarantees:
        - More periods never need less at a level above the median.
    """
    horizon = sums.shape[1]
    mean, spread = mean_and_spread(sums)  # (I, horizon) each
    longer = periods / horizon
    centre = mean[:, -1] * longer
    widened = spread[:, -1] * longer ** _growth(spread)
    standard = (sums[:, -1] - mean[:, -1:]) / np.maximum(spread[:, -1:], 1e-9)  # (I, levels)
    found = np.maximum(centre[:, None] + standard * widened[:, None], 0.0)
    # Where demand is lumpy the lower levels of a long sum would fall below those of a short one.
    return np.asarray(np.maximum(np.maximum.accumulate(found, axis=1), sums[:, -1]))


def _growth(spread: Reals) -> float:
    """Return the power of the number of periods with which the spread grew, all items together, .5 to 1."""
    horizon = spread.shape[1]
    some = (spread > 1e-9).all(axis=1)
    if horizon < 2 or not some.any():
        return 0.5
    steps = np.log(np.arange(1, horizon + 1))
    logs = np.log(spread[some])
    slope = ((logs - logs.mean(1, keepdims=True)) @ (steps - steps.mean())) / np.square(steps - steps.mean()).sum()
    return float(np.clip(np.median(slope), 0.5, 1.0))


def _horizon_of(totals: pa.Table) -> tuple[str, int]:
    """Return the name of the periods and how many are forecast."""
    names = [name for name in totals.column_names if name != "item" and name not in QUANTILE_COLUMNS]
    wanted = {"item", *QUANTILE_COLUMNS} <= set(totals.column_names)
    if not wanted or len(names) != 1 or not totals.num_rows:
        raise InputError(
            "is not what `Forecaster.totals` returned", path="totals", hint="pass `forecaster.totals(...)`"
        )
    return names[0], int(pc.max(totals[names[0]]).as_py())


def _sums_of(totals: pa.Table, period: str, horizon: int) -> tuple[list[str], Reals]:
    quantiles = np.stack([totals[name].to_numpy() for name in QUANTILE_COLUMNS], axis=-1).astype(np.float64)
    rows = totals[period].to_numpy()
    parts = [quantiles[rows == step] for step in range(1, horizon + 1)]
    if len({len(part) for part in parts}) > 1:
        raise InputError("lacks a sum of some items", path="totals", hint="pass all rows of the items that are wanted")
    return totals["item"].filter(pa.array(rows == 1)).to_pylist(), np.stack(parts, axis=1)


def _stock(items: list[str], stock: float | Mapping[str, float]) -> Reals:
    if isinstance(stock, Mapping):
        held = np.array([stock.get(item, 0.0) for item in items], dtype=np.float64)
    else:
        held = np.full(len(items), stock, dtype=np.float64)
    if not np.isfinite(held).all():
        raise InputError("must be a number", path="stock", hint="count what is on hand and on order")
    return held
