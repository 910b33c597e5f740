"""Coarser values that still say something: a district instead of a street, a network instead of an address."""

import ipaddress
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc

from cartveil.errors import ColumnError, SchemaError
from cartveil.events.kinds import Kind
from cartveil.events.places import find_regions
from cartveil.events.places.region import Level
from cartveil.guard.protect.bucket import bucket
from cartveil.guard.protect.columns import Values, each_distinct
from cartveil.guard.protect.mask import STARS, mask

#: What each kind can be generalised to, the usual level first.
LEVELS: dict[Kind, tuple[str, ...]] = {
    Kind.ADDRESS: ("city", "district", "province", "country"),
    Kind.REGION: ("city", "district", "province", "country"),
    Kind.IP_ADDRESS: ("prefix",),
    Kind.POSTCODE: ("prefix",),
    Kind.BIRTH_DATE: ("decade", "year"),
}


def generalise(column: Values, *, kind: Kind, level: str = "") -> Values:
    """Replace each value by the wider thing that contains it.

    Args:
        column: Text; for birth dates also dates and timestamps.
        kind: One of `LEVELS`.
        level: One of the kind's levels, or empty for its usual one.

    Returns:
        Text: 广东省深圳市, 203.0.113.0/24, 1980-1989, 51****; NULL where nothing is recognised, and where it was NULL.

    Raises:
        SchemaError: The kind has no such level.
        ColumnError: The kind cannot be generalised.
    """
    level = _known_level(kind, level)
    if kind is Kind.IP_ADDRESS:
        return each_distinct(column, _networks)
    if kind is Kind.POSTCODE:
        return each_distinct(column, _postcode_areas)
    if kind is Kind.BIRTH_DATE:
        return bucket(column, width="10y" if level == "decade" else "1y")
    return each_distinct(column, lambda values: find_regions(values, level=cast(Level, level)).combine_chunks())


def _known_level(kind: Kind, level: str) -> str:
    if kind not in LEVELS:
        kinds = ", ".join(sorted(LEVELS))
        raise ColumnError(f"a column of kind `{kind}` cannot be generalised", hint=f"these can: {kinds}")
    if level and level not in LEVELS[kind]:
        hint = f"known: {', '.join(LEVELS[kind])}"
        raise SchemaError(f"unknown level `{level}` for kind `{kind}`", hint=hint)
    return level or LEVELS[kind][0]


def _networks(values: pa.Array) -> pa.Array:
    return pa.array([_network(value) for value in values.to_pylist()], pa.string())


def _network(value: str) -> str | None:
    try:
        address = ipaddress.ip_address(value.strip())
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    bits = 24 if address.version == 4 else 48
    return str(ipaddress.ip_network((int(address), bits), strict=False))


def _postcode_areas(values: pa.Array) -> pa.Array:
    masked = mask(values, kind=Kind.POSTCODE)
    return pc.if_else(pc.equal(masked, STARS), pa.scalar(None, masked.type), masked)
