"""A way of writing values, and how to change one into another: what `fpe` asks of every format."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cartveil.guard.protect.alphabets import Alphabet, alphabet_of
from cartveil.guard.protect.modes.blocks import Bytes
from cartveil.guard.protect.modes.ff1 import LEAST_DOMAIN, ff1, ff1_numbers
from cartveil.guard.protect.modes.numerals import Digits, Words

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, repr=False)
class Cipher:
    """FF1 under one key and tweak, in one direction."""

    secret: bytes
    tweak: bytes
    inverse: bool

    def strings(self, digits: Digits, *, radix: int, kept: Bytes) -> Digits:
        """Change (rows, length) digits, bound to the (1 or rows, digits) that are kept."""
        return ff1(digits, self.secret, radix=radix, tweak=self._bound(kept), inverse=self.inverse)

    def numbers(self, numbers: Words, *, size: int, kept: Bytes) -> Words:
        """Change (rows,) numbers below `size`."""
        return ff1_numbers(numbers, self.secret, size=size, tweak=self._bound(kept), inverse=self.inverse)

    def _bound(self, kept: Bytes) -> Bytes:
        first = np.broadcast_to(np.frombuffer(self.tweak, np.uint8), (len(kept), len(self.tweak)))
        return np.concatenate([first, kept], axis=1)


class Group(NamedTuple):
    """Rows of the same number of digits."""

    digits: Digits  # (rows, length)
    has_plus: Flags  # (rows,) whether a plus sign stands before the first digit


@dataclass(frozen=True)
class Format:
    """A way of writing values, and how to change one into another.

    Args:
        name: Part of the tweak, so that no format shares a permutation with another one or with plain digits.
        alphabet: Of the symbols that may change.
        fits: (rows,) whether a row is written so, and has a million others.
        change: Encrypts or decrypts rows that fit.
        wanted: What a value must look like, for the hint.
    """

    name: str
    alphabet: Alphabet
    fits: Callable[[Group], Flags]
    change: Callable[[Group, Cipher], Digits]
    wanted: str


def plain_format(word: str) -> Format:
    """Return the format of an alphabet without further rules."""
    alphabet = alphabet_of(word)
    radix = alphabet.radix
    least = next(length for length in range(2, 21) if radix**length >= LEAST_DOMAIN)

    def fits(group: Group) -> Flags:
        rows, length = group.digits.shape
        return np.full(rows, length >= least)

    def change(group: Group, cipher: Cipher) -> Digits:
        return cipher.strings(group.digits, radix=radix, kept=np.zeros((1, 0), np.uint8))

    return Format("alphabet", alphabet, fits, change, f"at least {least} symbols of its alphabet")
