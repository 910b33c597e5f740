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
    "counts": "counts of the copy path alone",
    "personal_popularity": "personal popularity",
    "item_knn": "item-kNN",
    "popularity": "popularity",
}
_DEMAND = {
    "lstm": "**Cartveil** (LSTM)",
    "empirical_quantiles": "the item's own quantiles, of all months or 8 weeks",
    "recent_quantiles": "the same, of 12 months or 13 weeks",
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
    parts = [_part(figures, part) for part in ("train_only", "train_valid")]
    for key, name in _NEXT_ITEM.items():
        lines.append(_row(name, [_cell(part, key, (each,)) for part in parts for each in ("ndcg@10", "hr@10")]))
    return "\n".join(lines)


def _part(figures: Mapping[str, Any], part: str) -> Mapping[str, Any]:
    """Return one part of the next-item figures, model by model as in other files."""
    return {**figures[part], "sd": figures["sd"][part]}


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
        lines.append(_row(name, [_cell(each, key, ("wql",), 3) for each in (parts, weekly)]))
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
        "**Account takeover**, simulated sessions of consumers, learnt from clean days only, mean (spread) of "
        f"{_seeds(figures)} seeds:",
        ["AP of sessions", "found at 1% false alarms", "at 0.1%"],
    )
    keys = ("session_average_precision", "recall_at_1pct_fpr", "recall_at_0.1pct_fpr")
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


def hierarchy() -> str:
    """Return what it costs that sums agree."""
    figures = _read("hierarchy")
    ways = {
        "coherent": "**Cartveil**, sums that agree",
        "apart": "each series by itself, sums that do not agree",
        "summed": "quantiles of items added up",
    }
    nodes = figures["protocol"]
    lines = _head(
        f"**Forecasts whose sums agree**, {nodes['items']:,} items in {nodes['groups']} groups, weighted quantile "
        f"loss, mean (spread) of {_seeds(figures)} seeds:",
        ["items", "groups", "total"],
    )
    levels = ("item", "group", "total")
    lines += [_row(name, [_cell(figures, key, (each,), 3) for each in levels]) for key, name in ways.items()]
    return "\n".join(lines)


def operations() -> str:
    """Return how alerts hold up as daily work."""
    figures = _read("operations")
    cause, deleted, said = figures["named_cause"], figures["deletion"], figures["verdicts"]
    lines = [
        f"**Alerts as daily work**, the same audit log, {figures['actors']} actors. Alerts within 20% of the budget on "
        "ten days, over splits of the clean days:",
        "",
        "| alerts a day | a fixed threshold | **Cartveil**, kept day by day |",
        "|---|---|---|",
    ]
    for per_day, found in figures["budget"].items():
        lines.append(_row(per_day, [f"{found[way]['within_a_fifth']:.0%}" for way in ("held", "kept")]))
    lines += [
        "",
        f"Reasons name what was planted in {cause['named']:.0%} of {cause['incidents']} incidents of ten kinds "
        f"({_of_alerted(cause)}before anything was planted, the reasons of the same days named it in "
        f"{cause['named_before']:.0%}). Without what reasons name an alert's score falls by "
        f"{deleted['fall_by_reasons']:.0%}, without as many other fields by {deleted['fall_at_random']:.0%}. "
        f"After {said['verdicts']} verdicts average precision goes from {said['average_precision_without']:.3f} to "
        f"{said['average_precision_with']:.3f}.",
    ]
    return "\n".join(lines)


def _of_alerted(cause: Mapping[str, Any]) -> str:
    if not cause["alerted"]:
        return ""
    return f"{cause['named_of_alerted']:.0%} of the {cause['alerted']} that were alerted; "


def in_short() -> str:
    """Return each job's main figure beside the best of the others in the same run, in one table."""
    lines = _head(
        "**Decisions**, each beside the best simpler way of the same run (a baseline that the package offers, or a "
        "well-kept library); arrows say which way is better:",
        ["measure", "Cartveil", "best of the others"],
    )
    for name, file, measure, path, digits in _JOBS:
        figures = _part(_read(file), "train_only") if file == "recommend" else _read(file)
        ours = next(iter(_NAMES[file]))
        others = {key: _at(figures.get(key), path) for key in _RIVALS[file]}
        known = {key: value for key, value in others.items() if value is not None}
        best = (min if "↓" in measure else max)(known, key=lambda key: known[key])
        cells = [measure, _cell(figures, ours, path, digits), f"{known[best]:.{digits}f}, {_NAMES[file][best]}"]
        lines.append(_row(name, cells))
    return "\n".join(lines)


#: Name, result file, measure, where it stands, digits.
_JOBS = (
    ("next item, Amazon Beauty", "recommend", "NDCG@10 ↑", ("ndcg@10",), 4),
    ("next basket, UCI Online Retail, all items", "next_basket", "NDCG@10 ↑", ("all", "ndcg@10"), 4),
    ("the same, new items", "next_basket", "NDCG@10 ↑", ("new", "ndcg@10"), 4),
    ("demand, car parts by months", "demand_car_parts", "WQL ↓", ("wql",), 3),
    ("demand, UCI Online Retail by weeks", "demand", "WQL ↓", ("wql",), 3),
    ("who buys within a horizon, UCI Online Retail", "purchase", "Brier ↓", ("brier",), 4),
    ("card fraud, handbook", "card_fraud", "AP ↑", ("ap",), 3),
    ("misuse of access, simulated", "misuse", "AP ↑", ("average_precision",), 3),
    ("account takeover, simulated", "takeover", "AP ↑", ("session_average_precision",), 3),
    ("attacks in system calls, ADFA-LD", "syscalls", "AUC ↑", ("auc",), 3),
)
_NAMES = {
    "recommend": _NEXT_ITEM,
    "next_basket": _NEXT_BASKET,
    "demand": _DEMAND,
    "demand_car_parts": _DEMAND,
    "purchase": _PURCHASE,
    "card_fraud": _CARDS,
    "misuse": _MISUSE,
    "takeover": _TAKEOVER,
    "syscalls": _TRACES,
}
#: What is no part of ours.
_RIVALS = {
    "recommend": ("item_knn", "markov", "popularity"),
    "next_basket": ("personal_popularity", "item_knn", "popularity", "counts"),
    "demand": ("empirical_quantiles", "recent_quantiles", "pooled_quantiles", "seasonal_naive", "zero"),
    "demand_car_parts": ("empirical_quantiles", "recent_quantiles", "pooled_quantiles", "seasonal_naive", "zero"),
    "purchase": ("recency_frequency", "beta_geometric", "base_rate"),
    "card_fraud": ("xgboost", "random_forest", "counts"),
    "misuse": ("no_second_stage", "counts", "rules", "volume"),
    "takeover": ("rules", "counts"),
    "syscalls": ("ngram", "ngram_calmest", "nearest"),
}


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
