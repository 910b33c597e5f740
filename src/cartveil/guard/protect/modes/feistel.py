"""The rounds of FF1 over all rows of a batch: a Feistel network whose halves are columns.

A round of all rows is one AES-ECB call over blocks that lie side by side, and the numbers between the calls are
numpy's. What the rounds of all rows share, AES of the constant block P and the blocks of the tweak, is computed once.
Halves below 2^56 are one machine word each; wider ones are several places, see `numerals`.

Source: NIST SP 800-38G, algorithms 7 and 8; u, v, m, b, d, P and Q are its letters.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from cartveil.errors import ColumnError
from cartveil.guard.protect.modes.blocks import BLOCK, Bytes, aes
from cartveil.guard.protect.modes.numerals import Words, of_limbs, place_sizes, to_limbs

ROUNDS = 10

#: Bytes of the widest half that is one machine word, with the byte of the round before it in the same word.
_WORD_BYTES = 7


@dataclass(frozen=True)
class Layout:
    """What radix, length and length of tweak decide, in the letters of SP 800-38G.

    Args:
        radix: 2 to 65,536.
        length: n, digits of a string.
        tweak: t, bytes of the tweak.
    """

    radix: int
    length: int
    tweak: int

    def digits(self, turn: int) -> int:
        """Return m, the digits of the half that a round makes: u in even rounds, v in odd ones."""
        left = self.length // 2
        return left if turn % 2 == 0 else self.length - left

    @cached_property
    def number_bytes(self) -> int:
        """Return b, the bytes of a half as a number."""
        return _bytes(self.radix ** self.digits(1) - 1)

    @property
    def drawn_bytes(self) -> int:
        """Return d, the bytes that a round draws."""
        return 4 * -(-self.number_bytes // 4) + 4

    @property
    def is_narrow(self) -> bool:
        """Return whether a half is one word, and what a round draws two at most."""
        return self.number_bytes <= _WORD_BYTES

    def first_block(self) -> bytes:
        """Return P."""
        radix, length = self.radix.to_bytes(3), self.length.to_bytes(4)
        return b"\x01\x02\x01" + radix + bytes([ROUNDS, self.length // 2 % 256]) + length + self.tweak.to_bytes(4)

    @property
    def padding(self) -> int:
        """Return how many zeros stand between tweak and round in Q."""
        return -(self.tweak + self.number_bytes + 1) % BLOCK


class Rounds:
    """What the rounds of one layout under one key share: AES, and AES of the constant block P."""

    def __init__(self, layout: Layout, secret: bytes) -> None:
        self.layout = layout
        self._constant = cipher_of(secret)(layout.first_block())
        self.encrypt = aes(secret)

    def opened(self, tweak: Bytes, rows: int) -> "Draw":
        """Chain the blocks of the tweak, and return what draws the numbers of a batch.

        Args:
            tweak: (1 or rows, bytes).
            rows: Of the batch.
        """
        whole = (self.layout.tweak + self.layout.padding) // BLOCK * BLOCK
        rest = self.layout.padding + 1 + self.layout.number_bytes
        data = np.concatenate([tweak, np.zeros((len(tweak), rest), np.uint8)], axis=1)  # (1 or rows, 16 x blocks)
        state = np.broadcast_to(np.frombuffer(self._constant, np.uint8), (len(tweak), BLOCK))
        for at in range(0, whole, BLOCK):
            state = self.encrypt(state ^ data[:, at : at + BLOCK])
        opening = data[:, whole:]
        opening[:, :BLOCK] ^= state
        return Draw(self, opening, rows)


class Draw:
    """Draws y of algorithm 7 for all rows of a batch, in buffers that all rounds use."""

    def __init__(self, rounds: Rounds, opening: Bytes, rows: int) -> None:
        self._width, self._length = rounds.layout.number_bytes, rounds.layout.drawn_bytes
        self._base = place_sizes(rounds.layout.radix, rounds.layout.length)[-1]
        self._encrypt = rounds.encrypt
        self._opening = np.broadcast_to(opening, (rows, opening.shape[1]))
        self._blocks = self._opening.copy()  # (rows, 16 x blocks): Q from the byte of the round on, chained so far
        low = np.ascontiguousarray(opening[:, -8:]).view(">u8").astype(np.uint64)
        self._low = low[0] if len(low) == 1 else low[:, 0]  # (1,) or (rows,)

    def word(self, turn: int, number: Words, modulus: int) -> Words:
        """Return (rows,) numbers below the modulus, drawn from (rows,) numbers of one word."""
        constant = self._low ^ np.uint64(turn << 8 * self._width)
        self._blocks.view(">u8")[:, -1] = number ^ constant
        out = self._encrypt(self._blocks)
        drawn = _rest(out.view(">u8")[:, 0].astype(np.uint64), modulus)
        if self._length == 8:
            return drawn
        return _longer_rest(drawn, out.view(">u4")[:, 2].astype(np.uint64), modulus)

    def limbs(self, turn: int, number: Words) -> Words:
        """Return (limbs, rows) 32-bit limbs drawn from (places, rows) numbers of any length."""
        limbs = to_limbs(number, self._base, limbs=-(-self._width // 4))
        data = np.ascontiguousarray(limbs.T.astype(">u4")).view(np.uint8)  # (rows, 4 x limbs)
        np.copyto(self._blocks, self._opening)
        self._blocks[:, -self._width - 1] ^= turn
        self._blocks[:, -self._width :] ^= data[:, -self._width :]
        state = self._encrypt(self._blocks[:, :BLOCK])
        for at in range(BLOCK, self._blocks.shape[1], BLOCK):
            state = self._encrypt(state ^ self._blocks[:, at : at + BLOCK])
        parts = [state]
        for count in range(1, -(-self._length // BLOCK)):
            parts.append(self._encrypt(state ^ np.frombuffer(count.to_bytes(BLOCK), np.uint8)))
        drawn = np.ascontiguousarray(np.concatenate(parts, axis=1)[:, : self._length])
        return drawn.view(">u4").T.astype(np.uint64, order="C")


def turns(inverse: bool) -> Sequence[int]:
    """Return the rounds in their order."""
    return range(ROUNDS)[::-1] if inverse else range(ROUNDS)


def words(layout: Layout, draw: Draw, halves: list[Words], inverse: bool) -> list[Words]:
    """Run the rounds over halves of one word."""
    a, b = halves
    for turn in turns(inverse):
        modulus = layout.radix ** layout.digits(turn)
        drawn = draw.word(turn, a if inverse else b, modulus)
        if inverse:
            np.subtract(b, drawn, out=drawn)
            a, b = np.minimum(drawn, drawn + np.uint64(modulus)), a  # a number below zero has wrapped to a large one
        else:
            drawn += a
            a, b = b, np.minimum(drawn, drawn - np.uint64(modulus))
    return [a, b]


def _rest(numbers: Words, modulus: int) -> Words:
    """Return (rows,) remainders, in place; numpy divides by one number in vectors, but takes remainders one by one."""
    whole = numbers // np.uint64(modulus)
    whole *= np.uint64(modulus)
    numbers -= whole
    return numbers


def _longer_rest(numbers: Words, low: Words, modulus: int) -> Words:
    """Return (rows,) remainders of numbers below the modulus followed by 32 more bits, in place."""
    if modulus <= 1 << 32:
        numbers <<= np.uint64(32)
        numbers |= low
        return _rest(numbers, modulus)
    # The quotient is below 2^32, so a double tells it but for one, up or down: no power of a radix lies so close above
    # 2^32 that the low bits could make it two. The rest is exact by 2^64.
    whole = (numbers.astype(np.float64) * (2.0**32 / modulus)).astype(np.uint64)
    whole *= np.uint64(modulus)
    numbers <<= np.uint64(32)
    numbers += low
    numbers -= whole
    np.minimum(numbers, numbers + np.uint64(modulus), out=numbers)
    np.minimum(numbers, numbers - np.uint64(modulus), out=numbers)
    return numbers


def places(layout: Layout, draw: Draw, halves: list[Words], inverse: bool) -> list[Words]:
    """Run the rounds over halves of several places."""
    a, b = halves
    for turn in turns(inverse):
        sizes = place_sizes(layout.radix, layout.digits(turn))
        drawn = of_limbs(draw.limbs(turn, a if inverse else b), sizes)
        a, b = (_less(b, drawn, sizes), a) if inverse else (b, _plus(a, drawn, sizes))
    return [a, b]


def _plus(number: Words, drawn: Words, sizes: list[int]) -> Words:
    carry = np.zeros(number.shape[1], np.uint64)
    for at in range(len(sizes) - 1, -1, -1):
        total = number[at] + drawn[at] + carry
        carry = (total >= sizes[at]).astype(np.uint64)
        np.subtract(total, carry * np.uint64(sizes[at]), out=drawn[at])
    return drawn


def _less(number: Words, drawn: Words, sizes: list[int]) -> Words:
    borrow = np.zeros(number.shape[1], np.uint64)
    for at in range(len(sizes) - 1, -1, -1):
        total = number[at] - drawn[at] - borrow  # below zero it wraps to a large number
        borrow = total >> np.uint64(63)
        np.add(total, borrow * np.uint64(sizes[at]), out=drawn[at])
    return drawn


def cipher_of(secret: bytes) -> Callable[[bytes], bytes]:
    """Return AES as a function over whole blocks.

    Raises:
        ColumnError: The key has another length than AES takes.
    """
    try:
        # ECB is the bare block cipher here, the part that FF1 is made of; it is never a mode of its own.
        return Cipher(algorithms.AES(secret), modes.ECB()).encryptor().update  # noqa: S305
    except ValueError:
        raise ColumnError("a key of AES has 16, 24 or 32 bytes", hint="derive the key from the scope's") from None


def _bytes(number: int) -> int:
    return -(-number.bit_length() // 8)
