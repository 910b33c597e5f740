"""Chinese addresses: read from the left, province, city, district, and never further than the words allow.

A name without its suffix (`浙江`, `杭州`) counts where only one place can be meant and no street carries it:
`南京路` is a street of Shanghai and elsewhere, not the city. A name that several places share (`朝阳区`) counts
only under a city or province that has one such place; otherwise the answer stays coarser.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from cartveil.events.places.region import Region, divisions, rows_of

# Longer endings first: 自治州 before 州. A stem of one character (单县) is no name by itself.
_SUFFIX = re.compile(r"(?:特别行政区|自治区|自治州|自治县|自治旗|林区|特区|新区|地区|省|市|区|县|旗|盟)$")
_PEOPLE = re.compile(
    r"(?:维吾尔|哈萨克|柯尔克孜|塔吉克|锡伯|达斡尔|鄂伦春|蒙古|各|土家|布依|景颇|傈僳|独龙|哈尼|朝鲜|"
    r"仫佬|毛南|仡佬|拉祜|布朗|纳西|普米|裕固|保安|东乡|撒拉|鄂温克|"
    r"藏|羌|彝|白|傣|怒|壮|苗|侗|满|瑶|黎|畲|水|佤|回|土)族?$"
)
_LEAD = re.compile(r"(?:(?:收货|收件|联系|家庭|详细|现住)?(?:地址|住址)|中华人民共和国|中国|[0-9]{6}|[\s,，:：])*")
_GAP = re.compile(r"(?:[\s,，、/|·;；-]|市辖区|省直辖县级行政区划|自治区直辖县级行政区划)*")
_STREET = re.compile(r"[东西南北中]?[一二三四五]?(?:路|街|大道|大街|道|巷|弄|桥|门)")
_STOP = re.compile(r"$|[\s,，、/|·;；()（）-]")
_SIMPLE = str.maketrans(
    "臺灣區縣門龍廣東蘇陝遼寧湖貴雲慶濟溫蘭烏魯齊爾濱長瀋陽連島煙臨無錫揚鎮嘉紹興蕪廈漳",
    "台湾区县门龙广东苏陕辽宁湖贵云庆济温兰乌鲁齐尔滨长沈阳连岛烟临无锡扬镇嘉绍兴芜厦漳",
)


_TRADITIONAL = re.compile(f"[{''.join(map(chr, _SIMPLE))}]")


@dataclass(frozen=True)
class _Names:
    """The names that may stand at one place of an address; a code of `""` marks a name that several places share.

    By their first two characters, so that the few that can stand there are found at once; of each pair of characters
    the longest name first.
    """

    full: dict[str, tuple[tuple[str, str], ...]]
    short: dict[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class _Atlas:
    rows: dict[str, tuple[str, str, str]]  # code -> level, name, parent
    top: _Names
    under: dict[str, _Names]
    anywhere: re.Pattern[str]


def find_chinese_region(address: str) -> Region | None:
    """Return the region of an address in Chinese characters, or None; see `find_region`."""
    atlas = _atlas()
    text = address.translate(_SIMPLE) if _TRADITIONAL.search(address) else address
    lead = _LEAD.match(text)
    start = lead.end() if lead else 0
    code = _walk(atlas, text, start)
    if not code and (found := atlas.anywhere.search(text, start)):
        code = _walk(atlas, text, found.start())
    return _region(code) if code else None


def _walk(atlas: _Atlas, text: str, start: int) -> str:
    """Return the code of the finest division that the text names from `start` on, or `""`."""
    code, place, names = "", start, atlas.top
    while True:
        found, place = _next(names, text, place)
        # A municipality may be written twice, as province and as city: 北京市北京市朝阳区.
        if not found or (found == code and atlas.rows[code][0] != "province"):
            return code
        code = found
        if code not in atlas.under:
            return code
        names = atlas.under[code]
        gap = _GAP.match(text, place)
        place = gap.end() if gap else place


def _next(names: _Names, text: str, place: int) -> tuple[str, int]:
    start = text[place : place + 2]
    for name, code in names.full.get(start, ()):
        if text.startswith(name, place) and text[place + len(name) : place + len(name) + 1] != "场":
            return code, place + len(name)
    for name, code in names.short.get(start, ()):
        if text.startswith(name, place) and _stands_alone(code, text, place + len(name)):
            return code, place + len(name)
    return "", place


def _stands_alone(code: str, text: str, end: int) -> bool:
    """Return whether a name without suffix means the place: a district only before a gap or at the end."""
    if code.endswith("00"):
        return not _STREET.match(text, end)
    return bool(_STOP.match(text, end))


@cache
def _region(code: str) -> Region:
    atlas, names = _atlas(), {"province": "", "city": "", "district": ""}
    finest = code
    while code:
        level, name, code = atlas.rows[code]
        names[level] = name
    if names["province"].endswith(("市", "特别行政区")):
        names["city"] = names["province"]
    return Region("CN", names["province"], names["city"], names["district"], finest)


@cache
def _atlas() -> _Atlas:
    rows = {code: (level, name, parent) for code, level, name, _, parent in rows_of(divisions())}
    provinces = [code for code, row in rows.items() if row[0] == "province"]
    below: dict[str, list[str]] = {}
    for code, (_, _, parent) in rows.items():
        below.setdefault(parent, []).append(code)
    under = {}
    for code, children in below.items():
        if code in provinces:
            grandchildren = [grandchild for child in children for grandchild in below.get(child, ())]
            under[code] = _names(rows, [*children, *grandchildren], also=code)
        elif code:
            under[code] = _names(rows, children)
    large = sorted((row[1] for row in rows.values() if row[0] != "district"), key=len, reverse=True)
    return _Atlas(rows, _names(rows, rows), under, re.compile("|".join(map(re.escape, large))))


def _names(rows: dict[str, tuple[str, str, str]], codes: Iterable[str], *, also: str = "") -> _Names:
    full: dict[str, str] = {}
    short: dict[str, str] = {}
    for code in codes:
        level, name, _ = rows[code]
        # A province and a city of one name (吉林) mean the province; a city beside a district, the city.
        full[name] = "" if name in full and rows[full[name] or code][0] == level else full.get(name) or code
        for stem in _stems(name):
            other = short.get(stem)
            if other is None or (other and rows[other][0] != level and rows[code][0] != "district"):
                short[stem] = code if other is None else other
            elif other != code:
                short[stem] = other if other and rows[other][0] == "province" else ""
    if also:
        full.setdefault(rows[also][1], also)
    return _Names(_by_start(full), _by_start({name: code for name, code in short.items() if code}))


def _by_start(codes: dict[str, str]) -> dict[str, tuple[tuple[str, str], ...]]:
    starts: dict[str, list[tuple[str, str]]] = {}
    for name, code in sorted(codes.items(), key=lambda pair: len(pair[0]), reverse=True):
        starts.setdefault(name[:2], []).append((name, code))
    return {start: tuple(names) for start, names in starts.items()}


def _stems(name: str) -> list[str]:
    """Return the short forms of a name: 内蒙古, 凉山 and 凉山州, 景宁 and 景宁县, 杭州."""
    suffix = _SUFFIX.search(name)
    if not suffix:
        return []
    stem, end = name[: suffix.start()], suffix[0]
    if not end.startswith("自治"):
        return [stem] if len(stem) > 1 else []
    while len(bare := _PEOPLE.sub("", stem)) > 1 and bare != stem:
        stem = bare
    return [stem, stem + end[-1]] if end != "自治区" else [stem]
