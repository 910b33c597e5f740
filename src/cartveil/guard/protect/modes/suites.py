"""The ciphers that cells are sealed with: a closed choice, whose number stands in each cell.

AES-256-GCM is the usual one. SM4-GCM is for where Chinese regulation asks for a commercial cipher (GB/T 32907): its key
has 128 bits, derived from the consumer's data key, so that no key serves two ciphers.
"""

from collections.abc import Callable
from enum import StrEnum
from functools import partial

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cartveil.errors import ColumnError
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.modes.blocks import subkey

TAG_BYTES = 16

#: Nonce, what is to be sealed or opened, associated data; to the result.
Crypt = Callable[[bytes, bytes, bytes], bytes]


class Suite(StrEnum):
    """The cipher of a cell, as the schema names it."""

    AES_256_GCM = "aes-256-gcm"
    SM4_GCM = "sm4-gcm"

    @property
    def number(self) -> int:
        """Return the byte that says it in a cell; part of the wire format."""
        match self:
            case Suite.AES_256_GCM:
                return 1
            case Suite.SM4_GCM:
                return 2

    def check(self) -> None:
        """Refuse a suite that this machine's OpenSSL does not have.

        Raises:
            ColumnError: It has no SM4.
        """
        if self is Suite.AES_256_GCM:  # every OpenSSL has it
            return
        try:
            self.sealer()(SecretKey(bytes(32)))(bytes(12), b"", b"")
        except UnsupportedAlgorithm:
            hint = "install a build of `cryptography` whose OpenSSL has SM4, or leave out `suite`"
            raise ColumnError(f"suite `{self}` is not to be had here", hint=hint) from None

    def sealer(self) -> Callable[[SecretKey], Crypt]:
        """Return what makes an encryption of a consumer's data key."""
        match self:
            case Suite.AES_256_GCM:
                return lambda key: AESGCM(key.expose()).encrypt
            case Suite.SM4_GCM:
                return lambda key: partial(sm4_gcm_seal, _sm4_key(key))

    def opener(self) -> Callable[[SecretKey], Crypt]:
        """Return what makes a decryption of a consumer's data key; it raises `InvalidTag` if anything was changed."""
        match self:
            case Suite.AES_256_GCM:
                return lambda key: AESGCM(key.expose()).decrypt
            case Suite.SM4_GCM:
                return lambda key: partial(sm4_gcm_open, _sm4_key(key))


def sm4_gcm_seal(key: bytes, nonce: bytes, data: bytes, context: bytes) -> bytes:
    """Return ciphertext and tag.

    Source: RFC 8998, section 3.
    """
    encryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(context)
    return encryptor.update(data) + encryptor.finalize() + encryptor.tag


def sm4_gcm_open(key: bytes, nonce: bytes, sealed: bytes, context: bytes) -> bytes:
    """Return what `sm4_gcm_seal` was given; `InvalidTag` where anything was changed."""
    if len(sealed) < TAG_BYTES:
        raise InvalidTag
    body, tag = sealed[:-TAG_BYTES], sealed[-TAG_BYTES:]
    decryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce, tag)).decryptor()
    decryptor.authenticate_additional_data(context)
    return decryptor.update(body) + decryptor.finalize()


def _sm4_key(key: SecretKey) -> bytes:
    return subkey(key, "seal sm4-gcm", length=16)
