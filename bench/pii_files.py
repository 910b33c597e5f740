"""The files of `bench.pii`: each format read into texts with labelled places; nothing of them is kept."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from cartveil.insight.decisions.finder.examples import Example, Labelled, spans_of

#: What stands between the parts of a waybill's line.
_PART = "\x02"


def read_waybill(path: Path) -> list[Example]:
    """Read lines of text and tags, apart by a tab, the parts of each by U+0002; the first line names the columns."""
    examples = []
    for line in path.read_text(encoding="utf-8").split("\n")[1:]:
        if line.strip():
            text, tags = line.rstrip("\r").split("\t")
            # Their tags end in what others begin with: `A1-B`.
            turned = ["-".join(reversed(tag.rsplit("-", 1))) for tag in tags.split(_PART)]
            examples.append(_example(text.split(_PART), turned))
    return examples


def read_address_sutd(path: Path) -> list[Example]:
    """Read a token and its tag a line; labels that differ in case alone are one, as in the list of labels beside."""
    return [_example(tokens, [tag[:2] + tag[2:].lower() for tag in tags]) for tokens, tags in _blocks(path)]


def read_resume(path: Path) -> list[Example]:
    """Read a character and its tag a line, with the tags B, M, E and S."""
    return [_example(tokens, [_begin_inside(tag) for tag in tags]) for tokens, tags in _blocks(path)]


def read_weibo(path: Path) -> list[Example]:
    """Read a character, with the number of its place in its word, and its tag a line."""
    return [_example([token[:-1] for token in tokens], tags) for tokens, tags in _blocks(path)]


def read_cluener(path: Path) -> list[Example]:
    """Read a JSON object a line; the end of a place there is its last character."""
    examples = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        spans = [
            Labelled(start, end + 1, label)
            for label, words in row.get("label", {}).items()
            for places in words.values()
            for start, end in places
        ]
        examples.append(Example(row["text"], apart(spans)))
    return examples


def apart(spans: Sequence[Labelled]) -> tuple[Labelled, ...]:
    """Return the spans in order, of two that overlap the longer one."""
    kept: list[Labelled] = []
    for span in sorted(spans, key=lambda each: (each.start - each.end, each.start)):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return tuple(sorted(kept))


READERS: dict[str, Callable[[Path], list[Example]]] = {
    "waybill": read_waybill,
    "address_sutd": read_address_sutd,
    "cluener": read_cluener,
    "weibo": read_weibo,
    "resume": read_resume,
}


def _blocks(path: Path) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the tokens and tags of each block of lines."""
    tokens: list[str] = []
    tags: list[str] = []
    for line in [*path.read_text(encoding="utf-8").split("\n"), ""]:
        parts = line.rstrip("\r").replace("\t", " ").rsplit(" ", 1)
        if len(parts) == 2 and parts[0]:
            tokens.append(parts[0])
            tags.append(parts[1])
        elif not line.strip() and tokens:
            yield tokens, tags
            tokens, tags = [], []


def _begin_inside(tag: str) -> str:
    return {"S": "B", "M": "I", "E": "I"}.get(tag[0], tag[0]) + tag[1:]


def _example(tokens: Sequence[str], tags: Sequence[str]) -> Example:
    """Return tokens of any length, laid side by side, as a text with places."""
    edges = [0]
    for token in tokens:
        edges.append(edges[-1] + len(token))
    spans = [Labelled(edges[begin], edges[end], label) for begin, end, label in spans_of(tags)]
    return Example("".join(tokens), tuple(spans))
