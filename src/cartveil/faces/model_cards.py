"""What an evaluation says, for those who read it: a page with pictures, rows on a terminal, JSON for programs."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # `cartveil --help` must not wait for Arrow
    from cartveil.insight.decisions.measures import Evaluation


def write_card(folder: Path, evaluation: "Evaluation", *, data: Path, now: datetime) -> Path:
    """Write the page of an evaluation, and its figures as JSON beside it.

    Args:
        folder: Made where it is missing.
        evaluation: What was measured.
        data: What it was measured on; its name stands on the page.
        now: Stands on the page.

    Returns:
        The page.
    """
    from importlib.metadata import version

    from cartveil.faces.console.model_card import render_model_card
    from cartveil.faces.files import make_folder, write_json, write_text

    make_folder(folder)
    # As the command calls it, whatever the key in the files of the benchmarks is.
    name, task = evaluation.task.replace("_", "-"), evaluation.task.replace("_", " ")
    page = folder / f"{name}.html"
    generated = f"measured {now:%Y-%m-%d %H:%M} with Cartveil {version('cartveil')}"
    write_text(page, render_model_card(_plain(evaluation), title=f"{task} on {data.name}", generated=generated))
    write_json(folder / f"{name}.json", figures_of(evaluation))
    return page


def figures_of(evaluation: "Evaluation") -> Any:
    """Return all that an evaluation says, for JSON, which knows no word but null for what is no number."""
    return _in_json(evaluation.to_dict())


def _in_json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _in_json(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_in_json(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def rows_of(evaluation: "Evaluation") -> list[dict[str, object]]:
    """Return the figures as rows for people: measure, then a column per model, what ships first and marked `*`.

    Curves, and figures of single kinds, are for the page and the JSON.
    """
    order = sorted(evaluation.figures, key=lambda model: model != evaluation.ours)
    names = {model: f"{model} *" if model == evaluation.ours else model for model in order}
    flat = {model: dict(_flat(evaluation.figures[model])) for model in order}
    measures = dict.fromkeys(name for found in flat.values() for name in found)
    return [{"measure": measure, **{names[model]: flat[model].get(measure) for model in order}} for measure in measures]


def _flat(found: Mapping[str, Any]) -> list[tuple[str, object]]:
    flat: list[tuple[str, object]] = []
    for name, value in found.items():
        if not isinstance(value, Mapping):
            flat.append((name, value))
        elif not all(_is_level(each) for each in value):
            flat += [(f"{name}.{inner}", each) for inner, each in value.items() if not isinstance(each, Mapping)]
    return flat


def _is_level(name: str) -> bool:
    return name.replace(".", "", 1).isdecimal()


def _plain(evaluation: "Evaluation") -> dict[str, Any]:
    intervals = {
        model: {measure: (each.low, each.high) for measure, each in found.items()}
        for model, found in evaluation.intervals.items()
    }
    return {
        "task": evaluation.task,
        "ours": evaluation.ours,
        "figures": evaluation.figures,
        "spread": evaluation.spread,
        "intervals": intervals,
        "protocol": evaluation.protocol,
        "curves": [asdict(curve) for curve in evaluation.curves],
        "seconds": evaluation.seconds,
    }
