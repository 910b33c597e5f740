"""What limits how much one consumer can move a model."""

from cartveil.insight.privacy.contribution import bound_contributions

__all__ = ["bound_contributions"]
