"""Bars lying on their side, with the value at the end of each: what one compares by eye."""

import math
from collections.abc import Mapping

from markupsafe import Markup

from cartveil.faces.console.charts.svg import breadth, drawing, element, figure, text

_WIDTH, _ROW, _GAP = 480.0, 30.0, 10.0


def bar_chart(values: Mapping[str, float], *, label: str, ours: str | None = None) -> Markup:
    """Draw one bar per name, in the order given.

    Args:
        values: Name to value, none below zero.
        label: What the chart says, for a screen reader.
        ours: The name to stand out; the others are what it is compared with.
    """
    known = {name: value if math.isfinite(value) else 0.0 for name, value in values.items()}
    labels = min(max(map(breadth, values), default=0.0) + _GAP, 0.56 * _WIDTH)
    figures = max((breadth(figure(value)) for value in values.values()), default=0.0) + _GAP
    longest = max(known.values(), default=0.0) or 1.0
    room = _WIDTH - labels - figures
    parts = [
        part
        for place, (name, value) in enumerate(values.items())
        for part in _bar(name, value, box=(labels, place * _ROW, room * (known[name] / longest)), own=name == ours)
    ]
    return drawing(parts, size=(_WIDTH, max(_ROW * len(values), _ROW)), label=label)


def _bar(name: str, value: float, *, box: tuple[float, float, float], own: bool) -> list[Markup]:
    left, top, length = box
    length = max(2.0, length)
    middle = top + _ROW / 2 + 4.5
    kind = "own" if own else "other"
    return [
        text(name, x=left - _GAP, y=middle, anchor="end", kind=f"label {kind}"),
        element("rect", class_=f"bar {kind}", x=left, y=top + 6, width=length, height=_ROW - 12, rx=3),
        text(figure(value), x=left + length + 8, y=middle, kind=f"value {kind}"),
    ]
