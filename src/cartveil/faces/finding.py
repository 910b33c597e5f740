"""Who finds personal information in texts: the rules, and where the extra `learn` is installed the shipped model too.

The model reads names, organisations and addresses, which have no form that a rule could know. It is loaded when the
first text is read, so that a command pays for it only where it has texts.
"""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from cartveil.events.patterns import find_patterns
from cartveil.events.spans import Finder, Span, find_all


def reads_names() -> bool:
    """Return whether the shipped model can be used here: whether the extra `learn` is installed."""
    try:
        return all(importlib.util.find_spec(module) for module in ("torch", "safetensors"))
    except ValueError:  # a module that was put aside has no spec
        return False


def text_finder(*, rules_only: bool = False) -> Finder:
    """Return what finds personal information in texts of both languages.

    Args:
        rules_only: Leave the model out: many times faster, and blind to names, organisations and addresses.

    Returns:
        Rules and the shipped model as one, or the rules alone where `reads_names` says no.
    """
    return find_patterns if rules_only or not reads_names() else ShippedFinder()


@dataclass(frozen=True)
class ShippedFinder:
    """Read texts with rules and the shipped model; every one of a process shares the loaded model."""

    def __call__(self, text: str) -> list[Span]:
        """Return the spans of one text."""
        return _loaded()(text)

    def many(self, texts: Sequence[str]) -> list[list[Span]]:
        """Return the spans of each text; many short ones are read together."""
        return find_all(_loaded(), texts)


@cache
def _loaded() -> Finder:
    from cartveil.insight.decisions.finder.shipped import shipped_glance, shipped_tagger
    from cartveil.insight.decisions.finder.text_finder import TextFinder

    return TextFinder(shipped_tagger(), glance=shipped_glance())
