"""Scan tables: profile each column, judge it, look at its neighbours, propose.

>>> table = pa.table({"手机号": ["13812345678", "13987654321"], "InvoiceNo": ["536365", "536366"]})
>>> [(found.column, str(found.kind)) for found in scan({"orders": table}).evidence]
[('手机号', 'phone'), ('InvoiceNo', 'order_id')]
"""

from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa

from cartveil.errors import ColumnError
from cartveil.events.kinds import Role
from cartveil.events.reading.columns import tidy
from cartveil.events.scanning.parts import roles, usual_code, with_neighbours
from cartveil.events.scanning.profile import profile_of
from cartveil.events.scanning.proposal import Evidence, Proposal
from cartveil.events.scanning.verdict import judge
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
    found: list[Evidence] = []
    proposed = []
    for table_name, table in tables.items():
        evidence = _scan_table(table_name, tidy(table))
        found += evidence
        columns = tuple(
            replace(column_of(each.column, each.kind, role=each.role), pattern=each.pattern) for each in evidence
        )
        proposed.append(Table(table_name, (paths or {}).get(table_name, f"{table_name}.csv"), columns))
    return Proposal(Schema(name, tuple(proposed)), tuple(found))


def _scan_table(name: str, table: pa.Table) -> list[Evidence]:
    profiles = {column: profile_of(table[column]) for column in table.column_names}
    verdicts = with_neighbours({column: judge(column, profile) for column, profile in profiles.items()}, profiles)
    parts = roles(verdicts, profiles)
    evidence = []
    for column, verdict in verdicts.items():
        code = usual_code(table[column]) if parts.get(column) is Role.ITEM else None
        others = f"; {code[1]:.1%} have the usual form of a code, the others are no products" if code else ""
        default = verdict.kind.default()
        evidence.append(
            Evidence(
                table=name,
                column=column,
                kind=verdict.kind,
                confidence=round(verdict.confidence, 2),
                reason=verdict.reason + others,
                pattern=code[0] if code else None,
                protect=default.protect,
                release=default.release,
                role=parts.get(column),
            )
        )
    return evidence
