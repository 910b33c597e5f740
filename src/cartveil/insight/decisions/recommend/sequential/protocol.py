"""How good next item recommendation is, whole: learn, choose, guess the last item, beside the baselines.

An item of every consumer's last visit is the test, one of the visit before it the validation. A visit is held out
whole: the rest of a basket would tell the item. Where nothing says what was bought together, each item is a visit.
`train_only` learns from what stands before both and is asked for the test item given all before its visit;
`train_valid` learns from the validation items too, with what was chosen without. All items are ranked, those of the
history left out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from cartveil.insight.decisions.measures import Evaluation, Figure, Interval, bootstrap, evaluation_of
from cartveil.insight.decisions.recommend.sequential.config import SequenceConfig
from cartveil.insight.decisions.recommend.sequential.item_histories import ItemHistories, histories_of
from cartveil.insight.decisions.recommend.sequential.learning import Alone, Learned, Parts, choose, learn_again, quiet
from cartveil.insight.decisions.recommend.sequential.leave_one_out import (
    NextItemScorer,
    hits_and_gains,
    ranks_after,
    summary_of,
)
from cartveil.insight.decisions.recommend.sequential.transitions import (
    Counting,
    count_buyers,
    count_companions,
    count_markov,
)
from cartveil.insight.decisions.recommend.sequential.tuning import tuned_counting
from cartveil.insight.decisions.recommend.training import events_before
from cartveil.insight.sequences.baskets import baskets_of
from cartveil.insight.sequences.vocabulary import RESERVED, learn_vocabulary, most_frequent

#: What is learned from: all before the validation items, or those too.
PASTS = ("train_only", "train_valid")

#: Lengths of a list at which the share of consumers is drawn who find their item.
_LENGTHS = (1, 2, 3, 5, 10, 20, 50)

#: Past -> model -> ranks of all consumers' items, (consumers,).
_Ranks = Mapping[str, Mapping[str, Tensor]]


def evaluate_next_item(
    histories: ItemHistories,
    *,
    seeds: Sequence[int],
    config: SequenceConfig | None = None,
    on_progress: Callable[[str], None] = quiet,
) -> Evaluation:
    """Judge the recommender, its LSTM alone and the baselines.

    Args:
        histories: One of each consumer, three visits each at least to be scored; see `histories_to_judge`.
        seeds: One training each.
        config: See `SequenceConfig`.
        on_progress: Told what begins and how long it should take.

    Returns:
        Model -> `train_only`, `train_valid` -> `hr@10`, `ndcg@10`. Intervals are over consumers; `above_item_knn` is
        the difference to item-kNN of the same consumers.

    Raises:
        ModelError: There are too few histories, or none that could be scored.
    """
    config = config or SequenceConfig()
    known, asked = histories.without_last(1), _asked(histories)
    past, wanted = histories.without_last(2), histories.without_last(1).asked_at(1)
    on_progress("tuning item-kNN on the validation items")
    counting = tuned_counting(past, past, wanted)
    counted = _ranks_of_counts(histories, counting, asked)
    runs: list[_Ranks] = []
    learned: list[Learned] = []
    for seed in seeds:
        own = replace(config, training=replace(config.training, seed=seed))
        on_progress(f"seed {seed}: learning without validation and test items")
        learned.append(choose(known, own, counting=counting, on_progress=on_progress))
        on_progress(f"seed {seed}: learning with the validation items, {learned[-1].best_epoch} epochs")
        parts = {"train_only": learned[-1].parts, "train_valid": learn_again(known, own, learned[-1])}
        runs.append({name: _ranks_of_parts(each, known, asked) for name, each in parts.items()})
        on_progress(f"seed {seed}: {_line(runs[-1])}")
    ranks = [counted, *runs]
    models = {name: [run for run in ranks if name in run["train_only"]] for name in _names(ranks)}
    return evaluation_of(
        "next-item",
        "recommender",
        {model: [_figures(run, model) for run in found] for model, found in models.items()},
        intervals=_intervals(models),
        protocol=_protocol(histories, counting, learned, seeds),
        curves=(_curve(models),),
        seconds=float(np.mean([sum(epoch.seconds for epoch in each.epochs) for each in learned])) if learned else 0.0,
    )


def histories_to_judge(events: pa.Table) -> ItemHistories:
    """Return the histories of a release, with the items that somebody bought before the last visit.

    Args:
        events: Columns `subject`, `time` and `item`, and `order` if there is such.

    Raises:
        ModelError: A column is missing or holds NULL, or there is no event.
    """
    events = events_before(events, None)
    every = learn_vocabulary(events["item"], at_most=len(events))
    known = histories_of(baskets_of(events, every)).without_last(1)
    counts = np.bincount(known.items, minlength=every.size)[RESERVED:]
    words = most_frequent(pa.array(every.words, pa.string()), counts, at_most=every.size)
    return histories_of(baskets_of(events, words))


def _asked(histories: ItemHistories) -> NDArray[np.int64]:
    """Return an item of the last visit of everybody who has three or more, else 0, (n,)."""
    return np.where(histories.visits >= 3, histories.asked_at(1), 0)


def _pasts(histories: ItemHistories) -> dict[str, ItemHistories]:
    return {"train_only": histories.without_last(2), "train_valid": histories.without_last(1)}


def _ranks_of_counts(histories: ItemHistories, counting: Counting, asked: NDArray[np.int64]) -> _Ranks:
    known = histories.without_last(1)
    return {
        name: {
            "item_knn": ranks_after(count_companions(past, counting), known, asked),
            "markov": ranks_after(count_markov(past), known, asked),
            "popularity": ranks_after(count_buyers(past), known, asked),
        }
        for name, past in _pasts(histories).items()
    }


def _ranks_of_parts(parts: Parts, known: ItemHistories, asked: NDArray[np.int64]) -> dict[str, Tensor]:
    scorers: dict[str, NextItemScorer] = {"recommender": parts, "lstm": Alone(parts.lstm)}
    return {name: ranks_after(scorer, known, asked) for name, scorer in scorers.items()}


def _names(ranks: Sequence[_Ranks]) -> list[str]:
    """Return the models, those with seeds first."""
    return [*(ranks[1]["train_only"] if len(ranks) > 1 else ()), *ranks[0]["train_only"]]


def _figures(run: _Ranks, model: str) -> dict[str, dict[str, float]]:
    return {past: summary_of(run[past][model]) for past in PASTS}


def _line(run: _Ranks) -> str:
    found = summary_of(run["train_only"]["recommender"])
    return ", ".join(f"{name} {value:.4f}" for name, value in found.items())


def _intervals(models: Mapping[str, Sequence[_Ranks]]) -> dict[str, dict[str, Interval]]:
    """Return intervals over consumers, who count with their mean over the seeds."""
    values = {model: {past: _each(runs, past, model) for past in PASTS} for model, runs in models.items()}
    found: dict[str, dict[str, Interval]] = {}
    for model, pasts in values.items():
        found[model] = {f"{past}.{name}": _interval(pasts[past][name]) for past in PASTS for name in pasts[past]}
    if "recommender" in values:
        for past in PASTS:
            above = values["recommender"][past]["ndcg@10"] - values["item_knn"][past]["ndcg@10"]
            found["recommender"][f"{past}.ndcg@10.above_item_knn"] = _interval(above)
    return found


def _each(runs: Sequence[_Ranks], past: str, model: str) -> dict[str, NDArray[np.float64]]:
    """Return what each consumer adds to the measures, mean over runs, (consumers,) each."""
    pairs = [hits_and_gains(run[past][model]) for run in runs]
    means = (torch.stack([pair[place] for pair in pairs]).mean(0).numpy() for place in (0, 1))
    return dict(zip(("hr@10", "ndcg@10"), means, strict=True))


def _interval(values: NDArray[np.float64]) -> Interval:
    return bootstrap(len(values), lambda sample: float(values[sample].mean()), rounds=500)


def _curve(models: Mapping[str, Sequence[_Ranks]]) -> Figure:
    lines = {
        model: tuple(
            (
                float(length),
                float(np.mean([float((run["train_only"][model] <= length).double().mean()) for run in runs])),
            )
            for length in _LENGTHS
        )
        for model, runs in models.items()
    }
    return Figure("Who finds the next item in a list", "length of the list", "share of consumers", lines)


def _protocol(
    histories: ItemHistories, counting: Counting, learned: Sequence[Learned], seeds: Sequence[int]
) -> dict[str, Any]:
    epochs = [epoch for each in learned for epoch in each.epochs]
    return {
        "unit": "consumer",
        "consumers": int((_asked(histories) > 0).sum()),
        "items": len(np.unique(histories.items)),
        "seeds": list(seeds),
        "counting": {name: getattr(counting, name) for name in counting.__dataclass_fields__},
        "weight_of_item_knn": [each.parts.weight for each in learned],
        "epochs": [each.best_epoch for each in learned],
        "validation": [each.metrics for each in learned],
        "seconds_per_epoch": sum(epoch.seconds for epoch in epochs) / max(len(epochs), 1),
        # The evaluator's own check: .0152 and .0068 on Amazon Beauty.
        "popularity_with_test_items": summary_of(
            ranks_after(count_buyers(histories), histories.without_last(1), _asked(histories))
        ),
    }
