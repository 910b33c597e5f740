"""Deterministic tokens that the key turns back: joins stay possible, values come back by permission.

AES-SIV gives equal values equal tokens and nothing else away. It still shows which rows agree: a column with few
distinct values can be read off its frequencies, so such a column is refused unless the schema says so aloud.

Wire format, pinned by a test:
- the four characters `tok_`
- base64url without padding of: 16 bytes synthetic IV, then the ciphertext, as long as the value's UTF-8
- associated data of the SIV: the ASCII text `cartveil token 1`
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cartveil.errors import ColumnError
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.columns import Numbers, Rows, Values, as_text, distinct_up_to, each_value, in_order
from cartveil.guard.protect.modes import blocks
from cartveil.guard.protect.modes.blocks import BLOCK, Bytes
from cartveil.guard.protect.modes.siv import siv_open, siv_seal, unopened

PREFIX = "tok_"
_CONTEXT = b"cartveil token 1"

Pairs = npt.NDArray[np.uint16]

#: A column of this many rows must have at least `FEW_VALUES` distinct values.
MANY_ROWS = 1000
FEW_VALUES = 100


def token(column: Values, key: SecretKey, *, few_values: bool = False) -> Values:
    """Replace each value by a token that `detokenise` turns back.

    Args:
        column: Text, or what has a text form.
        key: The scope's key.
        few_values: Accept a column whose values can be told by their frequency.

    Returns:
        Text: `tok_` and base64url, safe in CSV and in URLs.

    Raises:
        ColumnError: At least 1000 rows hold fewer than 100 distinct values, and `few_values` was not said.

    Guarantees:
        - Equal values get equal tokens; NULL stays NULL.
        - The batch equals AES-SIV of `cryptography`.

    Source: RFC 5297 with two 256-bit keys.
    """
    if not few_values and len(column) >= MANY_ROWS:
        refuse_few(distinct_up_to(column, FEW_VALUES), rows=len(column))
    secret = blocks.subkey(key, "token", length=64)
    return each_value(column, lambda values: _sealed(values, secret))


def detokenise(column: Values, key: SecretKey) -> Values:
    """Turn tokens back into the values' text.

    Raises:
        DecryptionError: A token was made with another key, was changed, or is none; which, is not told.
    """
    secret = blocks.subkey(key, "token", length=64)
    return each_value(column, lambda values: _opened(values, secret))


def refuse_few(distinct: int, *, rows: int) -> None:
    """Refuse a column whose tokens could be told by their frequency; see `token`."""
    if rows >= MANY_ROWS and 0 < distinct < FEW_VALUES:
        hint = "drop or generalise the column, or say `few_values = true` if its frequencies may be known"
        raise ColumnError(f"{distinct} distinct values in {rows} rows: tokens would show which is which", hint=hint)


def _sealed(values: pa.Array, secret: bytes) -> pa.Array:
    parts = siv_seal(blocks.texts_of(values), secret, contexts=(_CONTEXT,))
    texts = [_written(sealed.data, sealed.lengths) for sealed in parts]
    return in_order([sealed.rows for sealed in parts], texts) if parts else pa.array([], pa.string())


def _written(data: Bytes, lengths: Numbers) -> pa.Array:
    """Write the first `lengths` of each row's bytes as prefix and base64url; zeros stand behind them."""
    groups = -(-int(lengths.max()) // 3)  # three bytes are four characters
    padded = np.zeros((len(data), groups, 3), np.uint8)
    width = min(data.shape[1], groups * 3)
    padded.reshape(len(data), -1)[:, :width] = data[:, :width]
    first, second, third = (padded[:, :, place].astype(np.uint16) for place in range(3))
    pairs = np.stack([first << 4 | second >> 4, (second & 15) << 8 | third], axis=2)  # (rows, groups, 2) of 12 bits
    text = np.empty((len(data), len(PREFIX) + groups * 4), np.uint8)
    text[:, : len(PREFIX)] = blocks.as_block(PREFIX.encode())
    text[:, len(PREFIX) :] = _WRITTEN.take(pairs.reshape(len(data), -1), mode="clip").view(np.uint8)
    return blocks.strings_of(text, len(PREFIX) - -lengths * 4 // 3)


def _opened(values: pa.Array, secret: bytes) -> pa.Array:
    values = as_text(values)
    if not pc.all(pc.starts_with(values, PREFIX), min_count=0).as_py():
        raise unopened()
    texts = blocks.texts_of(values)
    texts = blocks.Texts(texts.data, texts.starts + len(PREFIX), texts.lengths - len(PREFIX))
    sizes = texts.lengths * 3 // 4
    if np.any(texts.lengths % 4 == 1) or sizes.min(initial=BLOCK) < BLOCK:
        raise unopened()
    chunks, parts = list(blocks.groups(sizes - BLOCK)), []
    for rows, _ in chunks:
        sealed = _read(texts, rows, sizes[rows])
        clear = siv_open(sealed, secret, contexts=(_CONTEXT,), lengths=sizes[rows])
        parts.append(blocks.strings_of(clear, sizes[rows] - BLOCK))
    return in_order([rows for rows, _ in chunks], parts) if parts else pa.array([], pa.string())


def _read(texts: blocks.Texts, rows: Rows, sizes: Numbers) -> Bytes:
    """Return (rows, bytes) that base64url writes, `sizes` bytes of each row; only the one canonical writing passes."""
    lengths = texts.lengths[rows]
    width = -(-int(lengths.max()) // 4) * 4
    characters = blocks.windows(texts, rows, width)
    characters[np.arange(width) >= lengths[:, None]] = ord("A")  # the digit 0
    pairs = _READ.take(characters.view("<u2"), mode="clip")  # (rows, width / 2) of 12 bits
    if np.any(pairs >> 12):
        raise unopened()
    first, second = pairs[:, ::2], pairs[:, 1::2]
    whole = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], axis=2).astype(np.uint8)
    data = whole.reshape(len(lengths), -1)
    # Bits behind the last whole byte say nothing and must be zero.
    behind = np.minimum(sizes, data.shape[1] - 1)
    if np.any((behind == sizes) & (data[np.arange(len(data)), behind] != 0)):
        raise unopened()
    return data[:, : int(sizes.max())]


def _pairs() -> Pairs:
    """Return (4096,) the two characters that write 12 bits, the first one in the lower byte."""
    alphabet = blocks.as_block(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_").astype("<u2")
    pairs: Pairs = (alphabet[:, None] | alphabet << 8).reshape(-1)
    return pairs


def _bits() -> Pairs:
    """Return (65536,) the 12 bits that two characters write, with a higher bit where they are not of the alphabet."""
    table = np.full(1 << 16, 1 << 15, "<u2")
    table[_WRITTEN] = np.arange(1 << 12)
    return table


_WRITTEN = _pairs()
_READ = _bits()
