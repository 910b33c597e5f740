"""Digits of any radix as numbers, over all rows at once: what FF1 computes with.

Reading sixteen digits by sixteen steps of Horner's rule costs more than the cipher. Neighbouring digits lie in one
machine word, so a whole row is folded pair by pair: two digits to one of their square, two of those to a fourth
power, and so on. Eight digits take three steps, and writing them out again takes three.

Numbers that outgrow a word are kept as several *places* of a large base, the highest first, one array to a place.

    >>> fold(np.array([[1, 2, 3, 4, 5, 6, 7, 8]], np.uint8), 10)
    array([[12345678]], dtype=uint64)
"""

from typing import Any

import numpy as np
import numpy.typing as npt

#: Digits, (rows, length): `uint8` up to radix 256, else `uint16`.
Digits = npt.NDArray[Any]

Words = npt.NDArray[np.uint64]

_LANES = {1: "<u2", 2: "<u4", 4: "<u8"}
_HALVES = {2: "u1", 4: "<u2", 8: "<u4"}
_LIMB = 32


def digit_type(radix: int) -> type[np.uint8] | type[np.uint16]:
    """Return the type of digits of this radix."""
    return np.uint8 if radix <= 256 else np.uint16


def digits_per_place(radix: int) -> int:
    """Return how many digits go into one place, a power of two, so that a place stays below 2^32."""
    return 8 if radix <= 16 else 4 if radix <= 256 else 2


def fold(digits: Digits, radix: int) -> Words:
    """Read digits as places of base radix^k, k being `digits_per_place`.

    Args:
        digits: (rows, k x places), contiguous, the highest digit first.
        radix: 2 to 65,536.

    Returns:
        (rows, places).
    """
    lanes, base, left = digits, radix, digits_per_place(radix)
    while left > 1:
        bits = lanes.itemsize * 8
        pairs = lanes.view(_LANES[lanes.itemsize])  # (rows, half as many): the higher digit in the lower bits
        lanes = pairs & pairs.dtype.type((1 << bits) - 1)
        lanes *= lanes.dtype.type(base)
        lanes += pairs >> pairs.dtype.type(bits)
        base, left = base * base, left // 2
    return lanes.astype(np.uint64, copy=False)


def unfold(places: Words, radix: int) -> Digits:
    """Write places as digits; the inverse of `fold`.

    Args:
        places: (rows, places), contiguous.
        radix: 2 to 65,536.

    Returns:
        (rows, k x places).
    """
    left = digits_per_place(radix)
    lanes: Any = places if left * digit_type(radix)().itemsize == 8 else places.astype(np.uint32)
    while left > 1:
        left //= 2
        bits = lanes.itemsize * 4
        base, whole = radix**left, 1 << 2 * bits
        high = lanes // lanes.dtype.type(base)
        # high + (low << bits), where low = lane - high x base
        high *= lanes.dtype.type(((base << bits) - 1) % whole)
        lanes = ((lanes << lanes.dtype.type(bits)) - high).view(_HALVES[lanes.itemsize])
    return np.asarray(lanes)


def read_places(digits: Digits, radix: int) -> Words:
    """Return (places, rows) of (rows, length) digits; short lengths are filled up with leading zeros."""
    rows, length = digits.shape
    per_place = digits_per_place(radix)
    places = -(-length // per_place)
    if length == places * per_place and digits.flags.c_contiguous:
        return np.ascontiguousarray(fold(digits, radix).T)
    padded = np.zeros((rows, places * per_place), digit_type(radix))
    padded[:, places * per_place - length :] = digits
    return np.ascontiguousarray(fold(padded, radix).T)


def write_places(places: Words, radix: int, *, length: int) -> Digits:
    """Return the (rows, length) digits of (places, rows); the inverse of `read_places`."""
    return unfold(np.ascontiguousarray(places.T), radix)[:, -length:]


def place_sizes(radix: int, length: int) -> list[int]:
    """Return how many values each place of a number of this many digits takes, the highest place first."""
    per_place = digits_per_place(radix)
    places = -(-length // per_place)
    return [radix ** (length - per_place * (places - 1)), *[radix**per_place] * (places - 1)]


def as_one(places: Words, base: int) -> Words:
    """Return (rows,) numbers below 2^64 that (places, rows) write."""
    number: Words = places[0]
    for place in places[1:]:
        number = number * np.uint64(base) + place
    return number


def as_places(numbers: Words, sizes: list[int]) -> Words:
    """Return (places, rows) of (rows,) numbers below 2^64; the inverse of `as_one`."""
    places = np.empty((len(sizes), len(numbers)), np.uint64)
    for at in range(len(sizes) - 1, 0, -1):
        rest = numbers // np.uint64(sizes[at])
        np.subtract(numbers, rest * np.uint64(sizes[at]), out=places[at])
        numbers = rest
    places[0] = numbers
    return places


def to_limbs(places: Words, base: int, *, limbs: int) -> Words:
    """Return (limbs, rows) 32-bit limbs, the highest first, of the numbers that (places, rows) write."""
    made = np.zeros((limbs, places.shape[1]), np.uint64)
    low, shift, factor = np.uint64((1 << _LIMB) - 1), np.uint64(_LIMB), np.uint64(base)
    used = 1
    for place in places:
        carry: Any = place
        for at in range(limbs - 1, limbs - 1 - used, -1):
            product = made[at] * factor + carry
            np.bitwise_and(product, low, out=made[at])
            carry = product >> shift
        used = min(used + 1, limbs)
    return made


def of_limbs(limbs: Words, sizes: list[int]) -> Words:
    """Return (places, rows) of (limbs, rows) 32-bit limbs; what does not fit the highest place is cut off."""
    places = np.empty((len(sizes), limbs.shape[1]), np.uint64)
    shift = np.uint64(_LIMB)
    number = limbs.copy()
    bound = 1 << _LIMB * len(limbs)
    for at in range(len(sizes) - 1, -1, -1):
        size, rest = np.uint64(sizes[at]), np.zeros(limbs.shape[1], np.uint64)
        start = len(limbs) - -(-(bound - 1).bit_length() // _LIMB)
        for limb in range(start, len(limbs)):
            whole = (rest << shift) | number[limb]
            np.floor_divide(whole, size, out=number[limb])
            rest = whole - number[limb] * size
        places[at] = rest
        bound = -(-bound // sizes[at])
    return places
