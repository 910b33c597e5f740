"""Who misuses access to data: the detector of the audit log, and the simple ways that it must beat.

No misuse is needed to learn from. The second stage sees a clean log in which sessions of other actors, other hours,
other purposes and the like were put, and learns which events are foreign to who seems to act in them.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cartveil.insight.decisions.watch.detector import Detector
from cartveil.insight.decisions.watch.learning import SecondStage, train_detector
from cartveil.insight.decisions.watch.network import DetectorConfig
from cartveil.insight.decisions.watch.rules import RULES, apply_rules
from cartveil.insight.decisions.watch.rules.alerts import COLUMN
from cartveil.insight.decisions.watch.second_stage.corruptions import (
    Corrupted,
    Corruption,
    foreign_values,
    missing_values,
    shift_hours,
    subjects_in_order,
    swap_actors,
)
from cartveil.insight.decisions.watch.second_stage.judge import JudgeConfig
from cartveil.insight.sequences.audit_trail import audit_stream
from cartveil.insight.sequences.column_kinds import Kind, check_kinds
from cartveil.insight.sequences.relations import grouped, keys_of, times_before, total_before
from cartveil.insight.sequences.streams import StreamSpec, seconds_of
from cartveil.insight.training.loop import Epoch, TrainingConfig

#: Events to learn from at which the next-event network is left out: it takes longest there and adds least.
LARGE = 100_000


def one_after_another(
    log: pa.Table, generator: np.random.Generator, *, corruptions: tuple[Corruption, ...]
) -> Corrupted:
    """Corrupt one copy of a log in several ways: to derive a stream anew takes longer than to corrupt a log."""
    touched = np.zeros(log.num_rows, dtype=bool)
    for corrupt in corruptions:
        found = corrupt(log, generator)
        log, touched = found.log, touched | found.touched
    return Corrupted(log, touched)


#: Rules about the log itself, which no actor's day has to answer for.
_OF_THE_LOG = ("log_gap",)

_FOREIGN: tuple[Corruption, ...] = (
    partial(swap_actors, carried=("role",), share=0.01),
    partial(foreign_values, columns=("purpose",), share=0.006),
    partial(missing_values, column="case", share=0.01),
    partial(foreign_values, columns=("rows",), share=0.003),
)
_OUT_OF_PLACE: tuple[Corruption, ...] = (
    partial(shift_hours, share=0.008),
    partial(foreign_values, columns=("table", "fields", "view"), share=0.006),
    partial(subjects_in_order, share=0.01),
)
#: What the second stage learns to tell from clean events: what holds in a clean log, broken at random.
STAFF_CORRUPTIONS: tuple[Corruption, ...] = (
    partial(one_after_another, corruptions=_FOREIGN),
    partial(one_after_another, corruptions=_OUT_OF_PLACE),
)


def staff_judge(*, seed: int = 0, epochs: int = 3) -> JudgeConfig:
    """Return how the second stage is trained by default."""
    training = TrainingConfig(epochs=epochs, learning_rate=4e-3, patience=2, seed=seed)
    return JudgeConfig(rounds=1, clean=0.25, training=training)


def staff_stream(log: pa.Table, *, rules: bool = True) -> tuple[pa.Table, StreamSpec]:
    """Describe an audit log as `audit_stream` does, with what the rules found of each actor's day so far.

    Args:
        log: See `audit_stream` and `apply_rules`.
        rules: Whether rules are applied.

    Raises:
        ColumnError: A column is missing.
    """
    stream, spec = audit_stream(log)
    if not rules or stream.num_rows == 0:
        return stream, spec
    findings = apply_rules(log)
    known = stream[spec.index].to_numpy()
    order = np.argsort(known, kind="stable")
    place = order[np.searchsorted(known[order], findings.index)]
    unit = keys_of(keys_of(stream["actor"]), seconds_of(stream["time"]) // 86400)
    names = tuple(name for name in RULES if name not in _OF_THE_LOG)
    for name in names:
        mine = np.array([rule == name for rule in findings.rule], dtype=bool)
        severity = np.zeros(stream.num_rows)
        np.maximum.at(severity, place[mine], findings.severity[mine])
        stream = stream.append_column(f"{COLUMN}{name}", pa.array(total_before(unit, severity) + severity))
    columns = tuple(f"{COLUMN}{name}" for name in names)
    words = tuple((column, f"broke the rule `{name}`") for column, name in zip(columns, names, strict=True))
    return stream, replace(
        spec,
        numeric=(*spec.numeric, *columns),
        sizes=(*spec.sized, *columns),
        firm=columns,
        kin=(*spec.kin, columns),
        words=(*spec.words, *words),
    )


def spec_without_rules(spec: StreamSpec) -> StreamSpec:
    """Return the spec of a `staff_stream` as if no rules had been applied."""
    columns = spec.firm
    return replace(
        spec,
        numeric=tuple(name for name in spec.numeric if name not in columns),
        sizes=tuple(name for name in spec.sized if name not in columns),
        firm=(),
        kin=tuple(group for group in spec.kin if group != columns),
    )


def train_staff_detector(
    log: pa.Table,
    *,
    until: datetime,
    config: DetectorConfig | None = None,
    judge: JudgeConfig | None = None,
    rules: bool = False,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    on_progress: Callable[[str], None] = lambda _: None,
) -> Detector:
    """Learn from an audit log before `until` what its actors usually do.

    Args:
        log: See `audit_stream`; what happens from `until` on is not looked at.
        until: End of the training period, which should be clean.
        config: See `DetectorConfig`; default: without the next-event network, which takes longest and adds least.
        judge: How the second stage is trained; None for none, which is quick.
        rules: Whether what rules find is evidence too, where nothing else adds them to the alerts.
        on_epoch: Called after every epoch.
        on_progress: Told before each training how long it will take.

    Returns:
        A detector of `staff_stream(log, rules=rules)[0]`.

    Raises:
        ModelError: The training period holds too little to learn from.
        ColumnError: A column is missing.
    """
    stream, spec = staff_stream(log, rules=rules)
    second = SecondStage(log, audit_stream, STAFF_CORRUPTIONS, judge) if judge is not None else None
    config = config or DetectorConfig(network=False)
    return train_detector(
        stream, spec=spec, until=until, config=config, second=second, on_epoch=on_epoch, on_progress=on_progress
    )


def volume_scores(stream: pa.Table) -> NDArray[np.float64]:
    """Return how far the actor's events and rows of the day so far exceed those of its earlier days, (rows,).

    The simplest baseline: the sum of both, in standard deviations of each actor's own days; nothing is learnt.

    Args:
        stream: As `audit_stream` returns it.
    """
    seconds = seconds_of(stream["time"])
    actor, day = keys_of(stream["actor"]), seconds // 86400
    unit = keys_of(actor, day)
    rows = np.nan_to_num(stream["rows"].cast(pa.float64()).to_numpy(zero_copy_only=False))
    scores = np.zeros(len(rows))
    for values in (np.ones(len(rows)), rows):
        so_far = total_before(unit, values) + values
        known = grouped(unit)
        whole = np.bincount(known.of, weights=values).astype(np.float64)
        order = np.argsort(day[known.first], kind="stable")
        of_actor = actor[known.first][order]
        count = np.maximum(times_before(of_actor), 1)
        mean = total_before(of_actor, whole[order]) / count
        spread = np.sqrt(np.maximum(total_before(of_actor, whole[order] ** 2) / count - mean**2, 1.0))
        back = np.argsort(order, kind="stable")[known.of]
        scores += (so_far - mean[back]) / spread[back]
    return scores


#: What a log must hold where more than text is needed of it.
_KINDS: dict[str, Kind] = {
    "event_id": "whole numbers",
    "index": "whole numbers",
    "time": "timestamps",
    "fields": "lists",
    "rows": "numbers",
}


def plain_log(log: pa.Table) -> pa.Table:
    """Return a log with the plain types of the vault's own: text for categories, lists of text, `index` for `event_id`.

    Args:
        log: See `audit_stream`; as any tool writes it.

    Raises:
        ColumnError: Times, numbers or lists are something else; no value is told.
    """
    check_kinds(log, _KINDS)
    names = ["index" if name == "event_id" and "index" not in log.column_names else name for name in log.column_names]
    log = log.rename_columns(names)
    columns = {name: log[name].cast(_plain(log[name].type)) for name in names}
    return pa.table(columns)


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_large_list(kind) or pa.types.is_list(kind):
        return pa.list_(pa.string())
    if pa.types.is_dictionary(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    return kind
