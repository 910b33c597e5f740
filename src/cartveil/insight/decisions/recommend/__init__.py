"""Recommend what a consumer will buy next: from a release to lists with reasons, judged beside baselines."""

from cartveil.insight.decisions.recommend.config import RecommenderConfig
from cartveil.insight.decisions.recommend.evaluate import evaluate
from cartveil.insight.decisions.recommend.listing import Article, ListTerms, Recommendation
from cartveil.insight.decisions.recommend.recommender import Recommender
from cartveil.insight.decisions.recommend.training import train_recommender

__all__ = [
    "Article",
    "ListTerms",
    "Recommendation",
    "Recommender",
    "RecommenderConfig",
    "evaluate",
    "train_recommender",
]
