"""What is known of a consumer when it is asked whether they will buy: counts, and the steps that the network reads.

Recency, frequency and money are what has been counted for this for a century. They stand beside the visits themselves,
so that the network need not count.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartveil.insight.decisions.purchase.visits import SIZES, Questions, Reals, Visits

Matrix = NDArray[np.float32]

#: Days over which visits are counted back from a cutoff.
WINDOWS = (7, 14, 28, 56, 112, 224)

#: Names of the counts, in the order of their columns.
COUNTS = (
    "recency",
    "visits",
    "age",
    "one_visit",
    "usual_gap",
    "overdue",
    "gap_spread",
    *(f"visits_{days}" for days in WINDOWS),
    "money",
    "units",
    "lines",
    "last_money",
    "shop",
)

#: Numbers that describe a visit: the gap before it, its sizes, and whether it is the question itself.
STEP = 2 + SIZES


def counts_of(visits: Visits, questions: Questions) -> Matrix:
    """Count what each consumer did before the cutoff.

    Returns:
        (Q, counts) in the order of `COUNTS`, logarithms mostly. A consumer of one visit has no gap: theirs is the time
        since, and `one_visit` says so.
    """
    last = visits.day[questions.end - 1]
    first = visits.day[questions.begin]
    number = (questions.end - questions.begin).astype(np.float64)
    recency, age = questions.cutoff - last, questions.cutoff - first
    once = number == 1
    gap = np.where(once, recency, (last - first) / np.maximum(number - 1, 1))
    parts = [np.log1p(recency), np.log1p(number), np.log1p(age), once.astype(np.float64), np.log1p(gap)]
    parts.append(np.clip(np.log((recency + 1) / (gap + 1)), -4, 4))
    parts.append(_gap_spread(visits, questions, gap))
    parts += [np.log1p(each) for each in _recent(visits, questions)]
    parts += list(_means(visits.sizes, questions).T)
    parts += [visits.sizes[questions.end - 1, 0], _shop(visits, questions)]
    return np.stack(parts, axis=1).astype(np.float32)  # (Q, counts)


@dataclass(frozen=True)
class Steps:
    """Questions as the encoder reads them.

    Args:
        numeric: Visits, the last `lengths - 1` of them, then the question, (B, T, features).
        lengths: (B,).
    """

    numeric: Matrix
    lengths: NDArray[np.int64]


def steps_of(visits: Visits, questions: Questions, counts: Matrix, *, most: int) -> Steps:
    """Lay visits out as steps, oldest first, with the question as the last step.

    Args:
        visits: Where to look.
        questions: What is asked.
        counts: Standardised counts of these questions, (B, counts).
        most: At most this many visits are read, the latest.
    """
    number = np.minimum(questions.end - questions.begin, most)
    lengths = number + 1
    place = np.arange(lengths.max(initial=1))[None, :]  # (1, T)
    row = np.minimum(questions.end[:, None] - number[:, None] + place, questions.end[:, None] - 1)  # (B, T)
    before = np.maximum(row - 1, questions.begin[:, None])
    gap = visits.day[row] - visits.day[before]  # 0 for a consumer's first visit
    numeric = np.zeros((*row.shape, STEP + counts.shape[1]), np.float32)
    numeric[..., 0] = np.log1p(gap) / 3
    numeric[..., 1 : 1 + SIZES] = visits.sizes[row] / 4
    numeric *= (place < number[:, None])[..., None]
    asked = np.arange(len(number))
    numeric[asked, number, 0] = np.log1p(questions.cutoff - visits.day[questions.end - 1]) / 3
    numeric[asked, number, STEP - 1] = 1.0
    numeric[asked, number, STEP:] = counts
    return Steps(numeric, lengths)


def _recent(visits: Visits, questions: Questions) -> list[Reals]:
    found = [np.zeros(len(questions)) for _ in WINDOWS]
    for cutoff in np.unique(questions.cutoff):
        rows = np.flatnonzero(questions.cutoff == cutoff)
        who = questions.consumer[rows]
        upto = visits.before(float(cutoff))[who]
        for place, days in enumerate(WINDOWS):
            found[place][rows] = upto - visits.before(float(cutoff) - days)[who]
    return found


def _means(values: Reals, questions: Questions) -> Reals:
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    number = (questions.end - questions.begin)[:, None]
    return np.asarray((total[questions.end] - total[questions.begin]) / number)


def _gap_spread(visits: Visits, questions: Questions, gap: Reals) -> Reals:
    """Return how irregular the gaps are: standard deviation over mean, 1 where there are fewer than two."""
    gaps = np.diff(visits.day, prepend=visits.day[:1])
    total = np.concatenate([[0.0], np.cumsum(gaps**2)])
    number = questions.end - questions.begin - 1
    square = (total[questions.end] - total[questions.begin + 1]) / np.maximum(number, 1)
    spread = np.sqrt(np.maximum(square - gap**2, 0)) / np.maximum(gap, 1)
    return np.where(number >= 2, np.minimum(spread, 4), 1.0)


def _shop(visits: Visits, questions: Questions) -> Reals:
    """Return how busy the shop was in the last four weeks against the four before: logarithm of the ratio."""
    found = np.zeros(len(questions))
    days = np.sort(visits.day)
    for cutoff in np.unique(questions.cutoff):
        late, middle, early = np.searchsorted(days, [cutoff, cutoff - 28, cutoff - 56])
        if cutoff - 56 >= days[0]:
            found[questions.cutoff == cutoff] = np.log((late - middle + 1) / (middle - early + 1))
    return found
