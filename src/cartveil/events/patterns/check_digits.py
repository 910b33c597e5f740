"""Check digits: what tells a real number from an arbitrary one of the same length.

A rule that goes by length alone calls every order number a payment card. Each function here computes or checks one
published scheme, on text of digits that was already freed of spaces and hyphens.

    >>> id_check_digit("11010519491231002")
    'X'
    >>> has_luhn("4111111111111111")
    True
"""

import datetime as dt
from operator import mul

#: The first two digits of an identity number: provinces, Taiwan (71, 83), Hong Kong (81), Macao (82).
PROVINCE_PREFIXES = frozenset(
    map(
        str,
        [
            *range(11, 16),
            *range(21, 24),
            *range(31, 38),
            *range(41, 47),
            *range(50, 55),
            *range(61, 66),
            71,
            81,
            82,
            83,
        ],
    )
)

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_DIGITS = "10X98765432"
_LUHN_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_COMPANY_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_COMPANY_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_POSTAL_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)
_TAIWAN_LETTERS = "ABCDEFGHJKLMNPQRSTUVXYWZIO"  # in the order of their numbers, 10 to 35
#: Characters of an account number -> the countries that have so many.
IBAN_LENGTHS = {
    15: "NO", 16: "BE", 18: "DK FI NL", 19: "SI", 20: "AT EE LT LU", 21: "CH HR LI LV", 22: "BG DE GB IE",
    23: "AE IL", 24: "AD CZ ES RO SA SE SK", 25: "PT", 26: "IS TR", 27: "FR GR IT MC SM", 28: "CY HU PL",
    29: "UA", 31: "MT",
}  # fmt: skip


def is_digits(text: str) -> bool:
    """Return whether this is one or more of the ten ASCII digits, and nothing else."""
    return text.isascii() and text.isdigit()


def luhn_digit(digits: str) -> str:
    """Return the digit that makes `digits` followed by it pass Luhn.

    Args:
        digits: The number without its last digit.

    Source: ISO/IEC 7812-1, annex B.
    """
    total = sum(map(_LUHN_DOUBLED.__getitem__, map(int, digits[::-2]))) + sum(map(int, digits[-2::-2]))
    return str(-total % 10)


def has_luhn(text: str) -> bool:
    """Return whether the last digit is the Luhn digit of those before it; False for anything but digits."""
    return len(text) > 1 and is_digits(text) and luhn_digit(text[:-1]) == text[-1]


def id_check_digit(digits: str) -> str:
    """Return the eighteenth character of a Chinese identity number, a digit or `X`.

    Args:
        digits: The first 17 digits.

    Source: GB 11643-1999, which takes MOD 11-2 of ISO 7064.
    """
    if len(digits) != 17 or not is_digits(digits):
        raise ValueError("an identity number has 17 digits before its check digit")
    return _ID_DIGITS[sum(map(mul, _ID_WEIGHTS, map(int, digits))) % 11]


def has_id_check_digit(text: str) -> bool:
    """Return whether this is an 18-digit Chinese identity number.

    Guarantees:
        - True asks for a known province, a birth date that exists, and the right check digit.
    """
    if len(text) != 18 or not is_digits(text[:17]) or text[:2] not in PROVINCE_PREFIXES:
        return False
    return is_date(text[6:14]) and id_check_digit(text[:17]) == text[17].upper()


def is_date(digits: str) -> bool:
    """Return whether eight digits are a day between 1880 and 2099, year first."""
    if len(digits) != 8 or not is_digits(digits):
        return False
    try:
        day = dt.date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return 1880 <= day.year < 2100


def has_iban_digits(text: str) -> bool:
    """Return whether this is an IBAN of a known country, of its length, with remainder 1 by 97 (ISO 13616)."""
    if text[:2] not in IBAN_LENGTHS.get(len(text), "").split() or not (
        text.isascii() and text.isalnum() and text.isupper()
    ):
        return False
    return int("".join(str(int(letter, 36)) for letter in text[4:] + text[:4])) % 97 == 1


def has_company_digit(text: str) -> bool:
    """Return whether this is a Chinese unified social credit code: 18 characters, MOD 31-3 (GB 32100-2015)."""
    if len(text) != 18 or any(letter not in _COMPANY_ALPHABET for letter in text):
        return False
    values = (_COMPANY_ALPHABET.index(letter) for letter in text[:17])
    total = sum(weight * value for weight, value in zip(_COMPANY_WEIGHTS, values, strict=True))
    return _COMPANY_ALPHABET[-total % 31] == text[17]


def has_hong_kong_digit(text: str) -> bool:
    """Return whether this is a Hong Kong identity card number such as `A123456(3)`, brackets removed."""
    if not 8 <= len(text) <= 9 or not (text[:-7].isalpha() and is_digits(text[-7:-1])):
        return False
    values = [36, *(int(letter, 36) for letter in text[:-1])][-8:]
    total = sum(value * weight for value, weight in zip(values, range(9, 1, -1), strict=True))
    return "0123456789A"[-total % 11] == text[-1]


def has_taiwan_digit(text: str) -> bool:
    """Return whether this is a Taiwan identity card number, such as `A123456789`."""
    if len(text) != 10 or text[0] not in _TAIWAN_LETTERS or not is_digits(text[1:]):
        return False
    first = _TAIWAN_LETTERS.index(text[0]) + 10
    total = first // 10 + first % 10 * 9 + int(text[9])
    return (
        total + sum(int(digit) * weight for digit, weight in zip(text[1:9], range(8, 0, -1), strict=True))
    ) % 10 == 0


def has_postal_digit(text: str) -> bool:
    """Return whether this is a postal item number such as `RB123456785GB` (UPU S10)."""
    if len(text) != 13 or not (text[:2].isalpha() and text[-2:].isalpha() and is_digits(text[2:11])):
        return False
    rest = 11 - sum(int(digit) * weight for digit, weight in zip(text[2:10], _POSTAL_WEIGHTS, strict=True)) % 11
    return {10: 0, 11: 5}.get(rest, rest) == int(text[10])
