"""Texts that the project writes itself, with every name and address marked: what the shipped model learns from."""

from cartveil.insight.decisions.finder.generating.people import is_held_out
from cartveil.insight.decisions.finder.generating.texts import generated_examples, tables_digest

__all__ = ["generated_examples", "is_held_out", "tables_digest"]
