"""How good decisions are: measures of ranked lists, intervals by resampling, and what an evaluation says."""

from cartveil.insight.decisions.measures.bootstrap import Interval, bootstrap
from cartveil.insight.decisions.measures.evaluation import Evaluation, Figure, evaluation_of
from cartveil.insight.decisions.measures.ranking import auc_roc, average_precision, recall_at

__all__ = [
    "Evaluation",
    "Figure",
    "Interval",
    "auc_roc",
    "average_precision",
    "bootstrap",
    "evaluation_of",
    "recall_at",
]
