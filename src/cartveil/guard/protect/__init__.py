"""Protection: pure functions from a column to a column, and the plan that applies them."""

from cartveil.guard.protect.plan import Plan, plan, protect_events, protect_table
from cartveil.guard.protect.seal import Place
from cartveil.guard.protect.steps import Scope, subject_pseudonym

__all__ = ["Place", "Plan", "Scope", "plan", "protect_events", "protect_table", "subject_pseudonym"]
