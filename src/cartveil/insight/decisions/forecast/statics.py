"""What an item is, whatever it sells: its category, and itself, as ids that a forecaster embeds.

An item or a category that training did not see gets the id of the unknown. That id is trained too, since now and then
training forgets who an item is: so a new item is forecast from its sales alone, and not from chance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartveil.insight.models.encoder import UNKNOWN
from cartveil.insight.sequences.series import DemandSeries

#: Share of items that a step of training knows nothing of.
FORGOTTEN = 0.2

Ids = Mapping[str, NDArray[np.int64]]


@dataclass(frozen=True)
class Vocabulary:
    """The names that training saw of one field.

    Args:
        field: `category` or `item`.
        names: Sorted; the first has the id after that of the unknown.
    """

    field: str
    names: tuple[str, ...]

    @property
    def size(self) -> int:
        """Return how many ids there are, those of padding and of the unknown included."""
        return UNKNOWN + 1 + len(self.names)

    def ids(self, names: Sequence[str]) -> NDArray[np.int64]:
        """Return the id of each name, (I,)."""
        known = {name: place for place, name in enumerate(self.names, start=UNKNOWN + 1)}
        return np.array([known.get(name, UNKNOWN) for name in names], dtype=np.int64)


def vocabularies_of(series: DemandSeries, *, identify: bool) -> tuple[Vocabulary, ...]:
    """Return the fields that a forecaster of these series embeds.

    Args:
        series: What is trained on.
        identify: Give every item an id of its own.
    """
    fields = [Vocabulary("category", tuple(sorted(set(series.categories) - {""})))] if series.categories else []
    return (*fields, *([Vocabulary("item", tuple(sorted(series.items)))] if identify else []))


def ids_of(series: DemandSeries, vocabularies: Sequence[Vocabulary]) -> Ids:
    """Return field -> id of each item, (I,); unknown where the series have no such field."""
    nothing = ("",) * len(series.items)
    names = {"category": series.categories or nothing, "item": series.items}
    return {each.field: each.ids(names[each.field]) for each in vocabularies}


def forgotten(ids: Ids, generator: np.random.Generator) -> Ids:
    """Return the ids with some items' unknown."""
    return {field: np.where(generator.random(len(own)) < FORGOTTEN, UNKNOWN, own) for field, own in ids.items()}
