"""How texts are redacted on their way from one file to another, and which columns of a table."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cartveil.errors import InputError, ReadError
from cartveil.events.kinds import Kind
from cartveil.events.spans import Finder
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.redact import Record, redact_records
from cartveil.guard.protect.stand_ins import Style

#: Rows of a table that are held at once.
ROWS = 2048


@dataclass(frozen=True)
class Redaction:
    """How texts are redacted, and how often what was replaced.

    Args:
        finder: Text to spans.
        style: By labels, masks or surrogates.
        subject: Whose texts these are, where no column says so.
        counts: Filled as texts go through.
    """

    finder: Finder
    style: Style
    subject: str = ""
    counts: Counter[Kind] = field(default_factory=Counter)


@dataclass(frozen=True)
class Columns:
    """What of a table is redacted, and with which knowledge.

    Args:
        texts: Columns of free text.
        known: Columns with what is known of the person of a row, and what that is; they stay as they are.
        subject: The column that says whose each row is; None where all rows are one scope.
    """

    texts: tuple[str, ...]
    known: Mapping[str, Kind] = field(default_factory=dict)
    subject: str | None = None

    def all(self) -> tuple[str, ...]:
        """Return every column that must be there."""
        return (*self.texts, *self.known, *([self.subject] if self.subject else []))


def read_key(file: Path) -> SecretKey:
    """Read a key for surrogates: 64 hexadecimal digits, alone in a file.

    Raises:
        ReadError: The file holds something else.
    """
    try:
        return SecretKey(bytes.fromhex(file.read_text(encoding="ascii").strip()))
    except (OSError, ValueError):
        hint = "make one with `openssl rand -hex 32`, and keep it as a secret"
        raise ReadError("is no key of 64 hexadecimal digits", path=str(file), hint=hint) from None


def redacted(
    texts: Sequence[object], rows: Sequence[Mapping[str, object]], columns: Columns, redaction: Redaction
) -> list[str | None]:
    """Return the texts of some rows, redacted with what each row knows.

    Args:
        texts: One per row; what is no text, or an empty one, gives None.
        rows: The values of `columns.known` and `columns.subject`.
        columns: What is known beside the texts.
        redaction: How.
    """
    places, records = [], []
    for place, (text, row) in enumerate(zip(texts, rows, strict=True)):
        if isinstance(text, str) and text:
            person = tuple(as_text(row.get(name)) for name in columns.known)
            subject = as_text(row.get(columns.subject)) if columns.subject else redaction.subject
            places.append(place)
            records.append(Record(text, person, subject or ""))
    kinds = list(columns.known.values())
    made: list[str | None] = [None] * len(texts)
    done = redact_records(records, redaction.finder, kinds=kinds, style=redaction.style, counts=redaction.counts)
    for place, text in zip(places, done, strict=True):
        made[place] = text
    return made


def as_text(value: object) -> str | None:
    """Return a value as it is written; None stays None."""
    return None if value is None else str(value)


def refuse_missing(columns: Columns, names: Sequence[str], source: Path) -> None:
    """Refuse columns that the table has not."""
    missing = [name for name in columns.all() if name not in names]
    if missing:
        hint = f"it has {', '.join(f'`{name}`' for name in names)}"
        raise InputError(f"has no column `{missing[0]}`", path=str(source), hint=hint)
