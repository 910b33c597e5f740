"""Days across, people down: how unusual each day was, and which days were alerted."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from cartveil.faces.console.charts.svg import drawing, element, text

_LABELS, _ROW, _CELL_MOST, _WIDTH = 104.0, 21.0, 26.0, 720.0


def day_grid(cells: Sequence[Mapping[str, object]], *, marked: frozenset[tuple[str, str]], label: str) -> Markup:
    """Draw one cell per person and day.

    Args:
        cells: `day` (ISO date), `actor`, `score`, `alert`; days and people without a cell stay empty.
        marked: (actor, day) pairs that carry a mark: the truth, where it is known.
        label: What the chart says, for a screen reader.

    Returns:
        Shade grows with the score, up to the highest of all; a ring is an alert, a dot a mark.
    """
    days = sorted({str(cell["day"])[:10] for cell in cells})
    people = list(dict.fromkeys(str(cell["actor"]) for cell in cells))
    width = min(_CELL_MOST, (_WIDTH - _LABELS) / max(len(days), 1))
    highest = max((float(str(cell["score"])) for cell in cells), default=0.0)
    parts = [text(name, x=_LABELS - 10, y=row * _ROW + 14, anchor="end") for row, name in enumerate(people)]
    for cell in cells:
        place = (str(cell["actor"]), str(cell["day"])[:10])
        left, top = _LABELS + days.index(place[1]) * width, people.index(place[0]) * _ROW
        share = max(0.0, float(str(cell["score"]))) / highest if highest > 0 else 0.0
        parts += _cell(cell, share, box=(left, top, width), marked=place in marked)
    parts += _days(days, width=width, bottom=len(people) * _ROW + 16)
    return drawing(parts, size=(_LABELS + len(days) * width + 4, len(people) * _ROW + 24), label=label)


def _cell(cell: Mapping[str, object], share: float, *, box: tuple[float, float, float], marked: bool) -> list[Markup]:
    left, top, width = box
    kind = "cell alert" if cell.get("alert") else "cell"
    words = f"{cell['actor']}, {str(cell['day'])[:10]}: {float(str(cell['score'])):.2f}"
    words += ", alerted" if cell.get("alert") else ""
    square = element(
        "rect",
        element("title", words),
        class_=kind,
        x=left + 1.5,
        y=top + 1.5,
        width=width - 3,
        height=_ROW - 3,
        rx=4,
        fill_opacity=f"{0.06 + 0.84 * share:.2f}",
    )
    dot = element("circle", class_="mark", cx=left + width / 2, cy=top + _ROW / 2, r=3)
    return [square, dot] if marked else [square]


def _days(days: Sequence[str], *, width: float, bottom: float) -> list[Markup]:
    # One label a working week is enough: the others would run into each other.
    shown = range(0, len(days), 5) if len(days) > 7 else range(len(days))
    return [text(days[place][5:], x=_LABELS + place * width + 2, y=bottom, kind="tick") for place in shown]
