"""What attacks find out about private and plain training: `python -m bench.privacy_audit --json FILE`.

Audit: canaries of random items beside the customers of UCI Online Retail, one training for each claim and seed, the
lower bound of Steinke et al. (2023). Controls: the same training with its noise switched off, which must be flagged,
and plain training, which claims nothing.

Membership: of the customers a random half is trained on. Each model in turn is attacked, by the loss alone and by the
likelihood ratio with all others as shadows (Carlini et al. 2022); figures are means over the models attacked. Beside
them stands what the models learnt, the mean loss in nats of members and of others: 6.9 would be guessing.

Sequences are each customer's last 20 stock codes; the 1,000 most frequent codes are the vocabulary, which is taken for
public here. `--data` takes another file: a line per customer, its number, then items in order of time.
"""

import argparse
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from bench.report import mean_and_spread, write_report
from cartveil.faces import demo
from cartveil.insight.models.encoder import UNKNOWN, Batch, EncoderConfig
from cartveil.insight.models.next_item import NextItem, NextItemConfig
from cartveil.insight.privacy.auditing import Attack, attack_by_loss, attack_by_score, draw_canaries
from cartveil.insight.privacy.auditing.shadows import confidences_of, draw_halves, likelihood_ratios
from cartveil.insight.privacy.clipping import ClippedSum
from cartveil.insight.privacy.statement import PrivacyStatement
from cartveil.insight.training import private
from cartveil.insight.training.auditing import AuditResult, audit, mean_losses
from cartveil.insight.training.compiled import CompiledUpdate
from cartveil.insight.training.config import TrainingConfig
from cartveil.insight.training.examples import Examples
from cartveil.insight.training.lessons import Lesson, losses_of, mean_loss
from cartveil.insight.training.loop import fit
from cartveil.insight.training.private import PrivateConfig, train_private

#: Id 0 is padding, id 1 every item that is not in the vocabulary.
FIRST_ITEM = 2


@dataclass(frozen=True)
class Setting:
    """Sizes of the benchmark."""

    customers: int = 1500
    vocabulary: int = 1000
    length: int = 20
    hidden: int = 64
    canaries: int = 500
    canary_length: int = 5
    batch: int = 256
    delta: float = 1e-5
    private_epochs: int = 30
    plain_epochs: int = 20


LEARNING_RATE = 0.01

Train = Callable[[NextItem, Examples], PrivacyStatement]


def retail_lines() -> Iterator[list[str]]:
    """Yield each customer's stock codes in order of time, from the data that is shipped."""
    lines = pq.read_table(Path(demo.__file__).parent / "data" / "online_retail.parquet")
    kept = pc.and_(pc.greater(lines["Quantity"], 0), pc.is_valid(lines["CustomerID"]))
    lines = lines.filter(kept).sort_by([("CustomerID", "ascending"), ("InvoiceDate", "ascending")])
    customers, codes = lines["CustomerID"].to_numpy(), lines["StockCode"].to_pylist()
    starts = np.flatnonzero(np.diff(customers, prepend=-1))
    yield from (codes[begin:end] for begin, end in zip(starts, [*starts[1:], len(codes)], strict=True))


def file_lines(path: Path) -> Iterator[list[str]]:
    """Yield each customer's items from a file of the stated format."""
    with path.open(encoding="utf-8") as file:
        yield from (line.split()[1:] for line in file)


def ids_of(lines: Sequence[Sequence[str]], setting: Setting) -> list[NDArray[np.int64]]:
    """Return the ids of each customer's last items; customers of fewer than two items are left out."""
    counts = Counter(item for line in lines for item in line)
    number = {item: place + FIRST_ITEM for place, (item, _) in enumerate(counts.most_common(setting.vocabulary))}
    found = (np.array([number.get(item, UNKNOWN) for item in line[-setting.length :]]) for line in lines)
    return [ids for ids in found if len(ids) > 1]


def lesson_of(sequences: Sequence[NDArray[np.int64]]) -> Lesson:
    """Return what is learnt from some customers: each step's next item, all steps of a customer counting 1."""
    lengths = torch.tensor([len(ids) - 1 for ids in sequences])
    whole = torch.zeros(len(sequences), int(lengths.max()) + 1, dtype=torch.long)
    for row, ids in enumerate(sequences):
        whole[row, : len(ids)] = torch.from_numpy(ids)
    known, wanted = whole[:, :-1].contiguous(), whole[:, 1:].contiguous()
    real = (torch.arange(known.shape[1]) < lengths[:, None]).float()  # (B, T)
    return Lesson(Batch({"item": known * real.long()}, {}, torch.zeros(*known.shape, 0), lengths), wanted, real)


def examples_of(sequences: Sequence[NDArray[np.int64]]) -> Examples:
    """Return customers as examples, one row each."""
    lengths = np.array([len(ids) - 1 for ids in sequences])
    return Examples(np.arange(len(sequences)), lambda rows: lesson_of([sequences[row] for row in rows]), lengths)


def fresh_model(setting: Setting, seed: int) -> NextItem:
    """Return a model that has seen nothing."""
    torch.manual_seed(seed)
    items, hidden = setting.vocabulary + FIRST_ITEM, setting.hidden
    shape = EncoderConfig((("item", items),), embedding=hidden, hidden=hidden, dropout=0.0, project=False)
    return NextItem(NextItemConfig(shape, items))


def privately(setting: Setting, epsilon: float) -> Train:
    """Return private training with a claim, or plain training where the claim is infinite."""
    if math.isinf(epsilon):
        return lambda model, examples: plainly(model, examples, setting)
    wish = PrivateConfig(epsilon, setting.delta, batch=setting.batch)

    def train(model: NextItem, examples: Examples) -> PrivacyStatement:
        given = {"examples": examples, "privacy": wish, "config": config_of(setting.private_epochs)}
        return train_private(model, losses_of, **given).statement

    return train


def plainly(model: NextItem, examples: Examples, setting: Setting) -> PrivacyStatement:
    """Train without privacy; the statement says so."""
    rows, size = np.arange(len(examples.owners)), setting.batch

    def batches(generator: np.random.Generator) -> Iterator[Lesson]:
        order = generator.permutation(rows)
        yield from (examples.part(order[begin : begin + size]) for begin in range(0, len(order), size))

    steps = -(-len(rows) // size)
    config = config_of(setting.plain_epochs)
    fit(model, mean_loss, batches=batches, steps=steps, validate=None, config=config, update=CompiledUpdate())
    return PrivacyStatement(math.inf, setting.delta, 0.0, 1.0, steps * config.epochs, math.inf)


def config_of(epochs: int) -> TrainingConfig:
    """Return how to train for so many epochs."""
    return TrainingConfig(epochs=epochs, learning_rate=LEARNING_RATE, weight_decay=0.0)


def without_noise(clipped: ClippedSum, **given: Any) -> dict[str, torch.Tensor]:
    """Return a sum as it is, after the account was told of its noise: the bug that an audit must find."""
    clean = {name: value.clone() for name, value in clipped.gradients.items()}  # noise uses its sum up
    _HONEST(clipped, **given)
    return clean


_HONEST = private.add_noise


def audited(sequences: Sequence[NDArray[np.int64]], setting: Setting, train: Train, *, seed: int) -> AuditResult:
    """Return one audit, its canaries drawn anew."""
    vocabulary = np.arange(FIRST_ITEM, setting.vocabulary + FIRST_ITEM)
    canaries = draw_canaries(setting.canaries, setting.canary_length, items=vocabulary)
    return audit(fresh_model(setting, seed), train, examples=examples_of(sequences), canaries=canaries)


def audits(
    sequences: Sequence[NDArray[np.int64]], setting: Setting, *, epsilons: Sequence[float], seeds: int
) -> list[dict[str, Any]]:
    """Return every audit: of each claim, of the smallest claim without noise, and of plain training."""
    found = []
    for seed in range(seeds):
        for epsilon in [*epsilons, math.inf]:
            result = audited(sequences, setting, privately(setting, epsilon), seed=seed)
            found.append(_row("plain" if math.isinf(epsilon) else f"epsilon {epsilon:g}", seed, result))
        with patch.object(private, "add_noise", without_noise):
            result = audited(sequences, setting, privately(setting, min(epsilons)), seed=seed)
        found.append(_row(f"epsilon {min(epsilons):g}, noise switched off", seed, result))
    return found


def _row(name: str, seed: int, result: AuditResult) -> dict[str, Any]:
    found = {"training": name, "seed": seed, **result.as_dict()}
    print(
        f"{name:<34}{seed:>5}{result.claimed:>9.3g}{result.bound.epsilon:>9.3f}{result.attack.auc:>8.3f}"
        f"{'  FLAGGED' if result.flagged else ''}",
        flush=True,
    )
    return found


def membership(
    sequences: Sequence[NDArray[np.int64]], setting: Setting, *, epsilon: float, models: int
) -> dict[str, Any]:
    """Return how well members are found by the loss and by the likelihood ratio, mean and spread over the models."""
    halves = draw_halves(len(sequences), models)
    losses = np.stack([_losses_of_all(sequences, half, setting, epsilon, seed) for seed, half in enumerate(halves)])
    confidences, found = confidences_of(losses), []
    for target in range(models):
        rest = np.arange(models) != target
        ratios = likelihood_ratios(confidences[target], confidences[rest], halves[rest])
        by_loss = attack_by_loss(losses[target], halves[target])
        by_ratio = attack_by_score(ratios, halves[target])
        learnt = {
            "members": float(losses[target][halves[target]].mean()),
            "others": float(losses[target][~halves[target]].mean()),
        }
        found.append({"loss": _flat(by_loss), "likelihood_ratio": _flat(by_ratio), "nats": learnt})
    mean, spread = mean_and_spread(found)
    for name in ("loss", "likelihood_ratio"):
        figures = mean[name]
        print(
            f"{'plain' if math.isinf(epsilon) else f'epsilon {epsilon:g}':<14}{name:<18}{figures['auc']:>8.3f}"
            f"{figures['found_at']['0.01']:>12.3f}{figures['advantage']:>11.3f}"
            f"{mean['nats']['members']:>9.2f}{mean['nats']['others']:>8.2f}",
            flush=True,
        )
    return {"epsilon": None if math.isinf(epsilon) else epsilon, "models": models, **mean, "sd": spread}


def _losses_of_all(
    sequences: Sequence[NDArray[np.int64]], half: NDArray[np.bool_], setting: Setting, epsilon: float, seed: int
) -> NDArray[np.float64]:
    model = fresh_model(setting, seed)
    privately(setting, epsilon)(model, examples_of([sequences[row] for row in np.flatnonzero(half)]))
    return mean_losses(model, lesson_of(sequences))


def _flat(attack: Attack) -> dict[str, Any]:
    plain = attack.as_dict()
    return {key: plain[key] for key in ("auc", "advantage", "found_at")}


def main() -> None:
    """Attack, print, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--epsilon", default="1,3,8")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--models", type=int, default=16, help="models of the membership attack, an even number")
    given = parser.parse_args()
    torch.set_num_threads(1)
    setting, epsilons = Setting(), [float(each) for each in given.epsilon.split(",")]
    lines = list(file_lines(given.data) if given.data else retail_lines())
    sequences = ids_of(lines, setting)[: setting.customers]
    print(f"{'training':<34}{'seed':>5}{'claimed':>9}{'shown':>9}{'AUC':>8}")
    found = audits(sequences, setting, epsilons=epsilons, seeds=given.seeds)
    print(f"{'training':<14}{'attack':<18}{'AUC':>8}{'found at 1%':>12}{'advantage':>11}{'members':>9}{'others':>8}")
    claims = [math.inf, max(epsilons)]
    attacked = [membership(sequences, setting, epsilon=epsilon, models=given.models) for epsilon in claims]
    figures = {"audits": found, "membership": attacked, "setting": {**asdict(setting), "customers": len(sequences)}}
    if given.json:
        write_report(given.json, figures, seeds=range(given.seeds), threads=1)


if __name__ == "__main__":
    main()
