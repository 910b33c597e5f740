"""When consumers came to buy: one visit per consumer and day, in flat arrays, and questions about the next one.

    subject, time, amount            day      0     3    1
    a, day 0 at 9, 5                 offsets  0          2    3
    a, day 0 at 17, 2        ->      sizes    ...
    b, day 1, 4                      subjects a          b
    a, day 3, 1

A question is asked at a cutoff of everybody who was there before it: will this consumer buy within so many days? What
happened from the cutoff on is looked at for the answer alone.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.errors import ColumnError, ModelError
from cartveil.insight.sequences.baskets import days_of
from cartveil.insight.sequences.clock import without_stray_times
from cartveil.insight.sequences.purchases import is_price_per_unit
from cartveil.insight.sequences.quantities import known_numbers, numbers_of
from cartveil.insight.sequences.relations import keys_of

Numbers = NDArray[np.int64]
Reals = NDArray[np.float64]

#: What is measured of a visit: money (or units where no amount stands), units, lines; logarithms of one plus each.
SIZES = 3


@dataclass(frozen=True)
class Visits:
    """Visits of C consumers, N in all, by consumer and day.

    Args:
        subjects: Pseudonyms, sorted, (C,).
        offsets: Consumer c came at the visits `offsets[c]` to `offsets[c + 1]`, (C + 1,).
        day: Whole days since 1970, rising within a consumer, (N,).
        sizes: Logarithm of one plus money, units and lines, (N, SIZES).
        set_aside: Rows that a wrong clock dated, of which no visit was made.
    """

    subjects: tuple[str, ...]
    offsets: Numbers
    day: Reals
    sizes: Reals
    set_aside: int = 0

    def __len__(self) -> int:
        return len(self.day)

    def before(self, cutoff: float) -> Numbers:
        """Return how many visits each consumer had made when the day `cutoff` began, (C,)."""
        return np.asarray(np.add.reduceat((self.day < cutoff).astype(np.int64), self.offsets[:-1]))


@dataclass(frozen=True)
class Questions:
    """Who is asked about, when, and what came of it.

    Args:
        consumer: Number of the consumer, (Q,).
        cutoff: Day on which is asked, (Q,).
        begin: First visit of the consumer, (Q,).
        end: One after the last visit before the cutoff, (Q,); there is one at least.
        answer: 1 where the consumer bought within the horizon, else 0, (Q,).
    """

    consumer: Numbers
    cutoff: Reals
    begin: Numbers
    end: Numbers
    answer: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.consumer)

    @property
    def latest(self) -> "Questions":
        """Return those of the last day, one for each consumer."""
        return self.take(np.flatnonzero(self.cutoff == self.cutoff.max(initial=-np.inf)))

    def take(self, rows: Numbers) -> "Questions":
        """Return the questions at these places."""
        return Questions(self.consumer[rows], self.cutoff[rows], self.begin[rows], self.end[rows], self.answer[rows])


def visits_of(events: pa.Table, *, until: float = np.inf) -> Visits:
    """Gather events into visits; rows without a consumer or a time are left out, rows in any order are sorted.

    Args:
        events: Columns `subject` and `time`; `amount`, `quantity` and `item` are used where they stand. What a row
            repeats of the same day adds to the size of that visit and makes no visit of its own. Rows that a wrong
            clock dated are set aside, see `without_stray_times`: the latest day is taken for now.
        until: Day since 1970; nothing from it on is looked at.

    Raises:
        ColumnError: A column is missing, `time` holds no times, or `quantity` holds no numbers.
        ModelError: Nothing is left, or nothing before `until`.
    """
    for name in ("subject", "time"):
        if name not in events.column_names:
            hint = f"give a column the role `{name}` in cartveil.toml, and export again"
            raise ColumnError("purchases of consumers need this column", path=name, hint=hint)
    known = events.filter(pc.and_(pc.is_valid(events["subject"]), pc.is_valid(events["time"])))
    if not known.num_rows:
        raise ModelError("no event with a consumer and a time", hint="export a release that holds some")
    known = known.filter(pa.array(days_of(known["time"]) < until))
    kept = without_stray_times(days_of(known["time"]))
    known = known.filter(pa.array(kept))
    if not known.num_rows:
        hint = "give a later day, or a release that begins before"
        raise ModelError("nobody had come before this day", hint=hint)
    encoded = pc.dictionary_encode(known["subject"].cast(pa.string()).combine_chunks())
    names = np.asarray(encoded.dictionary.to_pylist(), dtype=object)
    order = np.argsort(names.astype(str), kind="stable")
    owner = np.argsort(order)[encoded.indices.to_numpy()]
    day = np.floor(days_of(known["time"])).astype(np.int64)
    first = int(day.min())
    width = int(day.max()) - first + 1
    visit, place = np.unique(owner * width + (day - first), return_inverse=True)
    sizes = np.stack([np.bincount(place, weights=each, minlength=len(visit)) for each in _sizes(known)], axis=1)
    return Visits(
        subjects=tuple(str(names[row]) for row in order),
        offsets=np.searchsorted(visit // width, np.arange(len(names) + 1)),
        day=(visit % width + first).astype(np.float64),
        sizes=np.log1p(np.maximum(sizes, 0)),
        set_aside=int((~kept).sum()),
    )


def questions_at(visits: Visits, cutoff: float, *, horizon: float) -> Questions:
    """Ask about everybody known on a day.

    Args:
        visits: All that is known; answers are taken from it where it reaches far enough.
        cutoff: Day since 1970; visits of that day belong to the answer.
        horizon: Days.
    """
    seen = visits.before(cutoff)
    consumer = np.flatnonzero(seen)
    begin = visits.offsets[consumer]
    end = begin + seen[consumer]
    came = visits.before(cutoff + horizon)[consumer] > seen[consumer]
    return Questions(consumer, np.full(len(consumer), float(cutoff)), begin, end, came.astype(np.float32))


def questions_over(visits: Visits, cutoffs: Reals, *, horizon: float) -> Questions:
    """Ask on several days; see `questions_at`."""
    asked = [questions_at(visits, float(cutoff), horizon=horizon) for cutoff in cutoffs]
    if not asked:
        none = np.zeros(0, np.int64)
        return Questions(none, none.astype(np.float64), none, none, none.astype(np.float32))
    return Questions(
        *(
            np.concatenate([getattr(each, name) for each in asked])
            for name in ("consumer", "cutoff", "begin", "end", "answer")
        )
    )


def _sizes(events: pa.Table) -> tuple[Reals, Reals, Reals]:
    ones = np.ones(events.num_rows)
    counted = "quantity" in events.column_names
    units = np.maximum(numbers_of(events, "quantity"), 0.0) if counted else ones
    money, amount = units, known_numbers(events, "amount")
    if amount is not None:
        money = np.maximum(amount, 0.0)
        items = keys_of(events["item"]) if "item" in events.column_names else np.zeros(len(money), np.int64)
        if counted and is_price_per_unit(money, units, items):
            money = money * units
    return money, units, ones
