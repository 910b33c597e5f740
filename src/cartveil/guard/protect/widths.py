"""Spans as the schema writes them: `0.05`, `10`, `1h`, `7d`, `10y`; read in one place."""

import re
from enum import StrEnum
from typing import NamedTuple

from cartveil.errors import SchemaError

_WRITTEN = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)\s*(s|m|min|h|d|w|y)")
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}


class Unit(StrEnum):
    """What a span counts."""

    NUMBER = "number"
    SECONDS = "seconds"
    YEARS = "years"


class Width(NamedTuple):
    """A positive amount of a unit."""

    amount: float
    unit: Unit


def parse_width(written: object, *, what: str = "width") -> Width:
    """Read a number or a span of time.

    Args:
        written: A number, or text such as `1h`, `7d`, `2w`, `10y`.
        what: The option's name, for the error.

    Raises:
        SchemaError: Anything else, or not above zero.
    """
    width = _number(written) or _span(written)
    if width is None or not 0 < width.amount < float("inf"):
        hint = "write a number above zero, or a span such as `12h`, `1d`, `7d`, `10y`"
        raise SchemaError(f"`{written}` is no {what}", hint=hint)
    if width.unit is Unit.YEARS and width.amount != int(width.amount):
        raise SchemaError(f"`{written}` is no {what}", hint="write whole years")
    return width


def _number(written: object) -> Width | None:
    if isinstance(written, bool) or not isinstance(written, int | float | str):
        return None
    try:
        return Width(float(written), Unit.NUMBER)
    except ValueError:
        return None


def _span(written: object) -> Width | None:
    match = _WRITTEN.fullmatch(str(written).strip())
    if match is None:
        return None
    amount, unit = float(match[1]), match[2]
    return Width(amount, Unit.YEARS) if unit == "y" else Width(amount * _SECONDS[unit], Unit.SECONDS)
