"""Demand of the coming weeks by quantiles, and how much to reorder."""

from cartveil.insight.decisions.forecast.baselines import RecentQuantiles, SeasonalNaive
from cartveil.insight.decisions.forecast.evaluation import evaluate_forecast
from cartveil.insight.decisions.forecast.forecaster import ForecastConfig, Forecaster, train_forecaster
from cartveil.insight.decisions.forecast.reorder import reorder_quantity

__all__ = [
    "ForecastConfig",
    "Forecaster",
    "RecentQuantiles",
    "SeasonalNaive",
    "evaluate_forecast",
    "reorder_quantity",
    "train_forecaster",
]
