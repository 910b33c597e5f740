"""AES-SIV over a whole column: deterministic authenticated encryption without a nonce to get wrong.

Equal values give equal outputs under one key, and nothing else is given away. Rows of as many blocks go through S2V and
CTR together; `cryptography`'s `AESSIV` serves a few rows and is what tests compare with.

Source: RFC 5297.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from cartveil.errors import DecryptionError, IntegrityError
from cartveil.guard.protect.columns import Numbers, Rows
from cartveil.guard.protect.modes import blocks
from cartveil.guard.protect.modes.blocks import BLOCK, FEW_ROWS, Bytes, Encrypt, Texts


class Sealed(NamedTuple):
    """Outputs of some rows, whose values have an equal number of blocks."""

    rows: Rows  # (chunk,)
    data: Bytes  # (chunk, 16 + width) zeros behind the ends
    lengths: Numbers  # (chunk,) bytes of each output: 16 and the value's

    def outputs(self) -> list[bytes]:
        """Return the outputs one by one."""
        return [row[:length].tobytes() for row, length in zip(self.data, self.lengths, strict=True)]


def siv_seal(texts: Texts, secret: bytes, *, contexts: Sequence[bytes]) -> list[Sealed]:
    """Encrypt each row with AES-SIV.

    Args:
        texts: Any byte strings.
        secret: 32, 48 or 64 bytes: the key of S2V, then the key of CTR.
        contexts: The associated-data strings, the same for every row.

    Returns:
        The outputs in chunks; together each row once.
    """
    self_test()
    return _seal(texts, secret, contexts)


def _seal(texts: Texts, secret: bytes, contexts: Sequence[bytes]) -> list[Sealed]:
    done: list[Sealed] = []
    mac, stream = (blocks.aes(half) for half in _halves(secret))
    chained = _chained(secret, contexts)
    for rows, count in blocks.groups(texts.lengths):
        lengths, width = texts.lengths[rows], count * BLOCK
        clear = blocks.gather(texts, rows, width)
        data = np.empty((len(lengths), BLOCK + width), np.uint8)
        if len(lengths) < FEW_ROWS:
            _seal_few(data, (clear, lengths), secret, contexts)
        else:
            data[:, :BLOCK] = _s2v(mac, clear, lengths, chained)
            data[:, BLOCK:] = clear ^ _stream(stream, data[:, :BLOCK], width)
            blocks.clear_behind(data, lengths - (width - BLOCK))
        done.append(Sealed(rows, data, lengths + BLOCK))
    return done


def _seal_few(data: Bytes, values: tuple[Bytes, Numbers], secret: bytes, contexts: Sequence[bytes]) -> None:
    cipher = AESSIV(secret)
    data[:] = 0
    for row, (clear, length) in enumerate(zip(*values, strict=True)):
        data[row, : BLOCK + length] = blocks.as_block(cipher.encrypt(clear[:length].tobytes(), list(contexts)))


def siv_open(rows: Bytes, secret: bytes, *, contexts: Sequence[bytes], lengths: Numbers | None = None) -> Bytes:
    """Decrypt rows that `siv_seal` made, whose values have an equal number of blocks.

    Args:
        rows: (rows, 16 + width) anything behind the ends.
        secret: As given to `siv_seal`.
        contexts: As given to `siv_seal`.
        lengths: (rows,) bytes of each output; all of `rows` if not given.

    Returns:
        (rows, width) values, zeros behind their ends.

    Raises:
        DecryptionError: Any row does not authenticate.
    """
    self_test()
    length = rows.shape[1] - BLOCK
    lengths = np.full(len(rows), length) if lengths is None else lengths - BLOCK
    if len(rows) < FEW_ROWS:
        return _open_few(rows, lengths, secret, contexts)
    mac, stream = (blocks.aes(half) for half in _halves(secret))
    width = max(1, -(-length // BLOCK)) * BLOCK
    tags, clear = rows[:, :BLOCK], _stream(stream, rows[:, :BLOCK], width)
    clear[:, :length] ^= rows[:, BLOCK:]
    blocks.clear_behind(clear, lengths - (width - BLOCK))
    if np.any(_s2v(mac, clear, lengths, _chained(secret, contexts)) != tags):
        raise unopened()
    return clear[:, :length]


def _open_few(rows: Bytes, lengths: Numbers, secret: bytes, contexts: Sequence[bytes]) -> Bytes:
    clear = np.zeros((len(rows), rows.shape[1] - BLOCK), np.uint8)
    for row, length in enumerate(lengths):
        clear[row, :length] = _open_one(rows[row, : BLOCK + length].tobytes(), secret, contexts)
    return clear


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


def _s2v(mac: Encrypt, clear: Bytes, lengths: Numbers, chained: bytes) -> Bytes:
    """Return (rows, 16) synthetic IVs of rows of an equal number of blocks: RFC 5297, section 2.4."""
    matrix, tails = clear.copy(), lengths - (clear.shape[1] - BLOCK)
    zero = blocks.double(mac(np.zeros(BLOCK, np.uint8)).tobytes())
    whole, partial = blocks.as_block(zero), blocks.as_block(blocks.double(zero))
    added = blocks.as_block(chained)
    if matrix.shape[1] == BLOCK:
        # A value shorter than a block is padded before it is chained, so that what CMAC sees is a whole block.
        doubled = blocks.as_block(blocks.double(chained))
        blocks.end_with(matrix, blocks.endings(doubled ^ whole, added ^ whole), tails)
        return blocks.chain(mac, matrix)
    # The last 16 bytes, to which the chained block is added, lie across two blocks.
    across = np.zeros((BLOCK + 1, 2 * BLOCK), np.uint8)
    for tail in range(BLOCK + 1):
        across[tail, tail : tail + BLOCK] = added
    before = matrix[:, -2 * BLOCK : -BLOCK]
    before ^= across[:, :BLOCK].take(tails, axis=0)
    blocks.end_with(matrix, blocks.endings(partial ^ across[:BLOCK, BLOCK:], added ^ whole), tails)
    return blocks.chain(mac, matrix)


def _stream(encrypt: Encrypt, tags: Bytes, width: int) -> Bytes:
    first = tags & _COUNTER  # RFC 5297, section 2.6: 32-bit counters then never carry
    return blocks.counter_stream(encrypt, first, width // BLOCK)


#: The bits of a synthetic IV that CTR starts from.
_COUNTER = np.array([255] * 8 + [127] + [255] * 3 + [127] + [255] * 3, np.uint8)


def unopened() -> DecryptionError:
    """Return the one error of everything that does not open."""
    return DecryptionError("a token does not open", hint="open it with the key of the scope it was made for")


@cache
def self_test() -> None:
    """Compare the batch with RFC 5297, appendices A.1 and A.2: one block and three, once per process.

    Raises:
        IntegrityError: This machine or its numpy computes a wrong result; nothing may be protected with it.
    """
    blocks.self_test()
    for secret, contexts, clear, wanted in _RFC_5297:
        texts = blocks.texts_of(pa.array([bytes.fromhex(clear)] * FEW_ROWS, pa.binary()))
        parts = _seal(texts, bytes.fromhex(secret), [bytes.fromhex(context) for context in contexts])
        if [output.hex() for part in parts for output in part.outputs()] != [wanted] * FEW_ROWS:
            raise IntegrityError("the batched AES-SIV fails its self-test", hint="do not protect data on this machine")


#: Keys, associated data, value, output.
_RFC_5297 = (
    (
        "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
        ("101112131415161718191a1b1c1d1e1f2021222324252627",),
        "112233445566778899aabbccddee",
        "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c",
    ),
    (
        "7f7e7d7c7b7a79787776757473727170404142434445464748494a4b4c4d4e4f",
        (
            "00112233445566778899aabbccddeeffdeaddadadeaddadaffeeddccbbaa99887766554433221100",
            "102030405060708090a0",
            "09f911029d74e35bd84156c5635688c0",
        ),
        "7468697320697320736f6d6520706c61696e7465787420746f20656e6372797074207573696e67205349562d414553",
        "7bdb6e3b432667eb06f4d14bff2fbd0fcb900f2fddbe404326601965c889bf17"
        "dba77ceb094fa663b7a3f748ba8af829ea64ad544a272e9c485b62a3fd5c0d",
    ),
)
