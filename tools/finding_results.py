"""The figures of finding personal information as tables in Markdown; written into pages by `write_results`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent.parent / "bench" / "results"

#: Task -> what it is, and the label whose cover is told.
_TRAINED = {
    "waybill": ("Chinese waybills", "P"),
    "address_sutd": ("parts of Chinese addresses", "all"),
    "cluener": ("Chinese news, ten labels", "name"),
    "weibo": ("Chinese microblogs", "PER.NAM"),
    "resume": ("Chinese résumés", "NAME"),
}
_SHIPPED = {
    "waybill": ("Chinese waybills", "P"),
    "resume": ("Chinese résumés", "NAME"),
    "weibo": ("Chinese microblogs", "PER.NAM"),
    "cluener": ("Chinese news", "name"),
    "wnut17": ("English social media", "person"),
    "presidio_synth": ("English sentences, made up", "PERSON"),
}
_READERS = {
    "rules": "**Cartveil**, rules alone",
    "finder": "**Cartveil**, rules and network",
    "presidio": "Presidio with a spaCy pipeline",
    "presidio_ner_alone": "Presidio, named entities alone",
    "argus_redact": "argus-redact (rules)",
}
_TEXTS = {"reviews": "Chinese reviews", "zh": "Chinese notes", "en": "English notes"}


def trained() -> str:
    """Return how well taggers find that were trained on a task's own texts."""
    lines = [
        "**Personal information in text**, a tagger trained on each task's own texts, exact spans; people covered: "
        "whose every character was found (of addresses: parts):",
        "",
        "| | F1 micro | F1 macro | covered | seeds |",
        "|---|---|---|---|---|",
    ]
    for task, (name, label) in _TRAINED.items():
        if (figures := _read(f"pii_{task}")) is not None:
            cells = [_cell(figures, "f1", "micro"), _cell(figures, "f1", "macro")]
            cells += [_cell(figures, "covered_recall", label), str(len(figures["seeds"]))]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    if (figures := _read("pii_presidio_synth")) is not None:
        lines += [
            "",
            f"English sentences on templates held back ({len(figures['seeds'])} seeds), token by token as Presidio's "
            f"evaluator counts: recall {_cell(figures, 'recall')}, F2 {_cell(figures, 'f2')}.",
        ]
    if (figures := _read("pii_address_sutd")) is not None:
        lines += [
            "",
            f"District of an address marked right: {figures['district_accuracy']:.1%} of "
            f"{figures['addresses_with_district']:,.0f}; its code, unknown where several are meant: "
            f"{figures['district_accuracy_coded']:.1%}.",
        ]
    return "\n".join(lines)


def shipped() -> str:
    """Return how well the finder that ships finds people, without training."""
    lines = [
        "**The finder that ships**, learnt from texts the project writes itself, on the same files without training; "
        "people every character of whose name was found:",
        "",
        "| | people covered |",
        "|---|---|",
    ]
    for task, (name, label) in _SHIPPED.items():
        if (figures := _read(f"pii_shipped_{task}")) is not None:
            lines.append(f"| {name} | {figures['covered_recall'][label]:.3f} |")
    if (figures := _read("pii_shipped_reviews_zh")) is not None:
        covered = figures["covered_recall"]
        lines += [
            "",
            f"In {figures['carriers']:,} real Chinese reviews with values put in: people {covered['name']:.3f}, "
            f"numbers and accounts {covered['structured']:.4f}, addresses {covered['address']:.3f}; "
            f"{figures['false_alarms_per_1000']:.1f} false alarms per 1,000 reviews.",
        ]
    return "\n".join(lines)


def speed() -> str:
    """Return how fast texts are read, beside others in the same run."""
    figures = _read("pii_speed")
    if figures is None:
        return ""
    lines = [
        "**Reading**, thousand characters a second on one core, in one run:",
        "",
        f"| | {' | '.join(_TEXTS.values())} |",
        "|---" * (len(_TEXTS) + 1) + "|",
    ]
    for key, name in _READERS.items():
        cells = [f"{figures['characters_per_second'][kind][key] / 1000:,.0f}" for kind in _TEXTS]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def scan() -> str:
    """Return how well a table scan tells kinds of columns, and how fast."""
    figures = _read("scan")
    if figures is None:
        return ""
    return (
        f"**Table scan**, {figures['columns']} labelled columns held out, {len(figures['kinds'])} kinds: macro F1 "
        f"{figures['macro_f1']:.3f}, recall of direct identifiers {figures['recall_direct']:.3f}. "
        f"{figures['bytes'] / 1e9:.1f} GB of CSV in {figures['seconds_1gb_sample']:.1f} s by rows from all over it, "
        f"{figures['seconds_exact']:.0f} s with every row."
    )


def in_short() -> str:
    """Return finding in two lines for the first page."""
    parts = [scan(), shipped_in_short()]
    return "\n\n".join(part for part in parts if part)


def shipped_in_short() -> str:
    """Return what the shipped finder covers, in one sentence."""
    waybill, reviews = _read("pii_shipped_waybill"), _read("pii_shipped_reviews_zh")
    if waybill is None or reviews is None:
        return ""
    return (
        "**Personal information in text**, the finder that ships: "
        f"{waybill['covered_recall']['P']:.1%} of names on real Chinese waybills (a peer by rules: 21.5%); in real "
        f"reviews with values put in {reviews['covered_recall']['name']:.1%} of names and "
        f"{reviews['covered_recall']['structured']:.2%} of numbers, with "
        f"{reviews['false_alarms_per_1000']:.0f} false alarms per 1,000 reviews."
    )


def _cell(figures: Mapping[str, Any], *path: str) -> str:
    value, spread = figures, figures.get("sd", {})
    for name in path:
        value, spread = value[name], spread.get(name, {}) if isinstance(spread, Mapping) else {}
    told = f"{value:.3f}"
    return told + (f" ({spread:.3f})" if isinstance(spread, float) and len(figures["seeds"]) > 1 else "")


def _read(name: str) -> dict[str, Any] | None:
    """Return a result file; None where it was not measured yet."""
    path = RESULTS / f"{name}.json"
    if not path.exists():
        return None
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
