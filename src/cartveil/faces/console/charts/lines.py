"""Curves of several models over one another: reliability, precision over recall, coverage."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from cartveil.faces.console.charts.svg import Point, breadth, drawing, element, path, scale, text, ticks

_WIDTH = 480.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 466.0, 12.0, 300.0
_KEY_ROW = 22.0

#: How many looks the lines of other models have; see `k0` ... in the style sheet of the model card.
LOOKS = 6

Curve = Sequence[Point]


def line_chart(
    lines: Mapping[str, Curve], *, label: str, axes: tuple[str, str], ideal: Curve = (), ours: str | None = None
) -> Markup:
    """Draw a line per model, from zero to the largest value on both axes, and name them below.

    Args:
        lines: Name to points, in the order of x.
        label: What the chart says, for a screen reader.
        axes: Names of the horizontal and the vertical axis.
        ideal: Points of the line that a perfect model would follow.
        ours: The name to stand out.
    """
    points = [point for curve in (*lines.values(), ideal) for point in curve]
    across, up = (ticks(max((point[axis] for point in points), default=0.0)) for axis in (0, 1))

    def placed(curve: Curve) -> list[Point]:
        return [
            (
                scale(x, domain=(0, across[-1]), to=(_LEFT, _RIGHT)),
                scale(y, domain=(0, up[-1]), to=(_BOTTOM, _TOP)),
            )
            for x, y in curve
        ]

    looks = {name: "own" if name == ours else f"other k{place % LOOKS}" for place, name in enumerate(lines)}
    parts = [*_rules(across, up), path(placed(ideal), kind="ideal")] if ideal else _rules(across, up)
    # What stands out is drawn last, over the others.
    for name in sorted(lines, key=lambda each: each == ours):
        parts.append(path(placed(lines[name]), kind=f"line {looks[name]}"))
        parts += [
            element("circle", class_=f"point {looks[name]}", cx=x, cy=y, r=2.6) for x, y in _few(placed(lines[name]))
        ]
    parts.append(text(axes[0], x=_RIGHT, y=_BOTTOM + 36, anchor="end", kind="tick"))
    parts.append(text(axes[1], x=_LEFT, y=_TOP - 4, kind="tick"))
    key, height = _key(looks, top=_BOTTOM + 62)
    return drawing([*parts, *key], size=(_WIDTH, height), label=label)


def _rules(across: Sequence[float], up: Sequence[float]) -> list[Markup]:
    parts = []
    for mark in up:
        y = scale(mark, domain=(0, up[-1]), to=(_BOTTOM, _TOP))
        parts.append(element("line", class_="rule", x1=_LEFT, x2=_RIGHT, y1=y, y2=y))
        parts.append(text(f"{mark:g}", x=_LEFT - 8, y=y + 4, anchor="end", kind="tick"))
    for mark in across:
        x = scale(mark, domain=(0, across[-1]), to=(_LEFT, _RIGHT))
        parts.append(text(f"{mark:g}", x=x, y=_BOTTOM + 18, anchor="middle", kind="tick"))
    return parts


def _few(points: Sequence[Point]) -> Sequence[Point]:
    """Return the points of a line that has so few that each is a measurement of its own."""
    return points if len(points) <= 20 else ()


def _key(looks: Mapping[str, str], *, top: float) -> tuple[list[Markup], float]:
    """Return what names each line, in rows, and the height of all."""
    parts, x, y = [], _LEFT, top
    for name, look in looks.items():
        wide = 30 + breadth(name) + 18
        if x + wide > _WIDTH and x > _LEFT:
            x, y = _LEFT, y + _KEY_ROW
        parts.append(path([(x, y - 4), (x + 22, y - 4)], kind=f"line {look}"))
        parts.append(text(name, x=x + 30, y=y, kind=f"label {'own' if look == 'own' else 'other'}"))
        x += wide
    return parts, y + 10
