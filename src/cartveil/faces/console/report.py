"""The run's report: one page that explains what was done and proves it, without loading anything.

`render_report` takes plain data, so that it can be kept as JSON beside the page. Every section is left out where its
key is missing; `title` and `generated` are asked for.

    title, generated       text
    facts                  [{label, value}]
    before_after           [{column, before, after_rest, after_release}], of synthetic identities
    quality                {table: {rows_in, rows_kept, counts: {reason: n}}}
    scan                   [{table, column, kind, confidence, reason, protect, release}]
    views                  {fields: [name], roles: [{role, purpose, values: [{value, view}]}],
                            refusal: {request, reason, hint}}
    export                 {label: value}
    recommend              {headline, metrics: {model: {all, new}}, examples: [{pseudonym, history: [text],
                            items: [{description, reason}]}], epochs: [{epoch, loss, score}]}
    forecast               {metrics: {model: wql}, coverage: {quantile: share}, series: [{item, description,
                            history: [{week, value}], forecast: [{week, q10, q20?, q25?, q50, q75?, q80?, q90}]}],
                            reorder: [{item, description, quantity, service_level, lead_time_weeks}]}
    watch                  {orders: [{pseudonym, time, score, reasons}], staff: [{actor, day, score, reasons,
                            is_true_snoop}], timeline: [{day, actor, score, alert}], found}
    erase                  {label: value}
    audit                  {size, root, checkpoint, verified: [text]}
    steps                  [{name, seconds, peak_mib, what}]

In `metrics` the first model is Cartveil's own; the others are what it is compared with. `reasons` is a text or a
list of texts. A `history` may go on into the weeks of the forecast, which shows what came of it.

    >>> "<h1>A run</h1>" in render_report({"title": "A run", "generated": "2026-01-01"})
    True
"""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from cartveil.errors import InputError
from cartveil.faces.console.charts import bar_chart, curve_chart, day_grid, fan_chart
from cartveil.faces.console.charts.svg import figure

#: Every key a run may have; anything else is a mistake of the caller.
SECTIONS = (
    "title",
    "generated",
    "facts",
    "before_after",
    "quality",
    "scan",
    "views",
    "export",
    "recommend",
    "forecast",
    "watch",
    "erase",
    "audit",
    "steps",
)


def render_report(run: Mapping[str, Any]) -> str:
    """Return the whole page as HTML.

    Args:
        run: Plain data; see the module for its keys.

    Raises:
        InputError: `title` or `generated` is missing, or a key is unknown.

    Guarantees:
        - Every value is escaped; nothing in the data becomes markup.
        - The page names no resource outside itself, and forbids itself to load one.
    """
    unknown = sorted(set(run) - set(SECTIONS))
    if unknown:
        raise InputError(f"unknown section `{unknown[0]}`", hint=f"known: {', '.join(sorted(SECTIONS))}")
    missing = [key for key in ("title", "generated") if key not in run]
    if missing:
        raise InputError(f"`{missing[0]}` is missing", hint="a report needs a title and the time it was made")
    return _environment().get_template("report.html").render(run=run)


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("cartveil.faces.console"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "figure": _figure,
        "percent": lambda share: f"{100 * float(share):.0f}%",
        "texts": lambda reasons: [reasons] if isinstance(reasons, str) else list(reasons),
        "chosen": lambda metrics, key: {model: scores[key] for model, scores in metrics.items() if key in scores},
        "code": _code,
        "column": lambda rows, key: [row[key] for row in rows],
    }
    environment.globals |= {
        "bar_chart": bar_chart,
        "curve_chart": curve_chart,
        "fan_chart": fan_chart,
        "staff_chart": _staff_chart,
    }
    return environment


def _figure(value: object) -> str:
    """Return numbers grouped and short, and everything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return figure(value)


def _code(text: object) -> Markup:
    """Return text with what stands in backticks as code; everything is escaped first."""
    words, inside = Markup(""), False
    for part in str(text).split("`"):
        words += Markup("<code>{}</code>").format(part) if inside else part
        inside = not inside
    return words


def _staff_chart(watch: Mapping[str, Any], label: str) -> Markup:
    truth = frozenset(
        (str(alert["actor"]), str(alert["day"])[:10]) for alert in watch.get("staff", ()) if alert.get("is_true_snoop")
    )
    return day_grid(watch["timeline"], marked=truth, label=label)
