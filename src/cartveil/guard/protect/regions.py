"""The region an address lies in, as text, for masks and for generalisation."""

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from cartveil.events.places import Region

#: Levels from the widest to the narrowest.
LEVELS = ("country", "province", "city", "district")


def regions(addresses: pa.Array, *, level: str) -> pa.Array:
    """Return the region of each address down to a level; NULL where none is found.

    Args:
        addresses: Text without NULLs.
        level: One of `LEVELS`.
    """
    from cartveil.events.places import find_region

    return pa.array([_written(find_region(address), level) for address in addresses.to_pylist()], pa.string())


def _written(region: "Region | None", level: str) -> str | None:
    if region is None:
        return None
    named = (region.province, region.city, region.district)[: LEVELS.index(level)]
    parts = list(dict.fromkeys(part for part in named if part))  # 北京市 is province and city
    if not parts:
        return region.country or None
    chinese = all("\u3400" <= character <= "\u9fff" for part in parts for character in part)
    # Chinese goes from the large to the small without gaps, English the other way with commas.
    return "".join(parts) if chinese else ", ".join(reversed(parts))
