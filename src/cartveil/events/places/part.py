"""What a part of an address is."""

from dataclasses import dataclass
from typing import Literal

PartLabel = Literal["province", "city", "district", "town", "road", "number", "building", "unit", "room", "place"]


@dataclass(frozen=True, order=True)
class Part:
    """Characters `start` (included) to `end` (excluded) of an address are its province, its road or the like.

    `town` is a town, village or community, `unit` an entrance, a flat or a floor, `place` a building's or an estate's
    name, a postcode, and whatever else finds the door.
    """

    start: int
    end: int
    label: PartLabel
