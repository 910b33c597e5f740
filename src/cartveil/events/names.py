"""Common names of two cultures: to make synthetic people, to give surrogates, and to recognise a column of names.

>>> split_chinese_name("欧阳小红")
('欧阳', '小红')
>>> "Wilson" in family_names("en")
True
"""

import re
from functools import cache
from importlib import resources
from typing import Literal

Culture = Literal["zh", "en"]

_HAN = re.compile(r"[㐀-鿿]{2,4}")
_LATIN = re.compile(r"[A-Za-zÀ-ÖØ-öø-ÿ][A-Za-zÀ-ÖØ-öø-ÿ'’.-]*")


@cache
def family_names(culture: Culture) -> tuple[str, ...]:
    """Return family names, the most common first; the Chinese ones end with the compound ones."""
    return _words(f"family_names_{culture}.txt")


@cache
def given_names(culture: Culture) -> tuple[str, ...]:
    """Return given names, of one character or two in Chinese."""
    return _words(f"given_names_{culture}.txt")


def split_chinese_name(name: str) -> tuple[str, str] | None:
    """Split a Chinese name into family name and given name.

    Returns:
        Both parts, or None where this does not start with a known family name or has not two to four characters.

    Guarantees:
        - A compound family name such as `欧阳` stays whole where a given name is left after it.
    """
    if not _HAN.fullmatch(name):
        return None
    known = _known("zh", "family")
    for length in (2, 1):
        if len(name) > length and name[:length] in known and len(name) - length <= 2:
            return name[:length], name[length:]
    return None


def looks_like_name(text: str) -> bool:
    """Return whether this has the form of a person's name: `张伟`, `Emma Wilson`, `Wilson, Emma`, `Mr J. Wilson`."""
    return split_chinese_name(text) is not None or _looks_english(text)


def _looks_english(text: str) -> bool:
    words = text.replace(",", " ").split()
    if not 2 <= len(words) <= 5 or not all(_LATIN.fullmatch(word) for word in words):
        return False
    if any(word.rstrip(".").casefold() in _known("en", "given") for word in words):
        return True
    # The family name stands last, or first before a comma; WHITE METAL LANTERN is nobody.
    family = words[0] if "," in text else words[-1]
    return family.casefold() in _known("en", "family")


@cache
def _known(culture: Culture, part: str) -> frozenset[str]:
    names = family_names(culture) if part == "family" else given_names(culture)
    return frozenset(name.casefold() for name in names)


def _words(file: str) -> tuple[str, ...]:
    text = (resources.files("cartveil.events") / "tables" / file).read_text(encoding="utf-8")
    return tuple(dict.fromkeys(text.split()))
