"""A forecast as a fan: what was, the middle of what may come, and two bands around it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from cartveil.faces.console.charts.svg import Point, drawing, element, figure, path, scale, text, ticks

_WIDTH, _HEIGHT = 480.0, 226.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 466.0, 12.0, 192.0
_WEEKS_SHOWN = 26

#: Pairs of quantiles that a band lies between, the outer first; a band is drawn where the forecast has both.
BANDS = (("q10", "q90"), ("q20", "q80"), ("q25", "q75"))

Week = Mapping[str, object]


@dataclass(frozen=True)
class Frame:
    """Where a week and a value stand on the drawing."""

    weeks: tuple[str, ...]
    marks: tuple[float, ...]

    def x(self, week: object) -> float:
        """Return where a week stands, from the left."""
        return scale(self.weeks.index(_name(week)), domain=(0, max(len(self.weeks) - 1, 1)), to=(_LEFT, _RIGHT))

    def y(self, value: object) -> float:
        """Return where a value stands, from the top."""
        return scale(float(str(value)), domain=(0, self.marks[-1]), to=(_BOTTOM, _TOP))

    def line(self, rows: Sequence[Week], key: str) -> list[Point]:
        """Return the points of one value over the weeks."""
        return [(self.x(row["week"]), self.y(row[key])) for row in rows]


def fan_chart(history: Sequence[Week], forecast: Sequence[Week], *, label: str) -> Markup:
    """Draw the last half year of weeks, and the forecast.

    Args:
        history: `week` and `value`, in order. Weeks that the forecast is for may be among them: what was sold is
            then drawn over the fan.
        forecast: `week`, `q10`, `q50`, `q90`, and other pairs of `BANDS` where there are any, in order.
        label: What the chart says, for a screen reader.
    """
    past = [row for row in history if row["value"] is not None and math.isfinite(float(str(row["value"])))]
    past = past[-_WEEKS_SHOWN:]
    values = [float(str(row["value"])) for row in past] + [float(str(row["q90"])) for row in forecast]
    weeks = tuple(dict.fromkeys(_name(row["week"]) for row in (*past, *forecast)))
    frame = Frame(weeks, ticks(max(values, default=0.0)))
    coming = {_name(row["week"]) for row in forecast}
    known = [row for row in past if _name(row["week"]) not in coming]
    parts = [*_rules(frame), *_fan(known, forecast, frame), *_sold(past, known, frame), *_weeks(known, frame)]
    return drawing(parts, size=(_WIDTH, _HEIGHT), label=label)


def _rules(frame: Frame) -> list[Markup]:
    return [
        part
        for mark in frame.marks
        for part in (
            element("line", class_="rule", x1=_LEFT, x2=_RIGHT, y1=frame.y(mark), y2=frame.y(mark)),
            text(_short(mark), x=_LEFT - 8, y=frame.y(mark) + 4, anchor="end", kind="tick"),
        )
    ]


def _fan(known: Sequence[Week], forecast: Sequence[Week], frame: Frame) -> list[Markup]:
    if not forecast:
        return []
    # The fan opens at the last value that the forecast knew.
    start = frame.line(known[-1:], "value")
    parts = [
        path([*start, *frame.line(forecast, high), *frame.line(forecast, low)[::-1]], kind="band", closed=True)
        for low, high in BANDS
        if all(low in row and high in row for row in forecast)
    ]
    return [*parts, path([*start, *frame.line(forecast, "q50")], kind="median")]


def _sold(past: Sequence[Week], known: Sequence[Week], frame: Frame) -> list[Markup]:
    parts = [path(frame.line(past, "value"), kind="past")] if past else []
    return parts + [element("circle", class_="now", cx=x, cy=y, r=3.5) for x, y in frame.line(known[-1:], "value")]


def _weeks(known: Sequence[Week], frame: Frame) -> list[Markup]:
    if not frame.weeks:
        return []
    first, last = frame.weeks[0], frame.weeks[-1]
    parts = [
        text(first, x=frame.x(first), y=_HEIGHT - 12, kind="tick"),
        text(_day(last), x=frame.x(last), y=_HEIGHT - 12, anchor="end", kind="tick"),
    ]
    now = frame.x(known[-1]["week"]) if known else _RIGHT
    # The last known week is named too, where its words have room between the two at the ends.
    if _LEFT + 100 < now < _RIGHT - 56:
        words = _day(_name(known[-1]["week"]))
        parts.append(text(words, x=now, y=_HEIGHT - 12, anchor="middle", kind="tick"))
    return parts


def _name(week: object) -> str:
    return str(week)[:10]


def _day(week: str) -> str:
    """Return month and day of an ISO date, and any other name of a week as it is."""
    return week[5:10] if week[4:5] == "-" and week[7:8] == "-" else week


def _short(value: float) -> str:
    """Return a round number in little room: `80k` where `80,000` would not fit."""
    return f"{value / 1000:g}k" if value >= 10_000 else figure(value)
