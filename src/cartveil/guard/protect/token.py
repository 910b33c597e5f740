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
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from cartveil.errors import ColumnError, DecryptionError
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect import blocks
from cartveil.guard.protect.blocks import BLOCK, FEW_ROWS, Bytes, Encrypt, Numbers, Texts
from cartveil.guard.protect.columns import Values, as_text, each_distinct
from cartveil.guard.protect.pseudonym import with_prefix

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
            _refuse_few(len(values), rows=len(column))
        return with_prefix(PREFIX, _encoded(siv_seal(blocks.texts_of(values), secret, context=_CONTEXT)))

    return each_distinct(column, change)


def detokenise(column: Values, key: SecretKey) -> Values:
    """Turn tokens back into the values' text.

    Raises:
        DecryptionError: A token was made with another key, was changed, or is none; which, is not told.
    """
    secret = blocks.subkey(key, "token", length=64)
    return each_distinct(column, lambda values: _opened(values, secret))


def _refuse_few(distinct: int, *, rows: int) -> None:
    if rows >= MANY_ROWS and 0 < distinct < FEW_VALUES:
        hint = "drop or generalise the column, or say `few_values = true` if its frequencies may be known"
        raise ColumnError(f"{distinct} distinct values in {rows} rows: tokens would show which is which", hint=hint)


def siv_seal(texts: Texts, secret: bytes, *, context: bytes) -> list[tuple[Numbers, Bytes]]:
    """Encrypt each row with AES-SIV.

    Args:
        texts: Any byte strings.
        secret: 64 bytes: the key of S2V, then the key of CTR.
        context: The one associated-data string, of every row.

    Returns:
        Pairs of (rows,) row numbers and (rows, 16 + length) outputs, one for each length.
    """
    blocks.self_test()
    done: list[tuple[Numbers, Bytes]] = []
    mac, stream = blocks.aes(secret[:32]), blocks.aes(secret[32:])
    for rows, length in _by_length(texts.lengths):
        if len(rows) < FEW_ROWS:
            cipher = AESSIV(secret)
            outputs = [blocks.as_block(cipher.encrypt(texts.one(row), [context])) for row in rows]
            done.append((rows, np.stack(outputs)))
            continue
        width = max(1, -(-length // BLOCK)) * BLOCK
        clear = blocks.gather(texts, rows, width)
        tags = _s2v(mac, secret, clear, length=length, context=context)
        hidden = clear[:, :length] ^ _stream(stream, tags, length)
        done.append((rows, np.concatenate([tags, hidden], axis=1)))
    return done


def siv_open(rows: Bytes, secret: bytes, *, context: bytes) -> Bytes:
    """Decrypt rows of one length that `siv_seal` made.

    Args:
        rows: (rows, 16 + length).
        secret: 64 bytes.
        context: As given to `siv_seal`.

    Returns:
        (rows, length) values.

    Raises:
        DecryptionError: Any row does not authenticate.
    """
    if len(rows) < FEW_ROWS:
        return np.stack([_open_one(row.tobytes(), secret, context) for row in rows])
    tags, hidden = rows[:, :BLOCK], rows[:, BLOCK:]
    length = hidden.shape[1]
    clear = np.zeros((len(rows), max(1, -(-length // BLOCK)) * BLOCK), np.uint8)
    clear[:, :length] = hidden ^ _stream(blocks.aes(secret[32:]), tags, length)
    wanted = _s2v(blocks.aes(secret[:32]), secret, clear.copy(), length=length, context=context)
    if np.any(wanted ^ tags):
        raise _unopened()
    return clear[:, :length]


def _open_one(row: bytes, secret: bytes, context: bytes) -> Bytes:
    try:
        return blocks.as_block(AESSIV(secret).decrypt(row, [context]))
    except InvalidTag:
        raise _unopened() from None


def _s2v(mac: Encrypt, secret: bytes, clear: Bytes, *, length: int, context: bytes) -> Bytes:
    """Return (rows, 16) synthetic IVs: RFC 5297, section 2.4, with one associated-data string."""
    first = blocks.double(blocks.cmac_one(bytes(BLOCK), secret[:32]))
    chained = blocks.as_block(first) ^ blocks.as_block(blocks.cmac_one(context, secret[:32]))
    last = clear.copy()
    if length >= BLOCK:
        last[:, length - BLOCK : length] ^= chained
    else:
        last[:, length] = 0x80
        last ^= blocks.as_block(blocks.double(chained.tobytes()))
    return blocks.cmac_rows(mac, last, np.full(len(last), max(length, BLOCK)))


def _stream(encrypt: Encrypt, tags: Bytes, length: int) -> Bytes:
    first = tags.copy()
    first[:, [8, 12]] &= 0x7F  # RFC 5297, section 2.6: 32-bit counters then never carry
    return blocks.counter_stream(encrypt, first, -(-length // BLOCK))[:, :length]


def _by_length(lengths: Numbers) -> list[tuple[Numbers, int]]:
    """Return chunks of rows of one length, small enough for the cache."""
    order = np.argsort(lengths, kind="stable")
    edges = np.flatnonzero(np.diff(lengths[order], prepend=-1, append=-1))
    chunks: list[tuple[Numbers, int]] = []
    for start, end in zip(edges[:-1], edges[1:], strict=True):
        length = int(lengths[order[start]])
        step = max(1, (1 << 18) // (length + BLOCK))
        chunks += [(order[at : min(at + step, end)], length) for at in range(start, end, step)]
    return chunks


def _encoded(parts: list[tuple[Numbers, Bytes]]) -> pa.Array:
    """Write each row as base64url and put the rows back in order."""
    if not parts:
        return pa.array([], pa.string())
    texts = [_base64(rows) for _, rows in parts]
    return _in_order([rows for rows, _ in parts], texts)


def _base64(rows: Bytes) -> pa.Array:
    count, length = rows.shape
    padded = np.zeros((count, -(-length // 3) * 3), np.uint8)
    padded[:, :length] = rows
    written = base64.b64encode(padded.tobytes(), altchars=_URL_SAFE)
    characters = blocks.as_block(written).reshape(count, padded.shape[1] // 3 * 4)
    return blocks.strings_of(characters[:, : -(-length * 4 // 3)])


def _in_order(rows: list[Numbers], parts: list[pa.Array]) -> pa.Array:
    order = np.concatenate(rows)
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    return pa.concat_arrays(parts).take(pa.array(back))


def _opened(values: pa.Array, secret: bytes) -> pa.Array:
    values = as_text(values)
    if not pc.all(pc.starts_with(values, PREFIX), min_count=0).as_py():
        raise _unopened()
    texts = blocks.texts_of(pc.utf8_slice_codeunits(values, len(PREFIX)))
    parts: list[pa.Array] = []
    chunks = _by_length(texts.lengths)
    for rows, length in chunks:
        sealed = _unbase64(blocks.gather(texts, rows, length))
        parts.append(_text(siv_open(sealed, secret, context=_CONTEXT)))
    return _in_order([rows for rows, _ in chunks], parts) if parts else pa.array([], pa.string())


def _text(rows: Bytes) -> pa.Array:
    return blocks.strings_of(rows)


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
        raise _unopened()
    padded = np.zeros((count, -(-length // 4) * 4), np.uint32)
    padded[:, :length] = digits
    quads = padded.reshape(count, -1, 4) << np.array([18, 12, 6, 0], np.uint32)
    numbers = quads.sum(axis=2, dtype=np.uint32)  # (rows, quads)
    whole = np.stack([numbers >> shift & 255 for shift in (16, 8, 0)], axis=2).astype(np.uint8).reshape(count, -1)
    if np.any(whole[:, wide:]):
        raise _unopened()
    return whole[:, :wide]


def _unopened() -> DecryptionError:
    return DecryptionError("a token does not open", hint="open it with the key of the scope it was made for")
