"""The parts of an address in Latin letters, between its commas: a street by its word, a flat, a state, a postcode."""

import re
from collections.abc import Iterator

from cartveil.events.places.latin import named
from cartveil.events.places.part import Part, PartLabel

_STREETS = (
    "Street|St|Road|Rd|Lane|Ln|Avenue|Ave|Drive|Dr|Close|Court|Ct|Crescent|Cres|Terrace|Place|Pl|Square|Sq|Gardens|Grove|"
    "Way|Boulevard|Blvd|Parkway|Pkwy|Highway|Hwy|Row|Walk|Mews|Hill|Parade|Rise|Circle|Cir|Trail|Trl|Alley|Lu|Jie|Dadao|Xiang|Hutong"
)
_STREET = re.compile(
    rf"(?:(?:No\.? ?)?(?P<number>[0-9]{{1,6}}[A-Za-z]?(?:[-/][0-9]{{1,5}}[A-Za-z]?)?)\.?[ ,]+)?"
    rf"(?P<road>(?:[A-Za-z0-9.'’-]+ ){{1,4}}(?:{_STREETS})\b\.?(?: (?:North|South|East|West|N|S|E|W|NE|NW|SE|SW)\b)?"
    rf"|The [A-Z][a-z]+|Broadway)",
    re.IGNORECASE,
)
_LABELS: tuple[tuple[PartLabel, re.Pattern[str]], ...] = (
    ("room", re.compile(r"(?:Room|Rm|Suite|Ste)\.? ?#?[0-9A-Z-]{1,6}", re.IGNORECASE)),
    (
        "unit",
        re.compile(
            r"(?:Flat|Apartment|Apt|Unit|Floor|Fl|Level)\.? ?#?[0-9A-Z-]{1,6}"
            r"|[0-9]{1,3}(?:st|nd|rd|th)? Floor|#[0-9A-Z-]{1,6}",
            re.IGNORECASE,
        ),
    ),
    ("building", re.compile(r"(?:Building|Bldg|Block|Tower)\.? ?#?[0-9A-Z-]{1,6}", re.IGNORECASE)),
    ("number", re.compile(r"(?:No\.? ?)?[0-9]{1,6}[A-Z]?(?:-[0-9]{1,5})?", re.IGNORECASE)),
)
_POSTCODE = re.compile(
    r"\b(?:[A-Z]{1,2}[0-9][0-9A-Z]? ?[0-9][A-Z]{2}|[0-9]{5}(?:-[0-9]{4})?|[0-9]{6})\s*$", re.IGNORECASE
)
_TOWN = re.compile(r".* (?:Town|Township|Village|Subdistrict|Zhen|Cun|Jiedao|Xiang)", re.IGNORECASE)
_SEGMENT = re.compile(r"[^,;\n]{1,200}")


def latin_parts(text: str) -> list[Part]:
    """Return the parts of an address in Latin letters; see `split_address`."""
    parts: list[Part] = []
    for segment in _SEGMENT.finditer(text):
        start, end = _stripped(text, segment.start(), segment.end())
        parts += _segment(text, start, end, first=not parts)
    return parts


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the places of what is left without the spaces and full stops around."""
    while start < end and not text[start].isalnum() and text[start] != "#":
        start += 1
    while end > start and (text[end - 1].isspace() or text[end - 1] in ".-"):
        end -= 1
    return start, end


def _segment(text: str, start: int, end: int, *, first: bool) -> Iterator[Part]:
    if start >= end:
        return
    code = None if first and end == len(text) and text[start:end].isdigit() else _POSTCODE.search(text, start, end)
    if code:
        before = _stripped(text, start, code.start())[1]
        yield from _segment(text, start, before, first=first)
        yield Part(code.start(), _stripped(text, code.start(), code.end())[1], "place")
        return
    for label, form in _LABELS:
        if form.fullmatch(text, start, end):
            yield Part(start, end, label)
            return
    where = named(text[start:end])
    if where is not None:
        yield from (Part(start + begin, start + stop, level) for begin, stop, level in where)
    elif street := _STREET.match(text, start, end):
        yield from _street(text, street, end)
    elif _TOWN.fullmatch(text, start, end):
        yield Part(start, end, "town")
    else:
        yield Part(start, end, "place")


def _street(text: str, street: re.Match[str], end: int) -> Iterator[Part]:
    if street["number"]:
        yield Part(*street.span("number"), "number")
    yield Part(*street.span("road"), "road")
    start, end = _stripped(text, street.end(), end)
    if start < end:
        yield from _segment(text, start, end, first=False)
