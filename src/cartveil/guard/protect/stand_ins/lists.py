"""The words that surrogates are made of, from `words.toml`.

>>> listed("streets")[:3]
('和平', '建设', '新华')
"""

import tomllib
from functools import cache
from importlib import resources


@cache
def listed(name: str) -> tuple[str, ...]:
    """Return the words of one list."""
    return tuple(_lists()[name].split())


@cache
def _lists() -> dict[str, str]:
    return tomllib.loads((resources.files(__package__) / "words.toml").read_text(encoding="utf-8"))
