"""Next item, leave one out: what a recommender reaches plainly, and what is left of it under privacy.

    python -m bench.recommend --data Beauty.txt --json FILE [--epsilon 1,3,8,inf] [--seeds N]
    python -m bench.recommend --data src/cartveil/faces/demo/data/online_retail.parquet --json FILE --epsilon 1,3,8

A text file has one line per consumer: id, then item ids in time order. Training sees all but the last two items of each
(`train_only`), or all but the last (`train_valid`, with what the first chose). Validation asks for the last but one,
test for the last given all before. All items are ranked, those of the history left out. The protocol is the package's
own, `evaluate_next_item`; the curve is this command's.

A Parquet file is UCI Online Retail under the protocol of `bench.next_basket`: each consumer's first basket from
November 2011 on, bought items stay in the list.

The curve trains privately at each epsilon, with the delta given, one consumer more or less. The items are taken for
public. Everything was chosen on validation data, and that choice is in no account of privacy; test data is scored once
per run.
"""

import argparse
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch
from torch import Tensor

from bench.next_basket import TEST, protected
from bench.report import mean_and_spread, write_report
from cartveil.insight.decisions.recommend.counts import (
    count_neighbours,
    count_personal_popularity,
    count_popularity,
)
from cartveil.insight.decisions.recommend.evaluate import evaluate_at
from cartveil.insight.decisions.recommend.sequential.companions import Companions, pair_sums
from cartveil.insight.decisions.recommend.sequential.config import PrivateSequenceConfig, SequenceConfig
from cartveil.insight.decisions.recommend.sequential.item_histories import (
    ItemHistories,
    histories_before,
    histories_from,
)
from cartveil.insight.decisions.recommend.sequential.learning import chances_of
from cartveil.insight.decisions.recommend.sequential.leave_one_out import NextItemScorer, judge_next_item
from cartveil.insight.decisions.recommend.sequential.networks import Network
from cartveil.insight.decisions.recommend.sequential.private import MIXTURE, Learner, learn_privately, shelf_of
from cartveil.insight.decisions.recommend.sequential.protocol import PASTS, evaluate_next_item
from cartveil.insight.decisions.recommend.sequential.recommender import SequenceRecommender
from cartveil.insight.decisions.recommend.sequential.transitions import count_buyers
from cartveil.insight.decisions.recommend.times import day_of
from cartveil.insight.privacy.accounting import epsilon_of
from cartveil.insight.sequences.baskets import Baskets, baskets_of
from cartveil.insight.sequences.occasions import Occasions, occasions_at, occasions_with_target
from cartveil.insight.sequences.vocabulary import RESERVED, Vocabulary, learn_vocabulary

#: Models of the table: what ships, its network alone, and the baselines.
MODELS = ("recommender", "lstm", "item_knn", "markov", "popularity")

#: LSTMs of the curve, each alone: trained on histories with most of the budget, or on walks over the noisy pairs only.
NETWORKS = {"lstm": {"network": 0.7}, "lstm_on_walks": {"walks": 20_000}}


def main() -> None:
    """Run the protocol of the file's kind, print its table, write its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--epsilon", type=_epsilons, default=())
    parser.add_argument("--delta", type=float, default=1e-6)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--curve-only", action="store_true", help="leave out the plain network")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    seeds = range(arguments.seeds)
    wish = Wish(arguments.epsilon, arguments.delta, seeds, plain=not arguments.curve_only)
    figures = baskets(arguments.data, wish) if arguments.data.suffix == ".parquet" else items(arguments.data, wish)
    print(table(figures))
    write_report(arguments.json, figures, seeds=seeds, threads=arguments.threads)


@dataclass(frozen=True)
class Wish:
    """What to measure: epsilons of the curve, delta, seeds, and whether to train the plain network too."""

    epsilons: Sequence[float]
    delta: float
    seeds: range
    plain: bool = True


def read_histories(path: Path) -> ItemHistories:
    """Read a text file; item n of the file has id n + 1, since two ids are reserved."""
    rows = [[int(word) + RESERVED - 1 for word in line.split()[1:]] for line in path.read_text().splitlines()]
    return histories_from(rows, item_count=max(max(row) for row in rows) + 1)


def items(path: Path, wish: Wish) -> dict[str, Any]:
    """Return the figures of leave one out."""
    histories = read_histories(path)
    known, wanted = histories.without_last(1), histories.item_at(1)
    figures = _protocol(histories, wish) if wish.plain else {}
    past = histories.without_last(2)
    curve = [
        _curve_point(lambda scorer: judge_next_item(scorer, known, wanted), past, epsilon, wish)
        for epsilon in wish.epsilons
    ]
    return {**figures, "delta": wish.delta, "epsilon": curve, "consumers": len(histories)}


def _protocol(histories: ItemHistories, wish: Wish) -> dict[str, Any]:
    """Return the figures of the package's own protocol, under the keys of the benchmark."""
    config = SequenceConfig()
    found = evaluate_next_item(
        histories, seeds=list(wish.seeds), config=config, on_progress=lambda text: print(text, flush=True)
    ).to_dict()
    facts = found["protocol"]
    return {
        **{past: {model: found[model][past] for model in MODELS} for past in PASTS},
        "sd": {past: {model: found["sd"][model][past] for model in found["sd"]} for past in PASTS},
        "intervals": found["intervals"],
        "seconds_per_epoch": facts.pop("seconds_per_epoch"),
        # The evaluator's own check: .0152 and .0068 on Beauty.
        "popularity_with_test_items": facts.pop("popularity_with_test_items"),
        "protocol": facts,
    }


def baskets(path: Path, wish: Wish) -> dict[str, Any]:
    """Return the figures of Online Retail; nothing of the test period is learned from."""
    events = protected(pq.read_table(path)).table
    vocabulary = learn_vocabulary(events["item"], at_most=5000)  # the catalogue, taken for public
    whole = baskets_of(events, vocabulary)
    start = day_of(TEST)
    asked = occasions_with_target(whole, start, horizon=math.inf)
    before = histories_before(whole, occasions_at(whole, start))
    makers = {
        "popularity": count_popularity,
        "personal_popularity": count_personal_popularity,
        "item_knn": count_neighbours,
    }
    figures: dict[str, Any] = {
        name: evaluate_at(make(whole, vocabulary, until=start), whole, asked) for name, make in makers.items()
    }
    judge = _Judge(whole, asked, vocabulary)
    curve = [_curve_point(judge.figures, before, epsilon, wish) for epsilon in wish.epsilons]
    return {**figures, "delta": wish.delta, "epsilon": curve, "consumers": len(before)}


def table(figures: dict[str, Any]) -> str:
    """Return the figures as lines for people."""
    lines = []
    for name in ("train_only", "train_valid"):
        for label, found in figures.get(name, {}).items():
            lines.append(f"{name:12}{label:22}{found['hr@10']:10.4f}{found['ndcg@10']:10.4f}")
    for point in figures["epsilon"]:
        for label in ("recommender", *NETWORKS, "popularity"):
            if label in point:
                lines.append(f"epsilon {point['epsilon']!s:6}{label:20}{point[label]}")
    return "\n".join(lines)


@dataclass(frozen=True)
class Constant:
    """Score items alike for everybody: DP-popularity."""

    chances: Tensor

    def scores_after(self, histories: ItemHistories) -> Tensor:
        """Return (n, V)."""
        return self.chances.expand(len(histories), -1)


@dataclass(frozen=True)
class NetworkAlone:
    """Score by a network alone."""

    network: Network
    popularity: Tensor

    def scores_after(self, histories: ItemHistories) -> Tensor:
        """Return (n, V)."""
        return self.network.chances(histories, self.popularity)


@dataclass(frozen=True)
class _Basketwise:
    """A next item scorer behind the interface of `evaluate_at`."""

    inner: NextItemScorer
    vocabulary: Vocabulary

    def scores(self, whole: Baskets, occasions: Occasions) -> Tensor:
        scores = self.inner.scores_after(histories_before(whole, occasions)).float().clone()
        scores[:, :RESERVED] = -torch.inf
        return scores


@dataclass(frozen=True)
class _Judge:
    whole: Baskets
    asked: Occasions
    vocabulary: Vocabulary

    def figures(self, scorer: NextItemScorer) -> dict[str, Any]:
        found = evaluate_at(_Basketwise(scorer, self.vocabulary), self.whole, self.asked)
        return {part: found[part] for part in ("all", "new")}


def _curve_point(judge: Any, past: ItemHistories, epsilon: float, wish: Wish) -> dict[str, Any]:
    """Return what is reached at an epsilon: by what ships, by private LSTMs alone, by noisy popularity alone."""
    if math.isinf(epsilon):
        return {"epsilon": "inf", "popularity": judge(count_buyers(past)), "recommender": judge(_without_noise(past))}
    runs = [_private_run(judge, past, epsilon, wish.delta, seed) for seed in wish.seeds]
    judged = ("recommender", *NETWORKS, "popularity")
    mean, spread = mean_and_spread([{key: run[key] for key in judged} for run in runs])
    print(f"epsilon {epsilon:g}: {mean}", flush=True)
    about = {key: [run[key] for run in runs] for key in ("spent", "shelf", "seconds")}
    return {"epsilon": epsilon, **mean, "sd": spread, **about}


def _private_run(judge: Any, past: ItemHistories, epsilon: float, delta: float, seed: int) -> dict[str, Any]:
    config = PrivateSequenceConfig(epsilon, delta)
    started = time.perf_counter()
    learner = Learner(config)
    parts = learn_privately(past, learner)
    seconds = time.perf_counter() - started
    alone = {}
    for name, how in NETWORKS.items():
        other = replace(config, **how, training=replace(config.training, seed=seed))
        found = learn_privately(past, Learner(other))
        if found.network is not None:
            alone[name] = judge(NetworkAlone(found.network, found.popularity))
    return {
        "recommender": judge(_shipped(parts.popularity, parts.companions, config.own)),
        **alone,
        "popularity": judge(Constant(parts.popularity)),
        "spent": epsilon_of(learner.log, delta=delta),
        "shelf": len(parts.companions.items),
        "seconds": seconds,
    }


def _shipped(popularity: Tensor, companions: Companions, own: float) -> SequenceRecommender:
    return SequenceRecommender(Vocabulary(()), popularity, companions, None, own, MIXTURE, {}, {})


def _without_noise(past: ItemHistories) -> SequenceRecommender:
    """Return what the same counts say without noise: the difference is what privacy took."""
    config = PrivateSequenceConfig(1.0, 1e-6)
    votes = count_buyers(past).counts
    shelf = shelf_of(votes, at_least=1.0, at_most=config.shelf)
    sums = pair_sums(past, shelf, at_most=config.at_most, reach=config.reach).float()
    return _shipped(chances_of(votes), Companions(shelf, sums + sums.T), config.own)


def _epsilons(text: str) -> tuple[float, ...]:
    return tuple(float(word) for word in text.split(","))


if __name__ == "__main__":
    main()
