"""The shipped finder asked about the files of `bench.pii`: its labels turned into those of each task.

What a task has no word for is left out; what the shipped model has no label for (a company's sort, a position) cannot
be found by it, and counts as missed.
"""

from collections.abc import Callable, Mapping, Sequence

from cartveil.events.kinds import Kind
from cartveil.events.patterns import find_patterns
from cartveil.insight.decisions.finder.examples import Found
from cartveil.insight.decisions.finder.shipped import shipped_glance, shipped_tagger
from cartveil.insight.decisions.finder.text_finder import PARTS, PERSON, REGIONS, TextFinder, joined

Find = Callable[[Sequence[str]], list[list[Found]]]

#: What the finder's kinds are called in each task.
KINDS: dict[str, dict[Kind, str]] = {
    "cluener": {Kind.PERSON_NAME: "name", Kind.COMPANY: "company", Kind.ADDRESS: "address"},
    "weibo": {Kind.PERSON_NAME: "PER.NAM", Kind.COMPANY: "ORG.NAM"},
    "resume": {Kind.PERSON_NAME: "NAME", Kind.COMPANY: "ORG"},
    "wnut17": {Kind.PERSON_NAME: "person", Kind.COMPANY: "corporation"},
    "presidio_synth": {
        Kind.PERSON_NAME: "PERSON",
        Kind.COMPANY: "ORGANIZATION",
        Kind.ADDRESS: "STREET_ADDRESS",
        Kind.PHONE: "PHONE_NUMBER",
        Kind.LANDLINE: "PHONE_NUMBER",
        Kind.EMAIL: "EMAIL_ADDRESS",
        Kind.PAYMENT_CARD: "CREDIT_CARD",
        Kind.IP_ADDRESS: "IP_ADDRESS",
        Kind.ID_NUMBER: "US_SSN",
        Kind.BANK_ACCOUNT: "IBAN_CODE",
    },
}

#: What the tagger's labels are called where a task asks for the parts of an address.
PART_NAMES: dict[str, dict[str, str]] = {
    "waybill": {"province": "A1", "city": "A2", "district": "A3"},
    "address_sutd": {
        "province": "prov", "city": "city", "district": "district", "town": "town", "road": "road", "number": "roadno",
        "building": "houseno", "unit": "cellno", "room": "roomno", "place": "poi",
    },
}  # fmt: skip


def shipped_finder(task: str) -> Find:
    """Return the shipped finder, answering in the words of a task."""
    if task in PART_NAMES:
        return lambda texts: _in_parts(texts, PART_NAMES[task], whole=task == "waybill")
    return lambda texts: _in_kinds(texts, KINDS[task])


def _in_kinds(texts: Sequence[str], names: Mapping[Kind, str]) -> list[list[Found]]:
    answers = TextFinder(shipped_tagger(), glance=shipped_glance()).many(texts)
    return [
        [Found(span.start, span.end, names[span.kind], span.confidence) for span in spans if span.kind in names]
        for spans in answers
    ]


def _in_parts(texts: Sequence[str], names: Mapping[str, str], *, whole: bool) -> list[list[Found]]:
    answers = []
    for text, found in zip(texts, shipped_tagger().tag(texts), strict=True):
        parts = [
            Found(each.start, each.end, names[each.label], each.confidence) for each in found if each.label in names
        ]
        if whole:
            parts += _details(text, found)
            parts += [Found(each.start, each.end, "P", each.confidence) for each in found if each.label == PERSON]
            phones = [span for span in find_patterns(text) if span.kind in (Kind.PHONE, Kind.LANDLINE)]
            parts += [Found(span.start, span.end, "T", span.confidence) for span in phones]
        answers.append(sorted(parts))
    return answers


def _details(text: str, found: Sequence[Found]) -> list[Found]:
    """Return what stands below the district as one place, as a waybill has it."""
    fine = [each for each in found if each.label in PARTS and each.label not in REGIONS]
    groups = joined(text, fine)
    return [Found(group[0].start, group[-1].end, "A4", min(each.confidence for each in group)) for group in groups]
