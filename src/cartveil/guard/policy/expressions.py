"""Cedar's JSON form of a rule, read: what its conditions name, what they need, and whether they could fail.

Nothing is decided here; Cedar decides. What is read tells which questions a rule need not be asked, and it is read
narrowly: what is not understood counts as able to do anything.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

#: One expression: its operator, and what it works on.
Expression = Mapping[str, Any]

#: What a rule does that keeps it from being left out or generalised.
CAN_ERR, SEES_ALL = "can err", "sees all"

_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")

#: Operators that cannot fail once they are validated; arithmetic can overflow.
_LOGIC = ("in", "&&", "||", "!", ".", "has", "is", "like", "if-then-else")
_CANNOT_ERR = frozenset((*_COMPARISONS, *_LOGIC, "contains", "containsAll", "containsAny", "isEmpty"))
_PARTS = ("left", "right", "arg", "if", "then", "else", "in")


def bodies(document: Mapping[str, Any], *kinds: str) -> list[Expression]:
    """Return the conditions of a rule; only `when` or `unless` where that is asked for."""
    return [each["body"] for each in document["conditions"] if not kinds or each["kind"] in kinds]


def problems(expression: Expression, *, held: bool = False) -> Iterator[str]:
    """Yield `CAN_ERR` and `SEES_ALL` where they hold.

    Args:
        expression: Of a condition.
        held: Whether only an attribute of it is taken, so that it is not looked at as a whole.
    """
    operator, parts = operation(expression)
    if operator == "Var":
        yield from () if held or parts != "context" else (SEES_ALL,)
    elif operator == "Value":
        yield from (CAN_ERR,) if isinstance(parts, Mapping) and "__extn" in parts else ()
    elif operator in ("Set", "Record"):
        for part in parts if operator == "Set" else parts.values():
            yield from problems(part)
    elif operator in _CANNOT_ERR:
        for part in (parts[name] for name in _PARTS if isinstance(parts.get(name), Mapping)):
            yield from problems(part, held=operator in (".", "has"))
    else:
        yield from (CAN_ERR, SEES_ALL)


def conjuncts(document: Mapping[str, Any]) -> Iterator[Expression]:
    """Yield what has to hold, all of it, before a rule applies."""
    left = bodies(document, "when")
    while left:
        operator, parts = operation(left.pop())
        if operator == "&&":
            left += [parts["left"], parts["right"]]
        else:
            yield {operator: parts}


def compared(expressions: Sequence[Expression], attribute: str) -> tuple[set[Any], bool]:
    """Return the literals that an attribute is compared with, and whether it is used in no other way."""
    found: set[Any] = set()
    used = 0
    for operator, parts in map(operation, _all(expressions)):
        used += operator in (".", "has") and parts.get("attr") == attribute
        if operator in _COMPARISONS and _is_about(parts, attribute):
            literal = [value for side in ("left", "right") for value in _values(parts[side])]
            used -= len(literal) == 1
            found |= set(literal)
    return found, used == 0


def mentions(expressions: Sequence[Expression], attribute: str) -> bool:
    """Return whether an attribute is used at all."""
    uses = (parts for operator, parts in map(operation, _all(expressions)) if operator in (".", "has"))
    return any(parts.get("attr") == attribute for parts in uses)


def needs(expression: Expression, leaf: Callable[[Expression], frozenset[Any] | None]) -> frozenset[Any] | None:
    """Return what an expression wants one of, before it can hold; None where it can hold without.

    Args:
        expression: A condition.
        leaf: Says the same of an expression without `&&` and `||`.
    """
    operator, parts = operation(expression)
    if operator not in ("&&", "||"):
        return leaf(expression)
    left, right = needs(parts["left"], leaf), needs(parts["right"], leaf)
    if operator == "||":
        return None if left is None or right is None else left | right
    return left if right is None else right if left is None else left & right


def purposes(expression: Expression) -> frozenset[str] | None:
    """Return the text that an expression wants the context's purpose to equal."""
    operator, parts = operation(expression)
    if operator != "==" or not _is_about(parts, "purpose", of="context"):
        return None
    values = [value for side in ("left", "right") for value in _values(parts[side]) if isinstance(value, str)]
    return frozenset(values) if len(values) == 1 else None


def places(expression: Expression, *, of: str = "resource") -> frozenset[tuple[str, str]] | None:
    """Return type and id of the entity that an expression wants the resource, or the principal, to be in."""
    operator, parts = operation(expression)
    if operator != "in" or parts["left"] != {"Var": of}:
        return None
    entity = parts["right"].get("Value", {})
    if not isinstance(entity, Mapping) or "__entity" not in entity:
        return None
    return frozenset([(entity["__entity"]["type"], entity["__entity"]["id"])])


def claimed(expression: Expression) -> str | None:
    """Return the attribute of the context that an expression wants to be true; None where it wants another thing."""
    operator, parts = operation(expression)
    return str(parts["attr"]) if operator == "." and parts["left"] == {"Var": "context"} else None


def texts(value: object) -> Iterator[str]:
    """Yield every text within a JSON value, names included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield name
            yield from texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)


def operation(expression: Expression) -> tuple[str, Any]:
    """Return an expression's operator and what it works on."""
    ((operator, parts),) = expression.items()
    return operator, parts


def _all(value: object) -> Iterator[Expression]:
    """Yield every expression within others; what has one name and is none does no harm."""
    if isinstance(value, Mapping):
        if len(value) == 1:
            yield value
        for part in value.values():
            yield from _all(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _all(part)


def _is_about(parts: object, attribute: str, *, of: str | None = None) -> bool:
    """Return whether one side of a comparison is an attribute."""
    if not isinstance(parts, Mapping):
        return False
    taken = [side["."] for side in (parts.get("left"), parts.get("right")) if isinstance(side, Mapping) and "." in side]
    return any(each["attr"] == attribute and of in (None, each["left"].get("Var")) for each in taken)


def _values(side: object) -> Iterator[Any]:
    """Yield the texts and numbers of a literal, or of a set of literals."""
    if isinstance(side, Mapping) and len(side) == 1:
        operator, parts = operation(side)
        if operator == "Value" and isinstance(parts, str | int):
            yield parts
        elif operator == "Set":
            for part in parts:
                yield from _values(part)
