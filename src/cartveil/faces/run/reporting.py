"""The last step: what the run found, as one page and as data."""

from cartveil.faces.console import render_report
from cartveil.faces.console.report import SECTIONS
from cartveil.faces.files import write_json, write_text
from cartveil.faces.run.rehearsal import Rehearsal


def report(run: Rehearsal) -> str:
    """Write `report.html`, one page that loads nothing, and `report.json` with the same facts."""
    page = {name: run.report[name] for name in SECTIONS if run.report.get(name)}
    page["title"] = run.title + (" (synthetic identities)" if run.synthetic else "")
    page["generated"] = run.present.strftime("%Y-%m-%d %H:%M %Z")
    page["facts"] = _facts(run)
    write_json(run.out / "report.json", page)
    write_text(run.out / "report.html", render_report(page))
    return str(run.out / "report.html")


def _facts(run: Rehearsal) -> list[dict[str, str]]:
    steps = run.report.get("steps")
    seconds = sum(step["seconds"] for step in steps) if isinstance(steps, list) else 0.0
    peak = max((step["peak_mib"] for step in steps), default=0) if isinstance(steps, list) else 0
    counts = run.vault.counts()
    rows = sum(table.num_rows for table in run.tables.values())
    return [
        {"label": "rows protected", "value": f"{rows:,}"},
        {"label": "consumers", "value": f"{counts['consumers']:,}"},
        {"label": "audit entries", "value": f"{counts['entries']:,}"},
        {"label": "seconds", "value": f"{seconds:.0f}"},
        {"label": "peak memory", "value": f"{peak:,} MiB"},
    ]
