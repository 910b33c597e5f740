"""AES modes over a whole column: all rows' blocks of a round lie side by side and go through one AES-ECB call.

`cryptography` makes one Python call per value, which costs more than the cipher. Here rows are grouped by their
number of blocks, each round of CMAC or CTR is one call over a chunk that fits the cache, and numpy does the rest.
The scalar functions of `cryptography` stand beside (`cmac_one`), serve a few rows, and are what tests compare with.
The batch checks itself against RFC 4493 at first use.
"""

from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.types as types
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from cartveil.errors import IntegrityError
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.columns import Numbers, Rows

Bytes = npt.NDArray[np.uint8]
Encrypt = Callable[[Bytes], Bytes]

BLOCK = 16

#: Below this many rows one call per value is faster than setting up a batch.
FEW_ROWS = 10

#: Bytes of one group's blocks that stay in the cache together with what is made of them.
_CHUNK_BYTES = 1 << 17


class Texts(NamedTuple):
    """Byte strings of many rows in one buffer."""

    data: Bytes  # (total,) all rows after one another
    starts: Numbers  # (rows,)
    lengths: Numbers  # (rows,)

    def one(self, row: int) -> bytes:
        """Return one row's bytes."""
        return self.data[self.starts[row] : self.starts[row] + self.lengths[row]].tobytes()


def subkey(key: SecretKey, label: str, *, length: int = 32) -> bytes:
    """Derive the key of the primitive of that name from a scope's key, so that no two primitives share one."""
    info = b"cartveil protect " + label.encode()
    return HKDFExpand(SHA256(), length, info).derive(key.expose())


def texts_of(array: pa.Array) -> Texts:
    """View a text or binary array without NULLs as bytes; nothing is copied."""
    wide = types.is_large_string(array.type) or types.is_large_binary(array.type)
    offsets = np.frombuffer(array.buffers()[1], np.int64 if wide else np.int32) if len(array) else np.zeros(1, np.int64)
    offsets = offsets[array.offset : array.offset + len(array) + 1].astype(np.int64)  # (rows + 1,)
    buffer = array.buffers()[2]
    data = np.frombuffer(buffer, np.uint8) if buffer is not None and buffer.size else np.zeros(1, np.uint8)
    return Texts(data, offsets[:-1], np.diff(offsets))


def strings_of(rows: Bytes, lengths: Numbers | None = None) -> pa.Array:
    """Return the rows of a matrix of UTF-8 as text; where all are whole, a contiguous matrix is not copied.

    Args:
        rows: (rows, width) characters.
        lengths: (rows,) bytes of each row that count; all if not given.
    """
    count, width = rows.shape
    if lengths is None or not count or lengths.min() == width:
        data, ends = rows.reshape(-1), np.arange(count + 1) * width
    else:
        data, ends = rows[np.arange(width) < lengths[:, None]], np.concatenate([[0], np.cumsum(lengths)])
    kind, offsets = (pa.string(), ends.astype(np.int32)) if ends[-1] < 2**31 else (pa.large_string(), ends)
    return pa.Array.from_buffers(kind, count, [None, pa.py_buffer(offsets), pa.py_buffer(data)])


def aes(key: bytes) -> Encrypt:
    """Return AES as a function over an array of whole blocks of any shape."""
    # ECB is the bare block cipher here, the part that every mode below is made of; it is never a mode of its own.
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305

    def encrypt(blocks: Bytes) -> Bytes:
        blocks = np.ascontiguousarray(blocks)
        out = np.empty(blocks.size + BLOCK - 1, np.uint8)
        encryptor.update_into(blocks.reshape(-1).data, out.data)
        return out[: blocks.size].reshape(blocks.shape)

    return encrypt


def double(block: bytes) -> bytes:
    """Multiply by x in GF(2^128), as RFC 4493 derives subkeys and RFC 5297 chains strings."""
    number = int.from_bytes(block) << 1
    return ((number ^ 0x87 if number >> 128 else number) & (1 << 128) - 1).to_bytes(BLOCK)


def as_block(data: bytes) -> Bytes:
    """Return bytes as an array, such as one block to XOR rows with."""
    return np.frombuffer(data, np.uint8)


def groups(lengths: Numbers) -> Iterator[tuple[Rows, int]]:
    """Yield rows of an equal number of blocks, at least one, in chunks that fit the cache.

    Yields:
        (chunk,) row numbers or a slice of them, and their number of blocks.
    """
    counts = np.maximum(-(-lengths // BLOCK), 1)
    if len(counts) and counts.min() == counts.max():
        for rows in _chunks(0, len(counts), int(counts[0])):
            yield rows, int(counts[0])
        return
    # Numbers of 16 bits are sorted by their digits, several times faster than by comparing them.
    order = np.argsort(counts.astype(np.uint16) if counts.max(initial=0) < 1 << 16 else counts, kind="stable")
    edges = np.flatnonzero(np.diff(counts[order], prepend=-1, append=-1)).tolist()
    for start, end in pairwise(edges):
        blocks = int(counts[order[start]])
        for rows in _chunks(start, end, blocks):
            yield order[rows], blocks


def _chunks(start: int, end: int, blocks: int) -> Iterator[slice]:
    step = max(1, _CHUNK_BYTES // max(1, blocks * BLOCK))
    return (slice(at, min(at + step, end)) for at in range(start, end, step))


def gather(texts: Texts, rows: Rows, width: int) -> Bytes:
    """Copy some rows' bytes into a (rows, width) matrix, zeros behind the end."""
    matrix, lengths = windows(texts, rows, width), texts.lengths[rows]
    if not len(lengths) or lengths.min() >= width:
        return matrix
    if width % BLOCK or lengths.min() < width - BLOCK:
        matrix[np.arange(width) >= lengths[:, None]] = 0
        return matrix
    clear_behind(matrix, lengths - (width - BLOCK))
    return matrix


def clear_behind(matrix: Bytes, tails: Numbers) -> None:
    """Set to zero what stands behind the first `tails` bytes of each row's last block."""
    last = matrix.view(np.uint64)[:, -2:]  # (rows, 2)
    last &= _KEPT.take(tails, axis=0, mode="clip")


def windows(texts: Texts, rows: Rows, width: int) -> Bytes:
    """Copy `width` bytes from each row's start on into a (rows, width) matrix, whatever stands behind its end."""
    starts, last = texts.starts[rows], texts.data.size - width
    if not width or not len(starts):
        return np.zeros((len(starts), width), np.uint8)
    if last < 0 or (late := starts > last).all():
        return _near_end(texts, starts, width)
    # A view of all windows of this width at once: picking one is a copy of so many bytes, without an index per byte.
    every = np.ndarray((last + 1,), f"V{width}", texts.data, strides=(1,))
    matrix: Bytes = every[np.minimum(starts, last)].view(np.uint8).reshape(len(starts), width)
    if late.any():
        matrix[late] = _near_end(texts, starts[late], width)
    return matrix


def _near_end(texts: Texts, starts: Numbers, width: int) -> Bytes:
    at = np.minimum(starts[:, None] + np.arange(width), texts.data.size - 1)  # (rows, width)
    matrix: Bytes = texts.data[at]
    return matrix


#: (17, 2) words: the block that keeps the first n bytes of another, for n from 0 to 16.
_KEPT = (np.tri(BLOCK + 1, BLOCK, -1, dtype=np.uint8) * np.uint8(255)).view(np.uint64)


def cmac(texts: Texts, key: bytes) -> Bytes:
    """Authenticate each row: AES-CMAC.

    Args:
        texts: Any byte strings.
        key: 16 or 32 bytes.

    Returns:
        (rows, 16) tags.

    Source: RFC 4493; NIST SP 800-38B.
    """
    self_test()
    return _cmac(texts, key)


def _cmac(texts: Texts, key: bytes) -> Bytes:
    tags = np.empty((len(texts.lengths), BLOCK), np.uint8)
    encrypt = aes(key)
    every = np.arange(len(texts.lengths))
    for rows, blocks in groups(texts.lengths):
        lengths = texts.lengths[rows]
        if len(lengths) < FEW_ROWS:
            tags[rows] = [as_block(cmac_one(texts.one(row), key)) for row in every[rows]]
        else:
            tags[rows] = cmac_rows(encrypt, windows(texts, rows, blocks * BLOCK), lengths)
    return tags


def cmac_rows(encrypt: Encrypt, matrix: Bytes, lengths: Numbers) -> Bytes:
    """Authenticate rows of an equal number of blocks; the matrix is used up.

    Args:
        encrypt: AES.
        matrix: (rows, 16 x blocks) the rows, anything behind their ends.
        lengths: (rows,) bytes per row, none of which ends before the last block.

    Returns:
        (rows, 16) tags.
    """
    zero = double(encrypt(np.zeros(BLOCK, np.uint8)).tobytes())
    tails = lengths - (matrix.shape[1] - BLOCK)  # (rows,) bytes in the last block
    end_with(matrix, endings(as_block(double(zero)), as_block(zero)), tails)
    return chain(encrypt, matrix)


def chain(encrypt: Encrypt, matrix: Bytes) -> Bytes:
    """Encrypt each row's blocks one into the next, as CBC does, and return (rows, 16) the last."""
    state = encrypt(matrix[:, :BLOCK])
    for at in range(BLOCK, matrix.shape[1], BLOCK):
        state = encrypt(state ^ matrix[:, at : at + BLOCK])
    return state


def endings(partial: Bytes, whole: Bytes) -> Bytes:
    """Return (17, 16): what is added to a last block of 0 to 16 bytes, the bit behind its end and one of the mode's.

    Args:
        partial: (16,) or (16, 16) added to blocks of 0 to 15 bytes.
        whole: (16,) added to blocks of 16 bytes.
    """
    table = np.zeros((BLOCK + 1, BLOCK), np.uint8)
    np.fill_diagonal(table[:BLOCK], 0x80)
    table[:BLOCK] ^= partial
    table[BLOCK] = whole
    return table


def end_with(matrix: Bytes, table: Bytes, tails: Numbers) -> None:
    """Clear what stands behind the rows' ends, and add the line of `endings` for the bytes in their last blocks."""
    clear_behind(matrix, tails)
    last = matrix.view(np.uint64)[:, -2:]  # (rows, 2)
    last ^= table.view(np.uint64).take(tails, axis=0, mode="clip")


def cmac_one(data: bytes, key: bytes) -> bytes:
    """Authenticate one byte string with `cryptography`: the reference of `cmac`, and its path for a few rows."""
    mac = CMAC(algorithms.AES(key))
    mac.update(data)
    return mac.finalize()


def counter_stream(encrypt: Encrypt, first: Bytes, blocks: int) -> Bytes:
    """Return each row's CTR key stream.

    Args:
        encrypt: AES.
        first: (rows, 16) first counter blocks whose last four bytes do not overflow within `blocks`.
        blocks: Blocks of stream per row.

    Returns:
        (rows, 16 x blocks).
    """
    if blocks == 1:
        return encrypt(first)
    counters = np.repeat(first[:, None, :], blocks, axis=1)  # (rows, blocks, 16)
    words = np.ascontiguousarray(counters).view(">u4")  # (rows, blocks, 4)
    words[:, :, 3] += np.arange(blocks, dtype=np.uint32)
    return encrypt(words.view(np.uint8)).reshape(len(first), blocks * BLOCK)


@cache
def self_test() -> None:
    """Compare the batch with RFC 4493, section 4, examples 1 to 4, once per process.

    Raises:
        IntegrityError: This machine or its numpy computes a wrong tag; nothing may be protected with it.
    """
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
    message = bytes.fromhex(
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
        "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
    )
    wanted = {
        0: "bb1d6929e95937287fa37d129b756746",
        16: "070a16b46b4d4144f79bdd9dd04a287c",
        40: "dfa66747de9ae63030ca32611497c827",
        64: "51f0bebf7e3b9d92fc49741779363cfe",
    }
    repeated = [message[:length] for length in wanted] * FEW_ROWS
    tags = _cmac(texts_of(pa.array(repeated, pa.binary())), key)
    if [tag.tobytes().hex() for tag in tags] != list(wanted.values()) * FEW_ROWS:
        raise IntegrityError("the batched AES-CMAC fails its self-test", hint="do not protect data on this machine")
