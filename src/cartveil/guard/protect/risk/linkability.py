"""Whether two recipients who lay their releases side by side find the same consumers in both.

Their pseudonyms differ, but a history is a name as well: a consumer whose purchases nobody else made is the same
consumer wherever these purchases stand.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as types

from cartveil.guard.protect.columns import as_text
from cartveil.guard.protect.risk.reidentification import Codes, codes_of
from cartveil.guard.protect.risk.unicity import coarse

Marks = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Linkability:
    """Consumers of one release who can be matched to another by equal histories.

    Args:
        width: How coarsely times are compared, such as `7d`; empty where items alone are.
        share: Share of the consumers of the first release, 0 to 1.
        linked: How many of them.
        consumers: Consumers of the first release.
        others: Consumers of the second.
    """

    width: str
    share: float
    linked: int
    consumers: int
    others: int


def linkability(release: pa.Table, other: pa.Table, *, width: str = "7d", seed: int = 0) -> Linkability:
    """Measure who can be matched: one consumer here and one there have this history, and nobody else.

    Args:
        release: Columns `subject`, `item` and, where there is a width, `time`.
        other: The same of another release; the release itself to learn who would be found in any copy of it.
        width: How coarsely times are compared; empty for the items alone, which no shift of dates hides.
        seed: Of the marks by which histories are compared.

    Returns:
        The measure over the time that both releases cover.

    Guarantees:
        - Two histories are equal where they have the same different points (item and time). They are compared by
          marks of 64 bits: among n consumers two histories are mistaken for equal with probability below n^2 / 2^64.

    Source: Narayanan and Shmatikov, Robust De-anonymization of Large Sparse Datasets, S&P 2008, for the attack; here
    with exact histories, so a lower bound on what an attacker with patience can do.
    """
    parts = [_known(table, width) for table in (release, other)]
    if width:
        parts = _same_time(*parts)
    marks, others = _marks_of(parts, seed=seed)
    here, there = _alone(marks), _alone(others)
    linked = len(np.intersect1d(here, there))
    return Linkability(width, linked / len(marks) if len(marks) else 0.0, linked, len(marks), len(others))


def _known(table: pa.Table, width: str) -> pa.Table:
    known = table.select(["subject", "item"] + (["time"] if width else [])).drop_null()
    if width:
        place = known.column_names.index("time")
        known = known.set_column(place, "time", coarse(known["time"], width))
    return known


def _same_time(first: pa.Table, second: pa.Table) -> list[pa.Table]:
    """Leave out what only one of the two can hold: the time before one begins and after one ends."""
    if not types.is_temporal(first["time"].type) or first["time"].type != second["time"].type:
        return [first, second]
    edges = [pc.min_max(table["time"]).as_py() for table in (first, second)]
    if any(edge["min"] is None for edge in edges):
        return [first, second]
    kind = first["time"].type
    low, high = max(edge["min"] for edge in edges), min(edge["max"] for edge in edges)
    return [
        table.filter(
            pc.and_(
                pc.greater_equal(table["time"], pa.scalar(low, kind)),
                pc.less_equal(table["time"], pa.scalar(high, kind)),
            )
        )
        for table in (first, second)
    ]


def _marks_of(parts: list[pa.Table], *, seed: int) -> list[Marks]:
    """Return (consumers,) a mark of each consumer's history, per release: equal histories, equal marks."""
    point = np.zeros(sum(part.num_rows for part in parts), np.int64)
    for name in ("item", "time"):
        if name in parts[0].column_names:
            codes = codes_of(_joined([part[name] for part in parts]))
            point = point * (int(codes.max(initial=0)) + 1) + codes
    word = np.random.default_rng(seed).integers(0, 2**64, dtype=np.uint64)
    halves = np.split(point, [parts[0].num_rows])
    return [_sums(codes_of(part["subject"]), half, word) for part, half in zip(parts, halves, strict=True)]


def _joined(columns: list[pa.ChunkedArray]) -> pa.ChunkedArray:
    first = columns[0].type
    if any(column.type != first for column in columns):
        columns = [pa.chunked_array([as_text(column).cast(pa.string())]) for column in columns]
    return pa.chunked_array([chunk for column in columns for chunk in column.chunks], columns[0].type)


def _sums(owner: Codes, point: Codes, word: np.uint64) -> Marks:
    """Return (consumers,) the sum of a random word per different point, which does not depend on their order."""
    pairs = np.unique(owner * (int(point.max(initial=0)) + 1) + point)
    owner, point = np.divmod(pairs, int(point.max(initial=0)) + 1)
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    sums: Marks = np.add.reduceat(_mixed(point.astype(np.uint64) + word), starts) if len(pairs) else pairs.astype("u8")
    return sums


def _mixed(number: Marks) -> Marks:
    """Spread numbers over 64 bits: the finaliser of SplitMix64 (Steele, Lea and Flood, 2014)."""
    with np.errstate(over="ignore"):
        number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return number ^ (number >> np.uint64(31))


def _alone(marks: Marks) -> Marks:
    found, counts = np.unique(marks, return_counts=True)
    alone: Marks = found[counts == 1]
    return alone
