"""How likely a consumer is to buy within the coming weeks, as a probability that means what it says."""

from cartveil.insight.decisions.purchase.counting import BetaGeometric, RecencyFrequency
from cartveil.insight.decisions.purchase.model import PurchaseConfig, PurchaseModel
from cartveil.insight.decisions.purchase.protocol import evaluate_purchase
from cartveil.insight.decisions.purchase.reliability import Calibration
from cartveil.insight.decisions.purchase.training import train_purchase

__all__ = [
    "BetaGeometric",
    "Calibration",
    "PurchaseConfig",
    "PurchaseModel",
    "RecencyFrequency",
    "evaluate_purchase",
    "train_purchase",
]
