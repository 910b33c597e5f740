"""Bars lying on their side, with the value at the end of each: what one compares by eye."""

from collections.abc import Mapping

from markupsafe import Markup

from cartveil.faces.console.charts.svg import drawing, element, figure, text

_WIDTH, _ROW, _LABELS, _VALUES = 480.0, 30.0, 170.0, 62.0


def bar_chart(values: Mapping[str, float], *, label: str, ours: str | None = None) -> Markup:
    """Draw one bar per name, in the order given.

    Args:
        values: Name to value, none below zero.
        label: What the chart says, for a screen reader.
        ours: The name to stand out; the others are what it is compared with.
    """
    longest = max(values.values(), default=0.0)
    parts = [
        part
        for place, (name, value) in enumerate(values.items())
        for part in _bar(name, value, top=place * _ROW, longest=longest, own=name == ours)
    ]
    return drawing(parts, size=(_WIDTH, max(_ROW * len(values), _ROW)), label=label)


def _bar(name: str, value: float, *, top: float, longest: float, own: bool) -> list[Markup]:
    room = _WIDTH - _LABELS - _VALUES
    length = max(2.0, room * value / longest) if longest > 0 else 2.0
    middle = top + _ROW / 2 + 4.5
    kind = "own" if own else "other"
    return [
        text(name, x=_LABELS - 12, y=middle, anchor="end", kind=f"label {kind}"),
        element("rect", class_=f"bar {kind}", x=_LABELS, y=top + 6, width=length, height=_ROW - 12, rx=3),
        text(figure(value), x=_LABELS + length + 8, y=middle, kind=f"value {kind}"),
    ]
