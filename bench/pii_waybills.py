"""More waybills out of those given: the same parts in other company, and names put together anew.

A waybill is a name, a phone and an address in any order, run together. Sixteen hundred of them hold each name once, so
that a network knows the order of the parts well and the names badly.
"""

import random
from collections.abc import Sequence

from cartveil.events.names import family_names
from cartveil.insight.decisions.finder.examples import Example, Labelled

#: The label of a name.
_NAME = "P"

_COMPOUND = frozenset(name for name in family_names("zh") if len(name) == 2)

Part = tuple[str, str]


def rearranged(examples: Sequence[Example], count: int, *, seed: int = 0) -> list[Example]:
    """Return new waybills, each the address of one with the phone of another and a name.

    Args:
        examples: Waybills.
        count: How many.
        seed: Of the choice.
    """
    draw = random.Random(seed)
    blocks = [_blocks(example) for example in examples]
    others = [block for each in blocks for block in each if len(block) == 1]
    found = []
    for _ in range(count):
        whole = [_another(block, others, draw) for block in draw.choice(blocks)]
        draw.shuffle(whole)
        found.append(_joined([part for block in whole for part in block]))
    return found


def _blocks(example: Example) -> list[list[Part]]:
    """Return the parts of a waybill, those of its address together."""
    blocks: list[list[Part]] = []
    for span in example.spans:
        part = (example.text[span.start : span.end], span.label)
        if blocks and span.label.startswith("A") and blocks[-1][-1][1].startswith("A"):
            blocks[-1].append(part)
        else:
            blocks.append([part])
    return blocks


def _another(block: list[Part], others: Sequence[list[Part]], draw: random.Random) -> list[Part]:
    """Return the same part of another waybill; of a name, the given name alone."""
    label = block[0][1]
    same = [each for each in draw.sample(others, min(len(others), 6)) if each[0][1] == label]
    if len(block) > 1 or not same:
        return block
    if label == _NAME:
        return [(_halves(block[0][0])[0] + _halves(same[0][0][0])[1], _NAME)]
    return same[0]


def _halves(name: str) -> tuple[str, str]:
    """Return family name and given name."""
    length = 2 if len(name) > 3 or (len(name) > 2 and name[:2] in _COMPOUND) else 1
    return name[:length], name[length:]


def _joined(parts: Sequence[Part]) -> Example:
    text = ""
    spans: list[Labelled] = []
    for part, label in parts:
        spans.append(Labelled(len(text), len(text) + len(part), label))
        text += part
    return Example(text, tuple(spans))
