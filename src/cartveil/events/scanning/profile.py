"""What a column's values look like: shares of its distinct values, never the values themselves."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cartveil.events.kinds import Kind
from cartveil.events.patterns import plain
from cartveil.events.places import find_region
from cartveil.events.scanning.forms import forms_of
from cartveil.events.scanning.marks import NOTHING, shares_of
from cartveil.events.scanning.moments import clocks_of, written_times
from cartveil.events.scanning.people import looks_like_first_or_last_name, looks_like_person

Form = Literal["empty", "time", "bool", "whole", "number", "text", "nested"]

#: Distinct values looked at; evenly taken, so that a sorted file is no trap.
SAMPLE = 2_500
_COSTLY_SAMPLE = 500
#: A longer value is text, and its beginning tells as much.
_LONGEST = 2_000
#: Rows whose order is looked at: does a number grow from row to row?
_IN_A_ROW = 5_000
_GREATEST_STEP = 1_000

_STREET = re.compile(
    r"[路街道巷弄号號室栋棟楼樓幢村]|\b(?:road|rd|street|st|avenue|ave|lane|ln|drive|dr|close|way|court|ct|blvd|boulevard|flat|apt|"
    r"suite|unit|house|terrace|crescent|square|place|highway|hwy|po box)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Profile:
    """Figures of one column.

    Args:
        form: What type of values it holds.
        rows: Rows with a value.
        distinct: Distinct values.
        shares: Mark -> share of the sampled distinct values that bear it, 0 to 1.
        whole: Kind -> share of values that are, as a whole, of a kind with a written form.
        inside: Share of values with such a kind somewhere inside other words.
        personal: Share of values with a phone, an e-mail address, or a checked number, as a whole or inside.
        leaks: How many of the distinct values looked at are `personal`.
        length: Median length as text.
        low: Least value of a number, else 0.
        high: Greatest value of a number, else 0.
        years: The first and the last year of dates, without the outermost hundredth; both 0 where there is none.
        grows: Share of rows whose number is a little greater than that of the row before.
        heads: Distinct first three digits of what may be a mobile number.
        seen: Distinct values that the shares are of.
    """

    form: Form
    rows: int
    distinct: int
    shares: Mapping[str, float] = field(default_factory=dict)
    whole: Mapping[Kind, float] = field(default_factory=dict)
    inside: float = 0.0
    personal: float = 0.0
    leaks: int = 0
    length: float = 0.0
    low: float = 0.0
    high: float = 0.0
    years: tuple[int, int] = (0, 0)
    grows: float = 0.0
    heads: int = 0
    seen: int = 0

    def share(self, test: str) -> float:
        """Return the share of values that bear a mark of `marks.EXPRESSIONS` or of `_COSTLY`."""
        return self.shares.get(test, 0.0)

    @property
    def is_unique(self) -> bool:
        """Whether nearly every row has a value of its own."""
        return self.rows > 1 and self.distinct >= 0.95 * self.rows

    @property
    def is_low(self) -> bool:
        """Whether few values come again and again."""
        return self.distinct <= 60 and self.rows >= 3 * self.distinct


def profile_of(column: pa.ChunkedArray, *, size: int = SAMPLE, every: bool = False) -> Profile:
    """Look at a column's distinct values.

    Args:
        column: (rows,) values.
        size: Distinct values to look at.
        every: Look for written forms in each distinct value, not in as many only.
    """
    form = form_of(column)
    rows = len(column) - column.null_count
    if form in ("empty", "nested"):
        return Profile(form, rows, 0)
    distinct = pc.drop_null(pc.unique(column))
    low, high = _bounds(distinct, form)
    sample = _even(distinct, size)
    if form in ("time", "number"):
        length = float(np.median([len(str(value)) for value in sample.to_pylist()]))
        clock, years = clocks_of(sample)
        shares = {"clock": clock}
        return Profile(form, rows, len(distinct), shares, length=length, low=low, high=high, years=years)
    texts = _folded(sample, longest=_LONGEST)
    shares, years = _shares(texts, is_text=form == "text")
    forms = forms_of(_folded(distinct) if every and len(distinct) > size else texts)
    total = max(1, forms.seen)
    return Profile(
        form,
        rows,
        len(distinct),
        shares=shares,
        whole={kind: count / total for kind, count in forms.whole.items()},
        inside=forms.inside / total,
        personal=forms.personal / total,
        leaks=forms.personal,
        length=float(np.median(pc.utf8_length(texts).to_numpy())) if len(texts) else 0.0,
        low=low,
        high=high,
        years=years,
        grows=_grows(column),
        heads=_heads(texts),
        seen=len(texts),
    )


def form_of(column: pa.ChunkedArray) -> Form:
    """Return what type of values a column holds."""
    kind = column.type
    if column.null_count == len(column):
        return "empty"
    if pa.types.is_temporal(kind):
        return "time"
    if pa.types.is_boolean(kind):
        return "bool"
    if pa.types.is_integer(kind):
        return "whole"
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        numbers = column.cast(pa.float64())
        return "whole" if pc.all(pc.equal(pc.floor(numbers), numbers)).as_py() and not _few_cents(numbers) else "number"
    return "text" if pa.types.is_string(kind) or pa.types.is_large_string(kind) else "nested"


def _few_cents(numbers: pa.ChunkedArray) -> bool:
    # Whole numbers in a column of floats are identifiers (17850.0) only when they are large.
    return bool(pc.max(numbers).as_py() < 1_000)


def _even(values: pa.Array, size: int) -> pa.Array:
    if len(values) <= size:
        return values
    return values.take(pa.array(np.linspace(0, len(values) - 1, size).astype(np.int64)))


def _folded(values: pa.Array, *, longest: int | None = None) -> pa.Array:
    """Return values as plain text, no longer than so many letters, without those that only say that there is none."""
    whole = pa.types.is_floating(values.type)
    texts = [str(int(value) if whole and value == value // 1 else value) for value in values.to_pylist()]
    folded = pa.array([_INVISIBLE.sub("", plain(_writable(text[:longest]))).strip() for text in texts], pa.string())
    telling = folded.filter(pc.invert(pc.match_substring_regex(folded, NOTHING)))
    return telling if len(telling) else folded


_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff]")


def _writable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8") if not text.isascii() else text


def _bounds(values: pa.Array, form: Form) -> tuple[float, float]:
    if form not in ("whole", "number"):
        return 0.0, 0.0
    ends = pc.min_max(values.cast(pa.float64(), safe=False)).as_py()
    return float(ends["min"]), float(ends["max"])


_COSTLY: Mapping[str, Callable[[str], bool]] = {
    "name": looks_like_person,
    "part of name": looks_like_first_or_last_name,
    "street": lambda text: bool(_STREET.search(text)) and any(map(str.isdigit, text)),
}


def _shares(texts: pa.Array, *, is_text: bool) -> tuple[dict[str, float], tuple[int, int]]:
    shares = shares_of(texts)
    shares["time"], years = written_times(texts)
    some = _even(texts, _COSTLY_SAMPLE).to_pylist() if is_text else []
    shares |= {name: _share(map(test, some), len(some)) for name, test in _COSTLY.items()}
    places = [text for text in some if find_region(text) is not None]
    shares["place"] = len(places) / max(1, len(some))
    shares["region"] = _share((not _STREET.search(text) for text in places), len(some))
    return shares, years


def _share(found: Any, total: int) -> float:
    return float(sum(found)) / max(1, total)


def _grows(column: pa.ChunkedArray) -> float:
    """Return in how many rows a long number is a little greater than in the row before."""
    numbers = _long_numbers(column.slice(0, _IN_A_ROW).drop_null())
    if len(numbers) < 20:
        return 0.0
    steps = np.diff(numbers)
    return float(np.mean((steps >= 0) & (steps <= _GREATEST_STEP)))


def _long_numbers(values: pa.ChunkedArray) -> Any:
    if pa.types.is_integer(values.type):
        return values.to_numpy().astype(np.int64)
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        return np.empty(0, np.int64)
    digits = pc.all(pc.match_substring_regex(values, "^[0-9]{5,18}$"), min_count=1).as_py()
    return values.cast(pa.int64()).to_numpy() if digits else np.empty(0, np.int64)


def _heads(texts: pa.Array) -> int:
    head = pc.struct_field(pc.extract_regex(texts, r"^(?:\+?86[- ]?)?(?P<head>1[3-9][0-9])"), "head")
    return len(Counter(head.drop_null().to_pylist()))


def merged(profiles: Sequence[Profile], *, rows: int, distinct: int) -> Profile:
    """Return the profile of a column from those of its parts.

    Args:
        profiles: One per part, each with at least one value.
        rows: Rows of the whole column with a value.
        distinct: Distinct values of the whole column.
    """
    form = _joint({profile.form for profile in profiles})
    telling = [profile for profile in profiles if profile.seen]
    seen = sum(profile.seen for profile in telling)

    def mean(values: Callable[[Profile], float]) -> float:
        return sum(values(profile) * profile.seen for profile in telling) / max(1, seen)

    marks = {mark for profile in telling for mark in profile.shares}
    kinds = {kind for profile in telling for kind in profile.whole}
    spans = [profile.years for profile in profiles if profile.years != (0, 0)]
    return Profile(
        form,
        rows,
        distinct,
        shares={mark: mean(lambda profile, mark=mark: profile.share(mark)) for mark in marks},  # type: ignore[misc]
        whole={kind: mean(lambda profile, kind=kind: profile.whole.get(kind, 0.0)) for kind in kinds},  # type: ignore[misc]
        inside=mean(lambda profile: profile.inside),
        personal=mean(lambda profile: profile.personal),
        leaks=sum(profile.leaks for profile in profiles),
        length=float(np.median([profile.length for profile in profiles])),
        low=min(profile.low for profile in profiles),
        high=max(profile.high for profile in profiles),
        years=(min(low for low, _ in spans), max(high for _, high in spans)) if spans else (0, 0),
        grows=mean(lambda profile: profile.grows),
        heads=max(profile.heads for profile in profiles),
        seen=seen,
    )


def _joint(forms: set[Form]) -> Form:
    """Return the form that holds all of these: numbers hold whole numbers, text holds everything."""
    if len(forms) == 1:
        return next(iter(forms))
    return "number" if forms <= {"whole", "number"} else "text"
