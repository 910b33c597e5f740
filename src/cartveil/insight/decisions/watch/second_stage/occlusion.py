"""Why the judge calls an event foreign: what it would say if one column had been as usual."""

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from cartveil.insight.decisions.watch.second_stage.inputs import Rows
from cartveil.insight.decisions.watch.second_stage.judge import Judge, Reading, batch_of
from cartveil.insight.models.encoder import Batch
from cartveil.insight.sequences.vocabulary import RESERVED

#: Id of a vocabulary's most frequent word; see `Inputs.rows`.
_MOST_FREQUENT = RESERVED + 1


def occluded_evidence(judge: Judge, stream: pa.Table, chosen: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how much each column adds to the log-odds of some events, (chosen, described).

    Args:
        judge: A trained judge.
        stream: What it scores.
        chosen: Rows of the stream.

    Source: Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014, section 4.2 (occlusion).
    """
    reading = Reading.of(judge.inputs.rows(stream, judge.spec), judge.config)
    window, step = _places(reading, chosen)
    answer = np.zeros((len(chosen), len(judge.spec.described)))
    judge.model.eval()
    with torch.no_grad():
        for place in range(len(chosen)):
            rows = reading.windows.rows[window[place], : step[place] + 1]
            odds = judge.model(_occluded(reading.rows, rows, fields=len(judge.spec.fields))).numpy()[:, -1]
            answer[place] = odds[0] - odds[1:]
    return answer


def _occluded(rows: Rows, window: NDArray[np.int64], *, fields: int) -> Batch:
    """Return a window as it is, and once for each column that is as usual all along."""
    numeric = rows.numbers.shape[1] // 2
    copies = 1 + fields + numeric
    ids = np.repeat(rows.ids[window][None], copies, axis=0)  # (1 + described, T, fields + 1)
    numbers = np.repeat(rows.numbers[window][None], copies, axis=0)  # (1 + described, T, 2 * numeric)
    for place in range(fields):
        ids[1 + place, :, place] = _MOST_FREQUENT
    for place in range(numeric):
        numbers[1 + fields + place, :, [place, numeric + place]] = 0.0  # the median, and not missing
    return batch_of(ids, numbers, np.full(copies, len(window)))


def _places(reading: Reading, chosen: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the window and the step at which each row of the stream is scored."""
    windows, steps = np.nonzero(reading.windows.fresh)
    of = np.empty((len(reading.order), 2), dtype=np.int64)
    of[reading.order[reading.windows.rows[windows, steps]]] = np.stack([windows, steps], axis=1)
    return of[chosen, 0], of[chosen, 1]
