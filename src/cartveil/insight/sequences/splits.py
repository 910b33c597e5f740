"""Splits: what is learnt from, what choices are made on, and what is scored once at the end.

Every split is three sets of windows over the same store. What a model may read before an event is in the window; what
it is asked to guess begins at `scored`; so a window of the test part may begin with events that training saw.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import numpy as np

from cartveil.errors import InputError
from cartveil.insight.sequences.hashes import shares_of
from cartveil.insight.sequences.store import SequenceStore
from cartveil.insight.sequences.windows import Numbers, Windows

_MICROSECONDS = 1_000_000


@dataclass(frozen=True)
class Split:
    """Windows to train on, to choose by, and to test on."""

    train: Windows
    validate: Windows
    test: Windows


def split_by_time(store: SequenceStore, windows: Windows, *, validate: date, test: date) -> Split:
    """Learn from the past and guess what came later.

    Args:
        store: Whose times to look at.
        windows: What to split.
        validate: First moment of the validation period; a datetime without a zone is taken as the store's own.
        test: First moment of the test period, not before `validate`.

    Returns:
        Windows with at least one event to guess; those of a later period read all that came before it.

    Raises:
        InputError: The periods are in the wrong order.
    """
    if _moment(test) < _moment(validate):
        raise InputError("the test period begins before the validation period", hint="later data is for testing")
    first, second = (first_since(store, windows, _moment(when)) for when in (validate, test))
    return Split(
        _scored(replace(windows, end=first, scored=np.minimum(windows.scored, first))),
        _scored(replace(windows, end=second, scored=np.clip(windows.scored, first, second))),
        _scored(replace(windows, scored=np.maximum(windows.scored, second))),
    )


def split_by_consumer(
    store: SequenceStore, windows: Windows, *, validate: float = 0.1, test: float = 0.1, seed: int = 0
) -> Split:
    """Learn from some consumers and guess what others did.

    Args:
        store: Whose consumers.
        windows: What to split.
        validate: Share of consumers.
        test: Share of consumers.
        seed: Another one gives another split.

    Raises:
        InputError: The shares do not leave anybody to learn from.

    Guarantees:
        - All windows of a consumer fall on one side.
        - Which side it is depends on the consumer's name and the seed alone, not on who else is there.
    """
    if not (validate >= 0 and test >= 0 and validate + test < 1):
        raise InputError("the shares must be at least 0 and leave somebody to learn from", hint="try 0.1 and 0.1")
    place = shares_of(store.hashes, seed=seed)[windows.consumer]
    held = place < test
    chosen = ~held & (place < test + validate)
    return Split(windows.take(~held & ~chosen), windows.take(chosen), windows.take(held))


def leave_one_out(windows: Windows) -> Split:
    """Test on each window's last event, validate on the one before, and learn from the rest.

    Windows of fewer than three events are learnt from whole. The protocol of most published next-item figures; a
    consumer's last event may lie before another's first, so it flatters where time matters.
    """
    enough = windows.lengths >= 3
    some = windows.take(enough)
    end = np.where(enough, windows.end - 2, windows.end)
    return Split(
        replace(windows, end=end, scored=np.minimum(windows.scored, end)),
        replace(some, end=some.end - 1, scored=some.end - 2),
        replace(some, scored=some.end - 1),
    )


def first_since(store: SequenceStore, windows: Windows, moment: int) -> Numbers:
    """Return the first event of each window at `moment` or later, its end where there is none, (n,).

    Args:
        store: Whose times to look at.
        windows: Where to look.
        moment: Microseconds since 1970.
    """
    low, high = windows.start.copy(), windows.end.copy()
    last = max(len(store) - 1, 0)
    while np.any(low < high):  # one binary search in every window at once
        middle = (low + high) // 2
        later = (low == high) | (store.time[np.minimum(middle, last)] >= moment)
        low, high = np.where(later, low, middle + 1), np.where(later & (low < high), middle, high)
    return low


def _moment(when: date) -> int:
    day = when if isinstance(when, datetime) else datetime(when.year, when.month, when.day)
    aware = day if day.tzinfo else day.replace(tzinfo=UTC)
    since = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * _MICROSECONDS + since.microseconds


def _scored(windows: Windows) -> Windows:
    return windows.take(windows.scored < windows.end)
