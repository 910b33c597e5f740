"""The shared language: kinds, schema and events, and how tables are read, scanned and cleaned."""

from cartveil.events.cleaning import clean
from cartveil.events.protected import Events, ProtectedEvents
from cartveil.events.reading import as_table, read_table
from cartveil.events.scanning import scan
from cartveil.events.schema import load_schema

__all__ = ["Events", "ProtectedEvents", "as_table", "clean", "load_schema", "read_table", "scan"]
