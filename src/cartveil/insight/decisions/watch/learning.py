"""How a detector learns what is usual."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import numpy as np
import pyarrow as pa

from cartveil.errors import ModelError
from cartveil.insight.decisions.watch.coding import learn_coding
from cartveil.insight.decisions.watch.detector import Detector, seconds_at
from cartveil.insight.decisions.watch.network import Coded, DetectorConfig, fit_network, network_and_counts
from cartveil.insight.decisions.watch.surprise import calibrate
from cartveil.insight.sequences.streams import StreamSpec, in_order, seconds_of
from cartveil.insight.training.loop import Epoch


def train_detector(
    events: pa.Table,
    *,
    spec: StreamSpec,
    until: datetime,
    config: DetectorConfig | None = None,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
) -> Detector:
    """Learn what is usual from the events before `until`.

    The last part of that period is held back from the network; on it surprise is calibrated and the alarm budget set.

    Args:
        events: The stream; what happens from `until` on is not looked at.
        spec: Which column is what.
        until: End of the training period, which should be clean.
        config: See `DetectorConfig`.
        on_epoch: Called after every epoch.

    Raises:
        ModelError: The training period holds too few events.
        ColumnError: A column of the spec is missing.
    """
    config = config or DetectorConfig()
    stream = in_order(events, spec)
    seconds = seconds_of(stream[spec.time])
    stream = stream.filter(pa.array(seconds < seconds_at(until)))
    if stream.num_rows < 20:
        hint = "at least 20 events before `until` are needed"
        raise ModelError(f"{stream.num_rows} events are too few to learn from", hint=hint)
    seconds = seconds_of(stream[spec.time])
    held = np.arange(len(seconds)) >= int(len(seconds) * (1 - config.held_back))
    coding = learn_coding(stream.filter(pa.array(~held)), spec)
    coded = Coded.of(stream, spec, coding)
    model = fit_network(coded, held, config, on_epoch)
    surprise = network_and_counts(model, coded, config)
    calibration = calibrate(surprise[held], coded.roles[held], sizes=coding.roles.size)
    settled = int(seconds[held].min() // 86400)
    detector = Detector(model, spec, coding, calibration, config, settled=settled)
    days = detector.examine(stream).days
    clean = days.day > settled
    clean = clean if clean.any() else np.ones_like(clean)
    detector = replace(detector, usual=float(days.own[clean].mean()))
    scores = detector.examine(stream).days.score[clean]
    return replace(detector, clean=(np.sort(scores), max(1, len(np.unique(days.day[clean])))))
