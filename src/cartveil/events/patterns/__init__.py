"""What written-down personal values look like: check digits, and a finder that goes by rules."""

from cartveil.events.patterns.check_digits import (
    has_id_check_digit,
    has_luhn,
    id_check_digit,
    luhn_digit,
)
from cartveil.events.patterns.finder import find_patterns
from cartveil.events.patterns.normal import plain
from cartveil.events.patterns.shapes import is_payment_card

__all__ = [
    "find_patterns",
    "has_id_check_digit",
    "has_luhn",
    "id_check_digit",
    "is_payment_card",
    "luhn_digit",
    "plain",
]
