"""A table without names, and an honest word for what it is: `cartveil.anonymize`."""

from dataclasses import asdict, dataclass

import pyarrow as pa

from cartveil.events.kinds import Method, Sensitivity
from cartveil.events.patterns import find_patterns
from cartveil.events.schema import Column, Table
from cartveil.events.spans import Finder
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.anonymity import AnonymityReport
from cartveil.guard.protect.modes.blocks import subkey
from cartveil.guard.protect.plan import LINKING, in_words, plan, protect_and_tell
from cartveil.guard.protect.risk import risk
from cartveil.guard.protect.steps import Derive, Scope

#: The least group size at which a release may be called anonymised; a usual limit for open data.
LEAST_K = 5

#: Whom a table is de-identified for: nobody but the caller.
SCOPE = Scope("deidentify", "caller")

_QUASI = frozenset({Sensitivity.QUASI, Sensitivity.DIRECT, Sensitivity.OFFICIAL, Sensitivity.PAYMENT})


@dataclass(frozen=True)
class DeidentificationReport:
    """What was done to a table and what is left to know.

    Args:
        label: `anonymised` or `de-identified`.
        because: Why it is not called anonymised; empty where it is.
        methods: What was done to each column of the input, `drop` where nothing is left of it.
        quasi_columns: Columns by which rows might be matched with outside knowledge of people.
        smallest_group: Rows of the smallest group alike in these (k).
        unique_share: Share of rows that no other row equals in all columns but pseudonyms.
        rows: Rows of the table as it leaves.
        anonymity: What it took to reach the schema's `k`; None where it asks for none.
    """

    label: str
    because: tuple[str, ...]
    methods: dict[str, str]
    quasi_columns: tuple[str, ...]
    smallest_group: int
    unique_share: float
    rows: int
    anonymity: AnonymityReport | None = None

    def to_dict(self) -> dict[str, object]:
        """Return the report for JSON."""
        return asdict(self)


def deidentify(
    table: pa.Table, schema: Table, *, key: SecretKey | None = None, finder: Finder = find_patterns
) -> tuple[pa.Table, DeidentificationReport]:
    """Apply each column's release step under a throw-away key, and say how well it hides people.

    Args:
        table: Clear rows; columns that the schema does not name are dropped.
        schema: What the columns are.
        key: Made here and forgotten, unless given.
        finder: For redaction of free text.

    Returns:
        The table and its report.

    Raises:
        RefusedError: The schema would let a column leave as it is that names people.

    Guarantees:
        - It is called anonymised only if no column links the rows of one person, no free text is left, groups of
          rows alike in quasi-identifiers have at least five members, and no row is alone in all its columns.
    """
    derive = derive_from(key or SecretKey.generate())
    released, anonymity = protect_and_tell(table, schema, derive=derive, scope=SCOPE, finder=finder)
    kept = [column for column, _ in plan(schema).steps if column.name in released.column_names]
    quasi = tuple(column.name for column in kept if _is_quasi(column))
    by_quasi = risk(released, quasi)
    whole = risk(released, [column.name for column in kept if column.release.method not in LINKING])
    because = _reasons(kept, by_quasi.smallest, whole.unique_share, rows=released.num_rows)
    return released, DeidentificationReport(
        label="de-identified" if because else "anonymised",
        because=because,
        methods=_methods(table, kept),
        quasi_columns=quasi,
        smallest_group=by_quasi.smallest,
        unique_share=round(whole.unique_share, 6),
        rows=released.num_rows,
        anonymity=anonymity,
    )


def _reasons(kept: list[Column], smallest: int, unique_share: float, *, rows: int) -> tuple[str, ...]:
    linking = [column.name for column in kept if column.release.method in LINKING]
    texts = [column.name for column in kept if column.kind.sensitivity is Sensitivity.TEXT]
    reasons = []
    if linking:
        reasons.append(f"pseudonyms link the rows of one person: {', '.join(linking)}")
    if texts:
        reasons.append(f"free text may hold what no finder knows: {', '.join(texts)}")
    if rows and smallest < LEAST_K:
        reasons.append(f"the smallest group alike in quasi-identifiers has {smallest} of {LEAST_K} rows")
    if unique_share > 0:
        reasons.append(f"{unique_share:.1%} of the rows equal no other row")
    return tuple(reasons)


def _is_quasi(column: Column) -> bool:
    return column.kind.sensitivity in _QUASI and column.release.method not in LINKING


def _methods(table: pa.Table, kept: list[Column]) -> dict[str, str]:
    done = {column.name: in_words(column.release) for column in kept}
    return {name: done.get(name, str(Method.DROP)) for name in table.column_names}


def derive_from(key: SecretKey) -> Derive:
    """Return how one key gives all others: what de-identifies parts of a table as it does the whole."""

    def derive(label: str, *names: str) -> SecretKey:
        return SecretKey(subkey(key, "\x1f".join([label, *names])))

    return derive
