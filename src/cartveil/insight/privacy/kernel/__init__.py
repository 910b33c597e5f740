"""Exact clipping per consumer, compiled for the processor: the sums of `clipping` in a fraction of the time."""

from cartveil.insight.privacy.kernel.library import available, instruction_set
from cartveil.insight.privacy.kernel.models import fits
from cartveil.insight.privacy.kernel.normals import add_normals
from cartveil.insight.privacy.kernel.sums import clipped_sum, plain_sum

__all__ = ["add_normals", "available", "clipped_sum", "fits", "instruction_set", "plain_sum"]
