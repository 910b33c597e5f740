"""The words that generated texts are put together from, as files beside this one.

Two forms: a line is a key and its words parted by spaces, or a line `[section]` stands above lines of text.

>>> "村" in words("places_zh.txt")["village_kinds"]
True
"""

import hashlib
from functools import cache
from importlib import resources

from cartveil.events.names import family_names, given_names

_FOLDER = "cartveil.insight.decisions.finder.generating"


@cache
def words(file: str) -> dict[str, tuple[str, ...]]:
    """Return the words of each key, the common first; words parted by commas may hold spaces."""
    found = {}
    for line in _text(file).splitlines():
        key, _, rest = line.partition(" ")
        found[key] = tuple(rest.split(",")) if "," in rest else tuple(rest.split())
    return found


@cache
def lines(file: str) -> dict[str, tuple[str, ...]]:
    r"""Return the lines of each section; `\n` and `\t` in them are what they stand for."""
    found: dict[str, list[str]] = {}
    section: list[str] = []
    for line in _text(file).splitlines():
        if line.startswith("[") and line.endswith("]") and line[1:-1].isidentifier():
            section = found.setdefault(line[1:-1], [])
        elif line:
            section.append(line.replace("\\n", "\n").replace("\\t", "\t"))
    return {name: tuple(each) for name, each in found.items()}


def digest() -> str:
    """Return SHA-256 over all tables that texts are generated from, as hexadecimal text."""
    total = hashlib.sha256()
    for file in sorted(each.name for each in _folder().iterdir() if each.name.endswith(".txt")):
        total.update(f"{file}\n{_text(file)}".encode())
    for culture in ("zh", "en"):
        total.update(" ".join((*family_names(culture), *given_names(culture))).encode())
    return total.hexdigest()


def _folder() -> resources.abc.Traversable:
    return resources.files(_FOLDER) / "tables"


def _text(file: str) -> str:
    return (_folder() / file).read_text(encoding="utf-8")
