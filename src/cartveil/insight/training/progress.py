"""How far a training has come, for whoever waits."""

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Where a training stands.

    Args:
        epoch: Number of the pass that runs, from 1.
        epochs: Passes at most.
        step: Steps done in this pass.
        steps: Steps of a pass.
        loss: Mean loss of this pass so far; NaN where it must not be told.
        events_per_second: Events learnt from each second since the training began here; consumers, where the update
            draws them itself.
        seconds_left: Until the last pass ends, if none is spared by stopping early.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    events_per_second: float
    seconds_left: float

    def __str__(self) -> str:
        minutes, seconds = divmod(round(self.seconds_left), 60)
        where = f"epoch {self.epoch}/{self.epochs}, step {self.step}/{self.steps}"
        return f"{where}, {self.events_per_second:,.0f} events/s, {minutes}:{seconds:02d} left"


class Pace:
    """Events and steps since the training began in this process.

    Steps made by an earlier process, before a resume, tell nothing about the speed of this one.
    """

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._events = self._steps = 0

    def count(self, events: int) -> None:
        """Count one step that learnt from so many events."""
        self._events += events
        self._steps += 1

    @property
    def events_per_second(self) -> float:
        """Return events a second so far."""
        return self._events / self._seconds

    def seconds_for(self, steps: int) -> float:
        """Return how long so many more steps should take."""
        return steps * self._seconds / max(1, self._steps)

    @property
    def _seconds(self) -> float:
        return max(time.perf_counter() - self._began, 1e-9)
