"""Protection: pure functions from a column to a column, and the plan that applies them."""

from cartveil.guard.protect.deidentification import DeidentificationReport, deidentify
from cartveil.guard.protect.plan import protect_events, protect_table
from cartveil.guard.protect.show import view_of
from cartveil.guard.protect.table import decrypt, encrypt

__all__ = [
    "DeidentificationReport",
    "decrypt",
    "deidentify",
    "encrypt",
    "protect_events",
    "protect_table",
    "view_of",
]
