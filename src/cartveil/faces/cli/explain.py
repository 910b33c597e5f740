"""`explain`: why a model thinks of an item, event by event."""

from pathlib import Path
from typing import Any

import click

from cartveil.faces.cli.options import FILE, as_json
from cartveil.faces.cli.output import emit_json, emit_rows, talk


@click.command()
@click.argument("model", type=FILE)
@click.argument("events", type=FILE)
@click.option("--consumer", required=True, help="A pseudonym of the release.")
@click.option("--item", help="The item; else the first of the consumer's list.")
@click.option(
    "-k", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many events, strongest first."
)
@as_json
def explain(model: Path, events: Path, consumer: str, item: str | None, k: int, as_json: bool) -> None:
    """Say what each event of a consumer's history adds to the score of an item, and what speaks against it."""
    from cartveil.errors import ModelError
    from cartveil.faces.assemble import need_learning
    from cartveil.faces.cli.learn import history_of

    need_learning("explain")
    from cartveil.insight.decisions.explain.next_item import explain_next_item
    from cartveil.insight.decisions.recommend.loading import load_recommender
    from cartveil.insight.decisions.recommend.sequential import SequenceRecommender

    history = history_of(events, consumer)
    recommender = load_recommender(model)
    if not isinstance(recommender, SequenceRecommender):
        hint = "explain one that `cartveil train next-item` made, or one that was trained with --epsilon"
        raise ModelError("gives its reasons with each list already", path=str(model), hint=hint)
    listed = recommender.recommend(history, k=1)
    if item is None and not listed:
        raise ModelError("has nothing to recommend to this consumer", path=str(model), hint="name an item with --item")
    found = explain_next_item(recommender, history, item or listed[0].item)
    if as_json:
        emit_json(_plain(found))
        return
    talk(f"{found.item}: {found.score:.3f} by {found.part}, {found.baseline:.3f} without any history")
    strongest = sorted(found.events, key=lambda event: -event.adds)[:k]
    emit_rows(
        [{"item": each.item, "time": each.time.isoformat(), "adds": round(each.adds, 4)} for each in strongest],
        as_json=False,
    )
    for moment in found.contrary:
        talk(f"but on {moment.time:%Y-%m-%d}, in a moment {moment.likeness:.0%} alike, came {moment.bought}")


def _plain(found: Any) -> dict[str, Any]:
    return {
        "item": found.item,
        "part": found.part,
        "score": found.score,
        "baseline": found.baseline,
        "left_over": found.left_over,
        "events": [{"item": each.item, "time": each.time.isoformat(), "adds": each.adds} for each in found.events],
        "contrary": [
            {"time": each.time.isoformat(), "likeness": each.likeness, "bought": each.bought} for each in found.contrary
        ],
    }
