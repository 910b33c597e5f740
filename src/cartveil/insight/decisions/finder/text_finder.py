"""Rules and the tagger as one finder: what both say, reconciled once, with the parts of an address joined.

The rules know what has a form (numbers, e-mails, links), the tagger what has none (people, organisations, addresses).
A city alone, or a road alone, is no address: only parts that together say where somebody is become one.

finder = TextFinder(shipped_tagger())
finder("收件人：张伟，13812345678，浙江省杭州市西湖区文三路5号")
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cartveil.events.kinds import Kind
from cartveil.events.patterns import find_patterns
from cartveil.events.spans import Span
from cartveil.insight.decisions.finder.examples import Example, Found, Labelled
from cartveil.insight.decisions.finder.glance import Glance
from cartveil.insight.decisions.finder.reconcile import reconcile
from cartveil.insight.decisions.finder.tagger import Tagger

PERSON, ORGANISATION = "person", "organisation"

#: Parts of an address, the widest first; the first three are regions, and say of nobody where they live.
REGIONS = ("province", "city", "district")
PARTS = (*REGIONS, "town", "road", "number", "building", "unit", "room", "place")

#: Parts that are numbers: without a name beside them they may be anything.
_NUMBERS = frozenset({"number", "unit"})

#: What may stand between two parts of one address, and how much of it.
_BETWEEN = frozenset(" \t\r\n,，、.．。-－—/／|()（）#:：;；　")
_WIDEST = 3


@dataclass(frozen=True)
class Thresholds:
    """How sure the tagger must be before it is believed; below, what it says is left out.

    Args:
        person: Of a name.
        organisation: Of an organisation.
        part: Mean over the parts of an address.
    """

    person: float = 0.65
    organisation: float = 0.7
    part: float = 0.6


@dataclass(frozen=True)
class TextFinder:
    """A finder of personal information in free text: a `Finder`, and faster for many texts at once.

    Args:
        tagger: What finds people, organisations and parts of addresses.
        thresholds: See `Thresholds`.
        glance: Which clauses the tagger reads; None for all, which is slower and loses none.
    """

    tagger: Tagger
    thresholds: Thresholds = Thresholds()
    glance: Glance | None = None

    def __call__(self, text: str) -> list[Span]:
        """Return what one text holds, in order and apart from each other."""
        return self.many([text])[0]

    def many(self, texts: Sequence[str]) -> list[list[Span]]:
        """Return what each text holds, as asking for each alone would.

        Guarantees:
            - Offsets are those of the text as it was given.
        """
        found = self.tagger.tag(texts) if self.glance is None else self._tagged(texts, self.glance)
        pairs = zip(texts, found, strict=True)
        return [reconcile(text, find_patterns(text), list(self.learned(text, each))) for text, each in pairs]

    def _tagged(self, texts: Sequence[str], glance: Glance) -> list[list[Found]]:
        answer: list[list[Found]] = [[] for _ in texts]
        clauses = glance.clauses(texts)
        read = self.tagger.tag([texts[owner][begin:end] for owner, begin, end in clauses])
        for (owner, begin, _), found in zip(clauses, read, strict=True):
            answer[owner] += [
                Found(begin + each.start, begin + each.end, each.label, each.confidence) for each in found
            ]
        return answer

    def learned(self, text: str, found: Sequence[Found]) -> Iterator[Span]:
        """Yield what the tagger's findings in a text come to."""
        least = self.thresholds
        for each in found:
            if each.label == PERSON and each.confidence >= least.person:
                yield Span(each.start, each.end, Kind.PERSON_NAME, each.confidence)
            elif each.label == ORGANISATION and each.confidence >= least.organisation:
                yield Span(each.start, each.end, Kind.COMPANY, each.confidence)
        for group in joined(text, [each for each in found if each.label in PARTS]):
            sure = sum(part.confidence for part in group) / len(group)
            if is_address(group) and sure >= least.part:
                yield Span(group[0].start, group[-1].end, Kind.ADDRESS, sure)


def joined(text: str, parts: Sequence[Found]) -> Iterator[list[Found]]:
    """Yield the parts of a text that belong to one address, in order."""
    group = list(parts[:1])
    for before, part in pairwise(parts):
        between = text[before.end : part.start]
        if len(between) > _WIDEST or not _BETWEEN.issuperset(between):
            yield group
            group = []
        group.append(part)
    if group:
        yield group


def is_address(parts: Sequence[Found]) -> bool:
    """Return whether these parts together say where somebody is.

    Two parts do, one of them finer than a district and one of them a name or a door: `2/250` is none. Of regions
    alone, province, city and district together do.
    """
    labels = {part.label for part in parts}
    if labels <= set(REGIONS):
        return len(labels) == len(REGIONS)
    return len(parts) > 1 and not labels <= _NUMBERS


def worth_reading(example: Example) -> Example:
    """Return an example with no more places than those that a finder would tell of: what a glance is to look for."""
    groups = joined(example.text, [Found(*each) for each in map(_parts_of, example.spans) if each[2] in PARTS])
    parts = {(part.start, part.end) for group in groups if is_address(group) for part in group}
    told = [span for span in example.spans if span.label not in PARTS or (span.start, span.end) in parts]
    return Example(example.text, tuple(told))


def _parts_of(span: Labelled) -> tuple[int, int, str]:
    return span.start, span.end, span.label
