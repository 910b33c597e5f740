"""What is asked and what is answered: plain data that a policy decides over."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from cartveil.errors import InputError
from cartveil.events.kinds import Kind, View

#: What a consumer's data may be used for.
PURPOSES = (
    "support",
    "fulfilment",
    "marketing",
    "analytics",
    "recommendation",
    "forecast",
    "fraud_review",
    "compliance",
    "security",
    "self_service",
)

#: Who asks.
ROLES = (
    "support",
    "fulfilment",
    "marketing",
    "analyst",
    "fraud_review",
    "data_science",
    "admin",
    "consumer",
    "privacy_officer",
)

#: What the shipped schema knows of a principal.
ATTRIBUTES = ("team", "region")

#: A reason to break the glass has at least as many characters.
LEAST_REASON = 8


class Action(StrEnum):
    """What can be asked for."""

    PUT = "put"
    READ = "read"
    REVEAL = "reveal"
    EXPORT = "export"
    ERASE = "erase"
    AUDIT = "audit"
    ACCESS = "access"  # everything that is held about one consumer
    CORRECT = "correct"
    RESTRICT = "restrict"
    HOLD = "hold"
    SWEEP = "sweep"
    REQUEST = "request"  # file, list, plan and refuse consumers' requests
    BACKUP = "backup"
    ROTATE = "rotate"  # the keys that wrap consumers' keys
    GRANT_BUDGET = "grant_budget"  # how much privacy a purpose may cost
    SPEND_BUDGET = "spend_budget"
    SHOW_BUDGET = "show_budget"


@dataclass(frozen=True)
class Principal:
    """Who asks.

    Args:
        name: A login; a consumer's name is their user id.
        role: One of `ROLES`.
        attributes: Some of `ATTRIBUTES`, each with a text.

    Raises:
        InputError: A name that is no text, or an unknown role or attribute; a word mistyped must not decide what is
            permitted.
    """

    name: str
    role: str
    attributes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_text(self.name, path="user.name")
        _known(self.role, ROLES, what="role")
        for attribute, value in self.attributes.items():
            _known(attribute, ATTRIBUTES, what="attribute of a principal")
            _check_text(value, path=f"user.{attribute}")

    def __repr__(self) -> str:
        # A consumer's name is an identifier; it must not reach a log by way of a traceback.
        name = "hidden" if self.role == "consumer" else repr(self.name)
        return f"Principal(name={name}, role={self.role!r})"


@dataclass(frozen=True)
class Circumstances:
    """What a decision depends on besides who asks for what.

    Args:
        case_open: An open case ties the one who asks to this consumer.
        consent: The consumer agreed to the purpose.
        hour: 0 to 23.
        own_record: The consumer asks for what is theirs.
        break_glass: It is asked in an emergency; it will be told.
        reason: Why the glass is broken; a short label.
        region: Where the consumer lives; empty where nobody knows.
    """

    case_open: bool = False
    consent: bool = False
    hour: int = 12
    own_record: bool = False
    break_glass: bool = False
    reason: str = ""
    region: str = field(default="", repr=False)

    def context(self) -> dict[str, object]:
        """Return what Cedar gets as context; the region is the consumer's, and goes with what is asked for."""
        return {name: value for name, value in vars(self).items() if name != "region"}


@dataclass(frozen=True)
class Request:
    """One question to a policy.

    Args:
        principal: Who asks.
        action: One of `Action`.
        table: Name of the table; empty for `audit`.
        fields: Name and kind of each field that is asked for; empty for actions on whole tables.
        purpose: One of `PURPOSES`, or empty where an action needs none.
        context: Some of `Circumstances`: true or false, `hour` a number, `reason` and `region` texts.

    Raises:
        InputError: An unknown action, purpose or key of the context, a value of another type (the text `false`
            must not count as true), or a broken glass without a reason.
    """

    principal: Principal
    action: str
    table: str
    fields: tuple[tuple[str, Kind], ...] = ()
    purpose: str = ""
    context: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _known(self.action, list(Action), what="action")
        if self.purpose:
            _known(self.purpose, PURPOSES, what="purpose")
        for name in (self.table, *(name for name, _ in self.fields)):
            _check_text(name, path="table")
        for key in self.context:
            _known(key, Circumstances.__dataclass_fields__, what="key of the context")
            _fits(key, self.context[key])
        if self.context.get("break_glass") and len(str(self.context.get("reason", ""))) < LEAST_REASON:
            hint = f"say why in at least {LEAST_REASON} characters, such as `court-order-114`"
            raise InputError("breaking the glass needs a reason", path="reason", hint=hint)

    def question(self) -> "Question":
        """Return the same as a hashable value."""
        return Question(
            name=self.principal.name,
            role=self.principal.role,
            attributes=tuple(sorted(self.principal.attributes.items())),
            action=Action(self.action),
            table=self.table,
            fields=tuple(self.fields),
            purpose=self.purpose,
            circumstances=Circumstances(**self.context),  # type: ignore[arg-type]
        )


@dataclass(frozen=True)
class Question:
    """A request as a value: equal questions have equal answers."""

    name: str = field(repr=False)
    role: str
    attributes: tuple[tuple[str, str], ...]
    action: Action
    table: str
    fields: tuple[tuple[str, Kind], ...]
    purpose: str
    circumstances: Circumstances

    def under(self, **changes: object) -> "Question":
        """Return the same question under other circumstances."""
        return replace(self, circumstances=replace(self.circumstances, **changes))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Decision:
    """One answer.

    Args:
        allowed: Whether anything of what was asked is permitted; for `reveal`, all of it.
        views: For each field the strongest permitted view; `none` where there is none.
        rules: The `@id` of each rule that made the answer.
        refusal: Why not, where not.
        explain: Finds the smallest change that would permit it. The search takes longer than the decision, so it is
            made only when somebody wants to know.
    """

    allowed: bool
    views: Mapping[str, View]
    rules: tuple[str, ...]
    refusal: str | None = None
    explain: Callable[[], str] | None = field(default=None, repr=False, compare=False)

    @property
    def hint(self) -> str | None:
        """Return the smallest change of the request that would permit it, in words; None where it is permitted."""
        return None if self.explain is None else self.explain()


def is_torn(text: str) -> bool:
    """Return whether half a character stands in a text: it could be neither written down nor looked for."""
    return any("\ud800" <= character <= "\udfff" for character in text)


def _check_text(value: object, *, path: str) -> None:
    # What is written down of an act must say who acted, whatever the types promise.
    if not isinstance(value, str) or is_torn(value):
        raise InputError("must be text", path=path, hint="such as a login, a team, a region")


def _known(word: str, words: Iterable[str], *, what: str) -> None:
    names = [str(name) for name in words]
    if word not in names:
        near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
        hint = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(names)}"
        # The word itself is not repeated: whoever mixes up arguments would put a consumer's id there.
        raise InputError(f"unknown {what}", hint=hint)


def _fits(key: str, value: object) -> None:
    if key == "hour":
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 23:
            raise InputError("must be a whole number from 0 to 23", path="hour", hint="the hour at which it is asked")
    elif key in ("reason", "region"):
        _check_text(value, path=key)
    elif not isinstance(value, bool):
        raise InputError("must be true or false", path=key, hint=f"such as `{key}=true`")
