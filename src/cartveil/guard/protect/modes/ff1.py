"""FF1 over a whole column: encryption of digit strings to digit strings of the same length.

FF1 is ten rounds of a Feistel network, each with one AES call or a few per value. All rows go through a round
together, see `feistel`; `ff1_one` is the same in Python's own integers: the reference, and the path for a few rows.

A domain below one million is refused: trying all its values against some known pairs would be a matter of minutes,
and attacks on Feistel networks of small domains need few pairs. FF3 does not exist here: it was broken, and NIST
withdrew it.

Source: NIST SP 800-38G, algorithms 7 and 8, with the least domain of its revision 1.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache

import numpy as np

from cartveil.errors import ColumnError, IntegrityError
from cartveil.guard.protect.modes.blocks import BLOCK, FEW_ROWS, Bytes
from cartveil.guard.protect.modes.feistel import Layout, Rounds, cipher_of, places, turns, words
from cartveil.guard.protect.modes.numerals import (
    Digits,
    Words,
    as_one,
    as_places,
    digit_type,
    place_sizes,
    read_places,
    write_places,
)

#: The least number of values that may be encrypted among themselves.
LEAST_DOMAIN = 1_000_000

#: Rows of one batch whose words and blocks stay in the cache together.
_CHUNK_ROWS = 8192

#: Digits of one batch of long strings.
_CHUNK_DIGITS = 1 << 18

#: Below this many rows whose halves are words one call per value is faster: some 55 us each, 170 us for a batch.
_FEW_ROWS_OF_WORDS = 4

#: A tweak of no bytes.
NO_TWEAK = np.zeros((1, 0), np.uint8)


def ff1(digits: Digits, secret: bytes, *, radix: int, tweak: Bytes = NO_TWEAK, inverse: bool = False) -> Digits:
    """Encrypt or decrypt each row of digits.

    Args:
        digits: (rows, length), each below the radix, the first digit first.
        secret: An AES key of 16, 24 or 32 bytes.
        radix: 2 to 65,536.
        tweak: (1, bytes) for all rows, or (rows, bytes): what the result is bound to beside the key.
        inverse: Decrypt.

    Returns:
        (rows, length) digits.

    Raises:
        ColumnError: There are fewer than a million strings of this length, the radix is out of range, or a number
            is no digit.

    Guarantees:
        - The batch equals `ff1_one`, row by row.
        - Decryption gives back what was encrypted.

    Source: NIST SP 800-38G, FF1.
    """
    self_test()
    return _ff1(digits, secret, radix, tweak, inverse)


def _ff1(digits: Digits, secret: bytes, radix: int, tweak: Bytes, inverse: bool) -> Digits:
    rows, length = digits.shape
    layout = Layout(radix, length, tweak.shape[1])
    _check(layout)
    if rows and (int(digits.max()) >= radix or int(digits.min()) < 0):
        raise _no_digit(radix)
    digits = digits.astype(digit_type(radix), copy=False)
    made = np.empty((rows, length), digits.dtype)
    if _is_few(rows, layout):
        for row, one in enumerate(np.broadcast_to(tweak, (rows, tweak.shape[1]))):
            made[row] = ff1_one(digits[row].tolist(), secret, radix=radix, tweak=one.tobytes(), inverse=inverse)
        return made
    rounds = Rounds(layout, secret)
    for chunk, bound in _chunks(tweak, rows, min(_CHUNK_ROWS, _CHUNK_DIGITS // length)):
        made[chunk] = _chunk(digits[chunk], rounds, bound, inverse)
    return made


def _chunks(tweak: Bytes, rows: int, step: int) -> Iterator[tuple[slice, Bytes]]:
    for start in range(0, rows, max(FEW_ROWS, step)):
        chunk = slice(start, min(rows, start + step))
        yield chunk, tweak if len(tweak) == 1 else tweak[chunk]


def _is_few(rows: int, layout: Layout) -> bool:
    """Return whether one call per value is faster; the work of places grows with their square, that of a call less."""
    if layout.is_narrow:
        return rows < _FEW_ROWS_OF_WORDS
    count = len(place_sizes(layout.radix, layout.digits(1)))
    return rows < FEW_ROWS + count * count // 4


def _chunk(digits: Digits, rounds: Rounds, tweak: Bytes, inverse: bool) -> Digits:
    layout = rounds.layout
    left, radix = layout.digits(0), layout.radix
    halves = [read_places(part, radix) for part in (digits[:, :left], digits[:, left:])]
    draw = rounds.opened(tweak, len(digits))
    if layout.is_narrow:
        base = place_sizes(radix, layout.length)[-1]
        made_words = words(layout, draw, [as_one(half, base) for half in halves], inverse)
        halves = [as_places(word, place_sizes(radix, layout.digits(at))) for at, word in enumerate(made_words)]
    else:
        halves = places(layout, draw, halves, inverse)
    made = np.empty_like(digits)
    made[:, :left] = write_places(halves[0], radix, length=left)
    made[:, left:] = write_places(halves[1], radix, length=layout.length - left)
    return made


def one_tweak(text: bytes) -> Bytes:
    """Return a tweak for all rows, as `ff1` takes it."""
    return np.frombuffer(text, np.uint8)[None, :]


def ff1_numbers(numbers: Words, secret: bytes, *, size: int, tweak: Bytes = NO_TWEAK, inverse: bool = False) -> Words:
    """Encrypt numbers below any size among themselves.

    Numbers are strings of bits to FF1; what falls outside the size is encrypted again until it falls inside, which
    takes less than two steps on average and stays reversible.

    Args:
        numbers: (rows,) each below `size`.
        secret: An AES key of 16, 24 or 32 bytes.
        size: From a million to 2^63.
        tweak: As `ff1` takes it.
        inverse: Decrypt.

    Returns:
        (rows,) numbers below `size`.

    Raises:
        ColumnError: The size is below a million, or a number is not below it.
    """
    if size < LEAST_DOMAIN:
        raise too_small()
    if len(numbers) and int(numbers.max()) >= size:
        raise _no_digit(size)
    self_test()
    rounds = Rounds(Layout(2, (size - 1).bit_length(), tweak.shape[1]), secret)
    made = numbers.astype(np.uint64)
    left = np.arange(len(made))
    while len(left):
        bound = tweak if len(tweak) == 1 else tweak[left]
        for chunk, some in _chunks(bound, len(left), _CHUNK_ROWS):
            made[left[chunk]] = _bits(made[left[chunk]], rounds, some, inverse)
        left = left[made[left] >= size]
    return made


def _bits(numbers: Words, rounds: Rounds, tweak: Bytes, inverse: bool) -> Words:
    """Encrypt numbers as strings of bits; their halves are words as they stand."""
    width = np.uint64(rounds.layout.digits(1))
    halves = [numbers >> width, numbers & ((np.uint64(1) << width) - np.uint64(1))]
    left, right = words(rounds.layout, rounds.opened(tweak, len(numbers)), halves, inverse)
    return left << width | right


def ff1_one(
    digits: Sequence[int], secret: bytes, *, radix: int, tweak: bytes = b"", inverse: bool = False
) -> list[int]:
    """Encrypt or decrypt one string of digits in Python's integers: the reference of `ff1`."""
    layout = Layout(radix, len(digits), len(tweak))
    _check(layout)
    if any(not 0 <= digit < radix for digit in digits):
        raise _no_digit(radix)
    encrypt = cipher_of(secret)
    left = layout.digits(0)
    a, b = _number(digits[:left], radix), _number(digits[left:], radix)
    for turn in turns(inverse):
        modulus = radix ** layout.digits(turn)
        drawn = _drawn_one(layout, encrypt, tweak + bytes(layout.padding) + bytes([turn]), a if inverse else b)
        a, b = ((b - drawn) % modulus, a) if inverse else (b, (a + drawn) % modulus)
    return _digits(a, radix, left) + _digits(b, radix, len(digits) - left)


def _drawn_one(layout: Layout, encrypt: Callable[[bytes], bytes], opening: bytes, number: int) -> int:
    """Return y: steps 6.i to 6.iv of algorithm 7."""
    data = layout.first_block() + opening + number.to_bytes(layout.number_bytes)
    state = bytes(BLOCK)
    for at in range(0, len(data), BLOCK):
        state = encrypt(_xor(state, data[at : at + BLOCK]))
    drawn = state
    for count in range(1, -(-layout.drawn_bytes // BLOCK)):
        drawn += encrypt(_xor(state, count.to_bytes(BLOCK)))
    return int.from_bytes(drawn[: layout.drawn_bytes])


def _check(layout: Layout) -> None:
    if not 2 <= layout.radix <= 65_536:
        raise ColumnError(f"no alphabet of {layout.radix} symbols", hint="give an alphabet of 2 to 65,536 symbols")
    # A million has 20 bits: longer strings of any radix are wide enough, without computing how wide.
    if layout.length < 20 and layout.radix**layout.length < LEAST_DOMAIN:
        raise too_small()


def too_small() -> ColumnError:
    """Return the error of a value whose format has too few others."""
    hint = "use `token`, `pseudonym` or `seal`: so short a value could be found by trying"
    return ColumnError("fewer than a million values have this format: too few to encrypt within it", hint=hint)


def _no_digit(radix: int) -> ColumnError:
    return ColumnError(f"a number is no digit of radix {radix}", hint="give digits from 0 to the radix less one")


def _xor(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one) ^ int.from_bytes(other)).to_bytes(BLOCK)


def _number(digits: Sequence[int], radix: int) -> int:
    number = 0
    for digit in digits:
        number = number * radix + digit
    return number


def _digits(number: int, radix: int, length: int) -> list[int]:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, radix)
        digits.append(digit)
    return digits[::-1]


@cache
def self_test() -> None:
    """Compare the batch with samples of NIST, once per process.

    Raises:
        IntegrityError: This machine or its numpy computes a wrong result; nothing may be protected with it.

    Source: NIST, FF1 samples 1, 3 and 9, and one of ACVP: rounds that draw one word, two, and halves of four places.
    """
    for key, radix, tweak, clear, hidden in _SAMPLES:
        for given, wanted, inverse in ((clear, hidden, False), (hidden, clear, True)):
            rows = np.array([[int(digit, 36) for digit in given]] * 2 * FEW_ROWS, np.uint8)
            made = _ff1(rows, bytes.fromhex(key), radix, one_tweak(bytes.fromhex(tweak)), inverse)
            if np.any(made != [int(digit, 36) for digit in wanted]):
                hint = "do not protect data on this machine"
                raise IntegrityError("the batched FF1 fails its self-test", hint=hint)


_SHORT_KEY = "2b7e151628aed2a6abf7158809cf4f3c"
_LONG_KEY = _SHORT_KEY + "ef4359d8d580aa4f7f036d6f04fc6a94"
_TWEAK = "3737373770717273373737"

_SAMPLES = (
    (_SHORT_KEY, 10, "", "0123456789", "2433477484"),
    (_SHORT_KEY, 36, _TWEAK, "0123456789abcdefghi", "a9tv40mll9kdu509eum"),
    (_LONG_KEY, 36, _TWEAK, "0123456789abcdefghi", "xs8a0azh2avyalyzuwd"),
    (
        "3544151c9ceb324c3c1ed31ade99406d",
        10,
        "6ca0e692b2773c7eca2eca1e7793daa1",
        "80013770071781669296061827483885771389518248319371666162",
        "09295026876845967206918789775693655654016802646140865387",
    ),
)
