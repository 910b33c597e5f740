"""The schema: `cartveil.toml` as frozen data, checked word by word.

    name = "shop"
    tenant = "default"

    [tables.orders]
    path = "orders.csv"

    [tables.orders.columns]
    customer = { kind = "user_id", role = "subject" }
    paid = { kind = "amount", role = "amount", release = { method = "jitter", spread = 0.05 } }

A column that says only its kind gets the defaults of that kind. A table without `path` takes
`<table>.csv`. Unknown words are refused with the nearest known one.
"""

import difflib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from cartveil.errors import ReadError, SchemaError
from cartveil.events.kinds import AT_REST, METHOD_OPTIONS, ON_RELEASE, Kind, Method, Role, Step
from cartveil.events.limits import NAMES as LIMITS
from cartveil.events.limits import Limits, at_least_two, limit_words, parse_limits

Word = TypeVar("Word", bound=StrEnum)

#: What TOML calls the types that Python calls otherwise.
_TYPE_NAMES = {"dict": "table", "list": "list", "str": "text", "float": "number", "int": "whole number"}


@dataclass(frozen=True)
class Column:
    """One column: what it holds, its part in an event, how it rests and how it leaves.

    `pattern` is a regular expression that a value has to match in full; cleaning sets the others aside.
    """

    name: str
    kind: Kind
    protect: Step
    release: Step
    role: Role | None = None
    index: bool = False
    purposes: tuple[str, ...] = ()
    retention_days: int | None = None
    pattern: str | None = None


@dataclass(frozen=True)
class Table:
    """One table: its file and its columns, in order.

    Where `k` is set, what narrows a person down leaves so coarse that at least k people look alike.
    """

    name: str
    path: str
    columns: tuple[Column, ...]
    k: int | None = None

    def column(self, name: str) -> Column:
        """Return one column by name; `SchemaError` with the nearest name where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise _unknown(name, [column.name for column in self.columns], what="column", path=self.name)

    def by_role(self, role: Role) -> Column | None:
        """Return the column that plays this part, or None."""
        return next((column for column in self.columns if column.role is role), None)


@dataclass(frozen=True)
class Schema:
    """All tables of one tenant, and the folder that relative paths start from."""

    name: str
    tables: tuple[Table, ...]
    tenant: str = "default"
    folder: Path = Path()
    limits: Limits = field(default_factory=Limits)

    def table(self, name: str) -> Table:
        """Return one table by name; `SchemaError` with the nearest name where there is none."""
        for table in self.tables:
            if table.name == name:
                return table
        raise _unknown(name, [table.name for table in self.tables], what="table", path=self.name)

    def path_of(self, table: Table) -> Path:
        """Return where a table's file lies."""
        return self.folder / table.path


def column_of(name: str, kind: Kind, *, role: Role | None = None) -> Column:
    """Return a column with the defaults of its kind."""
    default = kind.default()
    return Column(name, kind, default.protect, default.release, role, default.index, default.purposes)


def load_schema(path: str | Path) -> Schema:
    """Read and check `cartveil.toml`.

    Args:
        path: The file, or the folder that holds it.

    Raises:
        ReadError: The file is missing or is not UTF-8 text.
        SchemaError: It is not TOML, or a word in it is unknown; the path names the place.
    """
    file = Path(path)
    file = file / "cartveil.toml" if file.is_dir() else file
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        hint = f"write one with `cartveil scan {file.parent} --write {file}`"
        raise ReadError("no such file", path=str(file), hint=hint) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ReadError("cannot be read as UTF-8 text", path=str(file)) from error
    return parse_schema(text, folder=file.parent)


def parse_schema(text: str, *, folder: Path = Path()) -> Schema:
    """Check the text of a schema; see `load_schema`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SchemaError(f"not valid TOML: {error}", path="cartveil.toml") from None
    _only(document, ("name", "tenant", "limits", "tables"), path="cartveil.toml")
    tables = _mapping(document.get("tables", {}), path="tables")
    if not tables:
        raise SchemaError("names no table", path="cartveil.toml", hint="add a section such as `[tables.orders]`")
    described = tuple(_table(name, body) for name, body in tables.items())
    return Schema(
        name=_text(document.get("name", "shop"), path="name"),
        tenant=_text(document.get("tenant", "default"), path="tenant"),
        tables=described,
        folder=folder,
        limits=_limits(document.get("limits", {}), described),
    )


def format_schema(schema: Schema, *, notes: Mapping[tuple[str, str], str] | None = None) -> str:
    """Return the text of a `cartveil.toml` that `parse_schema` reads back as the same schema.

    Args:
        schema: What to write.
        notes: (table, column) -> a comment to stand behind that column's line.
    """
    lines = [f"name = {_quoted(schema.name)}", f"tenant = {_quoted(schema.tenant)}"]
    if schema.limits:
        lines += ["", "[limits]", *(f"{name} = {_inline(word)}" for name, word in limit_words(schema.limits).items())]
    for table in schema.tables:
        lines += ["", f"[tables.{_key(table.name)}]", f"path = {_quoted(table.path)}"]
        lines += [f"k = {table.k}", ""] if table.k is not None else [""]
        lines += [f"[tables.{_key(table.name)}.columns]"]
        for column in table.columns:
            note = (notes or {}).get((table.name, column.name), "")
            lines.append(f"{_key(column.name)} = {_inline(_words(column))}" + (f"  # {note}" if note else ""))
    return "\n".join(lines) + "\n"


def _words(column: Column) -> dict[str, object]:
    words: dict[str, object] = {"kind": str(column.kind)}
    if column.role is not None:
        words["role"] = str(column.role)
    words["protect"] = _step_words(column.protect)
    words["release"] = _step_words(column.release)
    if column.index != column.kind.default().index:
        words["index"] = column.index
    if column.purposes != column.kind.default().purposes:
        words["purposes"] = list(column.purposes)
    if column.retention_days is not None:
        words["retention_days"] = column.retention_days
    if column.pattern is not None:
        words["pattern"] = column.pattern
    return words


def _step_words(step: Step) -> object:
    return {"method": str(step.method), **dict(step.options)} if step.options else str(step.method)


def _inline(value: object) -> str:
    # JSON's numbers and booleans are TOML's as well.
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(name)} = {_inline(item)}" for name, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return _quoted(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _quoted(name)


def _quoted(text: str) -> str:
    # A JSON string is a TOML basic string, but for DEL, which TOML wants escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _table(name: str, body: object) -> Table:
    place = f"tables.{name}"
    fields = _mapping(body, path=place)
    _only(fields, ("path", "k", "columns"), path=place)
    columns = _mapping(fields.get("columns", {}), path=f"{place}.columns")
    if not columns:
        raise SchemaError("names no column", path=place, hint='add a line such as `id = { kind = "user_id" }`')
    table = Table(
        name=name,
        path=_text(fields.get("path", f"{name}.csv"), path=f"{place}.path"),
        columns=tuple(_column(column, spec, path=f"{place}.columns.{column}") for column, spec in columns.items()),
        k=at_least_two(fields["k"], path=f"{place}.k") if "k" in fields else None,
    )
    for role in Role:
        holders = [column.name for column in table.columns if column.role is role]
        if len(holders) > 1:
            raise SchemaError(f"role `{role}` is given to {len(holders)} columns: {', '.join(holders)}", path=place)
    return table


def _limits(section: object, tables: Iterable[Table]) -> Limits:
    fields = _mapping(section, path="limits")
    _only(fields, LIMITS, path="limits")
    limits = parse_limits(fields, path="limits")
    names = [column.name for table in tables for column in table.columns]
    for name in limits.sensitive:
        if name not in names:  # a limit on a column that is misspelt would limit nothing
            raise _unknown(name, names, what="column", path="limits.sensitive")
    return limits


def _column(name: str, spec: object, *, path: str) -> Column:
    fields = {"kind": spec} if isinstance(spec, str) else _mapping(spec, path=path)
    _only(fields, ("kind", "role", "protect", "release", "index", "purposes", "retention_days", "pattern"), path=path)
    if "kind" not in fields:
        raise SchemaError("has no kind", path=path, hint='add one, such as `kind = "other"`')
    column = column_of(name, _word(Kind, fields["kind"], path=f"{path}.kind"))
    changes: dict[str, Any] = {}
    if "role" in fields:
        changes["role"] = _word(Role, fields["role"], path=f"{path}.role")
    if "protect" in fields:
        changes["protect"] = _step(fields["protect"], allowed=AT_REST, path=f"{path}.protect")
        _refuse_card_code(column.kind, changes["protect"].method, path=f"{path}.protect")
    if "release" in fields:
        changes["release"] = _step(fields["release"], allowed=ON_RELEASE, path=f"{path}.release")
        _refuse_card_code(column.kind, changes["release"].method, path=f"{path}.release")
    if "index" in fields:
        changes["index"] = _typed(fields["index"], bool, path=f"{path}.index")
    if "purposes" in fields:
        purposes = _typed(fields["purposes"], list, path=f"{path}.purposes")
        changes["purposes"] = tuple(_text(purpose, path=f"{path}.purposes") for purpose in purposes)
    if "retention_days" in fields:
        changes["retention_days"] = _typed(fields["retention_days"], int, path=f"{path}.retention_days")
    if "pattern" in fields:
        changes["pattern"] = _pattern(fields["pattern"], path=f"{path}.pattern")
    return replace(column, **changes)


def _refuse_card_code(kind: Kind, method: Method, *, path: str) -> None:
    """Refuse to keep the code of a card in any form, sealed or not: PCI DSS 4.0, requirement 3.3.1."""
    if kind is Kind.CARD_CODE and method not in (Method.DROP, Method.REFUSE):
        raise SchemaError("the code of a card is never stored, and never leaves", path=path, hint="never: write `drop`")


def _pattern(value: object, *, path: str) -> str:
    text = _text(value, path=path)
    try:
        re.compile(text)
    except re.error as error:
        raise SchemaError(f"not a regular expression: {error}", path=path) from None
    return text


def _step(spec: object, *, allowed: Iterable[Method], path: str) -> Step:
    fields = {"method": spec} if isinstance(spec, str) else _mapping(spec, path=path)
    method = _word(Method, fields.get("method", ""), path=path)
    if method not in allowed:
        words = ", ".join(sorted(allowed))
        raise SchemaError(f"`{method}` cannot be used here", path=path, hint=f"use one of: {words}")
    options = {name: value for name, value in fields.items() if name != "method"}
    known = METHOD_OPTIONS[method]
    _only(options, tuple(known), path=path)
    for name, value in options.items():
        _typed(value, known[name], path=f"{path}.{name}")
    return Step(method, tuple(sorted(options.items())))


def _word(words: type[Word], value: object, *, path: str) -> Word:
    text = _text(value, path=path)
    try:
        return words(text)
    except ValueError:
        raise _unknown(text, [str(word) for word in words], what=words.__name__.lower(), path=path) from None


def _unknown(name: str, known: Iterable[str], *, what: str, path: str) -> SchemaError:
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(names)}"
    return SchemaError(f"unknown {what} `{name}`", path=path, hint=hint)


def _only(fields: Mapping[str, object], known: Iterable[str], *, path: str) -> None:
    names = tuple(known)
    for name in fields:
        if name not in names:
            raise _unknown(name, names, what="key", path=path)


def _mapping(value: object, *, path: str) -> dict[str, Any]:
    return dict(_typed(value, dict, path=path))


def _text(value: object, *, path: str) -> str:
    return str(_typed(value, str, path=path))


def _typed(value: object, kinds: type | tuple[type, ...], *, path: str) -> Any:
    wanted = kinds if isinstance(kinds, tuple) else (kinds,)
    # bool is an int to Python, but not to someone who wrote `spread = true`.
    if (isinstance(value, bool) and bool not in wanted) or not isinstance(value, wanted):
        names = " or ".join(_TYPE_NAMES.get(kind.__name__, kind.__name__) for kind in wanted)
        raise SchemaError(f"must be {names}", path=path)
    return value
