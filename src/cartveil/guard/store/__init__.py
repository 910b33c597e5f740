"""Stores: the databases under the vault, each behind the same few methods."""

from cartveil.guard.store.postgresql import PostgreSQLStore
from cartveil.guard.store.sqlite import SQLiteStore
from cartveil.guard.store.store import Cell, Rows, Store

__all__ = ["Cell", "PostgreSQLStore", "Rows", "SQLiteStore", "Store"]
