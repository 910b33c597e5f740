"""Which recommender a folder holds is said by its card."""

from pathlib import Path

from cartveil.insight.decisions.recommend import recommender, sequential
from cartveil.insight.decisions.recommend.sequential.recommender import KIND
from cartveil.insight.models.card import read_card, require_kind


def load_recommender(folder: str | Path) -> "recommender.Recommender | sequential.SequenceRecommender":
    """Read a recommender of either kind.

    Raises:
        ModelError: There is none, one of another version, or a damaged one.
    """
    card = read_card(folder)
    require_kind(card, recommender.KIND, KIND, path=folder)
    if card["kind"] == KIND:
        return sequential.SequenceRecommender.load(folder)
    return recommender.Recommender.load(folder)
