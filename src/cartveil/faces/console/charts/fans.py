"""A forecast as a fan: what was, the middle of what may come, and two bands around it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from cartveil.faces.console.charts.svg import Point, drawing, element, figure, path, scale, text, ticks

_WIDTH, _HEIGHT = 480.0, 226.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 466.0, 12.0, 192.0
_WEEKS_SHOWN = 26

Week = Mapping[str, object]


@dataclass(frozen=True)
class Frame:
    """Where a week and a value stand on the drawing."""

    weeks: int
    marks: tuple[float, ...]

    def x(self, place: int) -> float:
        """Return where the week of this place stands, from the left."""
        return scale(place, domain=(0, max(self.weeks - 1, 1)), to=(_LEFT, _RIGHT))

    def y(self, value: object) -> float:
        """Return where a value stands, from the top."""
        return scale(float(str(value)), domain=(0, self.marks[-1]), to=(_BOTTOM, _TOP))


def fan_chart(history: Sequence[Week], forecast: Sequence[Week], *, label: str) -> Markup:
    """Draw the last half year of weeks, and the forecast behind it.

    Args:
        history: `week` and `value`, in order.
        forecast: `week`, `q10`, `q50`, `q90`, and `q25`, `q75` where there are any, in order.
        label: What the chart says, for a screen reader.
    """
    past = list(history)[-_WEEKS_SHOWN:]
    values = [float(str(row["value"])) for row in past] + [float(str(row["q90"])) for row in forecast]
    frame = Frame(len(past) + len(forecast), ticks(max(values, default=0.0)))
    bands = [_band(past, forecast, frame, low=low, high=high) for low, high in (("q10", "q90"), ("q25", "q75"))]
    parts = [*_rules(frame), *bands, *_lines(past, forecast, frame), *_weeks(past, forecast, frame)]
    return drawing(parts, size=(_WIDTH, _HEIGHT), label=label)


def _rules(frame: Frame) -> list[Markup]:
    return [
        part
        for mark in frame.marks
        for part in (
            element("line", class_="rule", x1=_LEFT, x2=_RIGHT, y1=frame.y(mark), y2=frame.y(mark)),
            text(figure(mark), x=_LEFT - 8, y=frame.y(mark) + 4, anchor="end", kind="tick"),
        )
    ]


def _band(past: Sequence[Week], forecast: Sequence[Week], frame: Frame, *, low: str, high: str) -> Markup:
    if not all(low in row and high in row for row in forecast):
        return Markup("")
    there = _forward(past, forecast, frame, high)
    back = _forward(past, forecast, frame, low)[::-1]
    return path([*there, *back], kind="band", closed=True) if there else Markup("")


def _lines(past: Sequence[Week], forecast: Sequence[Week], frame: Frame) -> list[Markup]:
    parts = []
    if past:
        parts.append(path([(frame.x(place), frame.y(row["value"])) for place, row in enumerate(past)], kind="past"))
    if forecast:
        parts.append(path(_forward(past, forecast, frame, "q50"), kind="median"))
    if past:
        last = len(past) - 1
        parts.append(element("circle", class_="now", cx=frame.x(last), cy=frame.y(past[last]["value"]), r=3.5))
    return parts


def _forward(past: Sequence[Week], forecast: Sequence[Week], frame: Frame, quantile: str) -> list[Point]:
    """Return a quantile's points; the fan opens at the last known value."""
    points = [(frame.x(len(past) + place), frame.y(row[quantile])) for place, row in enumerate(forecast)]
    if past and points:
        points.insert(0, (frame.x(len(past) - 1), frame.y(past[-1]["value"])))
    return points


def _weeks(past: Sequence[Week], forecast: Sequence[Week], frame: Frame) -> list[Markup]:
    rows = [*past, *forecast]
    if not rows:
        return []
    ends = [(0, "start"), (len(rows) - 1, "end")]
    # The last known week is named too, unless its words would run into those at the ends.
    if len(past) > 8 and len(forecast) >= 1:
        ends.insert(1, (len(past) - 1 - (len(forecast) < 8) * 2, "end" if len(forecast) < 8 else "middle"))
    return [
        text(str(rows[place]["week"])[:10], x=frame.x(place), y=_HEIGHT - 12, anchor=anchor, kind="tick")
        for place, anchor in ends
    ]
