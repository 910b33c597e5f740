"""What a scan proposes: a schema, and the evidence for each column."""

import json
import re
from dataclasses import dataclass

from cartveil.events.kinds import Kind, Role, Step
from cartveil.events.schema import Column, Schema

_BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Evidence:
    """Why a column is thought to be of a kind; the reason holds figures, never a value."""

    table: str
    column: str
    kind: Kind
    confidence: float
    reason: str
    protect: Step
    release: Step
    role: Role | None = None

    def to_dict(self) -> dict[str, object]:
        """Return the evidence as plain data, for JSON."""
        return {
            "table": self.table,
            "column": self.column,
            "kind": str(self.kind),
            "role": str(self.role) if self.role else None,
            "confidence": self.confidence,
            "reason": self.reason,
            "protect": _step_in_words(self.protect),
            "release": _step_in_words(self.release),
        }


@dataclass(frozen=True)
class Proposal:
    """A schema to be read and corrected by a person."""

    schema: Schema
    evidence: tuple[Evidence, ...]

    def to_toml(self) -> str:
        """Return the text of `cartveil.toml`: a line per column, with its evidence as a comment."""
        reasons = {(found.table, found.column): found for found in self.evidence}
        lines = [
            "# Proposed by `cartveil scan`. Read every line; change what is wrong; then keep it in git.",
            "# After each column: how sure (1 is certain), and why.",
            f"name = {_quoted(self.schema.name)}",
        ]
        if self.schema.tenant != "default":
            lines.append(f"tenant = {_quoted(self.schema.tenant)}")
        for table in self.schema.tables:
            lines += ["", f"[tables.{_key(table.name)}]", f"path = {_quoted(table.path)}", ""]
            lines.append(f"[tables.{_key(table.name)}.columns]")
            for column in table.columns:
                found = reasons[table.name, column.name]
                lines.append(f"{_key(column.name)} = {_inline(column)}  # {found.confidence:.2f}: {found.reason}")
        return "\n".join(lines) + "\n"


def _inline(column: Column) -> str:
    pairs = [f"kind = {_quoted(column.kind)}"]
    if column.role:
        pairs.append(f"role = {_quoted(column.role)}")
    pairs += [f"protect = {_step(column.protect)}", f"release = {_step(column.release)}"]
    return "{ " + ", ".join(pairs) + " }"


def _step(step: Step) -> str:
    if not step.options:
        return _quoted(step.method)
    options = ", ".join(f"{name} = {json.dumps(value)}" for name, value in step.options)
    return f"{{ method = {_quoted(step.method)}, {options} }}"


def _step_in_words(step: Step) -> str:
    return " ".join([str(step.method), *(f"{name}={value}" for name, value in step.options)])


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _quoted(name)


def _quoted(text: str) -> str:
    # A JSON string is a TOML basic string, but for DEL, which TOML wants escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
