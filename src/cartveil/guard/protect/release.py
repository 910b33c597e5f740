"""An export for one recipient: anyone can encrypt it with the public key, only the recipient opens it.

Wire format, pinned by a test:
- 4 bytes `CVRL`
- one byte format version, 1
- one byte cipher suite, 1 = RSA-OAEP-SHA256 and AES-256-GCM
- 4 bytes big-endian bytes of clear data per chunk
- 2 bytes big-endian length of the wrapped key, then the wrapped key
- 7 bytes random start of all nonces
- the chunks: ciphertext and 16 bytes tag each; every one but the last is full, and there is at least one
- nonce of a chunk: the start, its number in 4 bytes big-endian, one byte 1 for the last chunk and 0 for others
- associated data of each chunk: all that stands before the chunks
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from cartveil.errors import DecryptionError, InputError, IntegrityError, KeyringError

LEAST_BITS = 2048
CHUNK_BYTES = 1 << 20
MAGIC = b"CVRL"
_FORMAT, _SUITE = 1, 1
_FIXED = len(MAGIC) + 1 + 1 + 4 + 2
_START_BYTES, _TAG_BYTES = 7, 16


@dataclass(frozen=True)
class _Parts:
    """A sealed release, taken apart."""

    header: bytes
    chunk_bytes: int
    wrapped: bytes
    start: bytes
    body: memoryview


def release_to(data: bytes, public_key_pem: bytes) -> bytes:
    """Encrypt data to a recipient.

    Args:
        data: Any bytes; `table_to_bytes` makes them of a table.
        public_key_pem: RSA public key of at least 2048 bits, PEM.

    Returns:
        The wire format above.

    Raises:
        InputError: Not an RSA public key, or too short.

    Guarantees:
        - Chunks cannot be changed, dropped, swapped or cut off unnoticed.
        - It does not say who made it: whoever has the public key can make one.

    Source: RFC 8017 (OAEP with SHA-256); the nonces follow STREAM, Hoang et al. 2015.
    """
    public_key = _public_key(public_key_pem)
    secret, start = AESGCM.generate_key(256), os.urandom(_START_BYTES)
    wrapped = public_key.encrypt(secret, _padding())
    fixed = MAGIC + bytes([_FORMAT, _SUITE]) + CHUNK_BYTES.to_bytes(4) + len(wrapped).to_bytes(2)
    header = fixed + wrapped + start
    cipher, view = AESGCM(secret), memoryview(data)
    chunks = [view[at : at + CHUNK_BYTES] for at in range(0, len(view), CHUNK_BYTES)] or [view]
    nonces = _nonces(start, len(chunks))
    return b"".join([header, *(cipher.encrypt(n, chunk, header) for n, chunk in zip(nonces, chunks, strict=True))])


def open_release(data: bytes, private_key: RSAPrivateKey | bytes) -> bytes:
    """Decrypt what `release_to` made.

    Args:
        data: The wire format above.
        private_key: The recipient's key, or its PEM without passphrase.

    Raises:
        DecryptionError: It does not open, whatever the cause.
        KeyringError: The private key itself cannot be read.
    """
    key = _private_key(private_key) if isinstance(private_key, bytes) else private_key
    try:
        parts = _taken_apart(data)
        cipher = AESGCM(key.decrypt(parts.wrapped, _padding()))
        step = parts.chunk_bytes + _TAG_BYTES
        chunks = [parts.body[at : at + step] for at in range(0, len(parts.body), step)]
        nonces = _nonces(parts.start, len(chunks))
        return b"".join(cipher.decrypt(n, chunk, parts.header) for n, chunk in zip(nonces, chunks, strict=True))
    except (InvalidTag, ValueError):
        hint = "open it with the private key of the recipient it was made for"
        raise DecryptionError("the release does not open", hint=hint) from None


def table_to_bytes(table: pa.Table) -> bytes:
    """Return a table as an Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def table_from_bytes(data: bytes) -> pa.Table:
    """Return the table that `table_to_bytes` wrote.

    Raises:
        IntegrityError: It is no Arrow stream.
    """
    try:
        with pa.ipc.open_stream(data) as reader:
            return reader.read_all()
    except (pa.ArrowInvalid, OSError):
        raise IntegrityError("the release holds no table") from None


def _taken_apart(data: bytes) -> _Parts:
    if len(data) < _FIXED or data[:6] != MAGIC + bytes([_FORMAT, _SUITE]):
        raise ValueError("not a release")
    chunk_bytes, wrapped_bytes = int.from_bytes(data[6:10]), int.from_bytes(data[10:12])
    end = _FIXED + wrapped_bytes + _START_BYTES
    body = memoryview(data)[end:]
    if not chunk_bytes or len(body) < _TAG_BYTES:
        raise ValueError("cut short")
    wrapped = data[_FIXED : _FIXED + wrapped_bytes]
    return _Parts(data[:end], chunk_bytes, wrapped, data[_FIXED + wrapped_bytes : end], body)


def _nonces(start: bytes, count: int) -> Iterator[bytes]:
    return (start + number.to_bytes(4) + bytes([number == count - 1]) for number in range(count))


def _padding() -> OAEP:
    return OAEP(mgf=MGF1(SHA256()), algorithm=SHA256(), label=None)


def _public_key(pem: bytes) -> RSAPublicKey:
    hint = "make one with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072`"
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise InputError("not a public key in PEM form", hint=hint) from None
    if not isinstance(key, RSAPublicKey):
        raise InputError("not an RSA public key", hint=hint)
    if key.key_size < LEAST_BITS:
        raise InputError(f"an RSA key of {key.key_size} bits is too short; {LEAST_BITS} is the least", hint=hint)
    return key


def _private_key(pem: bytes) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        hint = "give an RSA private key in PEM form without passphrase"
        raise KeyringError("the private key cannot be read", hint=hint) from None
    if not isinstance(key, RSAPrivateKey):
        raise KeyringError("not an RSA private key", hint="give the key that the release was made for")
    return key
