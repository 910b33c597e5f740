"""Read the divisions that a Chinese address names, from the left, and where in it they stand.

A name without its suffix (`浙江`, `杭州`) counts where only one place can be meant and no street carries it:
`南京路` is a street of Shanghai and elsewhere, not the city. An address that is written twice (`杭州市杭州西湖区`) is
read as one; of two that contradict each other, where the second is whole and no coarser, the second counts: shops put
a default before what their customers write.

>>> reading = read_divisions("浙江省杭州市江干区凯旋路")
>>> reading.codes, reading.former, reading.pieces[-1]
(('330102', '330114'), '江干区', (6, 9, 'district'))
"""

import re
from functools import cache
from typing import NamedTuple, cast

from cartveil.events.places.atlas import (
    Name,
    Names,
    atlas,
    is_distinctive,
    large_names,
    names_under,
    town_stems,
)
from cartveil.events.places.region import LEVELS, Level

_LEAD = re.compile(
    r"(?:(?:收货|收件|联系|家庭|详细|现住)?(?:地址|住址)|中华人民共和国|中国|[0-9]{6}|[A-Za-z'’.-]{3,}|[\s,，:：])*"
)
_LEAD_STARTS = frozenset("收联家详现地住中\u3000，：")
_GAP = re.compile(r"(?:[\W_]|null|市辖区|省直辖县级行政区划|自治区直辖县级行政区划|中国)*")
_GAP_STARTS = frozenset("_n市省自中")
#: What people write beside a name: 宁波市市江东区, 惠州市区博罗县, 广西省.
_STRAY = re.compile(r"(?:其[它他]区|市区|市|省)[\W_]*")
_STREET = re.compile(r"[东西南北中]?[一二三四五]?(?:路|街|道|大道|大街|道|巷|弄|桥|门)")
_STOP = re.compile(r"$|[\W_]")
#: What makes a stem a part of another name: 西湖文化广场, 滨江花园, 江东北路.
_OTHER = re.compile(
    r"[东西南北中老新]{0,2}[一二三四五六七八九十]?"
    r"(?:[路街道巷弄桥门山湖河江溪寺庙塔村镇乡港里坊园苑府庄湾楼阁亭城场站院厂校店馆厦区]"
    r"|大道|大街|大厦|广场|公[园寓司]|花园|小区|家园|[小中大]学|银行|酒店|国际|中心|新城|工业|经济|开发|高新|文化|商[场业贸城])"
)
_OTHER_TOO = re.compile(r"[0-9苑坊]|[江河湖山](?![东西南北])")
_TOWN = re.compile(r"镇|乡(?!村)|村|街道")
#: What an address holds and the name of a product does not: 安吉白茶 is no place.
_ADDRESS = re.compile(
    r"[路街巷弄镇乡村]|大道|社区|小区|大厦|公寓|花园|[新商]城|市场|广场|中心|大学|学院|医院|园区|[业发]区"
    r"|[0-9一二三四五六七八九十][号栋幢楼室层座区期]|[0-9]-[0-9]"
)
#: No writing of province, city and district, twice over, is longer.
_LONGEST = 80
#: 义乌市场 is a market of 义乌; 宝山区场北路 is a street of 宝山区.
_TAKEN = re.compile(r"(?<=市)场(?![东西南北中])")
#: A name further on in a text is no part of its address.
_FAR, _NEAR = 400, 60
#: How many characters the names of province, city and district commonly have together.
_USUAL = (9, 6, 10, 8)

#: Characters `start` to `end` of an address name a division of this level.
Piece = tuple[int, int, str]


class Reading(NamedTuple):
    """What an address says of divisions.

    Args:
        codes: The finest division named: one code where it is certain, several where it is one of them, or none.
        former: The name of former times that it bears, or `""`.
        pieces: Where in the address the names stand.
        end: Where they end.
        sure: False where all that speaks for the place is a short name at the beginning: `凌云3区` may be an estate.
    """

    codes: tuple[str, ...] = ()
    former: str = ""
    pieces: tuple[Piece, ...] = ()
    end: int = 0
    sure: bool = True


def read_divisions(text: str, start: int = 0) -> Reading:
    """Return the divisions that an address names.

    Args:
        text: The address, in simple characters.
        start: Where to begin.
    """
    first = _written_out(text, start) or _walk(text, _past_lead(text, start))
    if not first.codes:
        return _walk(text, place) if (place := _first_name(text, start)) is not None else first
    reading = _again(text, first) or first
    return reading if reading.pieces[-1][2] == "district" else _later_district(text, reading)


def named_after(text: str, place: int) -> list[str]:
    """Return the codes of the provinces and cities whose full names stand in the text from `place` on."""
    names = (_next(names_under(""), text, found.start(), "") for found in large_names().finditer(text, place))
    return [name.codes[0] for name in names if name and len(name.codes) == 1]


def divisions_at(text: str, start: int, end: int) -> tuple[Piece, ...]:
    """Return where divisions are named right at `start`, the first in full or as a province or a city, up to `end`."""
    name = _next(names_under(""), text, start, "")
    if name is None or (name.stem and name.level == "district"):
        return ()
    pieces = _walk(text, start).pieces
    # 昆明湖南路 is a street of Beijing: a short name counts where another follows it, or nothing.
    alone = name.stem and len(pieces) < 2 and not _STOP.match(text, pieces[-1][1])
    return () if alone or pieces[-1][1] > end else pieces


def _first_name(text: str, start: int) -> int | None:
    """Return where the first full name stands: of a province or a city, else of a district."""
    if found := large_names().search(text, start):
        return found.start()
    names = names_under("")
    for place in range(start, min(len(text), start + _FAR)):
        for name in names.get(text[place : place + 2], ()):
            if _is_whole(name) and len(name.codes) == 1 and text.startswith(name.text, place):
                return place
    return None


def _is_whole(name: Name) -> bool:
    """Return whether this is a name that nothing else bears: no stem, no 城区, no 矿区."""
    return not name.stem and len(name.text) > 2


def _later_district(text: str, reading: Reading) -> Reading:
    """Return the reading with the district of its city that is named further on: 广州市新港街道海珠区."""
    names = names_under(reading.codes[0])
    for place in range(reading.end, min(len(text), reading.end + _NEAR)):
        for name in names.get(text[place : place + 2], ()):
            if _is_whole(name) and not name.again and text.startswith(name.text, place):
                end = place + len(name.text)
                pieces = (*reading.pieces, (place, end, name.level))
                return Reading(name.codes, name.former, pieces, end) if name.level == "district" else reading
    return reading


def _written_out(text: str, start: int) -> Reading | None:
    """Return what `_walk` would, where the address begins with all three names in full, as most do."""
    if start:
        return None
    known = _whole()
    for length in _USUAL:
        if (found := known.get(text[:length])) and text[length : length + 1] != "场":
            return found
    return None


@cache
def _whole() -> dict[str, Reading]:
    rows, found = atlas().rows, {}
    for code, chain in atlas().chains.items():
        names = [(rows[above][1], rows[above][0]) for above in reversed(chain)]
        ends = [sum(len(name) for name, _ in names[: place + 1]) for place in range(len(names))]
        pieces = [(end - len(name), end, level) for end, (name, level) in zip(ends, names, strict=True)]
        if rows[code][0] == "district":
            found["".join(name for name, _ in names)] = Reading((code,), "", tuple(pieces), ends[-1])
    # Where one name goes on as another (`大同` as `大同路区`), only the walk tells them apart.
    return {
        name: reading for name, reading in found.items() if not any(name[:end] in found for end in range(len(name)))
    }


def _past_lead(text: str, start: int) -> int:
    letter = text[start : start + 1]
    if letter not in _LEAD_STARTS and not letter.isascii():
        return start
    lead = _LEAD.match(text, start)
    return lead.end() if lead else start


def _again(text: str, first: Reading) -> Reading | None:
    """Return the second address, where one follows that is no coarser and lies elsewhere."""
    start = past_gap(text, first.end)
    if not text.startswith(_large_starts().get(text[start : start + 2], "\n"), start):
        return None
    second = _walk(text, start)
    return second if len(second.pieces) > 1 and _depth(second) >= _depth(first) else None


def past_gap(text: str, end: int) -> int:
    """Return where the next word begins; most stand side by side, and one look at the letter tells."""
    letter = text[end : end + 1]
    if letter.isalnum() and letter not in _GAP_STARTS:
        return end
    gap = _GAP.match(text, end)
    return gap.end() if gap else end


@cache
def _large_starts() -> dict[str, tuple[str, ...]]:
    starts: dict[str, tuple[str, ...]] = {}
    for level, name, _ in atlas().rows.values():
        if level != "district":
            starts[name[:2]] = (*starts.get(name[:2], ()), name)
    return starts


def _depth(reading: Reading) -> int:
    return LEVELS.index(cast(Level, reading.pieces[-1][2])) if reading.pieces else 0


def _walk(text: str, start: int) -> Reading:
    codes: tuple[str, ...] = ()
    former, code, place, end = "", "", start, start
    pieces: list[Piece] = []
    while name := _next(names_under(code), text, place, code) or _beyond_stray(text, place, code):
        place = text.index(name.text, place)
        end = place + len(name.text)
        if not name.again:
            codes, former, code = name.codes, name.former, name.codes[0]
            pieces.append((place, end, name.level))
            if name.level == "district" or len(codes) > 1:
                break
        elif place - start > _LONGEST:
            break
        place = past_gap(text, end)
    return _of_today(text, Reading(codes, former, tuple(pieces), end, not name or _is_sure(name, text, start, end)))


def _of_today(text: str, reading: Reading) -> Reading:
    """Return the reading with the district of today, where that follows one of old: 绍兴县柯桥区."""
    if not reading.former:
        return reading
    city = common(tuple(atlas().rows[code][2] or code for code in reading.codes))
    place = past_gap(text, reading.end)
    name = _next(names_under(city), text, place, city)
    if name is None or name.again or name.former:
        return reading
    end = place + len(name.text)
    return Reading(name.codes, "", (*reading.pieces[:-1], (place, end, name.level)), end)


def _is_sure(name: Name, text: str, start: int, end: int) -> bool:
    """Return whether a short name at the beginning is that of one place alone, or more speaks for it."""
    if not name.stem or name.level != "district" or end - start > len(name.text):
        return True
    return is_distinctive(name.text, name.codes) or bool(_STOP.match(text, end)) or _town_follows(name.codes, text, end)


def _beyond_stray(text: str, place: int, code: str) -> Name | None:
    if code and (stray := _STRAY.match(text, place)):
        return _next(names_under(code), text, stray.end(), code)
    return None


def _next(names: Names, text: str, place: int, code: str) -> Name | None:
    for name in names.get(text[place : place + 2], ()):
        if text.startswith(name.text, place):
            end = place + len(name.text)
            if _stands_alone(name, text, end, code) if name.stem else not _TAKEN.match(text, end):
                return name
    return None


def _stands_alone(name: Name, text: str, end: int, code: str) -> bool:
    """Return whether a name without suffix means the place."""
    if name.level != "district":
        return not _STREET.match(text, end) or _goes_on(name.codes[0], text, end)
    if _STOP.match(text, end):
        return True
    if _town_follows(name.codes, text, end):
        return True
    quarter = name.codes[0][4] < "2" and not name.former  # 区 are called like many other things, 市 and 县 are not
    if (_OTHER if quarter else _STREET).match(text, end) or _TOWN.match(text, end):
        return False
    if code:
        return True
    return len(name.codes) == 1 and not _OTHER_TOO.match(text, end) and bool(_ADDRESS.search(text, end, end + 40))


def _goes_on(code: str, text: str, end: int) -> bool:
    """Return whether what looks like a street is a district of this city: 台州路桥."""
    found = _next(names_under(code), text, end, code)
    return found is not None and not found.again


def _town_follows(codes: tuple[str, ...], text: str, end: int) -> bool:
    return any(text.startswith(town_stems(code), end) for code in codes)


def common(codes: tuple[str, ...]) -> str:
    """Return the finest division that all of these lie in."""
    if len(codes) < 2:
        return codes[0] if codes else ""
    chains = [atlas().chains[code] for code in codes]
    return next((code for code in chains[0] if all(code in chain for chain in chains)), "")
