"""Protocols on a user's own data: read what a task needs, and run its protocol.

Tasks over releases take what `cartveil export` wrote. The others take tables of events with labels, in Parquet or
CSV, whose columns are named as the guide says or are renamed here.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cartveil.errors import ColumnError, InputError, ReadError

if TYPE_CHECKING:  # `cartveil --help` must not wait for Arrow
    import pyarrow as pa

    from cartveil.insight.decisions.measures import Evaluation
    from cartveil.insight.decisions.watch.labelled import LabelledEvents

#: What can be evaluated.
TASKS = ("next-item", "next-basket", "demand", "card-fraud", "misuse", "takeover", "traces", "purchase")

#: Columns that labels alone have; `event_id` stands beside them and in the events.
_OF_LABELS = ("incident", "scenario")


@dataclass(frozen=True)
class Asked:
    """What is to be evaluated.

    Args:
        data: File or folder.
        test: The file that is scored, for tasks that learn from another.
        columns: Column of the task -> column of the file.
        period: How long a row of a wide table of demand is: `day`, `week` or `month`.
        seeds: One training each.
        on_progress: Called with a line about what is done.
    """

    data: Path
    test: Path | None
    columns: Mapping[str, str]
    period: str
    seeds: Sequence[int]
    on_progress: Callable[[str], None]

    @property
    def how(self) -> dict[str, Any]:
        """Return what every protocol is asked with."""
        return {"seeds": self.seeds, "on_progress": self.on_progress}


def evaluate(task: str, asked: Asked) -> "Evaluation":
    """Run the protocol of a task.

    Raises:
        InputError: No such task, or the data are not what it needs.
        ModelError: The data are too few.
    """
    if task not in _PROTOCOLS:
        raise InputError(f"no task `{task}`", path="TASK", hint=f"one of {', '.join(TASKS)}")
    if asked.test is not None and task != "traces":
        raise InputError("is for `traces`, which learn from one file and score another", path="--test")
    return _PROTOCOLS[task](asked)


def read_columns(path: Path, columns: Mapping[str, str]) -> "pa.Table":
    """Read a table of events, its columns called as the task calls them.

    Args:
        path: Parquet or CSV, or a folder with an `events` file.
        columns: Column of the task -> column of the file.

    Raises:
        ReadError: No such file, or it cannot be read.
        ColumnError: A column that was named is not there.
    """
    table = _table_in(path)
    for ours, theirs in columns.items():
        if theirs not in table.column_names:
            hint = f"it has: {', '.join(table.column_names)}"
            raise ColumnError(f"no column `{theirs}`, which is to be `{ours}`", path=str(path), hint=hint)
    return _renamed(table, columns)


def _table_in(path: Path) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.csv as csv
    import pyarrow.parquet as pq

    try:
        if not _is_text(path):
            return pq.read_table(path)
        return csv.read_csv(path, parse_options=csv.ParseOptions(delimiter="\t" if _has_tabs(path) else ","))
    except FileNotFoundError:
        raise ReadError("no such file", path=str(path)) from None
    except (OSError, pa.ArrowException) as error:
        hint = "give Parquet, CSV, or `.tsv` with tabs"
        raise ReadError("cannot be read as a table", path=str(path), hint=hint) from error


def _renamed(table: "pa.Table", columns: Mapping[str, str]) -> "pa.Table":
    names = {theirs: ours for ours, theirs in columns.items()}
    kept = [name for name in table.column_names if name in names or name not in columns]
    return table.select(kept).rename_columns([names.get(name, name) for name in kept])


def _purchase(asked: Asked) -> "Evaluation":
    from cartveil.insight.decisions.purchase import evaluate_purchase

    return evaluate_purchase(_release(asked).table, **asked.how)


def _next_item(asked: Asked) -> "Evaluation":
    from cartveil.insight.decisions.recommend.sequential.protocol import evaluate_next_item, histories_to_judge

    if _is_text(asked.data):
        return evaluate_next_item(_histories_in(asked.data), **asked.how)
    return evaluate_next_item(histories_to_judge(_release(asked).table), **asked.how)


def _histories_in(path: Path) -> Any:
    """Read a line per consumer: id, and items in time order, parted by blanks."""
    from cartveil.insight.decisions.recommend.sequential.item_histories import histories_from
    from cartveil.insight.sequences.vocabulary import RESERVED

    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ReadError("cannot be read as text", path=str(path)) from error
    numbers: dict[str, int] = {}
    rows = [[numbers.setdefault(word, len(numbers) + RESERVED) for word in line.split()[1:]] for line in lines]
    if not numbers:
        raise ReadError("no line with a consumer and items", path=str(path), hint="such as `c1 milk bread milk`")
    return histories_from(rows, item_count=len(numbers) + RESERVED)


def _next_basket(asked: Asked) -> "Evaluation":
    from cartveil.insight.decisions.recommend.protocol import evaluate_next_basket

    return evaluate_next_basket(_release(asked), **asked.how)


def _demand(asked: Asked) -> "Evaluation":
    from cartveil.insight.decisions.forecast.protocol import evaluate_demand
    from cartveil.insight.sequences.series import wide_series
    from cartveil.insight.sequences.weekly import weekly_demand

    if _is_text(asked.data):
        series = wide_series(read_columns(asked.data, asked.columns), period=asked.period)  # type: ignore[arg-type]
    else:
        series = weekly_demand(_release(asked))
    return evaluate_demand(series, **asked.how)


def _misuse(asked: Asked) -> "Evaluation":
    from cartveil.insight.decisions.watch.misuse import evaluate_misuse

    return evaluate_misuse(_watched(asked), **asked.how)


def _takeover(asked: Asked) -> "Evaluation":
    from cartveil.insight.decisions.watch.takeover import evaluate_takeover

    return evaluate_takeover(_watched(asked), **asked.how)


def _watched(asked: Asked) -> "LabelledEvents":
    """Read events, labels and, where `meta.json` tells it, the day from which they are judged."""
    from cartveil.insight.decisions.watch.labelled import LabelledEvents

    if not asked.data.is_dir():
        hint = "a folder with `events.parquet` and `labels.parquet`, and best `meta.json` with `test_start`"
        raise ReadError("is no folder", path=str(asked.data), hint=hint)
    meta, start = asked.data / "meta.json", None
    if meta.exists():
        try:
            told = json.loads(meta.read_text(encoding="utf-8")).get("test_start")
            start = None if told is None else datetime.fromisoformat(told).replace(tzinfo=UTC)
        except (AttributeError, TypeError, ValueError) as error:
            raise ReadError("`test_start` is no day", path=str(meta), hint="write it as `2024-04-11`") from error
    events, labels = (_table_in(_named(asked.data, name)) for name in ("events", "labels"))
    own, told = _apart(asked, events, labels)
    return LabelledEvents(_renamed(events, own), _renamed(labels, told), start)


def _apart(asked: Asked, events: "pa.Table", labels: "pa.Table") -> tuple[dict[str, str], dict[str, str]]:
    """Return which columns of the events, and which of the labels, are to be called otherwise."""
    own: dict[str, str] = {}
    told: dict[str, str] = {}
    for ours, theirs in asked.columns.items():
        sides = [(told, labels)] if ours in _OF_LABELS else [(own, events)]
        sides += [(told, labels)] if ours == "event_id" else []
        found = [names for names, table in sides if theirs in table.column_names]
        if not found:
            hint = f"it has: {', '.join(sides[0][1].column_names)}"
            raise ColumnError(f"no column `{theirs}`, which is to be `{ours}`", path=str(asked.data), hint=hint)
        for names in found:
            names[ours] = theirs
    return own, told


def _named(folder: Path, name: str) -> Path:
    """Return the file of this name, Parquet before CSV."""
    found = [path for path in (folder / f"{name}.parquet", folder / f"{name}.csv") if path.exists()]
    return found[0] if found else folder / f"{name}.parquet"


def _is_text(path: Path) -> bool:
    return path.suffix.lower() in (".csv", ".txt", ".tsv")


def _has_tabs(path: Path) -> bool:
    return path.suffix.lower() == ".tsv"


def _card_fraud(asked: Asked) -> "Evaluation":
    from cartveil.insight.decisions.card_fraud.protocol import evaluate_card_fraud

    return evaluate_card_fraud(read_columns(asked.data, asked.columns), **asked.how)


def _traces(asked: Asked) -> "Evaluation":
    from cartveil.insight.decisions.traces.protocol import evaluate_traces

    if asked.test is None:
        hint = "--data holds normal traces to learn from, --test labelled ones to score"
        raise InputError("is missing", path="--test", hint=hint)
    train, test = _table_in(asked.data), read_columns(asked.test, asked.columns)
    # Normal traces need no label; one that they have says which of them are normal.
    named = {ours: theirs for ours, theirs in asked.columns.items() if ours != "label" or theirs in train.column_names}
    return evaluate_traces(read_columns(asked.data, named), test, **asked.how)


def _release(asked: Asked) -> Any:
    from cartveil.events.protected import load_protected

    if asked.columns:
        hint = "a release has its names from the roles in cartveil.toml"
        raise InputError("is for tables of your own, not for a release", path="--column", hint=hint)
    return load_protected(asked.data)


_PROTOCOLS: Mapping[str, Callable[[Asked], "Evaluation"]] = {
    "next-item": _next_item,
    "next-basket": _next_basket,
    "demand": _demand,
    "card-fraud": _card_fraud,
    "misuse": _misuse,
    "takeover": _takeover,
    "traces": _traces,
    "purchase": _purchase,
}
