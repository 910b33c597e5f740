"""Learning rate schedules: what share of the peak rate each step of a training gets."""

import math
from collections.abc import Callable
from typing import Literal, get_args

from cartveil.errors import ModelError

#: `cosine` falls to zero in half a wave, `step` to a tenth at two thirds and again at eight ninths, `constant` stays.
Schedule = Literal["cosine", "constant", "step"]

#: Shares of the steps after the warm-up at which `step` falls, and to what part of the rate before.
_FALLS, _FALL = (2 / 3, 8 / 9), 0.1


def rate_at(schedule: Schedule, *, steps: int, warmup: float) -> Callable[[int], float]:
    """Return step (from 0) -> factor on the peak learning rate.

    Args:
        schedule: Which; see `Schedule`.
        steps: Of the whole training.
        warmup: Share of all steps over which the rate rises from zero in a line, 0 to 1.

    Raises:
        ModelError: There is no such schedule.

    Source: Loshchilov and Hutter, SGDR, ICLR 2017, equation 5 without restarts (cosine).
    """
    if schedule not in get_args(Schedule):
        raise ModelError(f"no schedule is called `{schedule}`", hint=f"one of {', '.join(get_args(Schedule))}")
    rise = max(1, int(steps * warmup))

    def factor(step: int) -> float:
        if step < rise:
            return (step + 1) / rise
        done = min(1.0, (step - rise) / max(1, steps - rise))
        match schedule:
            case "cosine":
                return 0.5 * (1 + math.cos(math.pi * done))
            case "constant":
                return 1.0
            case "step":
                return _FALL ** sum(done >= fall for fall in _FALLS)

    return factor
