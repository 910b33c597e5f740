"""What a scan proposes: a schema, and the evidence for each column."""

from dataclasses import dataclass

from cartveil.events.kinds import Kind, Role, Step
from cartveil.events.schema import Schema, format_schema

_HEAD = """# Proposed by `cartveil scan`. Read every line; change what is wrong; then keep it in git.
# After each column: how sure (1 is certain), and why.
"""


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
    pattern: str | None = None

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
class Looked:
    """How many rows of a file were looked at; of a large file the number of all rows is an estimate."""

    table: str
    rows: int
    of: int

    @property
    def is_whole(self) -> bool:
        """Whether every row was looked at."""
        return self.rows == self.of

    def __str__(self) -> str:
        if self.is_whole:
            return f"{self.table}: looked at all {self.rows:,} rows"
        return f"{self.table}: looked at {self.rows:,} rows from all over the file, of about {self.of:,}"


@dataclass(frozen=True)
class Proposal:
    """A schema to be read and corrected by a person; `looked` says how much of each file it rests on."""

    schema: Schema
    evidence: tuple[Evidence, ...]
    looked: tuple[Looked, ...] = ()

    def to_toml(self) -> str:
        """Return the text of `cartveil.toml`: a line per column, with its evidence as a comment."""
        notes = {(found.table, found.column): f"{found.confidence:.2f}: {found.reason}" for found in self.evidence}
        return _HEAD + format_schema(self.schema, notes=notes)


def _step_in_words(step: Step) -> str:
    return " ".join([str(step.method), *(f"{name}={value}" for name, value in step.options)])
