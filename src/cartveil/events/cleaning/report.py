"""What cleaning gives back: the rows kept, the rows set aside, and how many for which reason."""

from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from cartveil.events.protected import Events

#: The column that is added to the rows set aside.
BECAUSE = "set_aside_because"


@dataclass(frozen=True)
class QualityReport:
    """How good a table was.

    Args:
        rows_in: Rows handed in.
        rows_kept: Rows kept; `rows_in - rows_kept` equals the sum of `counts`.
        counts: Reason -> rows set aside for it; each such row counts once, for its first reason.
        found: Reason -> rows that show it, whatever else they show.
        nulls: Column -> values that are NULL.
        trimmed: Column -> values that lost spaces at their ends, or letters that became capitals in an item code.
        warnings: What a person should look at, without a value of the table.
    """

    rows_in: int
    rows_kept: int
    counts: dict[str, int]
    found: dict[str, int]
    nulls: dict[str, int]
    trimmed: dict[str, int]
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data, for JSON."""
        return {**asdict(self), "warnings": list(self.warnings)}


@dataclass(frozen=True)
class Cleaned:
    """The result of `clean`.

    Args:
        kept: The good rows, in order, with the types their roles ask for.
        set_aside: The other rows, in order, just as they were handed in, with the reason in `set_aside_because`.
        report: The counts.
    """

    kept: Events
    set_aside: pa.Table
    report: QualityReport
