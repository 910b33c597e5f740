"""The limits of a release, as `cartveil.toml` writes them: what is above is not given to anybody.

[limits]
k = 5                   # people at least that look alike in what narrows a person down
l = 2                   # different values of each sensitive column among them
sensitive = ["health"]
unicity_4 = 0.5         # share of consumers at most whom four known purchases pick out
linkability = 0.2       # share of consumers at most who are found again in another release of the same rows
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from cartveil.errors import SchemaError


@dataclass(frozen=True)
class Limits:
    """What a release may at most give away; None where nothing was said.

    Args:
        k: Least people of a group alike in its quasi-identifiers.
        l: Least different values of each sensitive column in such a group.
        sensitive: The columns that `l` speaks of.
        unicity_2: Greatest share of consumers whom two known purchases pick out, 0 to 1.
        unicity_4: The same of four.
        linkability: Greatest share of consumers whose history is nobody else's, 0 to 1.
        suppressed: Greatest share of rows that may be left out to reach `k`, 0 to 1.
    """

    k: int | None = None
    l: int | None = None  # noqa: E741 - the field's own name for it
    sensitive: tuple[str, ...] = ()
    unicity_2: float | None = None
    unicity_4: float | None = None
    linkability: float | None = None
    suppressed: float | None = None

    def __bool__(self) -> bool:
        return self != Limits()


NAMES = tuple(field.name for field in fields(Limits))
_COUNTS = ("k", "l")


def parse_limits(section: Mapping[str, object], *, path: str) -> Limits:
    """Check a section of limits whose words are known.

    Raises:
        SchemaError: A limit that makes no sense; the path names it.
    """
    limits = Limits(**{name: _limit(name, value, path=f"{path}.{name}") for name, value in section.items()})  # type: ignore[arg-type]
    if (limits.l is None) != (not limits.sensitive):
        hint = 'write both, such as `l = 2` and `sensitive = ["health"]`'
        raise SchemaError("`l` and `sensitive` need each other", path=path, hint=hint)
    return limits


def limit_words(limits: Limits) -> dict[str, object]:
    """Return what was said, for a schema's text."""
    words = {name: getattr(limits, name) for name in NAMES}
    return {name: list(word) if name == "sensitive" else word for name, word in words.items() if word not in (None, ())}


def _limit(name: str, value: object, *, path: str) -> object:
    if name == "sensitive":
        if isinstance(value, list) and value and all(isinstance(column, str) for column in value):
            return tuple(value)
        raise SchemaError("must be a list of columns", path=path, hint='such as `sensitive = ["health"]`')
    if name in _COUNTS:
        return at_least_two(value, path=path)
    return share(value, path=path)


def at_least_two(value: object, *, path: str) -> int:
    """Return a count of people or values, which hides nobody below two."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 2:
        raise SchemaError("must be a whole number from 2 on", path=path, hint="5 is usual for open data")
    return value


def share(value: object, *, path: str) -> float:
    """Return a share from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise SchemaError("must be a share from 0 to 1", path=path, hint="such as 0.05 for five of a hundred")
    return float(value)
