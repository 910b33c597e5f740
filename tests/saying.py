"""What an act says when it says no: the kind of error, its sentence, where, and the way out."""

from collections.abc import Callable

import pytest

from cartveil.errors import CartveilError

#: Kind, sentence, place and hint.
Said = tuple[type[CartveilError], str, str | None, str]


def said(act: Callable[[], object]) -> Said:
    """Return what an act says, which must say no."""
    with pytest.raises(CartveilError) as caught:
        act()
    error = caught.value
    return type(error), error.message, error.path, error.hint


def says(kind: type[CartveilError], message: str, path: object = None, hint: str | None = None) -> Said:
    """Return what is expected; the usual hint of its kind where none is given."""
    return kind, message, None if path is None else str(path), hint or kind.usual_hint
