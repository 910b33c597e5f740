"""Stores: the databases under the vault, each behind the same few methods."""

from cartveil.guard.store.sqlite import SQLiteStore
from cartveil.guard.store.store import Rows, Store

__all__ = ["Rows", "SQLiteStore", "Store"]
