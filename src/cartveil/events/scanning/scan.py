"""Scan tables: profile each column, judge it, look at its neighbours, propose.

>>> table = pa.table({"手机号": ["13812345678", "13987654321"], "InvoiceNo": ["536365", "536366"]})
>>> [(found.column, str(found.kind)) for found in scan({"orders": table}).evidence]
[('手机号', 'phone'), ('InvoiceNo', 'order_id')]
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from cartveil.errors import ColumnError, ReadError
from cartveil.events.kinds import Method, Role
from cartveil.events.reading.columns import tidy
from cartveil.events.scanning.neighbours import with_neighbours
from cartveil.events.scanning.parts import roles, usual_code
from cartveil.events.scanning.profile import Profile, profile_of
from cartveil.events.scanning.proposal import Evidence, Looked, Proposal
from cartveil.events.scanning.sampling import sample_table
from cartveil.events.scanning.verdict import judge
from cartveil.events.scanning.whole import Whole, parts_of
from cartveil.events.schema import Schema, Table, column_of


def scan(tables: Mapping[str, pa.Table], *, paths: Mapping[str, str] | None = None, name: str = "shop") -> Proposal:
    """Propose a schema for tables, with a kind, a role and a protection for every column.

    Args:
        tables: Name -> table.
        paths: Name -> file, relative to where `cartveil.toml` will lie; `<name>.csv` without it.
        name: Of the whole schema.

    Raises:
        ColumnError: There is no table, or a column has no name of its own.

    Guarantees:
        - Every column is in the proposal; what cannot be told is `other`, which is sealed and never exported.
        - No evidence holds a value of the table.
    """
    if not tables:
        raise ColumnError("there is no table to scan", hint="name a file, or a folder of files")
    found = {}
    for table_name, table in tables.items():
        columns = tidy(table)
        found[table_name] = _evidence(table_name, columns, _profiles(columns))
    return _proposal(found, paths or {}, name, ())


def scan_files(files: Mapping[str, str | Path], *, exact: bool = False, name: str = "shop") -> Proposal:
    """Propose a schema for files of any size.

    Args:
        files: Name of a table -> its file.
        exact: Look at every row; else rows from all over a large file are looked at, and a small one is read whole.
        name: Of the whole schema.

    Raises:
        ReadError: As `read_table`.
        ColumnError: There is no file.

    Guarantees:
        - Those of `scan`.
        - Memory does not grow with a delimited or a Parquet file.
    """
    if not files:
        raise ColumnError("there is no table to scan", hint="name a file, or a folder of files")
    found, looked = {}, []
    for table_name, file in files.items():
        sample = sample_table(file)
        profiles, rows = _profiles(sample.table), sample.rows
        evidence = _evidence(table_name, sample.table, profiles)
        if exact and not sample.is_whole:
            evidence, rows = _exactly(table_name, file, sample.table, _readable(evidence))
        found[table_name] = evidence
        seen = rows if exact or sample.is_whole else sample.table.num_rows
        looked.append(Looked(table_name, seen, rows))
    return _proposal(found, {table: Path(file).name for table, file in files.items()}, name, tuple(looked))


def _profiles(table: pa.Table) -> dict[str, Profile]:
    return {column: profile_of(table[column]) for column in table.column_names}


def _exactly(name: str, file: str | Path, sample: pa.Table, readable: frozenset[str]) -> tuple[list[Evidence], int]:
    profiles, rows = _all_rows(file, sample.column_names, readable)
    evidence = _evidence(name, sample, profiles)
    if missed := _readable(evidence) - readable:
        # All rows say that these may stay readable, which the sample did not: now their values count one by one.
        profiles |= _all_rows(file, sorted(missed), missed)[0]
        evidence = _evidence(name, sample, profiles)
    return evidence, rows


def _readable(evidence: list[Evidence]) -> frozenset[str]:
    """Return the columns whose values the proposal would leave readable."""
    return frozenset(each.column for each in evidence if each.protect.method is Method.KEEP)


def _all_rows(file: str | Path, names: list[str], readable: frozenset[str]) -> tuple[dict[str, Profile], int]:
    columns = {column: Whole(every=column in readable) for column in names}
    rows = 0
    for part in parts_of(file):
        rows += part.num_rows
        for column, whole in columns.items():
            if column not in part.column_names:
                raise ReadError("changed while it was read", path=str(file), hint="scan it again")
            whole.add(part[column])
    return {column: whole.profile() for column, whole in columns.items()}, rows


def _evidence(name: str, table: pa.Table, profiles: Mapping[str, Profile]) -> list[Evidence]:
    verdicts = {column: judge(column, profile) for column, profile in profiles.items()}
    verdicts = with_neighbours(verdicts, profiles, table)
    parts = roles(verdicts, profiles)
    evidence = []
    for column, verdict in verdicts.items():
        code = usual_code(table[column]) if parts.get(column) is Role.ITEM else None
        others = f"; {code[1]:.1%} have the usual form of a code, the others are no products" if code else ""
        default = verdict.kind.default()
        clear = default.protect.method is Method.KEEP
        evidence.append(
            Evidence(
                table=name,
                column=column,
                kind=verdict.kind,
                confidence=round(verdict.confidence, 2),
                reason=verdict.reason + others + (_leak(profiles[column]) if clear else ""),
                pattern=code[0] if code else None,
                protect=default.protect,
                release=default.release,
                role=parts.get(column),
            )
        )
    return evidence


def _leak(profile: Profile) -> str:
    """Return a warning where a column that would be kept in clear holds somebody's number now and then."""
    if not profile.leaks or profile.form != "text":
        return ""
    return f"; look: {profile.leaks} of its values hold a phone, an e-mail address or a card"


def _proposal(
    found: Mapping[str, list[Evidence]], paths: Mapping[str, str], name: str, looked: tuple[Looked, ...]
) -> Proposal:
    tables = []
    for table, evidence in found.items():
        columns = tuple(
            replace(column_of(each.column, each.kind, role=each.role), pattern=each.pattern) for each in evidence
        )
        tables.append(Table(table, paths.get(table, f"{table}.csv"), columns))
    return Proposal(Schema(name, tuple(tables)), tuple(each for several in found.values() for each in several), looked)
