"""Which recommender a folder holds is said by its card."""

from pathlib import Path

from cartveil.insight.decisions.recommend import recommender, sequential
from cartveil.insight.decisions.recommend.sequential.recommender import KIND
from cartveil.insight.models.card import read_card


def load_recommender(folder: str | Path) -> "recommender.Recommender | sequential.SequenceRecommender":
    """Read a recommender of either kind.

    Raises:
        ModelError: There is none, or one of another version.
    """
    if read_card(folder).get("kind") == KIND:
        return sequential.SequenceRecommender.load(folder)
    return recommender.Recommender.load(folder)
