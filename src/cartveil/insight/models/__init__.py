"""One LSTM encoder, its heads, and how a model is kept on disk; importing this loads no learning framework."""

from cartveil.insight.models.card import load_model, read_card, save_model

__all__ = ["load_model", "read_card", "save_model"]
