"""One column, one step of the schema: the place where a `Step` becomes a call of a primitive."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cartveil.errors import ColumnError, InputError, SchemaError
from cartveil.events.kinds import Kind, Method, Role, Step
from cartveil.events.schema import Column
from cartveil.events.spans import Finder
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.bucket import bucket
from cartveil.guard.protect.columns import Values
from cartveil.guard.protect.fpe import form_of, fpe
from cartveil.guard.protect.generalise import generalise
from cartveil.guard.protect.jitter import jitter
from cartveil.guard.protect.mask import mask
from cartveil.guard.protect.pseudonym import pseudonym, pseudonym_of
from cartveil.guard.protect.redact import redact
from cartveil.guard.protect.shift import DAYS, shift
from cartveil.guard.protect.stand_ins import Form, Style
from cartveil.guard.protect.surrogate import surrogate_name
from cartveil.guard.protect.token import token

#: A label and the names it is bound to, to a key: `Keyring.derive`.
Derive = Callable[..., SecretKey]


@dataclass(frozen=True)
class Scope:
    """Whom a release is for. Pseudonyms of two scopes cannot be joined."""

    purpose: str
    recipient: str
    period: str = ""

    def names(self) -> tuple[str, str, str]:
        """Return what keys are bound to."""
        return self.purpose, self.recipient, self.period


@dataclass(frozen=True)
class Release:
    """What steps need besides their column.

    Args:
        derive: Label and names to a key.
        scope: Whom it is for.
        records: (rows,) text that stays the same for the same record, for jitter.
        finder: Text to spans, for redaction.
        known: What the same rows say of the person, for redaction.
        subjects: (rows,) whose each row is, for shifts; None where the table does not say.
    """

    derive: Derive
    scope: Scope
    records: Values
    finder: Finder
    known: Sequence[tuple[Kind, Values]] = ()
    subjects: Values | None = None

    def key(self, label: str) -> SecretKey:
        """Return a key of this scope."""
        return self.derive(f"release {label}", *self.scope.names())

    def jitter_key(self, column: str) -> SecretKey:
        """Return a key for noise: bound to the recipient but not to the period, or noise would average out."""
        return self.derive("release jitter", self.scope.purpose, self.scope.recipient, column)

    def shift_key(self) -> SecretKey:
        """Return a key for offsets: bound to the recipient alone.

        Two offsets of one consumer would narrow each other down, so neither period nor purpose nor column makes
        another one. Two recipients get different ones, for equal times would link what pseudonyms part.
        """
        return self.derive("release shift", self.scope.recipient)


def released(column: Values, spec: Column, release: Release, *, path: str) -> Values:
    """Return a clear column as its `release` step lets it leave.

    Raises:
        ColumnError, SchemaError: The step does not fit the column; the path names it.
    """
    try:
        return _released(column, spec, release)
    except InputError as error:
        kind = SchemaError if isinstance(error, SchemaError) else ColumnError
        raise kind(error.message, path=within(path, error.path), hint=error.hint) from error


def _released(column: Values, spec: Column, release: Release) -> Values:
    step = spec.release
    match step.method:
        case Method.KEEP:
            return column
        case Method.MASK:
            return mask(column, kind=spec.kind)
        case Method.JITTER:
            spread = step.option("spread", 0.05)
            return jitter(column, release.jitter_key(spec.name), records=release.records, spread=spread)
        case Method.SHIFT:
            return _shifted(column, step, release)
        case Method.BUCKET:
            return bucket(column, width=step.option("width", "1d"), top=step.option("top"))
        case Method.GENERALISE:
            return generalise(column, kind=spec.kind, level=str(step.option("level", "")))
        case Method.PSEUDONYM:
            return _named(column, spec, release)
        case Method.TOKEN | Method.FPE:
            return _countable(column, spec, release)
        case Method.REDACT:
            style = _style(step, release)
            return redact(column, release.finder, known=release.known, style=style, subjects=release.subjects)
    raise ColumnError(f"`{step.method}` is no way to leave", hint="use it in `protect`")


def _style(step: Step, release: Release) -> Style:
    """Return how texts are redacted; a person bears the made-up name that the column of names gives them."""
    word = str(step.option("as", Form.LABELS))
    if word not in set(Form):
        raise SchemaError(f"`{word}` is no way to redact", hint=f"use {', '.join(f'`{form}`' for form in Form)}")
    return Style(Form(word), release.key("redact"), release.key(Kind.PERSON_NAME))


def _named(column: Values, spec: Column, release: Release) -> Values:
    if spec.kind is Kind.PERSON_NAME and spec.role is not Role.SUBJECT:
        return surrogate_name(column, release.key(spec.kind))
    return pseudonym(column, release.key(linked_as(spec)))


def _countable(column: Values, spec: Column, release: Release) -> Values:
    step = spec.release
    key, few = release.key(f"{step.method} {spec.kind}"), bool(step.option("few_values", False))
    if step.method is Method.TOKEN:
        return token(column, key, few_values=few)
    return fpe(column, key, form=form_of(spec.kind, step), tweak=(spec.name,), few_values=few)


def within(path: str, place: str | None) -> str:
    """Return where an error is: its own path, or that of the column, with the row where the error knows it."""
    return path + place if place is not None and place.startswith("[") else place or path


def _shifted(column: Values, step: Step, release: Release) -> Values:
    if release.subjects is None:
        hint = "give a column the role `subject`, or use `bucket` or `jitter`"
        raise SchemaError("a shift needs to know whose each row is", hint=hint)
    days = step.option("days", DAYS)
    return shift(column, release.shift_key(), subjects=release.subjects, days=days)  # type: ignore[arg-type]


def linked_as(spec: Column) -> str:
    """Return the name under which pseudonyms join: all columns of one kind, and the subject with user ids."""
    return Kind.USER_ID if spec.role is Role.SUBJECT else spec.kind


def subject_pseudonym(subject: str, derive: Derive, scope: Scope) -> str:
    """Return one consumer's pseudonym in a scope, without any table: what erasure needs.

    Args:
        subject: The consumer's id as text.
        derive: `Keyring.derive`.
        scope: Of the release.
    """
    return pseudonym_of(subject, derive(f"release {Kind.USER_ID}", *scope.names()))
