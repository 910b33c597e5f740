"""Attacks on a trained model, and what they prove about its privacy; functions of scores alone."""

from cartveil.insight.privacy.auditing.canaries import Canaries, draw_canaries
from cartveil.insight.privacy.auditing.membership import Attack, attack_by_loss, attack_by_score
from cartveil.insight.privacy.auditing.one_run import Bound, bound_from_one_run

__all__ = [
    "Attack",
    "Bound",
    "Canaries",
    "attack_by_loss",
    "attack_by_score",
    "bound_from_one_run",
    "draw_canaries",
]
