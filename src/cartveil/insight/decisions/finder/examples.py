"""What a tagger learns from and what it answers: places in a text, with a word for each.

>>> example = Example("张伟来电", (Labelled(0, 2, "name"),))
>>> tag_names(example)
['B-name', 'I-name', 'O', 'O']
>>> spans_of(tag_names(example))
[(0, 2, 'name')]
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cartveil.errors import InputError


@dataclass(frozen=True, order=True)
class Labelled:
    """Characters `start` (included) to `end` (excluded) of a text are a `label`."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, order=True)
class Found:
    """What a tagger found: characters `start` to `end`, and how sure it is, 0 to 1."""

    start: int
    end: int
    label: str
    confidence: float = 1.0


@dataclass(frozen=True)
class Example:
    """A text and all that is to be found in it.

    Args:
        text: As it stands.
        spans: In order, apart from each other.

    Raises:
        InputError: A span is empty, outside the text, out of order or overlaps the one before.
    """

    text: str
    spans: tuple[Labelled, ...] = ()

    def __post_init__(self) -> None:
        before = 0
        for number, span in enumerate(self.spans):
            if not before <= span.start < span.end <= len(self.text):
                hint = "spans stand in order, within the text, and do not overlap"
                raise InputError("this span cannot be", path=f"spans[{number}]", hint=hint)
            before = span.end


def labels_of(examples: Iterable[Example]) -> tuple[str, ...]:
    """Return the labels that occur, sorted."""
    return tuple(sorted({span.label for example in examples for span in example.spans}))


def tag_set(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the tags of these labels: `O`, then `B-` and `I-` of each."""
    return ("O", *(f"{part}-{label}" for label in labels for part in "BI"))


def tag_names(example: Example) -> list[str]:
    """Return the tag of each character."""
    tags = ["O"] * len(example.text)
    for span in example.spans:
        tags[span.start : span.end] = [f"I-{span.label}"] * (span.end - span.start)
        tags[span.start] = f"B-{span.label}"
    return tags


def spans_of(tags: Sequence[str]) -> list[tuple[int, int, str]]:
    """Return (start, end, label) of each run of tags; an `I-` that continues nothing begins a span."""
    spans: list[tuple[int, int, str]] = []
    label, begin = "", 0
    for place, tag in enumerate([*tags, "O"]):
        if label and tag != f"I-{label}":
            spans.append((begin, place, label))
            label = ""
        if tag != "O" and not label:
            label, begin = tag[2:], place
    return spans
