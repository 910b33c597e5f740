"""Card transactions as what fraud models read: who paid, where, how much, when, and what was reported later.

A table has a row per transaction, in the columns `transaction`, `time`, `customer`, `terminal`, `amount` and, where it
is known, `fraud`, and `reported`: when somebody said so. Verdicts come late in life: who learns from this looks at
`fraud` only after a delay.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cartveil.errors import ColumnError
from cartveil.insight.sequences.clock import without_stray_times
from cartveil.insight.sequences.streams import seconds_of

#: What a table must hold; `fraud` may be missing where nothing was reported yet.
COLUMNS = ("transaction", "time", "customer", "terminal", "amount")

#: Amounts are summed in hundredths, as whole numbers, so that any order gives the same; larger ones count as this.
LARGEST_AMOUNT = 1e6

DAY = 86400


@dataclass(frozen=True)
class Transactions:
    """Transactions in order of time.

    Args:
        row: Where each stood in the table, (N,).
        seconds: Since 1970, rising, (N,).
        customer: Number of the customer, (N,).
        terminal: Number of the terminal, (N,).
        amount: (N,), none above `LARGEST_AMOUNT`.
        fraud: What was reported of it, however late, (N,).
        reported: When, in seconds since 1970; of what has no such time, when it was made, (N,).
        customers: Their names, by number.
        terminals: Their names, by number.
        left_out: Rows that could not be used: a value missing, a wrong clock, or a transaction that had come before.
    """

    row: NDArray[np.int64]
    seconds: NDArray[np.int64]
    customer: NDArray[np.int64]
    terminal: NDArray[np.int64]
    amount: NDArray[np.float64]
    fraud: NDArray[np.bool_]
    reported: NDArray[np.int64]
    customers: pa.Array
    terminals: pa.Array
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.seconds)

    @property
    def day(self) -> NDArray[np.int64]:
        """Return the day of each since 1970, (N,)."""
        return self.seconds // DAY

    def known_within(self, delay: int) -> NDArray[np.bool_]:
        """Return which were reported as fraud within so many seconds, (N,)."""
        return self.fraud & (self.reported <= self.seconds + delay)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> "Transactions":
        """Return some of them; rows must rise."""
        return Transactions(
            self.row[rows],
            self.seconds[rows],
            self.customer[rows],
            self.terminal[rows],
            self.amount[rows],
            self.fraud[rows],
            self.reported[rows],
            self.customers,
            self.terminals,
            self.left_out,
        )


def transactions_of(table: pa.Table) -> Transactions:
    """Read a table of transactions.

    Args:
        table: `COLUMNS`, and `fraud` (bool or 0 and 1) where something was reported, best with the time of the report
            in `reported`; in any order of time.

    Raises:
        ColumnError: A column is missing, or holds what it cannot; no value is told.

    Guarantees:
        - Rows are in order of time; what came first stays first at the same second.
        - A row without time, customer, terminal or finite amount is left out, and so is one whose transaction had come
          before, or that a wrong clock dated (`without_stray_times`); a missing verdict is none.
    """
    _check(table)
    usable = _usable(table)
    usable[usable] = without_stray_times(seconds_of(table["time"].filter(pa.array(usable))) / DAY)
    kept = table.filter(pa.array(usable))
    seconds = seconds_of(kept["time"])
    order = np.argsort(seconds, kind="stable")
    first = _first_of_each(kept["transaction"], order)
    order = order[first[order]]
    customer, customers = _numbered(kept["customer"], order)
    terminal, terminals = _numbered(kept["terminal"], order)
    amount = np.minimum(kept["amount"].cast(pa.float64()).to_numpy()[order], LARGEST_AMOUNT)
    fraud, reported = _verdicts(kept)[order], _reports(kept, seconds)[order]
    row = np.flatnonzero(usable)[order]
    left_out = table.num_rows - len(order)
    return Transactions(
        row, seconds[order], customer, terminal, amount, fraud, reported, customers, terminals, left_out
    )


def _check(table: pa.Table) -> None:
    for name in COLUMNS:
        if name not in table.column_names:
            raise ColumnError("a table of transactions lacks this column", path=name, hint=f"name {', '.join(COLUMNS)}")
    kind = table["amount"].type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise ColumnError("amounts are no numbers", path="amount", hint="read the column as numbers")
    for name in ("time", "reported"):
        if name in table.column_names and not pa.types.is_timestamp(table[name].type):
            raise ColumnError("times are no timestamps", path=name, hint="read the column as timestamps")


def _usable(table: pa.Table) -> NDArray[np.bool_]:
    valid = [pc.is_valid(table[name]) for name in ("time", "customer", "terminal", "transaction")]
    finite = pc.fill_null(pc.is_finite(table["amount"].cast(pa.float64())), False)
    usable = finite
    for each in valid:
        usable = pc.and_(usable, each)
    return np.asarray(usable.to_numpy()).astype(bool)


def _first_of_each(column: pa.ChunkedArray, order: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which rows are, in this order, the first of their transaction."""
    codes = np.asarray(pc.dictionary_encode(column.combine_chunks()).indices.to_numpy(zero_copy_only=False))
    first = np.zeros(len(order), dtype=bool)
    first[order[np.unique(codes[order], return_index=True)[1]]] = True
    return first


def _numbered(column: pa.ChunkedArray, order: NDArray[np.int64]) -> tuple[NDArray[np.int64], pa.Array]:
    coded = pc.dictionary_encode(column.combine_chunks())
    return np.asarray(coded.indices.to_numpy(zero_copy_only=False)).astype(np.int64)[order], coded.dictionary


def _verdicts(table: pa.Table) -> NDArray[np.bool_]:
    if "fraud" not in table.column_names:
        return np.zeros(table.num_rows, dtype=bool)
    hint = "write 1 for what was reported as fraud, 0 for what was not"
    try:
        verdicts = table["fraud"].cast(pa.float64()).drop_null().to_numpy()
    except pa.ArrowException:  # its message quotes the value
        raise ColumnError("verdicts are not 0 and 1", path="fraud", hint=hint) from None
    if not np.isin(verdicts, (0.0, 1.0)).all():
        raise ColumnError("verdicts are not 0 and 1", path="fraud", hint=hint)
    return np.asarray(pc.fill_null(table["fraud"].cast(pa.float64()), 0.0).to_numpy()) > 0


def _reports(table: pa.Table, seconds: NDArray[np.int64]) -> NDArray[np.int64]:
    if "reported" not in table.column_names:
        return seconds
    known = np.asarray(table["reported"].is_valid())
    return np.where(known, seconds_of(table["reported"]), seconds)
