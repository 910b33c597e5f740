"""What the wing that learns has to forget when a consumer is erased: handed to the vault as a function."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path


def forget_in(folder: Path) -> Callable[[Mapping[str, str]], Mapping[str, object]]:
    """Return the function that removes pseudonyms from the releases in a folder and marks its models."""
    return partial(_forget, folder)


def _forget(folder: Path, pseudonyms: Mapping[str, str]) -> Mapping[str, object]:
    from cartveil.insight.decisions.forgetting import forget

    return forget(folder, list(pseudonyms.values()))
