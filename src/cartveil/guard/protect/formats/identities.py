"""Chinese identity numbers: the region's six digits stay, the rest becomes another valid number.

Date of birth and serial number are one number, some fifty million of them, which becomes another one: a date that
exists, and three digits, with the check digit that belongs to them. Dates to 2029 stay before 2030, later ones after
2029. Where the check digit is wrong, that of the result is wrong by the same amount: the way back is exact.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from cartveil.guard.protect.alphabets import alphabet_of
from cartveil.guard.protect.columns import Numbers
from cartveil.guard.protect.formats.format import Cipher, Flags, Format, Group
from cartveil.guard.protect.modes.numerals import Digits

_ID_LENGTH = 18
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_SERIALS = 1000

#: Days that change among themselves: today's dates of birth never become tomorrow's.
_PERIODS = (("1880-01-01", "2030-01-01"), ("2030-01-01", "2100-01-01"))

_FIRST_YEAR, _YEARS = 1880, 220


def _fits_identity(group: Group) -> Flags:
    digits = group.digits
    if digits.shape[1] != _ID_LENGTH:
        return np.zeros(len(digits), np.bool_)
    return np.asarray((digits[:, :-1] < 10).all(axis=1) & (_birth_days(digits) >= 0))


def _change_identity(group: Group, cipher: Cipher) -> Digits:
    digits = group.digits
    made = digits.copy()
    numbers = _birth_days(digits) * _SERIALS + _number(digits[:, 14:17])
    for first, size in _period_numbers():
        rows = np.flatnonzero((numbers >= first) & (numbers < first + size))
        left = (numbers[rows] - first).astype(np.uint64)
        numbers[rows] = cipher.numbers(left, size=size, kept=digits[rows, :6]).astype(np.int64) + first
    made[:, 6:14] = _calendar()[1][numbers // _SERIALS]
    for at, power in ((14, 100), (15, 10), (16, 1)):
        made[:, at] = numbers // power % 10
    made[:, -1] = (digits[:, -1] + _id_sums(digits) + 11 - _id_sums(made)) % 11
    return made


def _period_numbers() -> list[tuple[int, int]]:
    """Return the first number of each period, and how many there are."""
    ends = [np.datetime64(end) for _, end in _PERIODS]
    starts = [np.datetime64(start) for start, _ in _PERIODS]
    days = [(int((a - starts[0]).astype(int)), int((b - a).astype(int))) for a, b in zip(starts, ends, strict=True)]
    return [(first * _SERIALS, count * _SERIALS) for first, count in days]


def _id_sums(digits: Digits) -> npt.NDArray[np.int16]:
    """Return (rows,) by 11: weighted sums of the first 17 digits; with its check digit, 10 for X, each sums to 1.

    Source: GB 11643-1999, which takes MOD 11-2 of ISO 7064.
    """
    sums = np.zeros(len(digits), np.int16)
    for weight, digit in zip(_ID_WEIGHTS, digits.T, strict=False):
        sums += digit * np.int16(weight)
    return sums % np.int16(11)


@cache
def _calendar() -> tuple[Numbers, Digits]:
    """Return days as (years, months, days of month), counted from the first, -1 where none is; and their digits."""
    first, end = np.datetime64(_PERIODS[0][0]), np.datetime64(_PERIODS[-1][1])
    days = np.arange(first, end)
    months = days.astype("datetime64[M]")
    month = months.astype(np.int64) + 12 * 1970
    year, month, day = month // 12, month % 12 + 1, (days - months.astype(days.dtype)).astype(np.int64) + 1
    numbered = np.full((_YEARS, 12, 31), -1)
    numbered[year - _FIRST_YEAR, month - 1, day - 1] = np.arange(len(days))
    written = (year * 100 + month) * 100 + day
    return numbered, (written[:, None] // 10 ** np.arange(7, -1, -1) % 10).astype(np.uint8)


def _birth_days(digits: Digits) -> Numbers:
    """Return (rows,) days of the dates that stand in identity numbers, -1 where there is no such day."""
    numbered, _ = _calendar()
    parts = (_number(digits[:, 6:10]) - _FIRST_YEAR, _number(digits[:, 10:12]) - 1, _number(digits[:, 12:14]) - 1)
    place = tuple(np.clip(part, 0, size - 1) for part, size in zip(parts, numbered.shape, strict=True))
    same = np.all([part == inside for part, inside in zip(parts, place, strict=True)], axis=0)
    return np.where(same, numbered[place], -1)


def _number(digits: Digits) -> Numbers:
    """Return (rows,) numbers that (rows, length) digits write."""
    made: Numbers = digits[:, 0].astype(np.int64)
    for digit in digits.T[1:]:
        made *= 10
        made += digit
    return made


IDENTITIES = Format(
    "identity number",
    alphabet_of("0123456789X"),
    _fits_identity,
    _change_identity,
    "18 characters with a birth date that exists, the last one a digit or a capital X",
)
