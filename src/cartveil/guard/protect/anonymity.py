"""k-anonymity: what narrows a person down becomes coarser, where it must, until k people look alike.

A row keeps its district and its band of ten years where k people share them; only rows in smaller groups go up to the
city, to twenty years, and at last to `*`. Who is alone even then is left out, and counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cartveil.errors import ColumnError, InputError, RefusedError
from cartveil.events.kinds import Kind, Method, Role, Sensitivity, Step
from cartveil.events.schema import Column, Table
from cartveil.guard.protect.bucket import bucket
from cartveil.guard.protect.columns import Values, as_array, as_text
from cartveil.guard.protect.generalise import generalise
from cartveil.guard.protect.mask import mask
from cartveil.guard.protect.risk.reidentification import Codes, codes_of, distinct_in, joined

#: What stands where nothing is said any more.
ANY = "*"

#: Share of the rows that may be left out, unless the caller says otherwise.
MOST_SUPPRESSED = 0.05

#: Groups of kinds by which a person may be looked up with outside knowledge.
QUASI = frozenset({Sensitivity.QUASI, Sensitivity.DIRECT, Sensitivity.OFFICIAL, Sensitivity.PAYMENT})

#: Methods after which a value means nothing to anybody outside.
_MEANINGLESS = frozenset({Method.PSEUDONYM, Method.TOKEN, Method.FPE, Method.DROP, Method.REDACT})

_REGIONS = tuple(Step(Method.GENERALISE, (("level", level),)) for level in ("district", "city", "province", "country"))
_AGES = tuple(Step(Method.BUCKET, (("width", width),)) for width in ("1y", "5y", "10y", "20y"))

#: From fine to coarse; a column starts where its `release` step stands, and every column ends with `*`.
LADDERS: dict[Kind, tuple[Step, ...]] = {
    Kind.ADDRESS: _REGIONS,
    Kind.REGION: (Step(Method.KEEP), *_REGIONS[1:]),
    Kind.BIRTH_DATE: _AGES,
    Kind.POSTCODE: (Step(Method.KEEP), Step(Method.MASK)),
    Kind.IP_ADDRESS: (Step(Method.GENERALISE, (("level", "prefix"),)),),
}

#: Other ways of writing a rung of a ladder.
_SAME = {
    (Kind.ADDRESS, Step(Method.GENERALISE)): _REGIONS[1],
    (Kind.ADDRESS, Step(Method.MASK)): _REGIONS[1],
    (Kind.REGION, Step(Method.GENERALISE)): _REGIONS[1],
    (Kind.REGION, Step(Method.GENERALISE, (("level", "district"),))): Step(Method.KEEP),
    (Kind.BIRTH_DATE, Step(Method.GENERALISE)): _AGES[2],
    (Kind.BIRTH_DATE, Step(Method.GENERALISE, (("level", "decade"),))): _AGES[2],
    (Kind.BIRTH_DATE, Step(Method.GENERALISE, (("level", "year"),))): _AGES[0],
    (Kind.BIRTH_DATE, Step(Method.MASK)): _AGES[2],
    (Kind.POSTCODE, Step(Method.GENERALISE)): Step(Method.MASK),
    (Kind.POSTCODE, Step(Method.GENERALISE, (("level", "prefix"),))): Step(Method.MASK),
    (Kind.IP_ADDRESS, Step(Method.GENERALISE)): Step(Method.GENERALISE, (("level", "prefix"),)),
}


@dataclass(frozen=True)
class AnonymityReport:
    """What it took to make people look alike.

    Args:
        k: What was asked for.
        smallest: People of the smallest group that is left; 0 where nothing is.
        rows: Rows of the table before.
        suppressed: Rows that were left out.
        levels: Per column how many of the kept rows stand at which level, such as `bucket width=10y` or `*`.
    """

    k: int
    smallest: int
    rows: int
    suppressed: int
    levels: Mapping[str, Mapping[str, int]]

    def to_dict(self) -> dict[str, object]:
        """Return the report for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Recoded:
    """Quasi columns made coarse, and which rows are left.

    Args:
        columns: Per quasi column its values as they leave, of the kept rows.
        kept: (rows,) of the table: whether the row is kept.
        report: See `AnonymityReport`.
    """

    columns: Mapping[str, Values]
    kept: pa.Array
    report: AnonymityReport


def anonymise_k(
    table: pa.Table, schema: Table, *, k: int, most_suppressed: float = MOST_SUPPRESSED
) -> tuple[pa.Table, AnonymityReport]:
    """Make the quasi-identifiers of a table so coarse that at least k people look alike.

    Args:
        table: Clear rows.
        schema: What the columns are; each quasi column starts as coarse as its `release` step makes it.
        k: People of the smallest group.
        most_suppressed: Greatest share of the rows that may be left out.

    Returns:
        The table without the rows that were left out, quasi columns coarse, the others as they were; and the report.

    Raises:
        InputError: k is below 2.
        RefusedError: More rows than that would have to be left out.

    Guarantees:
        - Every combination of quasi values is shared by at least k people: different values of the column with the role
          `subject`, else rows. Rows without consumer count as one person together.
        - Only what stands in a group that is too small becomes coarser; nothing becomes finer than its step.

    Source: Sweeney, Achieving k-Anonymity Privacy Protection Using Generalization and Suppression, 2002 (Datafly: the
    column with most distinct values goes up); applied to the small groups alone, as in local recoding (Xu et al.,
    Utility-Based Anonymization Using Local Recoding, KDD 2006).
    """
    recoded = recode(table, schema, quasi_columns(schema, table.column_names), k=k)
    refuse_many(recoded.report, most_suppressed, path=schema.name)
    left = table.filter(recoded.kept)
    for name, column in recoded.columns.items():
        left = left.set_column(left.column_names.index(name), name, column)
    return left, recoded.report


def quasi_columns(schema: Table, present: Sequence[str]) -> tuple[Column, ...]:
    """Return the columns that leave and may be matched with outside knowledge of people."""
    return tuple(column for column in schema.columns if column.name in present and is_quasi(column))


def is_quasi(column: Column) -> bool:
    """Return whether a column leaves as something by which a person may be looked up."""
    return column.kind.sensitivity in QUASI and column.release.method not in _MEANINGLESS


def refuse_many(report: AnonymityReport, most: float, *, path: str) -> None:
    """Refuse where too many rows were left out.

    Raises:
        RefusedError: It says how many, and how many may be.
    """
    if report.suppressed > most * report.rows:
        share = report.suppressed / report.rows
        hint = "ask for a smaller k, drop a quasi column, or permit more with `suppressed`"
        message = f"{share:.1%} of the rows would be left out to reach k = {report.k}; at most {most:.1%} may"
        raise RefusedError(message, path=path, hint=hint)


def recode(table: pa.Table, schema: Table, columns: Sequence[Column], *, k: int) -> Recoded:
    """Make some columns coarse until k people look alike; see `anonymise_k`."""
    if isinstance(k, bool) or k < 2:
        raise InputError(f"`{k}` people hide nobody", path=f"{schema.name}.k", hint="ask for 2 or more; 5 is usual")
    subject = schema.by_role(Role.SUBJECT)
    here = subject is not None and subject.name in table.column_names
    people = codes_of(table[subject.name]) if here and subject else np.arange(table.num_rows)
    ladders = [_climbed(table[column.name], column, path=f"{schema.name}.{column.name}") for column in columns]
    levels, open_rows = _raised(ladders, people, k=k) if columns else (np.zeros((0, table.num_rows), int), None)
    kept = np.ones(table.num_rows, bool) if open_rows is None else ~open_rows
    coarse = {
        column.name: ladder.values(level, kept) for column, ladder, level in zip(columns, ladders, levels, strict=True)
    }
    groups = joined([ladder.codes(level)[kept] for ladder, level in zip(ladders, levels, strict=True)], rows=kept.sum())
    smallest = int(distinct_in(groups, people[kept]).min()) if kept.any() else 0
    counted = {
        column.name: ladder.counted(level[kept]) for column, ladder, level in zip(columns, ladders, levels, strict=True)
    }
    report = AnonymityReport(k, smallest, table.num_rows, int((~kept).sum()), counted)
    return Recoded(coarse, pa.array(kept), report)


@dataclass(frozen=True)
class _Ladder:
    """One column at every level of its ladder.

    Args:
        first: The column as its own step lets it leave.
        names: What the levels are called, fine to coarse.
        rows: (rows,) each row's distinct clear value, as a number.
        written: (levels, values) each value's text at each level, as a number in `words`; equal texts, equal numbers.
        words: The texts, NULL among them.
    """

    first: Values
    names: tuple[str, ...]
    rows: Codes
    written: Codes
    words: pa.Array

    def codes(self, level: Codes) -> Codes:
        """Return (rows,) each row's text at its level, as a number."""
        return self.written[level, self.rows]

    def values(self, level: Codes, kept: npt.NDArray[np.bool_]) -> Values:
        """Return the kept rows' values; of the step's own type where no row went up."""
        if not level[kept].any():
            return self.first.filter(pa.array(kept))
        return pa.chunked_array([self.words.take(pa.array(self.codes(level)[kept]))])

    def counted(self, level: Codes) -> dict[str, int]:
        """Return how many rows stand at each level."""
        counts = np.bincount(level, minlength=len(self.names))
        return {name: int(count) for name, count in zip(self.names, counts, strict=True) if count}


def _climbed(column: Values, spec: Column, *, path: str) -> _Ladder:
    array = as_array(column)
    encoded = pc.dictionary_encode(array, null_encoding="encode")
    distinct = encoded.dictionary
    steps = _steps(spec)
    try:
        made = [_at(distinct, spec, step) for step in steps]
    except ColumnError as error:
        raise ColumnError(error.message, path=path, hint=error.hint) from error
    levels = [as_text(level).cast(pa.string()) for level in made]
    levels.append(pa.array([ANY] * len(distinct), pa.string()))  # a gap would tell one group from the other
    words = pc.dictionary_encode(pa.chunked_array(levels), null_encoding="encode").combine_chunks()
    words = words.chunk(0) if isinstance(words, pa.ChunkedArray) else words
    written = words.indices.to_numpy(zero_copy_only=False).astype(np.int64).reshape(len(levels), len(distinct))
    rows = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    first = pa.chunked_array([made[0].take(encoded.indices)])
    return _Ladder(first, (*(_in_words(step) for step in steps), ANY), rows, written, words.dictionary)


def _steps(spec: Column) -> tuple[Step, ...]:
    """Return the column's own step and the coarser ones above it."""
    ladder = LADDERS.get(spec.kind, ())
    own = _SAME.get((spec.kind, spec.release), spec.release)
    if own in ladder:
        return (spec.release, *ladder[ladder.index(own) + 1 :])
    return (spec.release, *(step for step in ladder if _is_coarser(step, own)))


def _is_coarser(step: Step, own: Step) -> bool:
    """Return whether a band of years is wider than the column's own; a ladder holds nothing else off its rungs."""
    if own.method is Method.KEEP:
        return True
    width, mine = str(step.option("width", "")), str(own.option("width", ""))
    if width.endswith("y") and mine.endswith("y"):
        return int(width[:-1]) % int(mine[:-1]) == 0 and int(width[:-1]) > int(mine[:-1])
    return False


def _at(distinct: pa.Array, spec: Column, step: Step) -> pa.Array:
    match step.method:
        case Method.KEEP:
            return distinct
        case Method.MASK:
            return mask(distinct, kind=spec.kind)
        case Method.BUCKET:
            return bucket(distinct, width=step.option("width", "1d"), top=step.option("top"))
        case Method.GENERALISE:
            return generalise(distinct, kind=spec.kind, level=str(step.option("level", "")))
    message = f"`{step.method}` cannot be made coarser until k people look alike"
    raise ColumnError(message, hint="use `bucket`, `generalise`, `mask`, `keep` or `drop`")


def _raised(ladders: Sequence[_Ladder], people: Codes, *, k: int) -> tuple[Codes, npt.NDArray[np.bool_]]:
    """Return (columns, rows) the level of each cell, and which rows no level can hide."""
    levels = np.zeros((len(ladders), len(people)), np.int64)
    tops = np.array([len(ladder.names) - 1 for ladder in ladders])
    while True:
        texts = [ladder.codes(level) for ladder, level in zip(ladders, levels, strict=True)]
        groups = joined(texts, rows=len(people))
        small = (distinct_in(groups, people) < k)[groups] if len(people) else np.zeros(0, bool)
        # The column with most different values among those who are still too few goes up, wherever it can.
        open_cells = small & (levels < tops[:, None])
        if not open_cells.any():
            return levels, small
        variety = [
            len(np.unique(text[small])) if cells.any() else 0 for text, cells in zip(texts, open_cells, strict=True)
        ]
        chosen = int(np.argmax(variety))
        levels[chosen] += open_cells[chosen]


def _in_words(step: Step) -> str:
    return " ".join([str(step.method), *(f"{name}={value}" for name, value in step.options)])
