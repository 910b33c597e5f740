"""How few purchases of a person one must know to find all the others.

A history without a name is still a history: whoever saw a neighbour buy four things may find the one consumer who
bought these four, and read on. Unicity is the share of consumers whom a few of their own purchases, drawn at random,
pick out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.types as types

from cartveil.guard.protect.bucket import bucket
from cartveil.guard.protect.columns import Values
from cartveil.guard.protect.risk.reidentification import Codes, codes_of, joined

#: Pairs of a candidate and a purchase looked at together; bounds the memory.
_AT_ONCE = 1 << 22


@dataclass(frozen=True)
class Unicity:
    """What some known purchases pick out.

    Args:
        points: Purchases known of each consumer.
        width: How exactly their time is known, such as `1d`; empty where only the items are.
        share: Share of the consumers asked whom they pick out, 0 to 1.
        asked: Consumers asked, drawn from those with so many different purchases.
        able: Consumers with so many different purchases.
        consumers: All consumers.
    """

    points: int
    width: str
    share: float
    asked: int
    able: int
    consumers: int


@dataclass(frozen=True)
class Points:
    """Who bought what and when: each consumer's different points, sorted by consumer.

    Args:
        owner: (pairs,) consumer.
        point: (pairs,) item and time bucket as one number.
        consumers: How many consumers there are.
        kinds: How many different points there are.
    """

    owner: Codes
    point: Codes
    consumers: int
    kinds: int


def points_of(events: pa.Table, *, width: str = "1d") -> Points:
    """Return the different points of each consumer.

    Args:
        events: Columns `subject` and `item`, and `time` where a width is given; rows with a gap count for nothing.
        width: How coarsely times are known; empty to know none.
    """
    names = ["subject", "item"] + (["time"] if width else [])
    known = events.select(names).drop_null()
    subjects = codes_of(known["subject"])
    parts = [codes_of(known["item"])] + ([codes_of(coarse(known["time"], width))] if width else [])
    points = joined(parts, rows=known.num_rows)
    kinds = int(points.max(initial=-1)) + 1
    pairs = np.unique(subjects * max(kinds, 1) + points)
    return Points(pairs // max(kinds, 1), pairs % max(kinds, 1), int(subjects.max(initial=-1)) + 1, kinds)


def coarse(times: Values, width: str) -> Values:
    """Return times as coarsely as somebody knows them; what a release holds as text or bands stays as it is."""
    return bucket(times, width=width) if types.is_temporal(times.type) else times


def unicity(
    points: Points, *, known: Sequence[int], width: str, rng: np.random.Generator, sample: int = 10_000
) -> tuple[Unicity, ...]:
    """Measure how many consumers a few of their purchases pick out.

    Args:
        points: Of the release.
        known: How many purchases somebody knows, such as (2, 4).
        width: What the points were made with, for the record.
        rng: Draws consumers and purchases.
        sample: Ask at most so many consumers; each is compared with everybody.

    Returns:
        One measure for each number of known purchases.

    Source: de Montjoye et al., Unique in the Crowd, Scientific Reports 3:1376 (2013); for purchases, the same in
    Science 347:536 (2015).
    """
    return tuple(_unicity(points, count, width, rng, sample) for count in known)


def _unicity(points: Points, count: int, width: str, rng: np.random.Generator, sample: int) -> Unicity:
    sizes = np.bincount(points.owner, minlength=points.consumers)
    able = np.flatnonzero(sizes >= count)
    asked = able if len(able) <= sample else np.sort(rng.choice(able, sample, replace=False))
    drawn = _drawn(points, asked, count, rng)  # (asked, count)
    alone = sum(int((part == 1).sum()) for part in _matching(points, drawn))
    share = alone / len(asked) if len(asked) else 0.0
    return Unicity(count, width, share, len(asked), len(able), points.consumers)


def _drawn(points: Points, asked: Codes, count: int, rng: np.random.Generator) -> Codes:
    """Return (asked, count) different points of each consumer, drawn without replacement."""
    chosen = np.isin(points.owner, asked)
    owner, point = points.owner[chosen], points.point[chosen]
    order = np.lexsort((rng.random(len(owner)), owner))
    starts = np.searchsorted(owner, asked)  # owners are sorted, and stay so within the order
    drawn: Codes = point[order][starts[:, None] + np.arange(count)]
    return drawn


def _matching(points: Points, drawn: Codes) -> list[Codes]:
    """Return, in parts, how many consumers have all the points of each draw."""
    by_point = np.argsort(points.point, kind="stable")
    buyers = points.owner[by_point]
    counts = np.bincount(points.point, minlength=points.kinds)
    begins = np.cumsum(counts) - counts
    # The rarest point first: only its few buyers need to be asked for the others.
    drawn = np.take_along_axis(drawn, np.argsort(counts[drawn], axis=1, kind="stable"), axis=1)
    pairs = points.owner * points.kinds + points.point  # sorted
    weight = np.cumsum(counts[drawn[:, 0]]) // _AT_ONCE if len(drawn) else np.zeros(0, np.int64)
    parts = np.split(drawn, np.flatnonzero(np.diff(weight)) + 1)
    return [_holders(part, begins, counts, buyers, pairs=pairs, kinds=points.kinds) for part in parts]


def _holders(drawn: Codes, begins: Codes, counts: Codes, buyers: Codes, *, pairs: Codes, kinds: int) -> Codes:
    sizes = counts[drawn[:, 0]]
    row = np.repeat(np.arange(len(drawn)), sizes)
    within = np.arange(len(row)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    candidate = buyers[begins[drawn[row, 0]] + within]
    for column in range(1, drawn.shape[1]):
        wanted = candidate * kinds + drawn[row, column]
        found = pairs[np.minimum(np.searchsorted(pairs, wanted), len(pairs) - 1)] == wanted
        row, candidate = row[found], candidate[found]
    held: npt.NDArray[np.int64] = np.bincount(row, minlength=len(drawn))
    return held
