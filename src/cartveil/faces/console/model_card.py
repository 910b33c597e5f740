"""The card of an evaluation: one page with figures, intervals and curves, without loading anything.

Simple baselines stand in every table and picture, beside what ships: where a count is better, the page shows it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader

from cartveil.faces.console.charts import bar_chart, line_chart
from cartveil.faces.console.charts.svg import figure
from cartveil.faces.console.measure_words import legend_of, meaning_of

#: What parts a group from a measure in its name, and is no decimal point.
_STOP = re.compile(r"\.(?=[^\d])")

#: Where nested measures stand.
Group = tuple[str, ...]

#: Words in the name of a measure of which less is better.
_LESS = ("wql", "rmsse", "brier", "loss", "error", "leaked", "lost", "seconds", "cost", "alarms", "days")

#: Measures that describe the data, stand in a curve, or that nobody should win alone: keeping nothing leaves nothing.
_NO_RACE = ("coverage", "said", "came_true", "max", "chance", "stock.left", "stock.short", "stock.service")

#: At most so many pictures of bars are drawn.
_BARS = 8


def render_model_card(evaluation: Mapping[str, Any], *, title: str, generated: str) -> str:
    """Return the page as HTML.

    Args:
        evaluation: `task`, `ours`, `figures`, `spread`, `intervals` (low and high), `protocol`, `curves` (with
            `title`, `x`, `y`, `lines`, `ideal`) and `seconds`, as plain data.
        title: What was evaluated.
        generated: When and with what.

    Guarantees:
        - Every value is escaped; nothing in the data becomes markup.
        - The page names no resource outside itself, and forbids itself to load one.
    """
    loader = PackageLoader("cartveil.faces.console")
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"figure": _figure, "words": _words}
    environment.globals |= {"bar_chart": bar_chart, "line_chart": line_chart, "meaning": meaning_of}
    page = environment.get_template("model_card.html")
    tables = list(tables_of(evaluation))
    bars = [bar for table in tables for bar in _bars(table)][:_BARS]
    protocol = {name: _plain(value) for name, value in evaluation["protocol"].items()}
    curves = [
        {**curve, "lines": {_words(model): points for model, points in curve["lines"].items()}}
        for curve in evaluation["curves"]
    ]
    legend = legend_of((table["name"], row["measure"]) for table in tables for row in table["rows"])
    pictures = {"tables": tables, "bars": bars, "curves": curves, "legend": legend}
    return page.render(run=evaluation, title=title, generated=generated, protocol=protocol, **pictures)


def tables_of(evaluation: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a table per group of measures: `name`, `models`, what ships first, and `rows`: `measure` and `cells`.

    A cell has `value`, `sd` (None without seeds) and `interval` (None where none was resampled).
    """
    figures = evaluation["figures"]
    groups: dict[Group, dict[str, None]] = {}
    for found in figures.values():
        for group, measure in _flat(found):
            groups.setdefault(group, {})[measure] = None
    models = sorted(figures, key=lambda each: each != evaluation["ours"])
    for group, measures in groups.items():
        rows = [
            {"measure": measure, "cells": [_cell(evaluation, model, group, measure) for model in models]}
            for measure in measures
        ]
        yield {"name": ".".join(group), "models": models, "rows": rows}


def _flat(found: Mapping[str, Any], group: Group = ()) -> Iterator[tuple[Group, str]]:
    for name, value in found.items():
        if isinstance(value, Mapping):
            yield from _flat(value, (*group, name))
        elif _is_number(value):
            yield group, name


def _in_group(found: Any, group: Group) -> Mapping[str, Any]:
    for name in group:
        found = found.get(name, {})
    return found  # type: ignore[no-any-return]


def _cell(evaluation: Mapping[str, Any], model: str, group: Group, measure: str) -> dict[str, Any]:
    def at(found: Mapping[str, Any]) -> Any:
        return _in_group(found.get(model, {}), group).get(measure)

    name = ".".join((*group, measure))
    return {
        "value": at(evaluation["figures"]),
        "sd": at(evaluation["spread"]),
        "interval": evaluation["intervals"].get(model, {}).get(name),
    }


def _bars(table: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what is drawn as bars: measures in which models race each other, none of them below zero."""
    for row in table["rows"]:
        whole = f"{table['name']}.{row['measure']}" if table["name"] else row["measure"]
        if any(word in whole.lower() for word in _NO_RACE):
            continue
        values = zip(table["models"], (cell["value"] for cell in row["cells"]), strict=True)
        known = {_words(model): value for model, value in values if _is_number(value) and value >= 0}
        if len(set(known.values())) > 1:  # what is the same for all tells of the data
            yield {"measure": whole, "values": known, "less": _less(whole)}


def _less(measure: str) -> bool:
    return any(word in measure.lower() for word in _LESS)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _figure(value: object) -> str:
    return figure(float(value)) if _is_number(value) else "–" if value is None else str(value)  # type: ignore[arg-type]


def _words(name: str) -> str:
    return _STOP.sub(", ", name.replace("_", " "))


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name} {_plain(each)}" for name, each in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_plain(each) for each in value)
    return _figure(value)
