"""More English texts to learn from: given ones with other people, places and numbers in them, and made ones.

A task gives few sentences, and they come from few templates. What a tagger is to learn is not the sentences: so each is
written again with other values in its places, and sentences of our own stand among them.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from pydoc_data.topics import topics
from random import Random

from bench.english.values import VALUES, digits, road
from cartveil.insight.decisions.finder.examples import Example
from cartveil.insight.decisions.finder.generating import english
from cartveil.insight.decisions.finder.generating.draft import Piece, Slot, filled, written
from cartveil.insight.decisions.finder.generating.tables import lines, words

#: A sentence without a number, a quotation or a name for a thing of the language.
_PROSE = re.compile(r"[A-Z][A-Za-z ,'’()-]{30,220}[.!?]")

#: Shares of the values in a given text that are drawn anew, from the task's own and from made ones.
_KEPT, _OWN = 0.1, 0.4

#: Slots of the generated English texts, as this task labels them.
_SLOTS = {
    "person": "PERSON",
    "given": "PERSON",
    "family": "PERSON",
    "lowperson": "PERSON",
    "lowgiven": "PERSON",
    "UPPERSON": "PERSON",
    "org": "ORGANIZATION",
    "address": "STREET_ADDRESS",
    "addresslines": "STREET_ADDRESS",
    "street": "STREET_ADDRESS",
    "city": "GPE",
    "phone": "PHONE_NUMBER",
    "card": "CREDIT_CARD",
    "iban": "IBAN_CODE",
    "email": "EMAIL_ADDRESS",
    "born": "DATE_TIME",
    "prefix": "TITLE",
}


def rewritten(examples: Sequence[Example], count: int, *, seed: int) -> list[Example]:
    """Return given texts with other values in their places.

    Args:
        examples: To choose among; those with more in them are chosen more often.
        count: How many to write.
        seed: Of every choice.
    """
    random, own = Random(f"{seed}/rewritten"), _values(examples)
    weights = [1 + len(example.spans) for example in examples]
    return [_cased(_rewritten(each, own, random), random) for each in random.choices(examples, weights, k=count)]


def made(count: int, *, seed: int, labels: Sequence[str]) -> list[Example]:
    """Return texts from frames of our own.

    Args:
        count: How many.
        seed: Of every choice.
        labels: What the task labels; other values stand unlabelled.
    """
    random, known = Random(f"{seed}/made"), frozenset(labels)
    return [_cased(_made(random, known), random) for _ in range(count)]


@cache
def frames() -> tuple[str, ...]:
    """Return the sentences of our own, with a slot for each value."""
    text = (Path(__file__).parent / "frames.txt").read_text(encoding="utf-8")
    return tuple(line.replace("\\n", "\n") for line in text.splitlines() if line)


@cache
def prose() -> tuple[str, ...]:
    """Return ordinary sentences that name nobody: those of the manual that comes with Python."""
    paragraphs = [" ".join(each.split()) for text in topics.values() for each in re.split(r"\n\s*\n", text)]
    sentences = [each for paragraph in paragraphs for each in re.split(r"(?<=[.!?])\s+", paragraph)]
    return tuple(each for each in sentences if _PROSE.fullmatch(each))


def _values(examples: Sequence[Example]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for example in examples:
        for span in example.spans:
            found[span.label].append(example.text[span.start : span.end])
    return found


def _rewritten(example: Example, own: Mapping[str, Sequence[str]], random: Random) -> Example:
    pieces: list[Piece] = []
    at = 0
    for span in example.spans:
        value = example.text[span.start : span.end]
        pieces += [(example.text[at : span.start], None), (_other(value, span.label, own, random), span.label)]
        at = span.end
    return written([*pieces, (example.text[at:], None)])


def _other(value: str, label: str, own: Mapping[str, Sequence[str]], random: Random) -> str:
    """Return another value of the like: a room for a room, a number for a number."""
    draw = random.random()
    if label == "STREET_ADDRESS" and re.fullmatch(r"\d+|(Apt\.|Suite) \d+", value):
        return re.sub(r"\d", lambda _: digits(random, 1, 1), value)
    if draw < _KEPT or label not in VALUES:
        return value
    if draw < _KEPT + _OWN:
        alike = [each for each in own[label] if (len(each) > 30) == (len(value) > 30)]
        return random.choice(alike)
    if label == "STREET_ADDRESS" and len(value) <= 30:
        return road(random)
    return VALUES[label](random)


def _made(random: Random, labels: frozenset[str]) -> Example:
    draw = random.random()
    if draw < 0.55:
        pieces = _framed(random.choice(frames()), random)
        if random.random() < 0.25:
            pieces = [
                *pieces,
                (random.choice((" ", "\n", ". ", " - ")), None),
                *_framed(random.choice(frames()), random),
            ]
    elif draw < 0.7:
        pieces = filled(random.choice(lines("texts_en.txt")["personal"]), _slots(), random)
    elif draw < 0.85:
        pieces = [(random.choice(prose()), None)]
    else:
        pieces = _cities(english.plain(random), random)
    return written([(text, label if label in labels else None) for text, label in pieces])


def _framed(frame: str, random: Random) -> list[Piece]:
    parts = re.split(r"\{(\w+)\}", frame)
    return [(VALUES[part](random), part) if number % 2 else (part, None) for number, part in enumerate(parts)]


@cache
def _slots() -> dict[str, Slot]:
    return {**english.slots(), **{slot: _labelled(label) for slot, label in _SLOTS.items()}}


def _labelled(label: str) -> Slot:
    return lambda random: [(VALUES[label](random), label)]


def _cities(pieces: Sequence[Piece], random: Random) -> list[Piece]:
    """Label the cities of a text that names nobody."""
    known = "|".join(sorted(map(re.escape, words("things.txt")["cities_en"]), key=len, reverse=True))
    found: list[Piece] = []
    for text, label in pieces:
        parts = re.split(rf"\b({known})\b", text)
        found += [(part, "GPE" if number % 2 else label) for number, part in enumerate(parts)]
    return found


def _cased(example: Example, random: Random) -> Example:
    """Return a few texts in small letters, as some people write."""
    lower = example.text.lower()
    if random.random() < 0.06 and len(lower) == len(example.text):
        return Example(lower, example.spans)
    return example
