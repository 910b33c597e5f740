"""A schema as text, so that a vault carries its own and opens without `cartveil.toml`."""

import json

from cartveil.events.kinds import Step
from cartveil.events.schema import Column, Schema, Table


def schema_to_toml(schema: Schema) -> str:
    """Write a schema so that `parse_schema` reads the same again, all defaults spelled out."""
    lines = [f"name = {_text(schema.name)}", f"tenant = {_text(schema.tenant)}"]
    for table in schema.tables:
        lines += _table_lines(table)
    return "\n".join(lines) + "\n"


def _table_lines(table: Table) -> list[str]:
    name = _text(table.name)
    head = ["", f"[tables.{name}]", f"path = {_text(table.path)}", "", f"[tables.{name}.columns]"]
    return head + [_column_line(column) for column in table.columns]


def _column_line(column: Column) -> str:
    parts = [f"kind = {_text(column.kind)}"]
    if column.role is not None:
        parts.append(f"role = {_text(column.role)}")
    parts += [f"protect = {_step(column.protect)}", f"release = {_step(column.release)}"]
    parts.append(f"index = {_value(column.index)}")
    parts.append(f"purposes = [{', '.join(_text(purpose) for purpose in column.purposes)}]")
    if column.retention_days is not None:
        parts.append(f"retention_days = {column.retention_days}")
    return f"{_text(column.name)} = {{ {', '.join(parts)} }}"


def _step(step: Step) -> str:
    options = "".join(f", {name} = {_value(value)}" for name, value in step.options)
    return f"{{ method = {_text(step.method)}{options} }}"


def _value(value: object) -> str:
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _text(text: str) -> str:
    # A JSON string is a TOML string, but for one character that TOML wants escaped.
    return json.dumps(str(text), ensure_ascii=False).replace("\x7f", "\\u007f")
