"""Chinese addresses of other places: another city and district, made-up streets, other numbers, in the same writing.

What the parts are stays (a road, a building, a room), which ones they are does not. Two addresses in one city are in
one city again.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from cartveil.events.places import Region, divisions, find_region
from cartveil.guard.protect.stand_ins.addresses_latin import latin_address
from cartveil.guard.protect.stand_ins.digits import plain_digits, read, write
from cartveil.guard.protect.stand_ins.draws import Draw, Scope
from cartveil.guard.protect.stand_ins.lists import listed

_HAN = re.compile(r"[\u3400-\u9fff]")
_ENDING = re.compile(r"(?:特别行政区|[\u3400-\u9fff]{0,12}自治[区州县旗]|地区|新区|林区|特区|省|市|区|县|旗|盟)$")
_GAP = re.compile(r"[\s,，、/|·;；:：_-]*")
_LEAD = re.compile(r"^(?:(?:收货|收件|联系|家庭|详细|现住|寄件)?(?:地址|住址)|中国|中华人民共和国|[\s,，:：])*")
_UNKNOWN = re.compile(r"[\u3400-\u9fff]{1,9}?(?:省|自治区|自治州|地区|[市区县旗盟區縣])(?![场内])")

_NUMERAL = "[一二三四五六七八九十]{1,3}"
_COUNTED = "号楼|号院|号|栋|幢|座|楼|单元|层|室|组|队|弄|户|房|门|期|区|排|段|环"
_COUNTED_AT = "门口|门前|门外|楼下|楼上|大门|大堂|前台|门卫|保安室|保安亭|物业|驿站|快递柜"
_STREET = "大道|大街|街道|路|街|巷|胡同|道|弄|桥|里"
_PLACE = (
    "新村|小区|花园|家园|公寓|大厦|广场|中心|工业园|产业园|科技园|开发区|宿舍|公馆|别墅|花苑|名苑|学校|大学|学院|中学|小学|医院|"
    "超市|酒店|宾馆|银行|公司|商场|市场|车站|机场|镇|乡|村|屯|庄|苑|园|城|府|湾|庭|轩|居|院|厂|店|楼|站"
)
_REST = re.compile(
    rf"(?P<numeral>{_NUMERAL})(?={_COUNTED})|(?P<digits>\d+)|(?P<counted>{_COUNTED_AT}|{_COUNTED}|附近|旁边|对面|交叉口|交汇处|内|外|侧|(?<=\d)村)|"
    rf"(?P<name>[\u3400-\u9fff]{{1,12}}?)(?P<kind>{_STREET}|{_PLACE})|(?P<han>[\u3400-\u9fff]+)|(?P<letter>[A-Za-z]+)"
)


def address_surrogate(text: str, scope: Scope) -> str | None:
    """Return an address of another place, as far and as it is written; None where no letter of it can be read.

    Args:
        text: A whole address or a part of one, Chinese, British, American or romanised.
        scope: Draws.
    """
    return _han_address(text, scope) if _HAN.search(text) else latin_address(text, scope)


@dataclass(frozen=True)
class _Written:
    """A part of a region as it stands in an address."""

    level: str
    end: int
    short: bool


def _han_address(text: str, scope: Scope) -> str:
    plain = plain_digits(text, han=False)
    lead = _LEAD.match(plain)
    at = lead.end() if lead else 0
    region = find_region(plain) or Region("CN")
    new, made, said = _other_region(region, plain, scope), [text[:at]], set()
    for level in ("province", "city", "district"):
        written = _written(plain, at, level, region)
        if written is None:
            continue
        gap = _GAP.match(plain, written.end)
        at = gap.end() if gap else written.end
        names = [getattr(new, level)]
        if level == "province" and region.province == region.city:
            names.append(new.city)  # 北京市 is both, where 山东省 needs its 青岛市
        words = [_short(name) if written.short else name for name in names if name not in said]
        said.update(names)
        made += [*words, text[written.end : at] if words else ""]
    return "".join(made) + _rest(text[at:], scope)


def _written(text: str, at: int, level: str, region: Region) -> _Written | None:
    """Return how a level of the region stands at a place, None where it does not stand there."""
    name = getattr(region, level)
    if level == "city" and name and name == region.province and not text.startswith(name, at):
        return None
    if name and text.startswith(name, at):
        return _Written(level, at + len(name), short=False)
    if name and len(_short(name)) > 1 and text.startswith(_short(name), at):
        # 浙江, 杭州: without what it is. A street that is named after a city is none: 南京路.
        end = at + len(_short(name))
        return _Written(level, end, short=True) if not re.match(rf"[东南西北中]?(?:{_STREET})", text[end:]) else None
    found = _UNKNOWN.match(text, at)
    if found is None or not found[0].endswith(_LEVEL_ENDS[level]):
        return None
    return _Written(level, found.end(), short=False)


_LEVEL_ENDS = {"province": ("省", "自治区"), "city": ("市", "州", "地区", "盟"), "district": tuple("区县旗市區縣")}


def _short(name: str) -> str:
    stem = _ENDING.sub("", name)
    for people in ("内蒙古", "广西", "西藏", "宁夏", "新疆", "香港", "澳门"):
        if name.startswith(people):
            return people
    return stem if len(stem) > 1 else name


def _other_region(region: Region, text: str, scope: Scope) -> Region:
    """Return another region: the same one for the same city, and in it for the same district."""
    draw = scope.draw("city", region.province, region.city)
    cities = _cities()
    for _ in range(len(cities)):
        province, city, districts = draw.one_of(cities)
        if not {province, city} & {region.province, region.city} and _short(city) not in text:
            break
    within = scope.draw("district", region.city, region.district)
    others = [name for name in districts if name != region.district and name not in text] or list(districts)
    return Region("CN", province, city, within.one_of(others))


@cache
def _cities() -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """Return (province, city, names of its districts) of every city that has three districts or more."""
    table = divisions()
    rows = zip(*(table[name].to_pylist() for name in ("code", "level", "name_zh", "parent")), strict=True)
    names: dict[str, str] = {}
    parents: dict[str, str] = {}
    below: dict[str, list[str]] = {}
    for code, level, name, parent in rows:
        names[code], parents[code] = name, parent
        if level == "district" and name.endswith(("区", "县")) and parent:
            below.setdefault(parent, []).append(name)
    return tuple(
        (names[parents[code]] if parents[code] else names[code], names[code], tuple(districts))
        for code, districts in below.items()
        if len(districts) >= _LEAST_DISTRICTS and names[code].endswith("市")
    )


_LEAST_DISTRICTS = 3


def _rest(text: str, scope: Scope) -> str:
    plain, parts, at = plain_digits(text, han=False), [], 0
    for match in _REST.finditer(plain):
        parts += [text[at : match.start()], _part(match, text[match.start() : match.end()], scope)]
        at = match.end()
    return "".join([*parts, text[at:]])


def _part(match: re.Match[str], whole: str, scope: Scope) -> str:
    draw = scope.draw("address part", match[0])
    if match["counted"]:
        return whole
    if match["numeral"]:
        return _another("一二三四五六七八九", whole, draw)
    if match["digits"]:
        return _number(whole, draw)
    if match["letter"]:
        return "".join(_another("ABCDEFGH" if sign.isupper() else "abcdefgh", sign, draw) for sign in match[0])
    if match["name"]:
        choices = listed("streets") if re.fullmatch(_STREET, match["kind"]) else listed("places")
        return _word(choices, match["name"], scope) + match["kind"]
    return _word(listed("places"), whole, scope)


def _word(choices: Sequence[str], name: str, scope: Scope) -> str:
    draw = scope.draw("street", name)
    return draw.one_of([choice for choice in choices if not set(choice) & set(name)] or choices)


def _another(choices: str, sign: str, draw: Draw) -> str:
    return draw.one_of(choices.replace(sign, ""))


def _number(digits: str, draw: Draw) -> str:
    """Return another number of as many digits, without a zero in front where there is none."""
    while (made := draw.one_of("123456789") + draw.digits(len(digits) - 1)) == read(digits):
        continue
    return write(digits, made)
