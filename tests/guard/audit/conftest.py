"""Fixtures of the tests of the log."""

from logbook import log

__all__ = ["log"]
