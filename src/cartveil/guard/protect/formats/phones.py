"""Phone numbers: the country stays, and as much as tells what kind of number it is.

- Chinese mobile numbers keep the carrier's three digits and change the last eight
- Chinese landlines keep the area code
- other numbers with a country code keep this code
- numbers without any change as a whole

But for mobile numbers, what changes goes on beginning with zero, or with another digit. A Chinese mobile number
becomes the same number whether it is written with `+86`, `0086`, `86` or without.
"""

from typing import NamedTuple

import numpy as np

from cartveil.guard.protect.alphabets import alphabet_of
from cartveil.guard.protect.columns import Numbers
from cartveil.guard.protect.formats.format import Cipher, Flags, Format, Group
from cartveil.guard.protect.modes.numerals import Digits

#: Calling codes of two digits; 1 and 7 have one, all others three.
_TWO_DIGITS = (
    *(20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, *range(51, 59), *range(60, 67)),
    *(81, 82, 84, 86, *range(90, 96), 98),
)
_CODE_LENGTHS = np.full(100, 3)
_CODE_LENGTHS[list(_TWO_DIGITS)] = 2
_CODE_LENGTHS[10:20] = _CODE_LENGTHS[70:80] = 1

#: Where the changed part begins with another digit than zero, seven digits leave more than a million numbers.
_LEAST_NUMBER = 7

#: Digits that tell how a number is put together: two zeros, a code, an area code, and one more.
_HEAD = 12

_MOBILE, _LANDLINE, _FOREIGN, _NATIONAL = 1, 2, 3, 4


class Dialled(NamedTuple):
    """How (rows,) phone numbers are put together."""

    shape: Numbers
    bound: Numbers  # where the part begins that goes into the tweak
    kept: Numbers  # where it ends, and the part begins that changes
    zero: Flags  # whether this begins with zero, and has to go on doing so


def _dialled(group: Group) -> Dialled:
    rows, length = group.digits.shape
    digits = np.zeros((_HEAD, rows), np.uint8)  # turned over: a place of all rows lies together
    digits[:length] = group.digits.T[:_HEAD]
    double = ~group.has_plus & (digits[0] == 0) & (digits[1] == 0) & (digits[2] > 0)
    bare = ~group.has_plus & (digits[0] == 8) & (digits[1] == 6) & _is_mobile(digits, np.full(rows, 2), length)
    code_at = np.where(double, 2, 0)
    code = _at(digits, code_at) * np.int64(10) + _at(digits, code_at + 1)
    coded = group.has_plus | double | bare
    start = np.where(coded, code_at + _CODE_LENGTHS[code], 0)
    chinese = ~coded | (code == 86)
    mobile = chinese & _is_mobile(digits, start, length)
    area = _area_digits(digits, start)
    landline = chinese & (area > 0) & np.isin(length - start - area, (7, 8))
    shape = np.select([mobile, landline, coded], [_MOBILE, _LANDLINE, _FOREIGN], _NATIONAL)
    kept = start + np.select([mobile, landline], [np.full(rows, 3), area], 0)
    bound = np.where(shape == _FOREIGN, code_at, start)
    return Dialled(shape, bound, kept, ~mobile & (_at(digits, kept) == 0))


def _is_mobile(digits: Digits, start: Numbers, length: int) -> Flags:
    return np.asarray((length - start == 11) & (_at(digits, start) == 1) & (_at(digits, start + 1) >= 3))


def _area_digits(digits: Digits, start: Numbers) -> Numbers:
    """Return how many digits the Chinese area code has, 0 where there is none."""
    zero, first, second = (_at(digits, start + at) for at in range(3))
    short = (first == 2) | ((first == 1) & (second == 0))
    return np.where(zero > 0, 0, np.select([short, first >= 3], [3, 4], 0))


def _at(digits: Digits, place: Numbers) -> Digits:
    """Return each row's digit at its own place of (places, rows)."""
    if (place == place[:1]).all():
        return np.asarray(digits[place[0] if len(place) else 0])
    return np.asarray(digits[place, np.arange(len(place))])


def _fits_phone(group: Group) -> Flags:
    length = group.digits.shape[1]
    if length < _LEAST_NUMBER:
        return np.zeros(len(group.digits), np.bool_)
    dialled = _dialled(group)
    return np.asarray(length - dialled.kept >= _LEAST_NUMBER + dialled.zero)


def _change_phone(group: Group, cipher: Cipher) -> Digits:
    made = group.digits.copy()
    dialled = _dialled(group)
    signature = _signature(dialled)
    for one in signature[:1] if (signature == signature[0]).all() else np.unique(signature):
        rows = np.flatnonzero(signature == one)
        shape, bound, kept = (int(part[rows[0]]) for part in dialled[:3])
        prefix = np.full((len(rows), 1), shape, np.uint8)
        prefix = np.concatenate([prefix, group.digits[rows, bound:kept]], axis=1)
        while len(rows):
            made[rows, kept:] = cipher.strings(made[rows, kept:], radix=10, kept=prefix)
            if shape == _MOBILE:  # whatever its last digits are, it stays one
                break
            # Encrypting again until the number is put together as it was can be undone, step by step.
            other = _signature(_dialled(Group(made[rows], group.has_plus[rows]))) != one
            rows, prefix = rows[other], prefix[other]
    return made


def _signature(dialled: Dialled) -> Numbers:
    """Return one number for all that has to stay as it is."""
    shape, bound, kept, zero = dialled
    return ((kept * 32 + bound) * 8 + shape) * 2 + zero


PHONES = Format(
    "phone", alphabet_of("digits"), _fits_phone, _change_phone, "a phone number with seven digits after what is kept"
)
