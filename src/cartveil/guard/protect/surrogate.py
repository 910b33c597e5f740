"""Names that nobody bears in the data, in place of those that somebody does.

A surrogate reads like a name of the same culture, is the same for the same person within a scope, and is never the
real one. Two people may share a surrogate: it is for reading, `pseudonym` is for joining.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cartveil.events.names import Culture, family_names, given_names
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.blocks import cmac, subkey, texts_of
from cartveil.guard.protect.columns import Values, each_distinct


def surrogate_name(column: Values, key: SecretKey) -> Values:
    """Replace each name by a made-up one of the same culture.

    Args:
        column: Names as text.
        key: The scope's key.

    Returns:
        Text; NULL stays NULL.

    Guarantees:
        - The same name under the same key gives the same surrogate.
        - Neither part of the real name is the same part of the surrogate.
        - A name with a Chinese character gets a Chinese surrogate, any other an English one.
    """
    secret = subkey(key, "surrogate name")

    def change(names: pa.Array) -> pa.Array:
        numbers = cmac(texts_of(names), secret).view(">u8").astype(np.uint64)  # (names, 2)
        chinese = pc.match_substring_regex(names, r"\p{Han}").to_pylist()
        pairs = zip(names.to_pylist(), chinese, numbers.tolist(), strict=True)
        return pa.array([_surrogate(name, "zh" if han else "en", draw) for name, han, draw in pairs], pa.string())

    return each_distinct(column, change)


def _surrogate(name: str, culture: Culture, draw: tuple[int, int]) -> str:
    family = _other_than(name, family_names(culture), draw[0])
    given = _other_than(name, given_names(culture), draw[1])
    return family + given if culture == "zh" else f"{given} {family}"


def _other_than(name: str, choices: tuple[str, ...], draw: int) -> str:
    """Return the drawn choice, or the next one that is no part of the name."""
    folded = name.casefold()
    for step in range(len(choices)):
        choice = choices[(draw + step) % len(choices)]
        if choice.casefold() not in folded:
            return choice
    return choices[draw % len(choices)]
