"""The keyring's own keys: sealed under the lock by AES-256-GCM, derived from the root by HKDF.

Wire format of a sealed key: 12 random bytes of nonce, then ciphertext and tag (48 bytes).
"""

import secrets
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cartveil.errors import DecryptionError
from cartveil.guard.keys.secret import KEY_BYTES, SecretKey

NONCE_BYTES = 12


def length_prefixed(*parts: str) -> bytes:
    """Join texts so that no two different lists give the same bytes."""
    encoded = [part.encode("utf-8") for part in parts]
    return b"".join(struct.pack(">I", len(part)) + part for part in encoded)


def derive_key(root: SecretKey, *parts: str) -> SecretKey:
    """Derive a key for one use; different parts give keys that tell nothing of each other.

    Source: RFC 5869 (HKDF-SHA256), the parts length-prefixed in `info`.
    """
    info = b"cartveil key v1" + length_prefixed(*parts)
    return SecretKey(HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(root.expose()))


def seal_key(key: SecretKey, under: SecretKey, *, place: bytes) -> bytes:
    """Seal a key, bound to its place."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(under.expose()).encrypt(nonce, key.expose(), place)


def open_key(sealed: bytes, under: SecretKey, *, place: bytes) -> SecretKey:
    """Open what `seal_key` made; `DecryptionError` whatever is wrong."""
    try:
        return SecretKey(AESGCM(under.expose()).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place))
    except (InvalidTag, ValueError):
        raise DecryptionError("a sealed key does not open") from None
