"""The decision jobs' figures of `bench/results/` as tables in Markdown; written into pages by `write_results`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent.parent / "bench" / "results"

_NEXT_ITEM = {
    "recommender": "**Cartveil** (LSTM and item-kNN)",
    "lstm": "LSTM alone",
    "item_knn": "item-kNN, tuned",
    "markov": "Markov",
    "popularity": "popularity",
}
_NEXT_BASKET = {
    "recommender": "**Cartveil** (LSTM with copy path)",
    "lstm": "LSTM path alone",
    "personal_popularity": "personal popularity",
    "item_knn": "item-kNN",
    "popularity": "popularity",
}
_DEMAND = {
    "lstm": "**Cartveil** (LSTM)",
    "recent_quantiles": "quantiles of the last 12 months",
    "empirical_quantiles": "quantiles of all months",
    "pooled_quantiles": "pooled quantiles of like items",
    "seasonal_naive": "seasonal naive",
    "zero": "zero",
}
_CARDS = {
    "lstm": "**Cartveil** (LSTMs, features, trees)",
    "network": "LSTMs and features, no trees",
    "features": "features alone, a network",
    "xgboost": "XGBoost, same features",
    "random_forest": "random forest, same features",
    "counts": "counts",
}
_MISUSE = {
    "lstm": "**Cartveil** (counts, rules, second stage with LSTM)",
    "no_recurrence": "its second stage without recurrence",
    "no_second_stage": "without a second stage",
    "counts": "counts alone",
    "rules": "rules alone",
    "volume": "volume against own habit",
}
_TAKEOVER = {
    "lstm": "**Cartveil** (second stage with LSTM)",
    "no_recurrence": "without recurrence",
    "no_second_stage": "surprise alone, no second stage",
    "rules": "rules",
    "counts": "rarity of device, network, region",
}
_TRACES = {
    "lstm": "**Cartveil** (three LSTMs, calmest stretch)",
    "lstm_mean": "the same, mean of the trace",
    "lstm_single": "one LSTM, calmest stretch",
    "ngram_calmest": "6-grams, Witten-Bell, calmest stretch",
    "ngram": "the same, mean of the trace",
    "nearest": "nearest trace, tf-idf of pairs",
}
_PURCHASE = {
    "purchase": "**Cartveil**",
    "lstm": "LSTM alone",
    "recency_frequency": "logistic regression on recency and frequency",
    "beta_geometric": "BG/NBD",
    "base_rate": "base rate",
}


def next_item() -> str:
    """Return how well the next item is guessed, learnt without and with the validation items."""
    figures = _read("recommend")
    lines = _head(
        f"**Next item** on Amazon Beauty, leave one out, all items ranked, mean (spread) of {_seeds(figures)} seeds:",
        ["NDCG@10", "HR@10", "NDCG@10, validation items learnt too", "HR@10"],
    )
    for key, name in _NEXT_ITEM.items():
        cells = [
            _cell(figures, key, (part, measure))
            for part in ("train_only", "train_valid")
            for measure in ("ndcg@10", "hr@10")
        ]
        lines.append(_row(name, cells))
    return "\n".join(lines)


def next_basket() -> str:
    """Return how well the next basket is guessed, of all items and of new ones."""
    figures = _read("next_basket")
    lines = _head(
        f"**Next basket** on UCI Online Retail, first baskets from November on, mean (spread) of {_seeds(figures)} "
        "seeds:",
        ["NDCG@10, all items", "NDCG@10, new items"],
    )
    for key, name in _NEXT_BASKET.items():
        lines.append(_row(name, [_cell(figures, key, (part, "ndcg@10")) for part in ("all", "new")]))
    return "\n".join(lines)


def demand() -> str:
    """Return how good forecasts are, of intermittent and of weekly demand."""
    parts, weekly = _read("demand_car_parts"), _read("demand")
    lines = _head(
        "**Demand**: monthly car parts (71% zeros), twelve months ahead; UCI Online Retail by weeks, four weeks ahead "
        f"from four origins. Weighted quantile loss, lower is better, mean (spread) of {_seeds(parts)} seeds:",
        ["car parts", "weekly"],
    )
    for key, name in _DEMAND.items():
        name = name.replace("months", "months or weeks") if key == "empirical_quantiles" else name
        name = "quantiles of the last 12 months, 8 weeks" if key == "recent_quantiles" else name
        other = "empirical_quantiles" if key == "recent_quantiles" and key not in weekly else key
        if key == "empirical_quantiles" and "recent_quantiles" not in weekly:
            other = ""
        lines.append(_row(name, [_cell(parts, key, ("wql",), 3), _cell(weekly, other, ("wql",), 3)]))
    for name, figures in (("car parts", parts), ("weekly", weekly)):
        covered = figures["lstm"]["coverage"]
        missed = max(abs(share - float(level)) for level, share in covered.items())
        lines += ["", f"Coverage of Cartveil's quantiles, {name}: {100 * missed:.1f} points off at most."]
    return "\n".join(lines)


def card_fraud() -> str:
    """Return how well card fraud is found, and how fast one payment is judged."""
    figures = _read("card_fraud")
    measures = ("auc", "ap", "cp@100")
    lines = _head(
        f"**Card fraud**, the handbook's simulated payments, four folds, mean (spread) of {_seeds(figures)} seeds:",
        ["AUC", "AP", "card precision @100"],
    )
    lines += [_row(name, [_cell(figures, key, (each,), 3) for each in measures]) for key, name in _CARDS.items()]
    stream, reach = figures["streaming"], figures["reachable"]
    lines += [
        "",
        f"Whoever knew every fraud but those at terminals with no report yet would reach AP {reach['ap']:.3f} and card "
        f"precision {reach['cp@100']:.3f}. One payment at a time: {stream['events_per_second']:,.0f} a second, p99 "
        f"{stream['p99_ms']:.1f} ms, {stream['largest_difference_to_batch']:.0e} from batch scoring at most.",
    ]
    return "\n".join(lines)


def misuse() -> str:
    """Return how well misuse of access is found."""
    figures = _read("misuse")
    lines = _head(
        "**Misuse of access**, a simulated audit log of a million entries, learnt from clean days only, mean (spread) "
        f"of {_seeds(figures)} seeds:",
        ["AP of days", "incidents found at 5 alerts a day", "at 20", "leaked at 20"],
    )
    paths = (("average_precision",), ("at_5", "incident_recall"), ("incident_recall",), ("leaked_share_mean",))
    lines += [_row(name, [_cell(figures, key, path, 3) for path in paths]) for key, name in _MISUSE.items()]
    return "\n".join(lines)


def takeover() -> str:
    """Return how well taken-over accounts are found."""
    figures = _read("takeover")
    lines = _head(
        "**Account takeover**, simulated sessions of 18,368 consumers, learnt from clean days only, mean (spread) of "
        f"{_seeds(figures)} seeds:",
        ["AP of sessions", "found at 1% false alarms", "at 0.1%"],
    )
    keys = ("session_average_precision", "recall_at_1pct_fpr", "recall_at_01pct_fpr")
    lines += [_row(name, [_cell(figures, key, (each,), 3) for each in keys]) for key, name in _TAKEOVER.items()]
    return "\n".join(lines)


def traces() -> str:
    """Return how well attacks are found in traces of system calls."""
    figures = _read("syscalls")
    keys = ("auc", "ap", "tpr@1%", "tpr@5%")
    protocol = figures["protocol"]
    lines = _head(
        f"**Attacks in traces of system calls** (ADFA-LD), {protocol['train']} normal traces learnt from, "
        f"{protocol['attacks']} attacks among {protocol['test']:,}, mean (spread) of {_seeds(figures)} seeds:",
        ["AUC", "AP", "found at 1% false alarms", "at 5%"],
    )
    lines += [_row(name, [_cell(figures, key, (each,), 3) for each in keys]) for key, name in _TRACES.items()]
    return "\n".join(lines)


def purchase() -> str:
    """Return how good purchase probabilities are."""
    figures = _read("purchase")
    keys = ("brier", "log_loss", "calibration_error", "auc")
    lines = _head(
        "**Who buys within the horizon**, UCI Online Retail, two origins, "
        f"{figures['protocol']['horizon_days']:g} days, mean (spread) of {_seeds(figures)} seeds:",
        ["Brier score", "log loss", "calibration error", "AUC"],
    )
    lines += [_row(name, [_cell(figures, key, (each,), 4) for each in keys]) for key, name in _PURCHASE.items()]
    return "\n".join(lines)


def serving() -> str:
    """Return how fast a recommendation is."""
    figures = _read("serving")
    return (
        f"**A recommendation** among {figures['items']:,} items: p50 {figures['in_process']['p50_ms']:.1f} ms, p99 "
        f"{figures['in_process']['p99_ms']:.1f} ms; over HTTP p50 {figures['p50_ms']:.1f} ms, p99 "
        f"{figures['p99_ms']:.1f} ms, {figures['requests_per_second']:,.0f} requests a second from "
        f"{figures['clients']} clients."
    )


def _head(title: str, columns: Sequence[str]) -> list[str]:
    return [title, "", f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]


def _row(name: str, cells: Sequence[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"


def _cell(figures: Mapping[str, Any], model: str, path: Sequence[str], digits: int = 4) -> str:
    """Return mean and spread of one measure; nothing where it was not measured."""
    value, spread = _at(figures.get(model), path), _at(figures.get("sd", {}).get(model), path)
    if value is None:
        return ""
    return f"{value:.{digits}f}" + (f" ({spread:.{digits}f})" if spread is not None else "")


def _at(found: Any, path: Sequence[str]) -> float | None:
    for name in path:
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return None if found is None else float(found)


def _seeds(figures: Mapping[str, Any]) -> int:
    return len(figures["seeds"])


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return content
