"""Fixtures that several folders share: the small shop of `shop.py`, in a vault."""

from shop import clock, empty, keyring, path, vault

__all__ = ["clock", "empty", "keyring", "path", "vault"]
