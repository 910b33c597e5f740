"""How much to reorder so that a lead time is survived at a service level."""

import math
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.errors import InputError
from cartveil.insight.decisions.forecast.horizon import HORIZON, LEVELS, QUANTILE_COLUMNS


def reorder_quantity(
    totals: pa.Table,
    *,
    service_level: float = 0.95,
    lead_time_weeks: int = 2,
    stock: float | Mapping[str, float] = 0.0,
) -> pa.Table:
    """Return how many units of each item to order now.

    The order fills stock up to the quantile, at the service level, of the demand of all weeks of the lead time
    together. That quantile is forecast of its own. Between forecast levels it is interpolated; above the highest
    the tail is taken as exponential through the two highest levels, an assumption and not a forecast.

    Args:
        totals: What `Forecaster.totals` returned.
        service_level: Share of lead times without a stock-out, above 0 and below 1.
        lead_time_weeks: Weeks until an order arrives, 1 to 4.
        stock: Units on hand and on order: one number, or item -> units (an item not named has none).

    Returns:
        item, expected (median demand of the lead time), needed (its quantile), stock, quantity (whole units).

    Raises:
        InputError: Service level or lead time is out of range, or stock is negative.
    """
    if not 0 < service_level < 1:
        raise InputError("must lie between 0 and 1", path="service_level", hint="0.95 is usual")
    if not 1 <= lead_time_weeks <= HORIZON:
        raise InputError(f"must be 1 to {HORIZON} weeks", path="lead_time_weeks", hint="further is not forecast")
    rows = totals.filter(pc.equal(totals["weeks"], lead_time_weeks))
    quantiles = np.stack([rows[name].to_numpy() for name in QUANTILE_COLUMNS], axis=-1)
    needed = _at(quantiles, service_level)
    held = _stock(rows["item"].to_pylist(), stock)
    return pa.table(
        {
            "item": rows["item"],
            "expected": quantiles[:, LEVELS.index(0.5)].astype(np.float64),
            "needed": needed,
            "stock": held,
            "quantity": np.ceil(np.maximum(needed - held, 0.0) - 1e-6).astype(np.int64),
        }
    )


def _at(quantiles: NDArray[np.float32], level: float) -> NDArray[np.float64]:
    if level <= LEVELS[-1]:
        # Below the lowest level demand falls to zero in a straight line.
        known = np.concatenate([np.zeros((len(quantiles), 1)), quantiles], axis=1)
        levels = np.array((0.0, *LEVELS))
        right = int(np.searchsorted(levels, level))
        share = (level - levels[right - 1]) / (levels[right] - levels[right - 1])
        return np.asarray(known[:, right - 1] * (1 - share) + known[:, right] * share, dtype=np.float64)
    low, high = LEVELS[-2], LEVELS[-1]
    slope = (quantiles[:, -1] - quantiles[:, -2]) / math.log((1 - low) / (1 - high))
    return np.asarray(quantiles[:, -1] + slope * math.log((1 - high) / (1 - level)), dtype=np.float64)


def _stock(items: list[str], stock: float | Mapping[str, float]) -> NDArray[np.float64]:
    if isinstance(stock, Mapping):
        held = np.array([stock.get(item, 0.0) for item in items], dtype=np.float64)
    else:
        held = np.full(len(items), stock, dtype=np.float64)
    if (held < 0).any() or not np.isfinite(held).all():
        raise InputError("must not be negative", path="stock", hint="count what is on hand and on order")
    return held
