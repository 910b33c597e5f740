"""AES-SIV over a whole column: deterministic authenticated encryption without a nonce to get wrong.

Equal values give equal outputs under one key, and nothing else is given away. Rows of one length go through S2V and CTR
together; `cryptography`'s `AESSIV` serves a few rows and is what tests compare with.

Source: RFC 5297.
"""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np
import pyarrow as pa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from cartveil.errors import DecryptionError, IntegrityError
from cartveil.guard.protect import blocks
from cartveil.guard.protect.blocks import BLOCK, FEW_ROWS, Bytes, Encrypt, Texts
from cartveil.guard.protect.columns import Numbers


def siv_seal(texts: Texts, secret: bytes, *, contexts: Sequence[bytes]) -> list[tuple[Numbers, Bytes]]:
    """Encrypt each row with AES-SIV.

    Args:
        texts: Any byte strings.
        secret: 32, 48 or 64 bytes: the key of S2V, then the key of CTR.
        contexts: The associated-data strings, the same for every row.

    Returns:
        Pairs of (rows,) row numbers and (rows, 16 + length) outputs, one for each length.
    """
    self_test()
    return _seal(texts, secret, contexts)


def _seal(texts: Texts, secret: bytes, contexts: Sequence[bytes]) -> list[tuple[Numbers, Bytes]]:
    done: list[tuple[Numbers, Bytes]] = []
    mac, stream = (blocks.aes(half) for half in _halves(secret))
    for rows, length in by_length(texts.lengths):
        if len(rows) < FEW_ROWS:
            cipher = AESSIV(secret)
            outputs = [blocks.as_block(cipher.encrypt(texts.one(row), list(contexts))) for row in rows]
            done.append((rows, np.stack(outputs)))
            continue
        width = max(1, -(-length // BLOCK)) * BLOCK
        clear = blocks.gather(texts, rows, width)
        tags = _s2v(mac, clear, length, _chained(secret, contexts))
        hidden = clear[:, :length] ^ _stream(stream, tags, length)
        done.append((rows, np.concatenate([tags, hidden], axis=1)))
    return done


def siv_open(rows: Bytes, secret: bytes, *, contexts: Sequence[bytes]) -> Bytes:
    """Decrypt rows of one length that `siv_seal` made.

    Args:
        rows: (rows, 16 + length).
        secret: As given to `siv_seal`.
        contexts: As given to `siv_seal`.

    Returns:
        (rows, length) values.

    Raises:
        DecryptionError: Any row does not authenticate.
    """
    self_test()
    if len(rows) < FEW_ROWS:
        return np.stack([_open_one(row.tobytes(), secret, contexts) for row in rows])
    mac, stream = (blocks.aes(half) for half in _halves(secret))
    tags, hidden = rows[:, :BLOCK], rows[:, BLOCK:]
    length = hidden.shape[1]
    clear = np.zeros((len(rows), max(1, -(-length // BLOCK)) * BLOCK), np.uint8)
    clear[:, :length] = hidden ^ _stream(stream, tags, length)
    wanted = _s2v(mac, clear, length, _chained(secret, contexts))
    if np.any(wanted ^ tags):
        raise unopened()
    return clear[:, :length]


def _open_one(row: bytes, secret: bytes, contexts: Sequence[bytes]) -> Bytes:
    try:
        return blocks.as_block(AESSIV(secret).decrypt(row, list(contexts)))
    except InvalidTag:
        raise unopened() from None


def _halves(secret: bytes) -> tuple[bytes, bytes]:
    middle = len(secret) // 2
    return secret[:middle], secret[middle:]


def _chained(secret: bytes, contexts: Sequence[bytes]) -> bytes:
    """Return what S2V makes of the associated data, before the value itself."""
    key, _ = _halves(secret)
    chained = blocks.cmac_one(bytes(BLOCK), key)
    for context in contexts:
        mac = blocks.cmac_one(context, key)
        chained = (blocks.as_block(blocks.double(chained)) ^ blocks.as_block(mac)).tobytes()
    return chained


def _s2v(mac: Encrypt, clear: Bytes, length: int, chained: bytes) -> Bytes:
    """Return (rows, 16) synthetic IVs of rows of one length: RFC 5297, section 2.4."""
    last = clear.copy()
    if length >= BLOCK:
        last[:, length - BLOCK : length] ^= blocks.as_block(chained)
    else:
        last[:, length] = 0x80
        last ^= blocks.as_block(blocks.double(chained))
    return blocks.cmac_rows(mac, last, np.full(len(last), max(length, BLOCK)))


def _stream(encrypt: Encrypt, tags: Bytes, length: int) -> Bytes:
    first = tags.copy()
    first[:, [8, 12]] &= 0x7F  # RFC 5297, section 2.6: 32-bit counters then never carry
    return blocks.counter_stream(encrypt, first, -(-length // BLOCK))[:, :length]


def by_length(lengths: Numbers) -> list[tuple[Numbers, int]]:
    """Return chunks of rows of one length, small enough for the cache."""
    order = np.argsort(lengths, kind="stable")
    edges = np.flatnonzero(np.diff(lengths[order], prepend=-1, append=-1))
    chunks: list[tuple[Numbers, int]] = []
    for start, end in pairwise(edges):
        length = int(lengths[order[start]])
        step = max(1, (1 << 18) // (length + BLOCK))
        chunks += [(order[at : min(at + step, end)], length) for at in range(start, end, step)]
    return chunks


def unopened() -> DecryptionError:
    """Return the one error of everything that does not open."""
    return DecryptionError("a token does not open", hint="open it with the key of the scope it was made for")


@cache
def self_test() -> None:
    """Compare the batch with RFC 5297, appendix A.1, once per process.

    Raises:
        IntegrityError: This machine or its numpy computes a wrong result; nothing may be protected with it.
    """
    blocks.self_test()
    secret = bytes.fromhex("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
    context = bytes.fromhex("101112131415161718191a1b1c1d1e1f2021222324252627")
    texts = blocks.texts_of(pa.array([bytes.fromhex("112233445566778899aabbccddee")] * FEW_ROWS, pa.binary()))
    wanted = "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c"
    if {row.tobytes().hex() for _, rows in _seal(texts, secret, [context]) for row in rows} != {wanted}:
        raise IntegrityError("the batched AES-SIV fails its self-test", hint="do not protect data on this machine")
