"""The learning core's figures of `bench/results/` as tables in Markdown; written into pages by `write_results`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent.parent / "bench" / "results"

_SHAPES = {
    "all": "batch 256, length 50, 128 units, 10k items, a loss at every step",
    "last": "the same, a loss at the last step",
    "small": "batch 128, length 20, 100 units, 1k items, every step",
    "two_layers": "as the first, two layers",
    "hidden_256": "as the first, 256 units",
}
_STEPS = {
    "opacus_hooks": "Opacus, hooks",
    "opacus_functorch": "Opacus, functorch",
    "opacus_ghost": "Opacus, ghost",
    "tape": "Cartveil, PyTorch",
    "kernel": "**Cartveil, compiled**",
}
_TRAINERS = {
    "cartveil": "**Cartveil**, compiled",
    "cartveil_torch": "Cartveil, PyTorch",
    "torch": "bare torch loop",
    "keras": "Keras 3, torch backend",
    "recbole": "RecBole, GRU4Rec",
}


def private_steps() -> str:
    """Return time and memory of a private step, and how exact it is."""
    figures = _read("private_training")
    cells = {(row["shape"], row["variant"]): row for row in figures["rows"]}
    shapes = [shape for shape in _SHAPES if any(shape == key[0] for key in cells)]
    lines = [
        "**A private training step**, exact clipping and noise included, over one of plain `nn.LSTM` without privacy; "
        "time / memory, one core, in one run:",
        "",
        f"| | {' | '.join(_STEPS.values())} | private over own plain (without noise) |",
        "|---" * (len(_STEPS) + 2) + "|",
    ]
    for shape in shapes:
        found = [_over(cells.get((shape, variant))) for variant in _STEPS]
        lines.append(f"| {_SHAPES[shape]} | {' | '.join(found)} | {_own(figures['own_plain'][shape])} |")
    exact = max(figures["relative_error"].values(), key=lambda cases: max(cases.values()))
    lines += ["", f"Largest relative error of a clipped sum against a loop over consumers: {max(exact.values()):.1e}."]
    return "\n".join(lines)


def plain_training() -> str:
    """Return events a second of plain training beside its peers, and of making batches."""
    made, beauty = _read("training"), _read("training_beauty")
    lines = [
        "**Plain training**, events a second, 128 units, full softmax, one core:",
        "",
        "| | 10k items, made up | Amazon Beauty |",
        "|---|---|---|",
    ]
    for key, name in _TRAINERS.items():
        speeds = [figures["events_per_second"].get(key) for figures in (made, beauty)]
        lines.append(f"| {name} | {' | '.join(f'{speed:,}' if speed else '' for speed in speeds)} |")
    return "\n".join(lines)


def sequences() -> str:
    """Return how fast events become batches, and in how much memory."""
    lines = [
        "**From a release to batches**: stored, encoded and read once, shuffled; one core:",
        "",
        "| events | events a second | peak MiB |",
        "|---|---|---|",
    ]
    rows = _read("sequences")["rows"]
    lines += [f"| {row['events']:,} | {row['events_per_second']:,} | {row['peak_mib']:,} |" for row in rows]
    return "\n".join(lines)


def attacks() -> str:
    """Return what attacks found out about private and plain training."""
    figures = _read("privacy_audit")
    lines = [
        "**Attacks** on a next-item LSTM, UCI Online Retail. Audit in one run: epsilon shown at least, 95% sure. "
        "Membership by likelihood ratio with shadow models: area under the curve (0.5 is guessing), members found at "
        "1% false alarms:",
        "",
        "| training | epsilon shown | flagged | membership AUC | found |",
        "|---|---|---|---|---|",
    ]
    names = list(dict.fromkeys(each["training"] for each in figures["audits"]))
    attacked = {_name(each["epsilon"]): each["likelihood_ratio"] for each in figures["membership"]}
    for name in [*names, *(key for key in attacked if key not in names)]:
        lines.append(_audit_row(name, [each for each in figures["audits"] if each["training"] == name], attacked))
    return "\n".join(lines)


def curve(name: str, title: str, part: str | None) -> str:
    """Return what is left of a recommender under privacy.

    Args:
        name: Of the result file.
        title: First words.
        part: Which of the judged parts; None where there is only one.
    """
    figures = _read(name)
    keys = {
        "recommender": "**Cartveil**, what ships",
        "lstm": "private LSTM alone",
        "lstm_on_walks": "LSTM on walks over noisy pairs",
        "popularity": "private popularity",
    }
    keys = {key: word for key, word in keys.items() if any(key in point for point in figures["epsilon"])}
    lines = [
        f"{title}, NDCG@10, delta {figures['delta']:g}, one consumer more or less, "
        f"mean of {len(figures['seeds'])} seeds:",
        "",
        f"| epsilon | {' | '.join(keys.values())} |",
        "|---" * (len(keys) + 1) + "|",
    ]
    for point in figures["epsilon"]:
        cells = [_ndcg(point.get(key), part) for key in keys]
        lines.append(f"| {point['epsilon']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def explanations() -> str:
    """Return how fast and how faithful explanations are."""
    figures = _read("explain")
    return (
        f"**Explanations** of a history of {figures['steps']} events among {figures['items']:,} items: "
        f"{figures['p50_ms']:.0f} ms (p99 {figures['p99_ms']:.0f}). On {figures['histories']} histories of UCI Online "
        f"Retail, deleting the strongest tenth of the events lowers the score by {figures['falls']['strongest']:.2f} "
        f"nats, a random tenth by {figures['falls']['at_random']:.2f}."
    )


def _over(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return ""
    memory = f" / {row['memory_ratio']:.2f}" if "memory_ratio" in row else ""
    return f"{row['time_ratio']:.2f}{memory}"


def _own(tiers: Mapping[str, Mapping[str, float]]) -> str:
    names = {"tape": "PyTorch", "kernel": "compiled"}
    return ", ".join(f"{names[tier]} {found['step']:.2f} ({found['clipping']:.2f})" for tier, found in tiers.items())


def _audit_row(name: str, audits: list[dict[str, Any]], attacked: Mapping[str, Mapping[str, Any]]) -> str:
    shown = f"{min(a['epsilon'] for a in audits):.2f} to {max(a['epsilon'] for a in audits):.2f}" if audits else ""
    flagged = f"{sum(bool(each['flagged']) for each in audits)} of {len(audits)}" if audits else ""
    attack = attacked.get(name)
    found = [f"{attack['auc']:.3f}", f"{attack['found_at']['0.01']:.1%}"] if attack else ["", ""]
    return f"| {name} | {shown} | {flagged} | {' | '.join(found)} |"


def _name(epsilon: float | None) -> str:
    return "plain" if epsilon is None else f"epsilon {epsilon:g}"


def _ndcg(found: Mapping[str, Any] | None, part: str | None) -> str:
    if found is None:
        return ""
    return f"{(found if part is None else found[part])['ndcg@10']:.4f}"


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return content
