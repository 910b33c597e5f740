"""What limits how much one consumer can move a model, and the account of what training told of one."""

from cartveil.insight.privacy.accounting import EventLog, epsilon_of, noise_multiplier_for
from cartveil.insight.privacy.contribution import bound_contributions
from cartveil.insight.privacy.statement import PrivacyStatement, statement_of

__all__ = [
    "EventLog",
    "PrivacyStatement",
    "bound_contributions",
    "epsilon_of",
    "noise_multiplier_for",
    "statement_of",
]
