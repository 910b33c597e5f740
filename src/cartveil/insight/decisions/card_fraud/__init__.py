"""Card fraud: how likely a payment is fraud, from features, from trails of customer and terminal, and from trees."""

from cartveil.insight.decisions.card_fraud.learning import FraudConfig, train_card_fraud
from cartveil.insight.decisions.card_fraud.model import CardFraud
from cartveil.insight.decisions.card_fraud.protocol import evaluate_card_fraud
from cartveil.insight.decisions.card_fraud.scorer import Scorer, Transaction, scorer_of

__all__ = ["CardFraud", "FraudConfig", "Scorer", "Transaction", "evaluate_card_fraud", "scorer_of", "train_card_fraud"]
