"""Payment cards: the first six digits stay, the last one is the check digit (Luhn) of the new number.

Where the check digit is wrong, that of the result is wrong by the same amount: the way back is exact.
"""

import numpy as np

from cartveil.guard.protect.alphabets import alphabet_of
from cartveil.guard.protect.formats.format import Cipher, Flags, Format, Group
from cartveil.guard.protect.modes.numerals import Digits

_ISSUER = 6
_CARD_LENGTHS = (13, 19)


def _fits_card(group: Group) -> Flags:
    rows, length = group.digits.shape
    return np.full(rows, _CARD_LENGTHS[0] <= length <= _CARD_LENGTHS[1])


def _change_card(group: Group, cipher: Cipher) -> Digits:
    digits = group.digits
    made = digits.copy()
    made[:, _ISSUER:-1] = cipher.strings(digits[:, _ISSUER:-1], radix=10, kept=digits[:, :_ISSUER])
    made[:, -1] = (digits[:, -1] + luhn_sums(digits[:, :-1]) + 90 - luhn_sums(made[:, :-1])) % 10
    return made


def luhn_sums(digits: Digits) -> Digits:
    """Return (rows,) sums by ten of the (rows, length) digits before a Luhn digit.

    Source: ISO/IEC 7812-1, annex B.
    """
    total = np.zeros(len(digits), np.uint8)
    for place, digit in enumerate(reversed(np.ascontiguousarray(digits.T))):
        total += digit if place % 2 else 2 * digit - 9 * (digit > 4).astype(np.uint8)
    return total % 10


CARDS = Format("card", alphabet_of("digits"), _fits_card, _change_card, "13 to 19 digits")
