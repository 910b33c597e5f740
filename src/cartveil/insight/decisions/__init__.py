"""Recommendation, forecast, alert: scores with thresholds and reasons; each in its own package, which loads torch."""

from cartveil.insight.decisions.forgetting import forget

__all__ = ["forget"]
