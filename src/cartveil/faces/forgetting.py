"""What the wing that learns has to forget when a consumer is erased: handed to the vault as a function."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path


def forget_in(folder: Path) -> Callable[[Mapping[str, str]], Mapping[str, object]]:
    """Return the function that removes pseudonyms from the releases in a folder and marks its models."""
    return partial(_forget, folder)


def forget_many_in(folder: Path) -> Callable[[Sequence[Mapping[str, str]]], Mapping[str, object]]:
    """Return the same for many consumers at once: every release is rewritten once."""
    return partial(_forget_many, folder)


def affected_in(folder: Path) -> Callable[[Mapping[str, str]], Mapping[str, object]]:
    """Return the function that says what `forget_in` would do, and does nothing."""
    return partial(_affected, folder)


def mark_in(folder: Path) -> Callable[[Mapping[str, str]], Mapping[str, object]]:
    """Return the function that marks the models that learned from a consumer whose records were corrected."""
    return partial(_mark, folder)


def _forget(folder: Path, pseudonyms: Mapping[str, str]) -> Mapping[str, object]:
    return _forget_many(folder, [pseudonyms])


def _forget_many(folder: Path, consumers: Iterable[Mapping[str, str]]) -> Mapping[str, object]:
    from cartveil.insight.decisions.forgetting import forget

    return forget(folder, [name for pseudonyms in consumers for name in pseudonyms.values()])


def _affected(folder: Path, pseudonyms: Mapping[str, str]) -> Mapping[str, object]:
    from cartveil.insight.decisions.forgetting import affected

    return affected(folder, pseudonyms.values())


def _mark(folder: Path, pseudonyms: Mapping[str, str]) -> Mapping[str, object]:
    from cartveil.insight.decisions.forgetting import mark

    return mark(folder, pseudonyms.values())
