"""Write the figures of `bench/results/` into README.md and docs/results.md, between their marks.

python tools/write_results.py          # writes
python tools/write_results.py --check  # exits 1 where a page says something else than the files
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # run as a script, its folder is on the path, not the project's

from tools import decision_results as decision  # noqa: E402 - after the path is set
from tools import finding_results as finding  # noqa: E402
from tools import guard_results as guard  # noqa: E402
from tools import learn_results as learn  # noqa: E402

#: All figures, or one screen of them.
BEGIN, SHORT, END = "<!-- results: begin -->", "<!-- results: in short -->", "<!-- results: end -->"


def main() -> int:
    """Write or check every page; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    stale = 0
    for name in ("README.md", "docs/results.md"):
        page = ROOT / name
        written = page.read_text(encoding="utf-8")
        fresh = filled(written)
        if fresh != written:
            stale += 1
            print(f"{name}: {'differs from bench/results' if arguments.check else 'written'}")
            if not arguments.check:
                page.write_text(fresh, encoding="utf-8")
    return int(arguments.check and stale > 0)


def filled(page: str) -> str:
    """Return a page with the tables between its marks made anew."""
    begin, parts = (SHORT, screen()) if SHORT in page else (BEGIN, tables())
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(END)
    return f"{before}{begin}\n\n{parts}\n\n{END}{after}"


def screen() -> str:
    """Return one screen of results, in Markdown."""
    core = (learn.private_steps(), learn.plain_training(), learn.attacks())
    return "\n\n".join(
        (
            guard.protection(),
            guard.facts(),
            *core,
            decision.in_short(),
            decision.serving(),
            finding.in_short(),
            _whole_job(),
        )
    )


def tables() -> str:
    """Return the tables of all results, in Markdown."""
    kept = (guard.protection(), guard.tables_of_rows(), guard.facts(), guard.stores(), guard.risk())
    core = (learn.private_steps(), learn.plain_training(), learn.sequences(), learn.attacks(), learn.explanations())
    curves = (
        learn.curve("recommend_private", "**Next item under privacy**, Amazon Beauty, leave one out", None),
        learn.curve("recommend_retail", "**Next basket under privacy**, UCI Online Retail, all items", "all"),
        learn.curve("recommend_retail", "The same, new items", "new"),
    )
    buying = (decision.next_item(), decision.next_basket(), decision.serving(), decision.purchase())
    stock = (decision.demand(), decision.hierarchy())
    watching = (decision.card_fraud(), decision.misuse(), decision.operations(), decision.takeover(), decision.traces())
    found = (finding.scan(), finding.trained(), finding.shipped(), finding.speed())
    parts = (*kept, *found, *core, *curves, *buying, *stock, *watching, _orders(), _main_job())
    return "\n\n".join(part for part in parts if part)


def _orders() -> str:
    figures = _read("orders")
    kinds = {"tenfold": "ten times the units", "swapped": "another consumer's order", "both": "both"}
    lines = [
        "**Unusual orders**, injected into real ones; average precision (made-up corruptions, no real fraud):",
        "",
        "| | Cartveil (LSTM) | z-score |",
        "|---|---|---|",
    ]
    lines += [
        f"| {name} | {figures['lstm'][kind]['ap']:.3f} | {figures['z_score'][kind]['ap']:.3f} |"
        for kind, name in kinds.items()
    ]
    return "\n".join(lines)


def _whole_job() -> str:
    figures = _read("main_job")
    return (
        f"**The demo**, all ten steps: {figures['whole']['seconds']:.0f} s and "
        f"{figures['whole']['peak_mib']:,} MiB at most, on {figures['environment']['cores']} cores."
    )


def _main_job() -> str:
    figures = _read("main_job")
    lines = [
        _whole_job()[:-1] + ":",
        "",
        "| step | seconds | peak MiB so far |",
        "|---|---|---|",
    ]
    lines += [f"| {step['name']} | {step['seconds']:.1f} | {step['peak_mib']:,} |" for step in figures["steps"]]
    return "\n".join(lines)


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((ROOT / "bench" / "results" / f"{name}.json").read_text(encoding="utf-8"))
    return content


if __name__ == "__main__":
    raise SystemExit(main())
