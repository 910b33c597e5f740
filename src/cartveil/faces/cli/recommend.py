"""`recommend`: lists with reasons, for one consumer of a release or for everybody alike."""

from pathlib import Path
from typing import Any

import click

from cartveil.faces.cli.learn import history_of
from cartveil.faces.cli.options import FILE, as_json
from cartveil.faces.cli.output import emit_rows


@click.command()
@click.argument("model", type=FILE)
@click.argument("events", type=FILE, required=False)
@click.option("--consumer", help="A pseudonym of the release.")
@click.option("--anybody", is_flag=True, help="The same list for everybody: nobody's events are read.")
@click.option("-k", type=click.IntRange(1, 1000), default=10, show_default=True, help="Length of the list.")
@click.option("--only-new", is_flag=True, help="Leave out what the consumer has bought before.")
@click.option("--catalogue", type=FILE, help="What the shop sells: item, description, category, stock. Lists no other.")
@click.option("--diversity", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="1 is most variety.")
@click.option("--per-category", type=click.IntRange(1), help="At most so many of one category.")
@as_json
def recommend(
    model: Path, events: Path | None, consumer: str | None, k: int, anybody: bool, only_new: bool, as_json: bool,
    catalogue: Path | None, **terms: Any,
) -> None:  # fmt: skip
    """List what a consumer of EVENTS will probably buy next, with reasons; with --anybody what everybody gets."""
    from cartveil.faces.assemble import need_learning

    _check_whose(events, consumer, anybody=anybody, only_new=only_new)
    need_learning("recommend")
    from cartveil.insight.decisions.recommend import ListTerms
    from cartveil.insight.decisions.recommend.loading import load_recommender

    recommender = load_recommender(model)
    asked = {"shelf": _shelf(recommender, catalogue), "terms": ListTerms(**terms)}
    if events is None or consumer is None:
        found = recommender.recommend_to_anybody(k, **asked)
    else:
        found = recommender.recommend(history_of(events, consumer), k, exclude_bought=only_new, **asked)
    rows = [
        {"item": each.item, "description": each.description, "score": each.score, "reason": each.reason}
        for each in found
    ]
    emit_rows(rows, as_json=as_json)


def _check_whose(events: Path | None, consumer: str | None, *, anybody: bool, only_new: bool) -> None:
    from cartveil.errors import InputError

    if anybody and (events is not None or consumer is not None or only_new):
        hint = "leave out EVENTS, --consumer and --only-new, or leave out --anybody"
        raise InputError("a list for everybody looks at nobody", path="--anybody", hint=hint)
    if not anybody and (events is None or consumer is None):
        hint = "name EVENTS and --consumer, or take --anybody for the list that everybody gets"
        raise InputError("whose list is it?", path="--consumer", hint=hint)


def _shelf(recommender: Any, catalogue: Path | None) -> Any:
    from cartveil.faces.articles import read_articles
    from cartveil.insight.decisions.recommend.listing import shelf_of

    if catalogue is None:
        return None
    return shelf_of(recommender.vocabulary, recommender.descriptions, read_articles(catalogue))
