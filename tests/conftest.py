"""Fixtures that several folders share: the small shop of `shop.py` in a vault, a server of PostgreSQL, and a token."""

from database import address, database, server
from hsm import hsm
from shop import clock, empty, keyring, path, place, under, vault

__all__ = ["address", "clock", "database", "empty", "hsm", "keyring", "path", "place", "server", "under", "vault"]
