"""`explain`: why a model thinks of an item, event by event."""

from pathlib import Path
from typing import Any

import click

from cartveil.faces.cli.options import FILE, as_json
from cartveil.faces.cli.output import emit_json, emit_rows, talk

#: How far down a consumer's list to look for an item that can be explained.
_LOOKED_AT = 100


@click.command()
@click.argument("model", type=FILE)
@click.argument("events", type=FILE)
@click.option("--consumer", required=True, help="A pseudonym of the release.")
@click.option("--item", help="The item; else the first of the consumer's list that can be explained.")
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
    item = _first_item(recommender, history) if item is None else item
    if item is None:
        raise ModelError("has nothing to recommend to this consumer", path=str(model), hint="name an item with --item")
    found = explain_next_item(recommender, history, item)
    bought = item in history["item"].to_pylist()
    if as_json:
        emit_json({**_plain(found), "bought_before": bought})
        return
    talk(f"{found.item}: {found.score:.3f} by {found.part}, {found.baseline:.3f} without any history")
    for line in _beside(recommender, found.part, bought=bought):
        talk(line)
    strongest = sorted(found.events, key=lambda event: -abs(event.adds))[:k]
    emit_rows(
        [{"item": each.item, "time": each.time.isoformat(), "adds": round(each.adds, 4)} for each in strongest],
        as_json=False,
    )
    for moment in found.contrary:
        talk(f"but on {moment.time:%Y-%m-%d}, in a moment {moment.likeness:.0%} alike, came {moment.bought}")


def _first_item(recommender: Any, history: Any) -> str | None:
    """Return the first item of the consumer's list that the explained part knows, or the first of all."""
    part = recommender.companions if recommender.network is None else recommender.network
    known = getattr(part, "items" if recommender.network is None else "shelf", None)
    listed = [each.item for each in recommender.recommend(history, k=1 if known is None else _LOOKED_AT)]
    if known is None:
        return listed[0] if listed else None
    words = {recommender.vocabulary.word(int(number)) for number in known}
    return next((each for each in listed if each in words), listed[0] if listed else None)


def _beside(recommender: Any, part: str, *, bought: bool) -> list[str]:
    """Return what else decides about the consumer's list, in words."""
    own = recommender.own
    others = {"network": "the network", "companions": "pairs", "popularity": "popularity"}
    asked = "companions" if part == "pairs" else part
    there = {name: recommender.mixture.get(name, 0.0) for name in others if getattr(recommender, name) is not None}
    whole = sum(there.values()) or 1.0
    shares = {name: (1 - own) * weight / whole for name, weight in there.items() if weight}
    rest = [f"the consumer's own past {own:.0%}"] if own else []
    rest += [f"{others[name]} {share:.0%}" for name, share in shares.items() if name != asked]
    lines = [f"{others[asked]}: {shares.get(asked, 0.0):.0%} of a list and all that is explained here"]
    lines[0] += f"; beside it: {', '.join(rest)}" if rest else ""
    return [*lines, "it was bought before, which counts in the list by itself"] if bought and own else lines


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
