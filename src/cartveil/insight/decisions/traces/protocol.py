"""How well strange traces are found: trained on normal traces alone, judged on labelled ones, beside two counts."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cartveil.errors import ColumnError, InputError
from cartveil.insight.decisions.measures import (
    Evaluation,
    Figure,
    Interval,
    auc_roc,
    average_precision,
    bootstrap,
    evaluation_of,
    recall_at,
)
from cartveil.insight.decisions.traces.counts import count_next_calls, remember_traces
from cartveil.insight.decisions.traces.detector import TraceConfig, calmest, train_trace_detector
from cartveil.insight.sequences.traces import learn_calls, traces_of

#: The labels of a normal trace; every other label is an attack, or its name.
NORMAL = ("normal", "0", "false")
_HINT = f"a normal trace is labelled {', '.join(f'`{name}`' for name in NORMAL)}; any other label is an attack"


def evaluate_traces(
    train: pa.Table,
    test: pa.Table,
    *,
    calls: str = "syscalls",
    label: str = "label",
    seeds: Sequence[int] = (0, 1, 2),
    config: TraceConfig | None = None,
    on_progress: Callable[[str], None] = lambda _: None,
) -> Evaluation:
    """Train on the normal traces of one table, score those of another.

    Args:
        train: A row per trace; only those labelled normal are learnt from, all where there is no label.
        test: A row per trace, with labels.
        calls: Column with the list of calls.
        label: Column that says `normal`, 0 or false, or else is an attack's: its name, 1 or true.
        seeds: One detector is trained for each.
        config: See `TraceConfig`; its seed is replaced.
        on_progress: Told what happens.

    Returns:
        `auc`, `ap`, `tpr@1%`, `tpr@5%` of `lstm` (what ships), `lstm_mean` (the same networks, judged by the mean
        surprise of a trace), `lstm_single` (one network of each seed), `ngram` and `nearest`; `ngram_calmest` gives the
        n-grams the same stretch as the networks.

    Raises:
        ColumnError: A column is missing, a test trace has no label, the test traces are all of one kind, or none to
            learn from is labelled normal.
        InputError: No seed.
    """
    config = config or TraceConfig()
    normal = _normal(train, calls, label)
    _need(test, label)
    if test[label].null_count:
        raise ColumnError("a trace has no label", path=label, hint="leave out what nobody has judged")
    if not len(seeds):
        raise InputError("no seed", path="seeds", hint="give one or more")
    positive = ~_is_normal(test[label])
    if positive.all() or not positive.any():
        only = "attacks" if positive.all() else "normal traces"
        raise ColumnError(f"holds one kind of trace only: {only}", path=label, hint=_HINT)
    runs: dict[str, list[dict[str, float]]] = {"lstm": [], "lstm_mean": [], "lstm_single": []}
    scores: dict[str, list[NDArray[np.float64]]] = {name: [] for name in runs}
    seconds = 0.0
    for seed in seeds:
        started = time.perf_counter()
        trained = replace(config, training=replace(config.training, seed=seed))
        detector = train_trace_detector(normal, config=trained, on_progress=on_progress)
        seconds += time.perf_counter() - started
        found = traces_of(test[calls], detector.vocabulary)
        surprise = detector.surprise(found)
        scores["lstm"].append(calmest(surprise, found, config.stretch))
        scores["lstm_mean"].append(calmest(surprise, found, None))
        alone = replace(detector, models=detector.models[:1]).surprise(found)
        scores["lstm_single"].append(calmest(alone, found, config.stretch))
        for name in runs:
            runs[name].append(_judged(positive, scores[name][-1]))
        on_progress(f"seed {seed}: AUC {runs['lstm'][-1]['auc']:.3f}, AP {runs['lstm'][-1]['ap']:.3f}")
    for name, counted in _counted(normal, test[calls], config.stretch).items():
        scores[name], runs[name] = [counted], [_judged(positive, counted)]
    return evaluation_of(
        "traces",
        "lstm",
        runs,
        intervals={name: _intervals(positive, each[0]) for name, each in scores.items()},
        protocol={
            "train": len(normal),
            "test": len(positive),
            "attacks": int(positive.sum()),
            "seeds": list(seeds),
            "intervals": "bootstrap over traces, first seed",
        },
        curves=(_curve(positive, scores),),
        seconds=seconds / max(len(seeds), 1),
    )


def _normal(train: pa.Table, calls: str, label: str) -> pa.ChunkedArray:
    _need(train, calls)
    if label not in train.column_names:
        return train[calls]
    kept = _is_normal(train[label])
    if len(kept) and not kept.any():
        raise ColumnError("no trace to learn from is labelled normal", path=label, hint=_HINT)
    return train.filter(pa.array(kept))[calls]


def _is_normal(label: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Return which labels are those of a normal trace, (rows,); a NULL is not."""
    return np.array([_word(each) in NORMAL for each in label.to_pylist()], dtype=bool)


def _word(label: object) -> str:
    return str(int(label) if isinstance(label, float) and label.is_integer() else label).lower()


def _need(table: pa.Table, name: str) -> None:
    if name not in table.column_names:
        raise ColumnError("this column is missing", path=name, hint=f"it has: {', '.join(table.column_names)}")


def _counted(normal: pa.ChunkedArray, asked: pa.ChunkedArray, stretch: int | None) -> dict[str, NDArray[np.float64]]:
    vocabulary = learn_calls(normal)
    known, found = traces_of(normal, vocabulary), traces_of(asked, vocabulary)
    surprise = count_next_calls(known).surprise(found)
    return {
        "ngram": calmest(surprise, found, None),
        "ngram_calmest": calmest(surprise, found, stretch),
        "nearest": remember_traces(known, order=2).scores(found),
    }


def _judged(positive: NDArray[np.bool_], score: NDArray[np.float64]) -> dict[str, float]:
    return {
        "auc": auc_roc(positive, score),
        "ap": average_precision(positive, score),
        "tpr@1%": recall_at(positive, score, false_positives=0.01),
        "tpr@5%": recall_at(positive, score, false_positives=0.05),
    }


def _intervals(positive: NDArray[np.bool_], score: NDArray[np.float64]) -> dict[str, Interval]:
    return {
        "auc": bootstrap(len(score), lambda chosen: auc_roc(positive[chosen], score[chosen])),
        "ap": bootstrap(len(score), lambda chosen: average_precision(positive[chosen], score[chosen])),
    }


def _curve(positive: NDArray[np.bool_], scores: dict[str, list[NDArray[np.float64]]]) -> Figure:
    shares = np.linspace(0, 1, 51)
    lines = {
        name: tuple((float(share), recall_at(positive, found[0], false_positives=float(share))) for share in shares)
        for name, found in scores.items()
    }
    return Figure("attacks found", "share of normal traces alerted", "share of attacks found", lines)
