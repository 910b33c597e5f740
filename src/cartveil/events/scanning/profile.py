"""What a column's values look like: shares of its distinct values, never the values themselves."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cartveil.events.kinds import Kind
from cartveil.events.names import looks_like_name
from cartveil.events.patterns import find_patterns, plain
from cartveil.events.places import find_region
from cartveil.events.reading.times import parse_some_times

Form = Literal["empty", "time", "bool", "whole", "number", "text", "nested"]

#: Distinct values looked at; evenly taken, so that a sorted file is no trap.
SAMPLE = 2_500
_COSTLY_SAMPLE = 1_000

_STREET = re.compile(
    r"[路街道巷弄号室栋楼幢村]|\b(?:road|rd|street|st|avenue|ave|lane|ln|drive|dr|close|way|court|ct|blvd|boulevard|flat|apt|"
    r"suite|unit|house|terrace|crescent|square|place)\b",
    re.IGNORECASE,
)
_GENDERS = frozenset(
    {"m", "f", "male", "female", "man", "woman", "boy", "girl", "other", "unknown", "u", "x", "nonbinary", "non-binary"}
    | {"男", "女", "男性", "女性", "未知", "其他", "保密", "0", "1", "2"}
)
_YES_NO = frozenset(
    {"y", "n", "yes", "no", "true", "false", "t", "f", "0", "1", "on", "off", "是", "否", "有", "无", "同意", "不同意"}
)
_CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.\-/]{1,31}")
_AMOUNT = re.compile(
    r"(?:[$£€¥￥]|RMB ?|CNY ?)?\s?-?[0-9]{1,3}(?:,?[0-9]{3})*(?:\.[0-9]{1,4})?\s?(?:元|RMB|CNY|GBP|USD)?"
)


@dataclass(frozen=True)
class Profile:
    """Figures of one column.

    Args:
        form: What type of values it holds.
        rows: Rows with a value.
        distinct: Distinct values.
        shares: Test -> share of the sampled distinct values that pass it, 0 to 1.
        whole: Kind -> share of values that are, as a whole, of a kind with a written form.
        inside: Share of values with such a kind somewhere inside other words.
        personal: Share of values with a phone, an e-mail address, or a checked number, as a whole or inside.
        length: Median length as text.
        low: Least value of a number, else 0.
        high: Greatest value of a number, else 0.
    """

    form: Form
    rows: int
    distinct: int
    shares: Mapping[str, float] = field(default_factory=dict)
    whole: Mapping[Kind, float] = field(default_factory=dict)
    inside: float = 0.0
    personal: float = 0.0
    length: float = 0.0
    low: float = 0.0
    high: float = 0.0

    def share(self, test: str) -> float:
        """Return the share of values that pass a test of `_TESTS`."""
        return self.shares.get(test, 0.0)

    @property
    def is_unique(self) -> bool:
        """Whether nearly every row has a value of its own."""
        return self.rows > 1 and self.distinct >= 0.95 * self.rows

    @property
    def is_low(self) -> bool:
        """Whether few values come again and again."""
        return self.distinct <= 60 and self.rows >= 3 * self.distinct


def profile_of(column: pa.ChunkedArray) -> Profile:
    """Look at a column's distinct values."""
    form = _form(column)
    rows = len(column) - column.null_count
    if form == "empty" or form == "nested":
        return Profile(form, rows, 0)
    distinct = pc.drop_null(pc.unique(column))
    low, high = _bounds(distinct, form)
    sample = [str(value) for value in _sample(distinct, SAMPLE)]
    if form == "time" or form == "number":
        return Profile(form, rows, len(distinct), low=low, high=high, length=_median(sample))
    folded = [plain(text).strip() for text in sample]
    whole, inside, personal = _kinds(folded)
    shares = _shares(folded)
    shares["time"] = _share_of_times(distinct) if form == "text" else 0.0
    return Profile(form, rows, len(distinct), shares, whole, inside, personal, _median(sample), low, high)


def _form(column: pa.ChunkedArray) -> Form:
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


def _sample(values: pa.Array, size: int) -> list[object]:
    if len(values) > size:
        values = values.take(pa.array(np.linspace(0, len(values) - 1, size).astype(np.int64)))
    whole = pa.types.is_floating(values.type)
    return [int(value) if whole and value == value // 1 else value for value in values.to_pylist()]


def _bounds(values: pa.Array, form: Form) -> tuple[float, float]:
    if form not in ("whole", "number"):
        return 0.0, 0.0
    ends = pc.min_max(values.cast(pa.float64(), safe=False)).as_py()
    return float(ends["min"]), float(ends["max"])


def _median(texts: Sequence[str]) -> float:
    return float(np.median([len(text) for text in texts])) if texts else 0.0


def _kinds(texts: Sequence[str]) -> tuple[dict[Kind, float], float, float]:
    whole: Counter[Kind] = Counter()
    inside = personal = 0
    for text in texts:
        spans = find_patterns(text)
        personal += any(span.kind in _PERSONAL and span.confidence >= 0.9 for span in spans)
        if len(spans) == 1 and spans[0].end - spans[0].start == len(text):
            whole[spans[0].kind] += 1
        elif spans:
            inside += 1
    total = max(1, len(texts))
    return {kind: count / total for kind, count in whole.items()}, inside / total, personal / total


_PERSONAL = frozenset({Kind.PHONE, Kind.EMAIL, Kind.ID_NUMBER, Kind.PAYMENT_CARD, Kind.BANK_ACCOUNT})

_TESTS: dict[str, Callable[[str], bool]] = {
    "digits": lambda text: text.isascii() and text.isdigit(),
    "code": lambda text: bool(_CODE.fullmatch(text)) and any(letter.isdigit() for letter in text),
    "gender": lambda text: text.casefold() in _GENDERS,
    "yes or no": lambda text: text.casefold() in _YES_NO,
    "amount": lambda text: bool(_AMOUNT.fullmatch(text)),
    "words": lambda text: len(text.split()) >= 4 or sum("㐀" <= letter <= "鿿" for letter in text) >= 10,
    "phone digits": lambda text: (
        7 <= sum(letter.isdigit() for letter in text) <= 15 and not any(map(str.isalpha, text))
    ),
    "long digits": lambda text: 12 <= sum(map(str.isdigit, text)) <= 19 or "**" in text,
    "identity": lambda text: 6 <= len(text) <= 22 and sum(map(str.isdigit, text)) >= 5,
    "short code": lambda text: 3 <= len(text) <= 10 and any(map(str.isdigit, text)),
    "three or four digits": lambda text: len(text) in (3, 4) and text.isdigit(),
    "at": lambda text: "@" in text,
}
_COSTLY_TESTS: dict[str, Callable[[str], bool]] = {
    "name": looks_like_name,
    "place": lambda text: find_region(text) is not None,
    "region": lambda text: find_region(text) is not None and not _STREET.search(text),
    "street": lambda text: bool(_STREET.search(text)) and any(map(str.isdigit, text)),
}


def _shares(texts: Sequence[str]) -> dict[str, float]:
    some = texts[:: max(1, len(texts) // _COSTLY_SAMPLE)]
    cheap = {name: _share(test, texts) for name, test in _TESTS.items()}
    return cheap | {name: _share(test, some) for name, test in _COSTLY_TESTS.items()}


def _share(test: Callable[[str], bool], texts: Sequence[str]) -> float:
    return sum(1 for text in texts if test(text)) / max(1, len(texts))


def _share_of_times(distinct: pa.Array) -> float:
    some = distinct.slice(0, SAMPLE)
    parsed = parse_some_times(pa.chunked_array([some.cast(pa.string())]))
    if parsed is None:
        # Days and months may not be told apart, and yet the column holds dates.
        return _share(lambda text: bool(_DAY.match(text)), some.slice(0, 200).to_pylist())
    return 1.0 - int(parsed.null_count) / max(1, len(some))


_DAY = re.compile(r"[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4}")
