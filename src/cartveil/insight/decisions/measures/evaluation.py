"""What an evaluation says: figures of every model under one protocol, spread over seeds, intervals over units, curves.

Every job has a protocol function that returns an `Evaluation`; `cartveil evaluate` prints it, and the benchmarks write
it beside their peers. Simple baselines always stand in it, since where a count beats a network the user should get the
count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cartveil.insight.decisions.measures.bootstrap import Interval


@dataclass(frozen=True)
class Figure:
    """A curve to be drawn: of reliability, of precision over recall, of coverage.

    Args:
        title: What it shows.
        x: Name of the horizontal axis.
        y: Name of the vertical axis.
        lines: Model -> points (x, y).
        ideal: Points of the line that a perfect model would follow; none where there is no such line.
    """

    title: str
    x: str
    y: str
    lines: Mapping[str, tuple[tuple[float, float], ...]]
    ideal: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Evaluation:
    """Figures under one protocol.

    Args:
        task: Name of the task, as `cartveil evaluate` calls it.
        ours: Which model of `figures` is what ships.
        figures: Model -> measure -> value, mean over seeds; measures may be nested one deeper (`all`, `new`).
        spread: The same for the models that have seeds: sample standard deviation over them.
        intervals: Model -> measure (nested ones joined by `.`) -> interval over resampled units.
        protocol: What was done: units, splits, sizes, seeds; JSON values only.
        curves: What can be drawn.
        seconds: How long the training of one seed took.
    """

    task: str
    ours: str
    figures: Mapping[str, Mapping[str, Any]]
    spread: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    intervals: Mapping[str, Mapping[str, Interval]] = field(default_factory=dict)
    protocol: Mapping[str, Any] = field(default_factory=dict)
    curves: Sequence[Figure] = ()
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the keys of the benchmark files: a key per model, then `sd`, `intervals`, `protocol`, `seconds`."""
        intervals = {
            model: {measure: [each.low, each.high] for measure, each in found.items()}
            for model, found in self.intervals.items()
        }
        return {
            **{model: dict(found) for model, found in self.figures.items()},
            "sd": {model: dict(found) for model, found in self.spread.items()},
            "intervals": intervals,
            "protocol": dict(self.protocol),
            "seconds": self.seconds,
        }


def evaluation_of(task: str, ours: str, runs: Mapping[str, Sequence[Mapping[str, Any]]], **rest: Any) -> Evaluation:
    """Gather the figures of each model's runs, one a seed; a model without seeds has one run.

    Args:
        task: See `Evaluation`.
        ours: See `Evaluation`.
        runs: Model -> figures of each run, measures nested or not.
        rest: The other arguments of `Evaluation`.
    """
    pairs = {model: _mean_and_spread(list(found)) for model, found in runs.items()}
    spread = {model: pair[1] for model, pair in pairs.items() if len(runs[model]) > 1}
    return Evaluation(task, ours, {model: pair[0] for model, pair in pairs.items()}, spread, **rest)


def _mean_and_spread(values: Sequence[Any]) -> tuple[Any, Any]:
    """Return mean and sample standard deviation of nested dictionaries of numbers, key by key."""
    if isinstance(values[0], Mapping):
        pairs = {key: _mean_and_spread([value[key] for value in values]) for key in values[0]}
        return {key: pair[0] for key, pair in pairs.items()}, {key: pair[1] for key, pair in pairs.items()}
    mean = sum(values) / len(values)
    square = sum((value - mean) ** 2 for value in values) / max(len(values) - 1, 1)
    return mean, square**0.5
