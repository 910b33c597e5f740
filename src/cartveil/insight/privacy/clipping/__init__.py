"""Exact clipping per consumer in one backward pass, without a gradient per consumer."""

from cartveil.insight.privacy.clipping.sums import ClippedSum, clipped_sum, plain_sum

__all__ = ["ClippedSum", "clipped_sum", "plain_sum"]
