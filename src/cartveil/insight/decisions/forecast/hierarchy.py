"""Forecasts whose sums agree: items, their categories and the total, made to tell one story.

    total           16.0          forecast apart: items 3 + 4 + 8 = 15, categories 8 + 7 = 15, total 16
    fruit     bread 8.0  8.0      made to agree: each gives way by as much as it was unsure
    a    b    c

Forecast apart, a total knows the season best and an item its own habit best, and they contradict each other.
Reconciliation weighs them by how sure each is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.errors import ColumnError, InputError
from cartveil.insight.decisions.forecast.tails import Reals
from cartveil.insight.sequences.series import DemandSeries

#: Reconciled means are whole numbers of this: sums of such numbers are exact, in whatever order one adds.
GRAIN = 2.0**-16

#: What the node over all items is called.
TOTAL = "total"

#: What an item without a category is put under.
OTHER = "other"

#: How often items that reconciliation brought below zero are set to zero, and the rest reconciled again.
_ROUNDS = 8


@dataclass(frozen=True)
class Level:
    """One level over the items.

    Args:
        name: What it groups by.
        nodes: Names of its groups, sorted.
        of_item: Number of each item's group, (I,).
    """

    name: str
    nodes: tuple[str, ...]
    of_item: NDArray[np.int64]


@dataclass(frozen=True)
class Hierarchy:
    """Items and the levels over them, N nodes in all: items first, then level by level, the total last.

    Args:
        items: Names, in the order of the series.
        levels: From the finest to the total.
    """

    items: tuple[str, ...]
    levels: tuple[Level, ...]

    @property
    def upper(self) -> int:
        """Return how many nodes stand over the items."""
        return sum(len(level.nodes) for level in self.levels)

    @property
    def names(self) -> tuple[tuple[str, str], ...]:
        """Return level and name of each node, (N,)."""
        return (
            *(("item", item) for item in self.items),
            *((level.name, node) for level in self.levels for node in level.nodes),
        )

    def sums(self, values: NDArray[np.floating]) -> Reals:
        """Return what stands over the items as sums of theirs, (upper, ...).

        Args:
            values: Of the items, (I, ...).
        """
        found = [np.zeros((len(level.nodes), *values.shape[1:])) for level in self.levels]
        for total, level in zip(found, self.levels, strict=True):
            np.add.at(total, level.of_item, values)
        return np.concatenate(found)

    def differences(self, values: Reals) -> Reals:
        """Return by how much each node over the items is more than the sum of its items, (upper, ...).

        Args:
            values: Of all nodes, (N, ...).
        """
        return np.asarray(values[len(self.items) :] - self.sums(values[: len(self.items)]))


def hierarchy_of(items: Sequence[str], groups: Mapping[str, Sequence[str | None]] | None = None) -> Hierarchy:
    """Lay levels over items.

    Args:
        items: Names.
        groups: Name of a level -> each item's group, from the finest level to the coarsest; groups need not nest. An
            item without a group is put under `OTHER`. The total is added; None where there is nothing but it.

    Raises:
        InputError: No item, or another number of groups than of items.

    >>> shop = hierarchy_of(["a", "b", "c"], {"category": ["fruit", "fruit", "bread"]})
    >>> shop.sums(np.array([3.0, 4.0, 8.0])).tolist()  # bread, fruit, total
    [8.0, 7.0, 15.0]
    """
    if not items:
        raise InputError("needs an item", path="items", hint="name those that are forecast")
    levels = []
    for name, each in (groups or {}).items():
        if len(each) != len(items):
            raise InputError(f"{len(each)} groups for {len(items)} items", path=name, hint="give one for each item")
        nodes, of_item = np.unique(
            [OTHER if group is None or group == "" else group for group in each], return_inverse=True
        )
        levels.append(Level(name, tuple(str(node) for node in nodes), of_item.reshape(-1)))
    total = Level(TOTAL, (TOTAL,), np.zeros(len(items), np.int64))
    return Hierarchy(tuple(items), (*levels, total))


def upper_series(demand: DemandSeries, hierarchy: Hierarchy) -> DemandSeries:
    """Return the demand of what stands over the items, as series of their own; what is unknown counts as none.

    Args:
        demand: Of the items.
        hierarchy: Over these very items.

    Raises:
        InputError: The items are others.
    """
    if tuple(demand.items) != hierarchy.items:
        raise InputError("has other items than the series", path="hierarchy", hint="make it from `demand.items`")
    names = tuple(name for _, name in hierarchy.names[len(hierarchy.items) :])
    return replace(
        demand,
        items=names,
        demand=hierarchy.sums(np.nan_to_num(demand.demand)).astype(np.float32),
        lines=None if demand.lines is None else hierarchy.sums(demand.lines).astype(np.float32),
        descriptions=names,
        prices=None if demand.prices is None else _mean_prices(demand.prices, demand.demand, hierarchy),
        categories=(),
    )


def _mean_prices(prices: NDArray[np.float32], demand: NDArray[np.float32], hierarchy: Hierarchy) -> NDArray[np.float32]:
    """Return what a unit cost on average in each group, NaN where nothing was sold at a known price."""
    units = np.where(np.isfinite(prices), np.nan_to_num(demand), 0.0)
    paid, sold = hierarchy.sums(np.nan_to_num(prices) * units), hierarchy.sums(units)
    return np.asarray(np.divide(paid, sold, out=np.full(sold.shape, np.nan), where=sold > 0), dtype=np.float32)


def reconcile(base: Reals, hierarchy: Hierarchy, *, spread: Reals, errors: Reals | None = None) -> Reals:
    """Make means agree, changing each node by as much as it was unsure.

    Args:
        base: Forecasts of all nodes, made apart, (N, periods).
        hierarchy: How they belong together.
        spread: Standard deviation of each forecast's error, (N,); 0 for one that must not be changed.
        errors: Past errors of all nodes, (N, times), for their covariance, shrunk towards its diagonal; None to take
            errors as unrelated.

    Returns:
        (N, periods), none below zero.

    Raises:
        InputError: Shapes do not fit, or a value is no finite number.

    Guarantees:
        - Every node is exactly the sum of its items, in whatever order they are added.
        - What agreed already is returned as it was, up to `GRAIN`.

    Source: Wickramasuriya, Athanasopoulos and Hyndman, Optimal Forecast Reconciliation for Hierarchical and Grouped
        Time Series Through Trace Minimization, JASA 2019, equation 9 in its form by constraints; with unrelated errors
        it is weighted least squares. Zero where it would be negative: Wickramasuriya, Turlach and Hyndman, Optimal
        Non-negative Forecast Reconciliation, 2020, section 4.
    """
    count = len(hierarchy.items)
    _check(base, spread, count + hierarchy.upper)
    weights = _Weights.of(np.square(spread), errors)
    means = np.array(base, dtype=np.float64)
    for period in range(means.shape[1]):
        means[:, period] = _agreeing(means[:, period], hierarchy, weights)
    items = np.round(np.maximum(means[:count], 0.0) / GRAIN) * GRAIN
    return np.concatenate([items, hierarchy.sums(items)])


@dataclass(frozen=True)
class _Weights:
    """The covariance of errors: a diagonal, and what past errors add to it; never laid out whole."""

    diagonal: Reals
    factor: Reals | None = None

    @classmethod
    def of(cls, variance: Reals, errors: Reals | None) -> "_Weights":
        if errors is None:
            return cls(variance)
        scaled = errors / np.sqrt(np.maximum(np.mean(errors**2, axis=1, keepdims=True), 1e-12))
        keep = 1 - _shrinkage(scaled)
        # Correlations from the past, sizes from the forecasts.
        factor = np.sqrt(variance)[:, None] * scaled * np.sqrt(keep / errors.shape[1])
        return cls(np.maximum(variance - np.square(factor).sum(1), 0.0), factor)

    def without(self, rows: NDArray[np.bool_]) -> "_Weights":
        """Return the same where these nodes are certain."""
        factor = None if self.factor is None else np.where(rows[:, None], 0.0, self.factor)
        return _Weights(np.where(rows, 0.0, self.diagonal), factor)


def _agreeing(base: Reals, hierarchy: Hierarchy, weights: _Weights) -> Reals:
    """Return one period's forecasts, made to agree; items that would fall below zero are held there."""
    held = np.zeros(len(base), dtype=np.bool_)
    start = base
    for _ in range(_ROUNDS):
        found = start - _moved(start, hierarchy, weights.without(held))
        below = (found < 0) & ~held
        below[len(hierarchy.items) :] = False
        if not below.any():
            return found
        held |= below
        start = np.where(held, 0.0, base)
    return np.maximum(found, 0.0)


def _moved(base: Reals, hierarchy: Hierarchy, weights: _Weights) -> Reals:
    """Return W C' (C W C')^-1 C y, with C that takes from each node the sum of its items."""
    count, upper = len(hierarchy.items), hierarchy.upper
    spread = np.zeros((len(base), upper))  # W C'
    place = 0
    for level in hierarchy.levels:
        spread[np.arange(count), place + level.of_item] = -weights.diagonal[:count]
        place += len(level.nodes)
    spread[count + np.arange(upper), np.arange(upper)] = weights.diagonal[count:]
    if weights.factor is not None:
        spread += weights.factor @ hierarchy.differences(weights.factor).T
    joint = hierarchy.differences(spread)  # C W C'
    joint += np.diag(np.full(upper, 1e-9 * max(float(np.trace(joint)) / upper, 1e-12)))
    return np.asarray(spread @ np.linalg.solve(joint, hierarchy.differences(base)))


def _shrinkage(scaled: Reals) -> float:
    """Return how far correlations of standardised errors are to be shrunk to none, 0 to 1.

    Source: Schaefer and Strimmer, A Shrinkage Approach to Large-Scale Covariance Matrix Estimation, 2005, section 2.3.
    """
    times = scaled.shape[1]
    if times < 3:
        return 1.0
    squares = np.square(scaled)
    # Sums over all pairs of nodes, by way of times, so that no matrix of all pairs is laid out.
    products = np.square(scaled.T @ scaled).sum() - np.square(squares.sum(1)).sum()
    fourth = np.square(squares.sum(0)).sum() - np.square(squares).sum()
    correlations = products / times**2
    variance = (fourth - products / times) * times / (times - 1) ** 3
    return float(np.clip(variance / max(correlations, 1e-12), 0.0, 1.0))


def _check(base: Reals, spread: Reals, nodes: int) -> None:
    if base.ndim != 2 or len(base) != nodes or spread.shape != (nodes,):
        hint = "items first, then what stands over them, in the order of `hierarchy.names`"
        raise InputError(f"forecasts and spreads are not those of {nodes} nodes", path="base", hint=hint)
    if not np.isfinite(base).all() or not np.isfinite(spread).all() or (spread < 0).any():
        raise InputError("must be finite, and no spread below zero", path="base", hint="leave unknown series out")


def groups_in(lines: pa.Table, items: Sequence[str], *, column: str) -> tuple[str, ...]:
    """Return the group of each item as order lines tell it: the one most of its lines name, by name where they tie.

    Args:
        lines: Columns `item` and this one.
        items: Names, in the order of the series; one without a line is put under `OTHER`.
        column: Such as `category`.

    Raises:
        ColumnError: There is no such column.
    """
    if column not in lines.column_names:
        hint = f"the release has: {', '.join(lines.column_names)}"
        raise ColumnError("no such column to group items by", path=column, hint=hint)
    named = pa.table({"item": lines["item"].cast(pa.string()), "group": lines[column].cast(pa.string())})
    counts = named.filter(pc.is_valid(named["group"])).group_by(["item", "group"]).aggregate([([], "count_all")])
    counts = counts.sort_by([("count_all", "ascending"), ("group", "descending")])
    found = dict(zip(counts["item"].to_pylist(), counts["group"].to_pylist(), strict=True))
    return tuple(found.get(item) or OTHER for item in items)
