"""One-way keyed names for values: the same value under the same key always gets the same pseudonym.

Nobody without the key can compute or invert one, not even by trying all phone numbers. A key per recipient and
period makes pseudonyms that two recipients cannot join.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.blocks import Bytes, as_block, cmac, cmac_one, strings_of, subkey, texts_of
from cartveil.guard.protect.columns import Values, each_distinct

#: RFC 4648 base32 in lower case: no digit looks like a letter, and file names keep it.
_ALPHABET = as_block(b"abcdefghijklmnopqrstuvwxyz234567")

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
        return with_prefix(prefix, strings_of(_base32(cmac(texts_of(values), secret)[:, :_KEPT])))

    return each_distinct(column, change)


def pseudonym_of(value: str, key: SecretKey, *, prefix: str = "") -> str:
    """Return one value's pseudonym: the scalar reference of `pseudonym`, and what erasure asks for."""
    number = int.from_bytes(cmac_one(value.encode(), subkey(key, "pseudonym"))[:_KEPT])
    digits = [(number >> shift) & 31 for shift in range(5 * (LENGTH - 1), -1, -5)]
    return prefix + "".join(chr(_ALPHABET[digit]) for digit in digits)


def with_prefix(prefix: str, values: pa.Array) -> pa.Array:
    """Set the same text before each value."""
    return pc.binary_join_element_wise(pa.scalar(prefix, values.type), values, pa.scalar("", values.type))


def _base32(tags: Bytes) -> Bytes:
    """Write (rows, 15) bytes as (rows, 24) characters."""
    words = np.zeros((len(tags), 3, 8), np.uint8)
    words[:, :, 3:] = tags.reshape(-1, 3, 5)  # five bytes, 40 bits, to a word
    numbers = words.view(">u8").astype(np.uint64)  # (rows, 3, 1)
    digits = (numbers >> np.arange(35, -1, -5, dtype=np.uint64)) & np.uint64(31)  # (rows, 3, 8)
    written: Bytes = _ALPHABET[digits.reshape(len(tags), LENGTH)]
    return written
