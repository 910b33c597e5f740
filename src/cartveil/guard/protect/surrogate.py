"""Made-up names in place of real ones, for people who read a release.

A surrogate reads like a name of the same culture, is the same for the same person within a scope, and shares no part
with the real one. Somebody else may bear it, and two people may share it: it is for reading, `pseudonym` is for
joining.
"""

import re
import unicodedata

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cartveil.events.names import Culture, family_names, given_names
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.columns import Values, each_distinct
from cartveil.guard.protect.modes.blocks import cmac, subkey, texts_of

#: A shorter word of a name, such as an initial, stands in half of all names.
_LEAST_WORD = 3


def surrogate_name(column: Values, key: SecretKey) -> Values:
    """Replace each name by a made-up one of the same culture.

    Args:
        column: Names as text.
        key: The scope's key.

    Returns:
        Text; NULL stays NULL, and blank text stays without a name.

    Guarantees:
        - The same name under the same key gives the same surrogate, however its letters are cased or spaced.
        - A Chinese surrogate has no character of the real name, so neither `欧阳` nor `欧` stands for `欧阳修`; of an
          English one no word is in the real name, nor holds a word of it.
        - A name with a Chinese character gets a Chinese surrogate, any other an English one.
    """
    secret = subkey(key, "surrogate name")

    def change(names: pa.Array) -> pa.Array:
        forms = pa.array([_form(name) for name in names.to_pylist()], pa.string())
        numbers = cmac(texts_of(forms), secret).view(">u8").astype(np.uint64)  # (names, 2)
        chinese = pc.match_substring_regex(forms, r"\p{Han}").to_pylist()
        pairs = zip(forms.to_pylist(), chinese, numbers.tolist(), strict=True)
        return pa.array([_surrogate(name, "zh" if han else "en", draw) for name, han, draw in pairs], pa.string())

    return each_distinct(column, change)


def _form(name: str) -> str:
    """Return a name as it is compared: `JOHN  Smith` and `John Smith` are one person."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _surrogate(name: str, culture: Culture, draw: tuple[int, int]) -> str:
    if not name:
        return ""
    family = _other_than(name, family_names(culture), culture, draw[0])
    given = _other_than(name, given_names(culture), culture, draw[1])
    return family + given if culture == "zh" else f"{given} {family}"


def _other_than(name: str, choices: tuple[str, ...], culture: Culture, draw: int) -> str:
    """Return the drawn choice, or the next one that shares nothing with the name."""
    shares = shares_character if culture == "zh" else shares_word
    for step in range(len(choices)):
        choice = choices[(draw + step) % len(choices)]
        if not shares(choice, name):
            return choice
    # A text that holds every name of the table is nobody's name.
    return choices[draw % len(choices)]


def shares_character(choice: str, name: str) -> bool:
    """Return whether a Chinese choice has a character of the name."""
    return not set(choice).isdisjoint(name)


def shares_word(choice: str, name: str) -> bool:
    """Return whether an English choice stands in the name, given folded, or holds a word of it."""
    folded = choice.casefold()
    return folded in name or any(len(word) >= _LEAST_WORD and word in folded for word in re.split(r"[\W_]+", name))
