"""The mixture of generated texts that the shipped model learns from: two languages, with and without people.

    examples = generated_examples(10_000, seed=1)

Guarantees of the mixture: nothing in it was copied from a data set; the same seed gives the same texts, whichever of
them are asked for; held-out given names stand in none (`people.is_held_out`).
"""

from collections.abc import Callable
from itertools import accumulate
from random import Random

from cartveil.insight.decisions.finder.examples import Example
from cartveil.insight.decisions.finder.generating import chinese, english, tables
from cartveil.insight.decisions.finder.generating.draft import Piece, written

#: (share, writer): nearly half of all texts name nobody.
MIXTURE: tuple[tuple[float, Callable[[Random], list[Piece]]], ...] = (
    (0.31, chinese.plain),
    (0.26, chinese.personal),
    (0.08, chinese.waybill),
    (0.04, chinese.bare),
    (0.1, english.plain),
    (0.16, english.personal),
    (0.03, english.bare),
    (0.02, lambda random: [*chinese.plain(random), (" ", None), *english.personal(random)]),
)

_UPTO = tuple(accumulate(share for share, _ in MIXTURE))


def generated_examples(count: int, *, seed: int) -> list[Example]:
    """Write texts with all names, organisations and parts of addresses in them marked.

    Args:
        count: How many.
        seed: Another seed gives other texts.

    Returns:
        Examples with the labels `person`, `organisation`, and those of `addresses.PARTS`.
    """
    random = Random(f"{seed}/generated texts")
    return [_example(random) for _ in range(count)]


def tables_digest() -> str:
    """Return SHA-256 over all tables behind the texts, as hexadecimal text."""
    return tables.digest()


def _example(random: Random) -> Example:
    draw = random.random() * _UPTO[-1]
    writer = next(write for upto, (_, write) in zip(_UPTO, MIXTURE, strict=True) if draw <= upto)
    while True:
        example = written(writer(random))
        if example.text.strip():
            return example
