"""Recommend from histories read item after item, plainly or within a budget of privacy."""

from cartveil.insight.decisions.recommend.sequential.config import PrivateSequenceConfig, SequenceConfig
from cartveil.insight.decisions.recommend.sequential.learning import train_sequence_recommender
from cartveil.insight.decisions.recommend.sequential.private import train_private_recommender
from cartveil.insight.decisions.recommend.sequential.protocol import evaluate_next_item
from cartveil.insight.decisions.recommend.sequential.recommender import SequenceRecommender

__all__ = [
    "PrivateSequenceConfig",
    "SequenceConfig",
    "SequenceRecommender",
    "evaluate_next_item",
    "train_private_recommender",
    "train_sequence_recommender",
]
