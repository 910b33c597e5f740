import math
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from cartveil.faces.console.charts import bar_chart, curve_chart, day_grid, fan_chart
from cartveil.faces.console.charts.svg import figure, ticks

NAMES = st.text(st.characters(min_codepoint=32, max_codepoint=0x9FFF, exclude_categories=["Cs", "Cc"]), max_size=12)
VALUES = st.floats(0, 1e7)
FORECAST = [{"week": "2011-12-05", "q10": 10, "q25": 20, "q50": 30, "q75": 40, "q90": 50}]
PAST = [{"week": "2011-11-21", "value": 31}, {"week": "2011-11-28", "value": 28}]


def parsed(chart: Markup) -> ElementTree.Element:
    return ElementTree.fromstring(str(chart))  # noqa: S314 - our own output


def of_class(chart: Markup, kind: str) -> list[ElementTree.Element]:
    return [part for part in parsed(chart).iter() if part.get("class") == kind]


@given(st.dictionaries(NAMES, VALUES, max_size=6), NAMES)
def test_bars_of_any_names_are_well_formed_and_stay_inside(values: dict[str, float], label: str) -> None:
    chart = parsed(bar_chart(values, label=label))
    bars = chart.findall("rect")
    assert len(bars) == len(values)
    assert all(float(bar.get("x")) + float(bar.get("width")) <= 480 for bar in bars)
    assert chart.get("aria-label") == label


def test_bars_are_as_long_as_their_values() -> None:
    own, other = parsed(bar_chart({"a": 0.3, "b": 0.1}, ours="a", label="")).findall("rect")
    assert float(own.get("width")) == pytest.approx(3 * float(other.get("width")), abs=0.2)
    assert (own.get("class"), other.get("class")) == ("bar own", "bar other")


def test_a_value_that_is_not_a_number_is_a_dash() -> None:
    assert "–" in bar_chart({"a": math.nan, "b": 1.0}, label="")


@given(st.lists(VALUES, max_size=60), st.lists(VALUES, max_size=6))
def test_a_fan_of_any_values_is_well_formed(past: list[float], coming: list[float]) -> None:
    history = [{"week": f"w{place}", "value": value} for place, value in enumerate(past)]
    forecast = [{"week": f"f{place}", "q10": 0, "q50": value / 2, "q90": value} for place, value in enumerate(coming)]
    parsed(fan_chart(history, forecast, label="demand"))


def test_a_fan_has_a_band_for_each_pair_of_quantiles() -> None:
    assert len(of_class(fan_chart(PAST, FORECAST, label=""), "band")) == 2
    without = [{key: value for key, value in FORECAST[0].items() if key not in ("q25", "q75")}]
    assert len(of_class(fan_chart(PAST, without, label=""), "band")) == 1


def test_what_was_sold_since_is_drawn_over_the_fan_and_not_behind_it() -> None:
    since = [*PAST, {"week": "2011-12-05", "value": 45}]
    (now,) = of_class(fan_chart(since, FORECAST, label=""), "now")
    (before,) = of_class(fan_chart(PAST, FORECAST, label=""), "now")
    assert now.get("cx") == before.get("cx")


def test_weeks_without_a_known_value_are_passed_over() -> None:
    gap = [PAST[0], {"week": "2011-11-25", "value": None}, {"week": "2011-11-26", "value": math.nan}, PAST[1]]
    assert fan_chart(gap, FORECAST, label="") == fan_chart(PAST, FORECAST, label="")


def test_a_high_peak_has_short_marks() -> None:
    assert "80k" in fan_chart([{"week": "w1", "value": 74215}], [], label="")


def test_the_grid_has_a_cell_for_each_person_and_day_and_rings_the_alerts() -> None:
    cells = [
        {"day": "2012-01-02", "actor": "amina", "score": 1.0, "alert": False},
        {"day": "2012-01-03", "actor": "amina", "score": 3.0, "alert": True},
        {"day": "2012-01-03", "actor": "amina", "score": 2.0, "alert": False},
        {"day": "2012-01-03", "actor": "bruno", "score": 0.5, "alert": False},
    ]
    chart = day_grid(cells, marked=frozenset({("amina", "2012-01-03")}), label="")
    assert len(of_class(chart, "cell")) == 2
    (alert,) = of_class(chart, "cell alert")
    assert alert.findtext("title") == "amina, 2012-01-03: 3.00, alerted"
    assert alert.get("fill-opacity") == "0.90"
    assert len(of_class(chart, "mark")) == 1


def test_an_empty_grid_is_well_formed() -> None:
    parsed(day_grid([], marked=frozenset(), label=""))


@given(st.lists(st.floats(-1e6, 1e6), max_size=40))
def test_a_curve_stays_inside(values: list[float]) -> None:
    (line, *_) = [*of_class(curve_chart(values, label=""), "median"), None]
    if line is not None:
        heights = [float(word) for word in line.get("d").replace("M", " ").replace("L", " ").split()[1::2]]
        assert all(0 <= height <= 96 for height in heights)


@given(st.floats(1e-6, 1e9))
def test_marks_are_few_and_reach_the_highest_value(high: float) -> None:
    marks = ticks(high)
    assert marks[0] == 0
    assert marks[-1] >= high * (1 - 1e-6)
    assert 3 <= len(marks) <= 6


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (0.30624, ".3062"), (9.7, "9.7"), (96.42, "96.42"), (1234.5, "1,234"), (541909, "541,909")],
)
def test_figures_are_short(value: float, shown: str) -> None:
    assert figure(value) == shown
