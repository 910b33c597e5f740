"""How good a fraud model is: four weeks learnt from, four weeks judged, each two weeks after it.

Beside the network and the trees, which ship together, stand each of them alone, the network without trails, a random
forest, and a table of counts that needs no training to speak of.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cartveil.errors import ColumnError, InputError
from cartveil.insight.decisions.card_fraud.counts import count_frauds
from cartveil.insight.decisions.card_fraud.folds import Fold, Looked, card_precision, looked_at, test_rows, train_rows
from cartveil.insight.decisions.card_fraud.forest import grow_forest
from cartveil.insight.decisions.card_fraud.learning import FraudConfig, learn, quiet
from cartveil.insight.decisions.card_fraud.model import probability_of
from cartveil.insight.decisions.card_fraud.prepared import Prepared, prepare
from cartveil.insight.decisions.measures import (
    Evaluation,
    Figure,
    Interval,
    auc_roc,
    average_precision,
    bootstrap,
    evaluation_of,
)
from cartveil.insight.sequences.transactions import Transactions, transactions_of

#: The four folds of the handbook.
FOLDS = tuple(Fold(date(2018, 7, 25)).later(7 * number) for number in range(4))

#: The folds on which parameters were chosen: those of the handbook's chapter 5, which end before the others are judged.
VALIDATION = tuple(Fold(date(2018, 6, 20)).later(7 * number) for number in range(4))

#: What ships.
OURS = "lstm"

_ROUNDS = 200

#: Model -> its scores of what is judged on a fold, and a fold with the rows that are judged.
Scores = Mapping[str, NDArray[np.float64]]
Part = tuple[Fold, NDArray[np.int64]]


def evaluate_card_fraud(
    table: pa.Table,
    *,
    seeds: Sequence[int] = (0,),
    folds: Sequence[Fold] | None = None,
    config: FraudConfig | None = None,
    on_progress: Callable[[str], None] = quiet,
) -> Evaluation:
    """Learn on each fold and judge on it.

    Args:
        table: Columns `transaction`, `time`, `customer`, `terminal`, `amount`, `fraud`, the weeks before the first
            fold included.
        seeds: Of the trainings; the folds are the same for all.
        folds: What to learn from and what to be judged on; None for the handbook's where the table reaches over them,
            else for the last four weeks of the table, each judged by what was learnt two weeks before.
        config: See `FraudConfig`.
        on_progress: Told where it stands.

    Returns:
        Per model `auc`, `ap` and `cp@100`, means over the folds; `lstm` is what ships, network and trees together,
        `network` has no trees, `features` no trails either, `xgboost` is the trees alone, `forest` a random forest, and
        `counts` a table; without trees in `config` there is no forest either.

    Raises:
        ColumnError: A column is missing, or `fraud` is all of one kind.
        InputError: There is no seed or no fold, or the table does not reach over a fold.
        ModelError: A fold holds no fraud to learn from.
    """
    if not seeds:
        raise InputError("nothing to evaluate", path="seeds", hint="give a seed")
    config = config or FraudConfig()
    events = transactions_of(table)
    _require_verdicts(table, events)
    prepared = prepare(events, config.history)
    folds = folds or folds_of(prepared.events)
    parts = [(fold, _tested(prepared.events, fold)) for fold in folds]
    say = _announcing(on_progress, 2 * len(seeds) * len(folds))
    started = time.perf_counter()
    runs = [_scores(prepared, parts, _seeded(config, seed), on_progress=say) for seed in seeds]
    means = [_means(prepared.events, parts, scores) for scores in runs]
    return evaluation_of(
        "card-fraud",
        OURS,
        {name: [mean[name] for mean in means] for name in means[0]},
        intervals=_intervals(prepared.events, parts, runs[0]),
        protocol=_protocol(prepared.events, parts, seeds),
        curves=(_curve(prepared.events, parts, runs[0]),),
        seconds=(time.perf_counter() - started) / len(seeds),
    )


def folds_of(events: Transactions) -> tuple[Fold, ...]:
    """Return the handbook's folds where the transactions reach over them, else those of the last four weeks.

    Raises:
        InputError: There is nothing, or nothing in the first week to learn from.
    """
    if not len(events):
        raise InputError("no transaction to evaluate on", path="data", hint="every row lacks a value, or there is none")
    first, last = int(events.day[0]), int(events.day[-1])
    # Reaching over them is not enough: one payment of long ago makes no weeks.
    if first < FOLDS[0].first and last >= FOLDS[-1].judged[-1] and all(len(test_rows(events, each)) for each in FOLDS):
        return FOLDS
    latest = Fold(date(1970, 1, 1)).later(last - Fold(date(1970, 1, 1)).judged[-1])
    folds = tuple(latest.later(-7 * number) for number in reversed(range(len(FOLDS))))
    if not len(train_rows(events, folds[0])):
        hint = f"{last + 1 - folds[0].first} days are needed: four weeks that are judged, each two weeks after its week"
        raise InputError(f"{last + 1 - first} days are too few to be judged on", path="time", hint=hint)
    return folds


def _require_verdicts(table: pa.Table, events: Transactions) -> None:
    hint = "write 1 for what was reported as fraud, 0 for what was not"
    if "fraud" not in table.column_names:
        raise ColumnError("a table to be judged on lacks this column", path="fraud", hint=hint)
    if len(events) and events.fraud.all() == events.fraud.any():
        found = "fraud" if events.fraud.any() else "legitimate"
        raise ColumnError(f"every payment is {found}: there is nothing to tell apart", path="fraud", hint=hint)


def measured(events: Transactions, rows: NDArray[np.int64], score: NDArray[np.float64]) -> dict[str, float]:
    """Return `auc`, `ap` and `cp@100` of the scores of these payments."""
    fraud = events.fraud[rows]
    return {
        "auc": auc_roc(fraud, score),
        "ap": average_precision(fraud, score),
        "cp@100": card_precision(events, rows, score),
    }


def _tested(events: Transactions, fold: Fold) -> NDArray[np.int64]:
    rows = test_rows(events, fold)
    if not events.fraud[rows].any() or events.day[-1] < fold.judged[-1]:
        hint = (
            "a fold needs its week to learn from, a week for verdicts to come in, and a week with fraud to be judged on"
        )
        raise InputError(f"nothing to judge in the fold of {fold.start}", path="folds", hint=hint)
    return rows


def _seeded(config: FraudConfig, seed: int) -> FraudConfig:
    return replace(config, training=replace(config.training, seed=seed))


def _announcing(on_progress: Callable[[str], None], times: int) -> Callable[[str], None]:
    """Return what passes on how long the first training takes, drops what the others say, and passes on the rest."""
    announced: list[str] = []

    def say(text: str) -> None:
        if text.startswith("seed"):
            on_progress(text)
        elif not announced:
            announced.append(text)
            on_progress(f"{text}; so {times} times, features alone in less")

    return say


def _scores(
    prepared: Prepared, parts: Sequence[Part], config: FraudConfig, *, on_progress: Callable[[str], None]
) -> list[Scores]:
    """Return what each model that was trained on a fold says of what is judged there, fold by fold."""
    found = []
    for fold, judged in parts:
        found.append(_on_fold(prepared, (fold, judged), config, on_progress=on_progress))
        figures = measured(prepared.events, judged, found[-1][OURS])
        named = f"seed {config.training.seed}, fold {fold.start}"
        on_progress(f"{named}: AP {figures['ap']:.3f}, CP@100 {figures['cp@100']:.3f}")
    return found


def _on_fold(prepared: Prepared, part: Part, config: FraudConfig, *, on_progress: Callable[[str], None]) -> Scores:
    fold, judged = part
    rows = train_rows(prepared.events, fold)
    model = learn(prepared, rows, config=config, on_progress=on_progress)
    bare = learn(prepared, rows, config=replace(config, trails=False, trees=None))
    features, fraud = prepared.features, prepared.events.fraud
    network = model.network_odds(prepared, judged)
    found = {OURS: model.probabilities(prepared, judged), "network": probability_of(network)}
    if model.trees is not None:
        found["xgboost"] = probability_of(model.trees.log_odds(features[judged]))
        forest = grow_forest(features[rows], fraud[rows], seed=config.training.seed)
        found["forest"] = forest.probabilities(features[judged])
    found["features"] = probability_of(bare.network_odds(prepared, judged))
    found["counts"] = count_frauds(features[rows], fraud[rows]).probabilities(features[judged])
    return found


def _means(events: Transactions, parts: Sequence[Part], found: Sequence[Scores]) -> dict[str, dict[str, float]]:
    """Return the measures of each model, means over the folds."""
    means = {}
    for name in found[0]:
        each = [measured(events, judged, scores[name]) for (_, judged), scores in zip(parts, found, strict=True)]
        means[name] = {measure: float(np.mean([one[measure] for one in each])) for measure in each[0]}
    return means


def _intervals(events: Transactions, parts: Sequence[Part], found: Sequence[Scores]) -> dict[str, dict[str, Interval]]:
    """Return where the measures lie if other customers had paid; the first seed's models, customers as units."""
    measures = {"auc": auc_roc, "ap": average_precision}
    intervals: dict[str, dict[str, Interval]] = {}
    for name in found[0]:
        sides = [_ranked(events, judged, scores[name]) for (_, judged), scores in zip(parts, found, strict=True)]
        for measure, of in measures.items():
            drawn = partial(_drawn, sides=sides, of=of, customers=len(events.customers))
            intervals.setdefault(name, {})[measure] = bootstrap(len(events.customers), drawn, rounds=_ROUNDS)
        looked = [looked_at(events, judged, scores[name]) for (_, judged), scores in zip(parts, found, strict=True)]
        cards = partial(_cards_drawn, looked=looked, customers=len(events.customers))
        intervals[name]["cp@100"] = bootstrap(len(events.customers), cards, rounds=_ROUNDS)
    return intervals


def _ranked(
    events: Transactions, rows: NDArray[np.int64], score: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.float64]]:
    order = np.argsort(-score, kind="stable")
    return events.customer[rows[order]], events.fraud[rows[order]], score[order]


def _drawn(
    units: NDArray[np.int64],
    *,
    sides: Sequence[tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.float64]]],
    of: Callable[[NDArray[np.bool_], NDArray[np.float64]], float],
    customers: int,
) -> float:
    times = np.bincount(units, minlength=customers)
    found = []
    for customer, fraud, score in sides:
        again = np.repeat(np.arange(len(customer)), times[customer])
        found.append(of(fraud[again], score[again]))
    return float(np.mean(found))


def _cards_drawn(units: NDArray[np.int64], *, looked: Sequence[Looked], customers: int) -> float:
    times = np.bincount(units, minlength=customers)
    return float(np.mean([each.precision(times) for each in looked]))


def _curve(events: Transactions, parts: Sequence[Part], found: Sequence[Scores]) -> Figure:
    """Return precision over recall, all folds' payments in one ranking."""
    fraud = np.concatenate([events.fraud[judged] for _, judged in parts])
    lines = {}
    for name in found[0]:
        score = np.concatenate([scores[name] for scores in found])
        hits = np.cumsum(fraud[np.argsort(-score, kind="stable")])
        places = np.unique(np.searchsorted(hits, np.linspace(0.02, 1, 50) * hits[-1]))
        lines[name] = tuple((float(hits[place] / hits[-1]), float(hits[place] / (place + 1))) for place in places)
    return Figure("Precision over recall of fraud", "recall", "precision", lines)


def _protocol(events: Transactions, parts: Sequence[Part], seeds: Sequence[int]) -> dict[str, Any]:
    learnt = [train_rows(events, fold) for fold, _ in parts]
    perfect = [card_precision(events, judged, events.fraud[judged].astype(np.float64)) for _, judged in parts]
    return {
        "unit": "transaction; card for cp@100",
        "folds": [
            {
                "train_from": str(fold.start),
                "train": {"transactions": len(own), "fraud": int(events.fraud[own].sum())},
                "test": {"transactions": len(judged), "fraud": int(events.fraud[judged].sum())},
            }
            for (fold, judged), own in zip(parts, learnt, strict=True)
        ],
        "seeds": list(seeds),
        "left_out": events.left_out,
        "perfect_cp@100": float(np.mean(perfect)),
        "intervals": "customers resampled, first seed",
    }
