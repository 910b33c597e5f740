"""Consumers' data keys wrapped by AES-KW, many at a time: the same cipher call serves a step of all of them.

AES-KW makes 24 block operations per key, one after another; those of different keys do not wait for each other. The
scalar functions of `cryptography` stand beside, serve a few keys, and are what tests compare with. The batch checks
itself against RFC 3394 at first use.

Wire format of a wrapped data key: 4 bytes big-endian version of the wrapping key, then 40 bytes of AES-KW.
"""

import struct
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from cartveil.errors import DecryptionError, IntegrityError
from cartveil.guard.keys.secret import KEY_BYTES, SecretKey

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]

VERSION_BYTES = 4
WRAPPED_BYTES = VERSION_BYTES + 8 + KEY_BYTES

#: Below this many keys one call per key is faster than setting up a batch.
FEW_KEYS = 128

#: Keys of a batch; their state stays in the cache.
_CHUNK_KEYS = 16_384

_VERSION = struct.Struct(">I")
_BLOCK, _WORD = 16, 8

#: RFC 3394, section 2.2.3.1: the value that tells a right key from a wrong one.
_INITIAL = np.frombuffer(b"\xa6" * _WORD, np.uint64)[0]


def wrap_keys(keys: Bytes, under: SecretKey) -> Bytes:
    """Wrap keys by AES-KW.

    Args:
        keys: (keys, 8 n) bytes, n at least 2; all of one length.
        under: The wrapping key.

    Returns:
        (keys, 8 n + 8).

    Source: RFC 3394, section 2.2.1.
    """
    if len(keys) < FEW_KEYS:
        wrapped = b"".join(aes_key_wrap(under.expose(), key.tobytes()) for key in keys)
        return np.frombuffer(wrapped, np.uint8).reshape(len(keys), keys.shape[1] + _WORD)
    self_test()
    parts = [_wrap(keys[start : start + _CHUNK_KEYS], under.expose()) for start in range(0, len(keys), _CHUNK_KEYS)]
    return np.concatenate(parts)


def unwrap_keys(wrapped: Bytes, under: SecretKey) -> Bytes:
    """Open what `wrap_keys` made.

    Args:
        wrapped: (keys, 8 n + 8) bytes.
        under: The wrapping key.

    Returns:
        (keys, 8 n).

    Raises:
        DecryptionError: At least one does not open, whatever is wrong with it.

    Source: RFC 3394, section 2.2.2.
    """
    if len(wrapped) < FEW_KEYS:
        return _unwrap_few(wrapped, under.expose())
    self_test()
    chunks = (wrapped[start : start + _CHUNK_KEYS] for start in range(0, len(wrapped), _CHUNK_KEYS))
    return np.concatenate([_unwrap(chunk, under.expose()) for chunk in chunks])


def wrapping_version(wrapped: bytes) -> int:
    """Return the version of the key that wrapped this; `DecryptionError` where it is no wrapped key."""
    if len(wrapped) != WRAPPED_BYTES:
        raise DecryptionError("a wrapped key does not open")
    return int(_VERSION.unpack(wrapped[:VERSION_BYTES])[0])


def unwrap_one(wrapped: bytes, under: SecretKey) -> SecretKey:
    """Open one wrapped data key; `DecryptionError` whatever is wrong."""
    try:
        return SecretKey(aes_key_unwrap(under.expose(), wrapped[VERSION_BYTES:]))
    except (InvalidUnwrap, ValueError):
        raise DecryptionError("a wrapped key does not open") from None


def unwrap_many(wrapped: Sequence[bytes], under: Callable[[int], SecretKey]) -> Bytes:
    """Open wrapped data keys.

    Args:
        wrapped: 44 bytes each.
        under: Gives the wrapping key of a version, or raises `DecryptionError`.

    Returns:
        (keys, 32).

    Raises:
        DecryptionError: At least one does not open.
    """
    if any(len(each) != WRAPPED_BYTES for each in wrapped):
        raise DecryptionError("a wrapped key does not open")
    matrix = as_rows(b"".join(wrapped), WRAPPED_BYTES)
    versions = np.ascontiguousarray(matrix[:, :VERSION_BYTES]).view(">u4")[:, 0]
    opened = np.empty((len(wrapped), KEY_BYTES), np.uint8)
    for version in np.unique(versions):
        rows = versions == version
        opened[rows] = unwrap_keys(matrix[rows, VERSION_BYTES:], under(int(version)))
    return opened


def wrap_many(keys: Bytes, under: SecretKey, *, version: int) -> list[bytes]:
    """Wrap data keys for storage.

    Args:
        keys: (keys, 32) bytes.
        under: The wrapping key.
        version: Its version, which stands in front of each.
    """
    front = _VERSION.pack(version)
    return [front + each for each in split_rows(wrap_keys(keys, under))]


def as_rows(content: bytes, width: int) -> Bytes:
    """View bytes as rows of equal width."""
    return np.frombuffer(content, np.uint8).reshape(-1, width)


def split_rows(matrix: Bytes) -> list[bytes]:
    """Return the rows of a matrix, each as bytes."""
    width, content = matrix.shape[1], matrix.tobytes()
    return [content[start : start + width] for start in range(0, len(content), width)]


def _wrap(keys: Bytes, under: bytes) -> Bytes:
    # ECB is the bare block cipher here, the part that AES-KW is made of; it is never a mode of its own.
    step = _in_place(Cipher(algorithms.AES(under), modes.ECB()).encryptor().update_into)  # noqa: S305
    words = _words(keys)  # (n, keys)
    blocks = np.empty((len(keys), 2), np.uint64)
    blocks[:, 0] = _INITIAL
    count = 0
    for _ in range(6):
        for word in words:
            count += 1
            blocks[:, 1] = word
            blocks = step(blocks)
            word[:] = blocks[:, 1]
            blocks[:, 0] ^= _big_endian(count)
    wrapped = np.empty((len(keys), 1 + len(words)), np.uint64)
    wrapped[:, 0], wrapped[:, 1:] = blocks[:, 0], words.T
    return wrapped.view(np.uint8)


def _unwrap(wrapped: Bytes, under: bytes) -> Bytes:
    step = _in_place(Cipher(algorithms.AES(under), modes.ECB()).decryptor().update_into)  # noqa: S305
    words = _words(wrapped)  # (n + 1, keys)
    blocks = np.empty((len(wrapped), 2), np.uint64)
    blocks[:, 0], words = words[0], words[1:]
    count = 6 * len(words)
    for _ in range(6):
        for word in words[::-1]:
            blocks[:, 0] ^= _big_endian(count)
            count -= 1
            blocks[:, 1] = word
            blocks = step(blocks)
            word[:] = blocks[:, 1]
    if np.any(blocks[:, 0] != _INITIAL):
        raise DecryptionError("a wrapped key does not open")
    return np.ascontiguousarray(words.T).view(np.uint8)


def _unwrap_few(wrapped: Bytes, under: bytes) -> Bytes:
    try:
        opened = b"".join(aes_key_unwrap(under, each.tobytes()) for each in wrapped)
    except (InvalidUnwrap, ValueError):
        raise DecryptionError("a wrapped key does not open") from None
    return np.frombuffer(opened, np.uint8).reshape(len(wrapped), wrapped.shape[1] - _WORD)


def _words(rows: Bytes) -> Words:
    """Return (rows, 8 n) bytes as (n, rows) words, in a copy that may be changed."""
    return np.ascontiguousarray(rows).view(np.uint64).T.copy()


def _in_place(update_into: Callable[..., int]) -> Callable[[Words], Words]:
    """Return one step of the cipher over (keys, 2) words."""

    def step(blocks: Words) -> Words:
        out = np.empty(blocks.nbytes + _BLOCK - 1, np.uint8)  # OpenSSL asks for room for one block more
        update_into(blocks.view(np.uint8).reshape(-1).data, out.data)
        return out[: blocks.nbytes].view(np.uint64).reshape(blocks.shape)

    return step


def _big_endian(count: int) -> np.uint64:
    return np.uint64(np.frombuffer(count.to_bytes(_WORD), np.uint64)[0])


@cache
def self_test() -> None:
    """Compare the batch with RFC 3394, section 4.6, once per process.

    Raises:
        IntegrityError: This machine or its numpy wraps wrongly; no key may be wrapped with it.
    """
    under = bytes(range(32))
    key = bytes.fromhex("00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f")
    wanted = bytes.fromhex("28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21")
    wrapped = _wrap(np.tile(as_rows(key, KEY_BYTES), (2, 1)), under)
    if wrapped.tobytes() != wanted * 2 or _unwrap(wrapped, under).tobytes() != key * 2:
        raise IntegrityError("the batched AES-KW fails its self-test", hint="do not keep keys on this machine")
