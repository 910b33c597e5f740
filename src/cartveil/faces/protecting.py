"""The tables of a schema's files, protected, measured and checked, before any of them is written."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pyarrow as pa

from cartveil.events.kinds import Role
from cartveil.events.reading import read_table
from cartveil.events.schema import Schema, Table
from cartveil.faces.finding import text_finder
from cartveil.guard.protect import deidentify
from cartveil.guard.protect.appraisal import appraise_table
from cartveil.guard.protect.profiles import Profile, check_profile
from cartveil.guard.protect.risk import Study, refuse_above
from cartveil.guard.protect.risk.utility import links_kept
from cartveil.guard.protect.show import show_profile


@dataclass(frozen=True)
class ProtectedFile:
    """One table as it may be written.

    Args:
        name: Of the table.
        protected: What may be written.
        head: The first clear rows, for a preview; empty where none was asked.
        label: `anonymised`, `de-identified`, or the profile that it passed.
        facts: The reports, for JSON.
        words: The short form of the report on risk.
    """

    name: str
    protected: pa.Table
    head: pa.Table
    label: str
    facts: Mapping[str, object]
    words: tuple[str, ...]


def protect_files(schema: Schema, *, profile: str | None = None, rows: int = 0) -> list[ProtectedFile]:
    """Protect each table of a schema.

    Args:
        schema: The tables and where their files lie.
        profile: Show what this rule permits; without one each table is de-identified under a key of its own.
        rows: Look at the first rows only, as a preview does; nothing is measured then, for few rows hide nobody.

    Raises:
        RefusedError: A column would leave as it is, a table is above the schema's limits, or shows more than the
            profile permits.
    """
    made, keys = [], {}
    for table in schema.tables:
        raw = read_table(schema.path_of(table))
        if rows:
            raw, table = raw.slice(0, rows), replace(table, k=None)
        file = _shown(raw, table, Profile(profile)) if profile in _SHOWN else _released(raw, table, schema, rows)
        if profile is not None:
            check_profile(file.protected, table, Profile(profile))
        subject = table.by_role(Role.SUBJECT)
        if subject is not None and subject.name in file.protected.column_names and profile not in _SHOWN:
            keys[f"{table.name}.{subject.name}"] = (raw[subject.name], file.protected[subject.name])
        made.append(file if rows else replace(file, head=file.head.slice(0, 0)))
    return made if rows else _with_joins(made, keys)


#: Behind their stars everybody looks alike, and nothing joins.
_SHOWN = (Profile.WAYBILL, Profile.PCI)


def _shown(raw: pa.Table, table: Table, profile: Profile) -> ProtectedFile:
    shown = show_profile(raw, table, profile)
    facts = {"profile": str(profile), "rows": raw.num_rows, "columns": shown.column_names}
    return ProtectedFile(table.name, shown, raw, f"profile {profile}", facts, ())


def _released(raw: pa.Table, table: Table, schema: Schema, rows: int) -> ProtectedFile:
    protected, report = deidentify(raw, table, finder=text_finder())
    facts: dict[str, object] = report.to_dict()
    words: tuple[str, ...] = ()
    if not rows:
        risk = appraise_table(raw, protected, table, limits=schema.limits, study=Study(), anonymity=report.anonymity)
        refuse_above(risk, schema.limits, path=table.name)
        facts["risk"], words = risk.to_dict(), risk.in_words()
    return ProtectedFile(table.name, protected, raw, report.label, facts, words)


def _with_joins(files: list[ProtectedFile], keys: Mapping[str, tuple[pa.Array, pa.Array]]) -> list[ProtectedFile]:
    """Say how many joins from one table to another are left: none, where each has a key of its own."""
    names = sorted(keys)
    said = []
    for place, left in enumerate(names):
        for right in names[place + 1 :]:
            (one, one_after), (other, other_after) = keys[left], keys[right]
            kept = links_kept((one, other), (one_after, other_after))
            if kept is not None:
                said.append((left, right, kept))
    return [
        _told(file, [join for join in said if file.name in (join[0].partition(".")[0], join[1].partition(".")[0])])
        for file in files
    ]


def _told(file: ProtectedFile, joins: list[tuple[str, str, float]]) -> ProtectedFile:
    if not joins:
        return file
    words = tuple(f"joins kept between {left} and {right}: {kept:.1%}" for left, right, kept in joins)
    facts = {**file.facts, "joins_kept": {f"{left} = {right}": kept for left, right, kept in joins}}
    return replace(file, words=(*file.words, *words), facts=facts)
