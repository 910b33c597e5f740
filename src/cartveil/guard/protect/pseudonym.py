"""One-way keyed names for values: the same value under the same key always gets the same pseudonym.

Nobody without the key can compute or invert one, not even by trying all phone numbers. A key per recipient and
period makes pseudonyms that two recipients cannot join.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.columns import Values, each_value
from cartveil.guard.protect.modes.blocks import Bytes, as_block, cmac, cmac_one, strings_of, subkey, texts_of

#: RFC 4648 base32 in lower case: no digit looks like a letter, and file names keep it.
_ALPHABET = as_block(b"abcdefghijklmnopqrstuvwxyz234567")

#: Rows whose words stay in the cache together.
_CHUNK_ROWS = 1 << 13

Words = npt.NDArray[np.uint64]

#: Bytes kept of the 16. Among n values two share a pseudonym with probability below n^2 / 2^121: for 10^9
#: values less than 4 x 10^-19.
_KEPT = 15

#: Characters of a pseudonym without prefix: 120 bits at five each.
LENGTH = 24


def pseudonym(column: Values, key: SecretKey, *, prefix: str = "") -> Values:
    """Replace each value by its pseudonym.

    Args:
        column: Text, numbers, dates or times; numbers are taken as their decimal text.
        key: The scope's key.
        prefix: Set before each pseudonym; changes nothing else.

    Returns:
        Text: the prefix and 24 characters of `a-z2-7`.

    Guarantees:
        - Equal values get equal pseudonyms, whether stored plain, as dictionary or in chunks.
        - NULL stays NULL, so that a gap never looks like a person.
        - The batch equals `pseudonym_of`.

    Source: AES-CMAC, RFC 4493, truncated to 120 bits.
    """
    secret = subkey(key, "pseudonym")

    def change(values: pa.Array) -> pa.Array:
        return with_prefix(prefix, strings_of(_base32(cmac(texts_of(values), secret))))

    return each_value(column, change)


def pseudonym_of(value: str, key: SecretKey, *, prefix: str = "") -> str:
    """Return one value's pseudonym: the scalar reference of `pseudonym`, and what erasure asks for."""
    number = int.from_bytes(cmac_one(value.encode(), subkey(key, "pseudonym"))[:_KEPT])
    digits = [(number >> shift) & 31 for shift in range(5 * (LENGTH - 1), -1, -5)]
    return prefix + "".join(chr(_ALPHABET[digit]) for digit in digits)


def with_prefix(prefix: str, values: pa.Array) -> pa.Array:
    """Set the same text before each value."""
    if not prefix:
        return values
    return pc.binary_join_element_wise(pa.scalar(prefix, values.type), values, pa.scalar("", values.type))


def _base32(tags: Bytes) -> Bytes:
    """Write the first 15 of (rows, 16) bytes as (rows, 24) characters."""
    written = np.empty((len(tags), 3), ">u8")  # a word is eight characters, the first one its highest byte
    for at in range(0, len(tags), _CHUNK_ROWS):
        high, low = np.ascontiguousarray(tags[at : at + _CHUNK_ROWS]).view(">u8").astype(np.uint64).T
        for place, bits in enumerate((high >> 24, (high & 0xFFFFFF) << 16 | low >> 48, low >> 8 & 0xFFFFFFFFFF)):
            written[at : at + _CHUNK_ROWS, place] = _characters(bits)
    return written.view(np.uint8)


def _characters(bits: Words) -> Words:
    """Write 40 bits of each word as eight characters: all eight at once, by shifts within the word."""
    word = np.uint64
    bits = (bits & word(0xFFFFF00000)) << word(12) | bits & word(0xFFFFF)
    bits = (bits & word(0x000FFC00000FFC00)) << word(6) | bits & word(0x000003FF000003FF)
    bits = (bits & word(0x03E003E003E003E0)) << word(3) | bits & word(0x001F001F001F001F)  # five bits in each byte
    figures = (bits + word(0x6666666666666666)) >> word(7) & word(0x0101010101010101)  # 1 in each byte from 26 on
    return bits + word(0x6161616161616161) - figures * word(ord("a") + 26 - ord("2"))
