"""The wing that learns, from tokens only: sequences, models, privacy, training, decisions."""

__all__: list[str] = []
