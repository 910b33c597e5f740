"""Deterministic tokens that the key turns back: joins stay possible, values come back by permission.

AES-SIV gives equal values equal tokens and nothing else away. It still shows which rows agree: a column with few
distinct values can be read off its frequencies, so such a column is refused unless the schema says so aloud.

Wire format, pinned by a test:
- the four characters `tok_`
- base64url without padding of: 16 bytes synthetic IV, then the ciphertext, as long as the value's UTF-8
- associated data of the SIV: the ASCII text `cartveil token 1`
"""

import base64

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cartveil.errors import ColumnError
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect import blocks
from cartveil.guard.protect.blocks import BLOCK, Bytes
from cartveil.guard.protect.columns import Numbers, Values, as_text, each_distinct, in_order
from cartveil.guard.protect.pseudonym import with_prefix
from cartveil.guard.protect.siv import by_length, siv_open, siv_seal, unopened

PREFIX = "tok_"
_CONTEXT = b"cartveil token 1"
_URL_SAFE = b"-_"

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
    secret = blocks.subkey(key, "token", length=64)

    def change(values: pa.Array) -> pa.Array:
        if not few_values:
            refuse_few(len(values), rows=len(column))
        return with_prefix(PREFIX, _encoded(siv_seal(blocks.texts_of(values), secret, contexts=(_CONTEXT,))))

    return each_distinct(column, change)


def detokenise(column: Values, key: SecretKey) -> Values:
    """Turn tokens back into the values' text.

    Raises:
        DecryptionError: A token was made with another key, was changed, or is none; which, is not told.
    """
    secret = blocks.subkey(key, "token", length=64)
    return each_distinct(column, lambda values: _opened(values, secret))


def refuse_few(distinct: int, *, rows: int) -> None:
    """Refuse a column whose tokens could be told by their frequency; see `token`."""
    if rows >= MANY_ROWS and 0 < distinct < FEW_VALUES:
        hint = "drop or generalise the column, or say `few_values = true` if its frequencies may be known"
        raise ColumnError(f"{distinct} distinct values in {rows} rows: tokens would show which is which", hint=hint)


def _encoded(parts: list[tuple[Numbers, Bytes]]) -> pa.Array:
    """Write each row as base64url and put the rows back in order."""
    if not parts:
        return pa.array([], pa.string())
    texts = [_base64(rows) for _, rows in parts]
    return in_order([rows for rows, _ in parts], texts)


def _base64(rows: Bytes) -> pa.Array:
    count, length = rows.shape
    padded = np.zeros((count, -(-length // 3) * 3), np.uint8)
    padded[:, :length] = rows
    written = base64.b64encode(padded.tobytes(), altchars=_URL_SAFE)
    characters = blocks.as_block(written).reshape(count, padded.shape[1] // 3 * 4)
    return blocks.strings_of(characters[:, : -(-length * 4 // 3)])


def _opened(values: pa.Array, secret: bytes) -> pa.Array:
    values = as_text(values)
    if not pc.all(pc.starts_with(values, PREFIX), min_count=0).as_py():
        raise unopened()
    texts = blocks.texts_of(pc.utf8_slice_codeunits(values, len(PREFIX)))
    parts: list[pa.Array] = []
    chunks = by_length(texts.lengths)
    for rows, length in chunks:
        sealed = _unbase64(blocks.gather(texts, rows, length))
        parts.append(blocks.strings_of(siv_open(sealed, secret, contexts=(_CONTEXT,))))
    return in_order([rows for rows, _ in chunks], parts) if parts else pa.array([], pa.string())


def _digits() -> Bytes:
    table = np.full(256, 255, np.uint8)
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    table[blocks.as_block(alphabet)] = np.arange(64)
    return table


def _unbase64(characters: Bytes) -> Bytes:
    """Return the (rows, bytes) that (rows, characters) of base64url write; only the one canonical writing passes."""
    count, length = characters.shape
    digits = _digits()[characters]
    wide = length * 3 // 4
    if length % 4 == 1 or wide < BLOCK or np.any(digits == 255):
        raise unopened()
    padded = np.zeros((count, -(-length // 4) * 4), np.uint32)
    padded[:, :length] = digits
    quads = padded.reshape(count, -1, 4) << np.array([18, 12, 6, 0], np.uint32)
    numbers = quads.sum(axis=2, dtype=np.uint32)  # (rows, quads)
    whole = np.stack([numbers >> shift & 255 for shift in (16, 8, 0)], axis=2).astype(np.uint8).reshape(count, -1)
    if np.any(whole[:, wide:]):
        raise unopened()
    return whole[:, :wide]
