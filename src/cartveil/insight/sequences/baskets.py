"""Events as baskets: which items one consumer bought together, and when, in flat arrays without any name.

    subject, time, item, order          day      10   11   13
    a, 10, pen, 1                       owner     0    0    0
    a, 10, ink, 1              ->       items   pen  pen  cup
    a, 11, pen, 2                               ink
    a, 13, cup, 3

Pseudonyms do not cross into `Baskets`: consumers are numbered in the order in which they stand in the table.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cartveil.errors import ModelError
from cartveil.insight.sequences.moments import moments_of
from cartveil.insight.sequences.vocabulary import Vocabulary

_MICROSECONDS_A_DAY = 86_400_000_000


@dataclass(frozen=True)
class Baskets:
    """Baskets sorted by consumer and time, with their distinct known items.

    Args:
        owner: Consumer number of each basket (N,), rising.
        day: Days since 1970 of each basket, with a fraction, (N,).
        offsets: Basket n holds `items[offsets[n]:offsets[n + 1]]`, (N + 1,).
        items: Item ids, each once a basket, (entries,).
        consumers: How many consumers there are.
        item_count: Size of the item vocabulary.
        units: Logarithm of 1 + the units of each entry of `items`, all 0 where quantities are not known, (entries,).
    """

    owner: np.ndarray
    day: np.ndarray
    offsets: np.ndarray
    items: np.ndarray
    consumers: int
    item_count: int
    units: np.ndarray

    def __len__(self) -> int:
        return len(self.owner)

    @property
    def basket_of_entry(self) -> np.ndarray:
        """Return the basket number of each entry of `items`."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))


def baskets_of(events: pa.Table, vocabulary: Vocabulary) -> Baskets:
    """Gather events into baskets.

    Without an `order` column, what one consumer bought at one time is a basket. Baskets of one consumer at one time
    keep the order in which they stand in the table.

    Args:
        events: Columns `subject`, `time`, `item` and, if there are such, `order` and `quantity`. A time is a timestamp,
            a date, or whole seconds since 1970, as everywhere.
        vocabulary: The items that count; unknown items leave no entry, but their basket stays.

    Raises:
        ModelError: A column is missing.
        ColumnError: `time` holds no times.
    """
    consumer, day, known = _columns(events, vocabulary)
    order = _codes(events["order"]) if "order" in events.column_names else np.zeros(len(known), np.int64)
    moment = day if "order" not in events.column_names else np.zeros(len(known))
    # A basket is one consumer's one order: an order number shared by two consumers makes two baskets.
    rows = np.lexsort((np.arange(len(known)), order, moment, consumer))
    first_of_group = _starts(consumer[rows], order[rows], moment[rows])
    group = np.empty(len(rows), np.int64)
    group[rows] = np.cumsum(first_of_group) - 1
    heads = rows[first_of_group]  # the first row of each basket, as it stands in the table
    begin = np.full(len(heads), np.inf)
    np.minimum.at(begin, group, day)
    sorted_baskets = np.lexsort((heads, begin, consumer[heads]))
    rank = np.empty(len(heads), np.int64)
    rank[sorted_baskets] = np.arange(len(heads))
    entries, place = np.unique((rank[group] * vocabulary.size + known)[known > 1], return_inverse=True)
    owner = consumer[heads][sorted_baskets]
    return Baskets(
        owner=owner,
        day=begin[sorted_baskets],
        offsets=np.searchsorted(entries // vocabulary.size, np.arange(len(heads) + 1)),
        items=entries % vocabulary.size,
        consumers=int(owner.max(initial=-1)) + 1,
        item_count=vocabulary.size,
        units=np.log1p(np.bincount(place, weights=_quantities(events)[known > 1], minlength=len(entries))),
    )


def days_of(column: pa.ChunkedArray) -> np.ndarray:
    """Return a time column as days since 1970, with a fraction, (rows,) float64.

    Raises:
        ColumnError: A time is NULL, or is none; see `moments_of`.
    """
    return moments_of(column, "time").astype(np.float64) / _MICROSECONDS_A_DAY


def _columns(events: pa.Table, vocabulary: Vocabulary) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    for name in ("subject", "time", "item"):
        if name not in events.column_names:
            hint = f"give a column the role `{name}` in cartveil.toml, and export again"
            raise ModelError(f"the release has no `{name}` column", hint=hint)
        if events[name].null_count:
            raise ModelError(f"`{name}` holds NULL", hint="clean the events before export")
    return _codes(events["subject"]), days_of(events["time"]), vocabulary.ids(events["item"])


def _quantities(events: pa.Table) -> np.ndarray:
    """Return the units of each row; 0 where they are not known or no number, and where something was given back."""
    kind = events.schema.field("quantity").type if "quantity" in events.column_names else pa.null()
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        return np.zeros(len(events))  # a release may tell ranges only
    known = pc.fill_null(events["quantity"].cast(pa.float64()), 0.0).to_numpy()
    return np.where(np.isfinite(known), np.maximum(known, 0.0), 0.0)


def _codes(column: pa.ChunkedArray) -> np.ndarray:
    if not len(column):
        return np.zeros(0, np.int64)
    encoded = pc.dictionary_encode(column, null_encoding="encode").combine_chunks()
    encoded = encoded.chunk(0) if isinstance(encoded, pa.ChunkedArray) else encoded
    return np.asarray(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)


def _starts(*columns: np.ndarray) -> np.ndarray:
    change = np.ones(len(columns[0]), bool)
    if len(change):
        change[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return change
