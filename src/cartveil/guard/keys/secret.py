"""Thirty-two secret bytes that do not slip out by accident.

A key that prints itself ends in a log, a key that pickles itself ends in a cache. This one does neither, and
`expose` is the one door, so that a search for it finds every place where key bytes are touched.

    >>> SecretKey(bytes(32))
    SecretKey(hidden)
"""

import hmac
import secrets
from typing import NoReturn

KEY_BYTES = 32


class Secret:
    """Refuse to be pickled or copied; what holds keys, a passphrase or a PIN is one."""

    __slots__ = ()

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} is not pickled or copied")

    def __getstate__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} is not pickled or copied")

    def __copy__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} is not copied")

    def __deepcopy__(self, memo: object) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} is not copied")


class SecretKey(Secret):
    """Hold 32 secret bytes.

    Args:
        value: 32 bytes, from `Keyring`, from `SecretKey.generate`, or the caller's own.

    Raises:
        ValueError: Not 32 bytes.

    Guarantees:
        - `repr` shows nothing of the value; `str`, formatting, pickling and copying are refused.
        - Equality takes the same time wherever two keys differ.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        if not isinstance(value, bytes) or len(value) != KEY_BYTES:
            raise ValueError(f"a secret key is {KEY_BYTES} bytes")
        self._value = value

    @classmethod
    def generate(cls) -> "SecretKey":
        """Return a fresh key from the operating system's generator."""
        return cls(secrets.token_bytes(KEY_BYTES))

    def expose(self) -> bytes:
        """Return the bytes themselves; every use of this is worth a look."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretKey) and hmac.compare_digest(self._value, other._value)

    __hash__ = None  # type: ignore[assignment]  # a hash of a secret tells something about it

    def __repr__(self) -> str:
        return "SecretKey(hidden)"

    def __str__(self) -> NoReturn:
        raise TypeError("a secret key is not text")

    def __format__(self, spec: str) -> NoReturn:
        raise TypeError("a secret key is not text")
