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

from tools import guard_results as guard  # noqa: E402 - after the path is set
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
    return "\n\n".join((guard.protection(), guard.facts(), *core, _next_basket(), _demand(), _whole_job()))


def tables() -> str:
    """Return the tables of all results, in Markdown."""
    kept = (guard.protection(), guard.tables_of_rows(), guard.facts(), guard.stores(), guard.risk())
    core = (learn.private_steps(), learn.plain_training(), learn.sequences(), learn.attacks(), learn.explanations())
    curves = (
        learn.curve("recommend", "**Next item under privacy**, Amazon Beauty, leave one out", None),
        learn.curve("recommend_retail", "**Next basket under privacy**, UCI Online Retail, all items", "all"),
        learn.curve("recommend_retail", "The same, new items", "new"),
    )
    return "\n\n".join((*kept, *core, *curves, _next_basket(), _demand(), _orders(), _main_job()))


def _next_basket() -> str:
    figures = _read("next_basket")
    names = {
        "recommender": "**Cartveil** (LSTM with copy path)",
        "lstm": "LSTM path alone",
        "personal_popularity": "personal popularity",
        "item_knn": "item-kNN",
        "popularity": "popularity",
    }
    lines = [
        f"**Next basket** on UCI Online Retail, {figures['consumers']:,} consumers, mean (spread) of "
        f"{len(figures['seeds'])} seeds:",
        "",
        "| | NDCG@10, all items | NDCG@10, new items |",
        "|---|---|---|",
    ]
    for key, name in names.items():
        spread = figures["sd"].get(key)
        cells = [
            f"{figures[key][part]['ndcg@10']:.4f}" + (f" ({spread[part]['ndcg@10']:.4f})" if spread else "")
            for part in ("all", "new")
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _demand() -> str:
    figures = _read("demand")
    names = {
        "lstm": "**Cartveil** (LSTM)",
        "empirical_quantiles": "quantiles of the last 8 weeks",
        "seasonal_naive": "seasonal naive",
        "zero": "zero",
    }
    lines = [
        "**Weekly demand** per item, four weeks ahead from four origins; weighted quantile loss, lower is better:",
        "",
        "| | WQL |",
        "|---|---|",
    ]
    lines += [f"| {name} | {figures[key]['wql']:.3f} |" for key, name in names.items()]
    return "\n".join(lines)


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
