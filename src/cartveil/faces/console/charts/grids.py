"""Days across, people down: how unusual each day was, and which days were alerted."""

import math
from collections.abc import Mapping, Sequence
from datetime import date

from markupsafe import Markup

from cartveil.faces.console.charts.svg import drawing, element, scale, text

Place = tuple[str, str]

_LABELS, _ROW, _CELL_MOST, _WIDTH = 112.0, 25.0, 42.0, 960.0


def day_grid(cells: Sequence[Mapping[str, object]], *, marked: frozenset[tuple[str, str]], label: str) -> Markup:
    """Draw one cell per person and day.

    Args:
        cells: `day` (ISO date), `actor`, `score`, `alert`; days and people without a cell stay empty. Where one
            person's day has several, the highest score counts, and any alert.
        marked: (actor, day) pairs that carry a mark: the truth, where it is known.
        label: What the chart says, for a screen reader.

    Returns:
        Shade grows with the score, from the lowest of all to the highest; a ring is an alert, a dot a mark.
    """
    scores, alerted = _by_person_and_day(cells)
    days = sorted({day for _, day in scores})
    people = sorted({person for person, _ in scores})
    width = min(_CELL_MOST, (_WIDTH - _LABELS) / max(len(days), 1))
    domain = (min(scores.values(), default=0.0), max(scores.values(), default=0.0))
    parts = [text(name, x=_LABELS - 10, y=row * _ROW + _ROW / 2 + 4.5, anchor="end") for row, name in enumerate(people)]
    for (person, day), score in scores.items():
        box = (_LABELS + days.index(day) * width, people.index(person) * _ROW, width)
        words = f"{person}, {day}: {score:.2f}" + (", alerted" if (person, day) in alerted else "")
        kind = "cell alert" if (person, day) in alerted else "cell"
        parts.append(_cell(words, scale(score, domain=domain, to=(0.06, 0.9)), box=box, kind=kind))
        if (person, day) in marked:
            parts.append(element("circle", class_="mark", cx=box[0] + width / 2, cy=box[1] + _ROW / 2, r=3))
    parts += _days(days, width=width, bottom=len(people) * _ROW + 16)
    return drawing(parts, size=(_LABELS + len(days) * width + 4, len(people) * _ROW + 24), label=label)


def _by_person_and_day(cells: Sequence[Mapping[str, object]]) -> tuple[dict[Place, float], set[Place]]:
    scores: dict[Place, float] = {}
    alerted: set[Place] = set()
    for cell in cells:
        place = (str(cell["actor"]), str(cell["day"])[:10])
        scores[place] = max(float(str(cell["score"])), scores.get(place, -math.inf))
        if cell.get("alert"):
            alerted.add(place)
    return scores, alerted


def _cell(words: str, shade: float, *, box: tuple[float, float, float], kind: str) -> Markup:
    left, top, width = box
    return element(
        "rect",
        element("title", words),
        class_=kind,
        x=left + 1.5,
        y=top + 1.5,
        width=width - 3,
        height=_ROW - 3,
        rx=4,
        fill_opacity=f"{shade:.2f}",
    )


def _days(days: Sequence[str], *, width: float, bottom: float) -> list[Markup]:
    # One label a week is enough: the others would run into each other.
    mondays = [place for place, day in enumerate(days) if date.fromisoformat(day).weekday() == 0]
    return [
        text(days[place][5:], x=_LABELS + place * width + 2, y=bottom, kind="tick")
        for place in mondays or range(len(days))[:1]
    ]
