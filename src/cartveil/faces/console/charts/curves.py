"""A small curve over epochs, with its first and last value."""

from collections.abc import Sequence

from markupsafe import Markup

from cartveil.faces.console.charts.svg import drawing, element, figure, path, scale, text

_WIDTH, _HEIGHT = 230.0, 96.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 6.0, 224.0, 22.0, 72.0


def curve_chart(values: Sequence[float], *, label: str) -> Markup:
    """Draw values in order, stretched to the height, the ends with their figures.

    Args:
        values: One per epoch.
        label: What the chart says, for a screen reader.
    """
    if not values:
        return drawing([], size=(_WIDTH, _HEIGHT), label=label)
    domain = (min(values), max(values))
    points = [
        (
            scale(place, domain=(0, max(len(values) - 1, 1)), to=(_LEFT, _RIGHT)),
            scale(value, domain=domain, to=(_BOTTOM, _TOP)),
        )
        for place, value in enumerate(values)
    ]
    (first_x, first_y), (last_x, last_y) = points[0], points[-1]
    parts = [
        element("line", class_="rule", x1=_LEFT, x2=_RIGHT, y1=_BOTTOM + 6, y2=_BOTTOM + 6),
        path(points, kind="median"),
        element("circle", class_="now", cx=last_x, cy=last_y, r=3),
        text(figure(values[0]), x=first_x, y=first_y - 7, kind="tick"),
        text("epoch 1", x=_LEFT, y=_HEIGHT - 2, kind="tick"),
    ]
    if len(values) > 1:
        parts += [
            text(figure(values[-1]), x=last_x, y=last_y - 7, anchor="end", kind="value"),
            text(f"{len(values)}", x=_RIGHT, y=_HEIGHT - 2, anchor="end", kind="tick"),
        ]
    return drawing(parts, size=(_WIDTH, _HEIGHT), label=label)
