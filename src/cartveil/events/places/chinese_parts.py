"""The parts of a Chinese address: its divisions by name, and what follows by the word that each part ends with.

A part runs to the first such word: `文三路` ends with 路. Numbers are told apart by what follows them (`2号楼`,
`3单元`), and bare ones by what stands before: after a road comes its number, after a building the room.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import cast

from cartveil.events.places.atlas import town_names
from cartveil.events.places.characters import simplified
from cartveil.events.places.part import Part, PartLabel
from cartveil.events.places.readings import divisions_at, read_divisions

_HAN = "一-鿿〇"
_NUMBER = (
    r"(?:[0-9]{1,6}|[A-Za-z][0-9]{0,5}|[0-9]{1,5}[A-Za-z]|[一二三四五六七八九十百零〇]{1,6}"
    r"|[甲乙丙丁][0-9一二三四五六七八九十]{0,4})"
)
_NUMBERS = rf"{_NUMBER}(?:[-~/、]{_NUMBER}){{0,2}}"
_ROAD = "大道|大街|公路|国道|省道|高速|胡同|里弄|路|街|巷|弄|道"
_TOWN = "街道办事处|街道办|街道|镇|乡|苏木|社区|居委会|村委会|村|经济开发区|开发区|工业园区|工业区|高新区"
_PLACE = (
    "小区|花园|花苑|大厦|广场|中心|公寓|家园|嘉园|新村|山庄|庄园|华庭|大楼|商厦|市场|酒店|宾馆|学校|大学|小学|中学|"
    "医院|银行|超市|工业园|科技园|软件园|创业园|园区|写字楼|宿舍|别墅|公馆|国际|商城|新城|车站|机场|苑|府|城|园|厂"
)
#: In this order: the longer endings of numbers before 号, which alone ends a house number or a room.
_STEP = re.compile(
    rf"(?P<gap>[\W_]+)"
    rf"|(?P<triple>[0-9A-Za-z]{{1,4}}[-/][0-9A-Za-z]{{1,3}}[-/][0-9]{{1,5}}(?![0-9])[室房]?)"
    rf"|(?P<pair>[0-9A-Za-z]{{1,3}}[-/][0-9]{{3,5}}(?![0-9号])[室房]?)"
    rf"|(?P<building>{_NUMBERS}(?:号楼|栋|幢|座|棟|撞|号院|#楼|组团|期))"
    rf"|(?P<unit>{_NUMBERS}(?:单元|门(?!口)|梯|楼|层|[fF](?![A-Za-z0-9])))"
    rf"|(?P<room>{_NUMBERS}(?:室|号房|号铺|号室|房|户))"
    rf"|(?P<number>第?(?:{_NUMBER}弄)?{_NUMBERS}[号弄组队](?:附{_NUMBER}号)?)"
    rf"|(?P<words>(?:[0-9]{{1,3}}(?=号?[路街道]|大街)|[{_HAN}A-Za-z])[{_HAN}0-9A-Za-z]{{0,11}}?"
    rf"(?:(?P<towns>{_TOWN})(?![路街])|(?P<roads>{_ROAD})(?:[东南西北中一二三四五六七八九十]段)?"
    rf"|(?P<places>{_PLACE})(?![东西南北中]?[一二三四五]?(?:[路街巷弄村]|大道))))"
    rf"|(?P<bare>[0-9]{{1,6}}[A-Za-z]?(?![0-9]))"
    rf"|(?P<rest>[{_HAN}A-Za-z]{{1,40}}?(?={_NUMBER}(?:[号栋幢座楼层室]|单元)|[^{_HAN}A-Za-z]|$)|[{_HAN}A-Za-z]{{1,40}}|.)",
    re.DOTALL,
)
#: A district that no table has: one of a slip (淀海区), or one that is no division of its own (镜湖新区).
_DISTRICT = re.compile(
    rf"(?:[{_HAN}]{{2,4}}?(?<![小社园校厂库街业发宅新住分院一二三四五六七八九十])区"
    rf"|[{_HAN}]{{1,4}}?县|[{_HAN}]{{2,3}}?市(?!场))"
)
_AFTER_ROAD = frozenset({"road", "town"})


def chinese_parts(text: str) -> list[Part]:
    """Return the parts of an address that holds Chinese characters; see `split_address`."""
    straight = simplified(text)
    reading = read_divisions(straight)
    parts = [Part(start, end, cast(PartLabel, level)) for start, end, level in reading.pieces]
    if parts:
        # What stands before the first division is the end of another writing of the address, or a town.
        parts = [*_details(straight, 0, parts[0].start), *parts]
    end = reading.end
    if all(part.label != "district" for part in parts) and (found := _DISTRICT.match(straight, end)):
        parts.append(Part(end, found.end(), "district"))
        end = found.end()
    return sorted([*parts, *_between(straight, parts, reading.end), *_details(straight, end, len(straight))])


def _between(text: str, parts: list[Part], end: int) -> Iterator[Part]:
    """Yield what stands between two divisions: 广州市新港街道海珠区."""
    inner = [part for part in parts if part.end <= end]
    for before, after in pairwise(inner):
        yield from _details(text, before.end, after.start)


def _details(text: str, start: int, end: int) -> Iterator[Part]:
    before: PartLabel = "town"
    repeats = True  # the names of divisions may stand here once more: 浙江省杭州市余杭区杭州市余杭区
    while start < end:
        if repeats and (pieces := divisions_at(text, start, end)):
            yield from (Part(begin, stop, cast(PartLabel, level)) for begin, stop, level in pieces)
            start = pieces[-1][1]
            continue
        stop = _town(text, start, end)
        step = _STEP.match(text, start, end)
        if step is None:
            return
        if stop:
            parts, stop = [Part(start, stop, "town")], stop
        else:
            parts, stop = _labelled(step, before), step.end()
        repeats = not parts or parts[-1].label == "town" or step[0] == "null"
        yield from parts
        before, start = parts[-1].label if parts else before, stop


def _town(text: str, start: int, end: int) -> int | None:
    """Return the end of a town of the table that stands here."""
    for name, _ in town_names().get(text[start : start + 2], ()):
        if text.startswith(name, start) and start + len(name) <= end:
            return start + len(name)
    return None


def _labelled(step: re.Match[str], before: PartLabel) -> list[Part]:
    kind, start, end = step.lastgroup or "gap", step.start(), step.end()
    if step["words"]:
        label: PartLabel = "town" if step["towns"] else "road" if step["roads"] else "place"
        return [Part(start, end, label)]
    if kind in {"triple", "pair"}:
        labels: tuple[PartLabel, ...] = ("building", "unit", "room") if kind == "triple" else ("building", "room")
        pieces = re.finditer(r"[0-9A-Za-z]+[室房]?", step[0])
        return [
            Part(start + each.start(), start + each.end(), label) for each, label in zip(pieces, labels, strict=True)
        ]
    if kind == "number":
        return [Part(start, end, "number" if before in _AFTER_ROAD or before == "place" else "room")]
    if kind == "bare":
        return [Part(start, end, "number" if before in _AFTER_ROAD else "room")]
    if kind in {"building", "unit", "room"}:
        return [Part(start, end, cast(PartLabel, kind))]
    return [Part(start, end, "place")] if kind == "rest" and step[0].isalnum() else []
