"""A small curve over epochs; its figures stand beside it."""

from collections.abc import Sequence

from markupsafe import Markup

from cartveil.faces.console.charts.svg import drawing, element, path, scale, text

_WIDTH, _HEIGHT = 230.0, 96.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 4.0, 226.0, 8.0, 66.0


def curve_chart(values: Sequence[float], *, label: str) -> Markup:
    """Draw values in order, stretched to the height.

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
    last_x, last_y = points[-1]
    parts = [
        element("line", class_="rule", x1=_LEFT, x2=_RIGHT, y1=_BOTTOM + 8, y2=_BOTTOM + 8),
        path(points, kind="median"),
        element("circle", class_="now", cx=last_x, cy=last_y, r=3.5),
        text("epoch 1", x=_LEFT, y=_HEIGHT - 2, kind="tick"),
        text(str(len(values)), x=_RIGHT, y=_HEIGHT - 2, anchor="end", kind="tick"),
    ]
    return drawing(parts, size=(_WIDTH, _HEIGHT), label=label)
