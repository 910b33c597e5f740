"""Alerts as daily work: a budget that is kept, drift, verdicts, incidents, and whether reasons hold."""

from cartveil.insight.decisions.operations.alerting import Watch, watch
from cartveil.insight.decisions.operations.budget import choose_budget, keep_budget
from cartveil.insight.decisions.operations.drift import measure_drift
from cartveil.insight.decisions.operations.incidents import group_alerts
from cartveil.insight.decisions.operations.verdicts import read_verdicts

__all__ = [
    "Watch",
    "choose_budget",
    "group_alerts",
    "keep_budget",
    "measure_drift",
    "read_verdicts",
    "watch",
]
