"""`train`: the command that learns from releases."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from cartveil.faces.cli.options import FILE, as_json, parse_actor, passphrase_file
from cartveil.faces.cli.output import emit_json, talk

#: What every generator takes as a seed.
_SEED = click.IntRange(0, 2**63 - 1)


@click.command()
@click.argument("job", type=click.Choice(["recommend", "next-item", "forecast", "purchase"]))
@click.argument("events", type=FILE)
@click.option("--out", type=FILE, required=True, help="Folder for the model: weights and a card.")
@click.option("--epochs", type=click.IntRange(1, 1000), help="At most this many passes; else the model's own choice.")
@click.option("--seed", type=_SEED, default=0, show_default=True, help="The same seed and data give the same model.")
@click.option("--epsilon", type=float, help="Train privately: the most that one consumer more or less may matter.")
@click.option("--delta", type=float, help="The chance with which that may fail; well below 1 over the consumers.")
@click.option("--catalogue", type=FILE, help="Public list of items, one a line; else finding them costs privacy.")
@click.option("--vault", type=FILE, help="Charge the privacy budget of this vault before training.")
@click.option("--as", "actor", metavar="NAME:ROLE", help="Who spends of that budget.")
@passphrase_file
@as_json
def train(
    job: str, events: Path, out: Path, epochs: int | None, seed: int, passphrase_file: Path | None, as_json: bool,
    **promise: Any,
) -> None:  # fmt: skip
    """Train a model for JOB on EVENTS, a file that `export` wrote; with --epsilon within a budget of privacy."""
    from cartveil.events.protected import load_protected
    from cartveil.faces.assemble import need_learning
    from cartveil.faces.files import refuse_unwritable
    from cartveil.faces.places import check_out

    need_learning("train")
    _check_promise(job, promise)
    check_out(job, out, private=promise["epsilon"] is not None)
    release = load_protected(events)
    refuse_unwritable(out)
    if promise["epsilon"] is not None:
        card = _train_privately(release, out, {**promise, "epochs": epochs, "seed": seed}, passphrase_file)
    elif job == "recommend":
        card = _train_recommender(release, out, epochs, seed)
    elif job == "next-item":
        card = _train_next_item(release, out, epochs, seed)
    elif job == "purchase":
        card = _train_purchase(release, out, epochs, seed)
    else:
        card = _train_forecaster(release, out, epochs, seed)
    talk(f"wrote {out}")
    if as_json:
        emit_json(card)


def _check_promise(job: str, promise: Mapping[str, Any]) -> None:
    from cartveil.errors import InputError

    if promise["epsilon"] is None:
        if given := [name for name in ("delta", "catalogue", "vault", "actor") if promise[name] is not None]:
            path = "--as" if given[0] == "actor" else f"--{given[0]}"
            raise InputError("is for private training", path=path, hint="add --epsilon, such as --epsilon 4")
        return
    if job != "recommend":
        hint = "`cartveil train recommend --epsilon` is; a forecast learns from weekly sums, which name nobody"
        raise InputError(f"`{job}` is not trained privately", path="--epsilon", hint=hint)
    if promise["delta"] is None:
        raise InputError("epsilon means nothing without delta", path="--delta", hint="add --delta, such as 1e-6")
    if (promise["vault"] is None) != (promise["actor"] is None):
        raise InputError("a budget is charged to a vault by somebody", path="--vault", hint="pass --vault and --as")


def _train_privately(release: Any, out: Path, promise: Mapping[str, Any], passphrase: Path | None) -> Any:
    from dataclasses import replace

    from cartveil.faces.catalogue import read_catalogue
    from cartveil.faces.spending import charged, require_trainable
    from cartveil.insight.decisions.recommend.sequential import PrivateSequenceConfig, train_private_recommender
    from cartveil.insight.decisions.recommend.sequential.private import require_noise

    config = PrivateSequenceConfig(promise["epsilon"], promise["delta"])
    training = replace(config.training, seed=promise["seed"], epochs=promise["epochs"] or config.training.epochs)
    config = replace(config, training=training)
    catalogue = None if promise["catalogue"] is None else read_catalogue(promise["catalogue"])
    # All that can fail without a look at the data fails here: what is reserved is spent, whatever comes of it.
    require_trainable(release)
    require_noise(config, catalogue=catalogue is not None)

    def learn() -> Any:
        return train_private_recommender(release, config=config, catalogue=catalogue, on_epoch=_say_private_epoch)

    _warn_of_delta(release, config.delta)
    if promise["vault"] is None:
        talk("no --vault: no ledger knows what this training costs")
        recommender = learn()
    else:
        who = parse_actor(promise["actor"])
        recommender = charged(promise["vault"], who, release, config, learn, passphrase=passphrase)
    recommender.save(out)
    for line in recommender.promise.splitlines():
        talk(line)
    return recommender.card


def _warn_of_delta(release: Any, delta: float) -> None:
    from cartveil.faces.spending import consumers_of

    if delta * (consumers := consumers_of(release)) > 1:
        talk(f"delta {delta:g} is above 1 over the {consumers:,} consumers: giving one away whole would be within it")


def _train_recommender(release: Any, out: Path, epochs: int | None, seed: int) -> Any:
    from dataclasses import replace

    from cartveil.insight.decisions.recommend import RecommenderConfig, train_recommender

    config = RecommenderConfig()
    training = replace(config.training, seed=seed, epochs=epochs or config.training.epochs)
    config = replace(config, training=training)
    recommender = train_recommender(release, config=config, on_epoch=_say_epoch, on_progress=talk)
    recommender.save(out)
    return recommender.card


def _train_next_item(release: Any, out: Path, epochs: int | None, seed: int) -> Any:
    from dataclasses import replace

    from cartveil.insight.decisions.recommend.sequential import SequenceConfig, train_sequence_recommender

    config = SequenceConfig()
    training = replace(config.training, seed=seed, epochs=epochs or config.training.epochs)
    config = replace(config, training=training)
    recommender = train_sequence_recommender(release, config=config, on_epoch=_say_epoch, on_progress=talk)
    recommender.save(out)
    return recommender.card


def _train_forecaster(release: Any, out: Path, epochs: int | None, seed: int) -> Any:
    from dataclasses import replace

    from cartveil.insight.decisions.forecast import ForecastConfig, train_forecaster
    from cartveil.insight.sequences.weekly import weekly_demand

    config = ForecastConfig()
    training = replace(config.training, seed=seed, epochs=epochs or config.training.epochs)
    demand = weekly_demand(release)
    config = replace(config, training=training)
    forecaster = train_forecaster(demand, config=config, on_epoch=_say_epoch, on_progress=talk)
    forecaster.save(out)
    return {"items": len(demand.items), "weeks": len(demand.starts), "held_back_wql": forecaster.held_back}


def _train_purchase(release: Any, out: Path, epochs: int | None, seed: int) -> Any:
    from dataclasses import replace

    from cartveil.insight.decisions.purchase import PurchaseConfig, train_purchase

    config = PurchaseConfig()
    training = replace(config.training, seed=seed, epochs=epochs or config.training.epochs)
    config = replace(config, training=training)
    found = train_purchase(release, config=config, on_epoch=_say_epoch, on_progress=talk)
    found.save(out)
    return found.card


def _say_private_epoch(epoch: Any) -> None:
    talk(f"epoch {epoch.number}: {epoch.samples_per_second:,.0f} samples a second")


def _say_epoch(epoch: Any) -> None:
    # Where nothing is held back, or nothing can be ranked there, there is no score.
    score = f"score {epoch.score:.4f}, " if epoch.score is not None and epoch.score == epoch.score else ""
    talk(f"epoch {epoch.number}: loss {epoch.loss:.4f}, {score}{epoch.samples_per_second:,.0f} samples a second")


def history_of(events: Path, consumer: str) -> Any:
    """Return one consumer's events of a release.

    Raises:
        ColumnError: The release does not tell consumers apart.
        UnknownSubjectError: It holds no such pseudonym.
    """
    from cartveil.errors import ColumnError, UnknownSubjectError
    from cartveil.events.protected import load_protected

    release = load_protected(events)
    if "subject" not in release.table.column_names:
        hint = "give a column the role `subject` in cartveil.toml, and export again"
        raise ColumnError("the release has no `subject` column", path=str(events), hint=hint)
    history = release.of(consumer)
    if not len(history):
        hint = "pseudonyms are in the column `subject` of the release; a consumer without consent is not in it"
        raise UnknownSubjectError("no such pseudonym in this release", path=str(events), hint=hint)
    return history
