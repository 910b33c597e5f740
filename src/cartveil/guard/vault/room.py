"""What every act of the vault needs at hand: the open file, the keys, the rules, the clock and the log."""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from numbers import Integral

from cartveil.errors import InputError
from cartveil.events.kinds import Kind
from cartveil.events.patterns import find_patterns
from cartveil.events.schema import Schema, Table
from cartveil.events.spans import Finder
from cartveil.guard.audit import AuditLog
from cartveil.guard.keys import Keyring
from cartveil.guard.policy import Policy
from cartveil.guard.policy.request import is_torn
from cartveil.guard.protect.pseudonym import pseudonym_of
from cartveil.guard.protect.seal import Place
from cartveil.guard.store import Store
from cartveil.guard.vault.outside import Outside
from cartveil.guard.vault.witness import Witness

Clock = Callable[[], datetime]

#: What the caller may say of a request; the vault works out hour, consent and whose record it is by itself.
CLAIMS = ("case", "case_open", "session", "break_glass", "reason")
WORKED_OUT = ("consent", "hour", "own_record", "region")


@dataclass(frozen=True)
class Room:
    """An open vault's parts."""

    store: Store
    keyring: Keyring
    schema: Schema
    policy: Policy
    clock: Clock
    finder: Finder
    outside: Outside = field(default_factory=Outside)
    witness: Witness = field(kw_only=True)

    @property
    def log(self) -> AuditLog:
        """Return the audit log in this vault's file."""
        return AuditLog(self.store)

    def now(self) -> datetime:
        """Return the time; a clock without zone is taken to show UTC."""
        time = self.clock()
        return time if time.tzinfo is not None else time.replace(tzinfo=UTC)

    def place(self, table: Table, column: str) -> Place:
        """Return where a column's sealed values are bound to."""
        return Place(self.keyring.tenant, table.name, column)

    def mark(self, what: str, text: str) -> str:
        """Return what tells a changed text from the one that was written; see `mark_of`."""
        return mark_of(self.keyring, what, text)

    def lookup(self, subject: str) -> str:
        """Return the code under which a consumer is found."""
        return pseudonym_of(self.known(subject), self.keyring.derive("subject lookup"))

    def audit_name(self, subject: str) -> str:
        """Return what the audit log calls a consumer."""
        return pseudonym_of(self.known(subject), self.keyring.derive("audit subject"))

    def receipt_name(self, subject: str) -> str:
        """Return what a receipt calls a consumer."""
        return pseudonym_of(self.known(subject), self.keyring.derive("receipt subject"))

    def known(self, subject: str) -> str:
        """Return a consumer's id as the vault writes it: see `normal_id`.

        Vaults that were filled before ids had one form keep, for who is in them, the form that was put.
        """
        normal = normal_id(subject)
        if normal == subject:
            return subject
        code = pseudonym_of(subject, self.keyring.derive("subject lookup"))
        query = "SELECT 1 FROM consumers WHERE lookup = ? UNION ALL SELECT 1 FROM erasures WHERE lookup = ?"
        return normal if self.store.execute(query, (code, code)).fetchone() is None else subject


def mark_of(keyring: Keyring, what: str, text: str) -> str:
    """Return what tells a changed text from the one that was written: only a holder of the keyring can make it."""
    key = keyring.derive("mark", what).expose()
    return hmac.new(key, text.encode("utf-8"), hashlib.sha256).hexdigest()


#: A whole number as a data frame writes it in a column with gaps.
WHOLE_WITH_POINT = r"^([+-]?[0-9]+)\.0+$"


def normal_id(text: str) -> str:
    """Return a consumer's id in the one form that the vault keeps: 101 for `101.0` and ` 101`."""
    return re.sub(WHOLE_WITH_POINT, r"\1", text.strip())


def subject_text(subject: object) -> str:
    """Return a consumer's id as text; empty ids are refused, and what is neither text nor a whole number."""
    if isinstance(subject, float) and subject.is_integer():
        subject = int(subject)
    if not isinstance(subject, str | Integral) or isinstance(subject, bool):
        # A gap must not become the consumer `None` or `nan`.
        raise InputError("a consumer's id is a text or a whole number")
    text = str(subject)
    if not text.strip():
        raise InputError("a consumer's id is empty")
    if is_torn(text):
        raise InputError("a consumer's id is not whole Unicode text")
    return text


def checked_context(context: Mapping[str, object] | None) -> Mapping[str, object]:
    """Return what the caller says of a request.

    Args:
        context: Some of `CLAIMS`; what the vault works out by itself is ignored.

    Returns:
        `case`, `session` and `reason` as labels, `case_open` and `break_glass` as true or false. Who names a case and
        says no more means that it is open.

    Raises:
        InputError: Another key, a `case_open` or `break_glass` that is neither true nor false, an open case without its
            number, a broken glass without a reason or a reason without it, or a word that the log must not hold.
    """
    if not isinstance(context or {}, Mapping):
        raise InputError("must be names and values", path="context", hint='such as {"case": "C-17"}')
    claims = dict(context or {})
    for key in claims:
        if key not in CLAIMS + WORKED_OUT:
            raise InputError(f"unknown key of the context: `{key}`", hint=f"known: {', '.join(CLAIMS)}")
    for key in ("case_open", "break_glass"):
        if not isinstance(claims.get(key, False), bool):
            # `no` and `0` as text would count as true, and open what they were to keep closed.
            raise InputError("must be true or false", path=key, hint=f"such as `{key}=true`")
    labels = {what: label(claims.get(what, ""), what=what) for what in ("case", "session", "reason")}
    case_open, break_glass = bool(claims.get("case_open", labels["case"])), bool(claims.get("break_glass"))
    if case_open and not labels["case"]:
        raise InputError("an open case has a number", path="case", hint="name it, such as `case=C-17`")
    if break_glass != bool(labels["reason"]):
        hint = "write `break_glass=true` and `reason=...`, both or neither"
        raise InputError("a broken glass and its reason belong together", path="reason", hint=hint)
    return {**labels, "case_open": case_open, "break_glass": break_glass}


def label(value: object, *, what: str) -> str:
    """Return a short name that may stand in the log.

    Raises:
        InputError: It could be personal: long numbers, `@`, spaces and free text are not labels.
    """
    text = "" if value is None else str(value)
    allowed = all(character.isalnum() or character in "._-/:" for character in text)
    if len(text) > 64 or not allowed or _longest_number(text) > 8 or _has_form(text):
        hint = "use up to 64 letters, digits and `._-/:`, with no number of more than 8 digits"
        raise InputError(f"the {what} is no short name", hint=hint)
    return text


def _has_form(text: str) -> bool:
    """Return whether a phone, a card or the like stands in a text, whatever stands between its digits."""
    dashed = "".join(character if character.isalnum() else "-" for character in text)
    found = [*find_patterns(text), *find_patterns(dashed)]
    return any(span.kind is not Kind.DEVICE_ID for span in found)  # many sessions are named by a UUID


def _longest_number(text: str) -> int:
    spaced = "".join(character if character.isdigit() else " " for character in text)
    return max((len(number) for number in spaced.split()), default=0)
