"""Charts as inline SVG: small functions from plain numbers to markup, coloured by the page's style sheet."""

from cartveil.faces.console.charts.bars import bar_chart
from cartveil.faces.console.charts.curves import curve_chart
from cartveil.faces.console.charts.fans import fan_chart
from cartveil.faces.console.charts.grids import day_grid
from cartveil.faces.console.charts.lines import line_chart

__all__ = ["bar_chart", "curve_chart", "day_grid", "fan_chart", "line_chart"]
