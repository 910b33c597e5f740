"""Which names may stand at one place of a Chinese address, and what each of them can mean.

A name without its suffix (`浙江`, `杭州`, `义乌`) is a stem: it needs a closer look at what follows it. A name that
several places share (`朝阳区`) has several codes. A name of former times (`萧山市`, `崇文区`) stands beside those of
today, below the city where the place lay and the one where it lies.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from cartveil.events.places.region import divisions, old_divisions, rows_of, towns

# Longer endings first: 自治州 before 州; 清新区 is 清新, 浦东新区 is 浦东.
_SUFFIX = re.compile(r"(?:特别行政区|自治区|自治州|自治县|自治旗|林区|特区|(?<=..)新区|地区|省|市|区|县|旗|盟)$")
_PEOPLE = re.compile(
    r"(?:维吾尔|哈萨克|柯尔克孜|塔吉克|锡伯|达斡尔|鄂伦春|蒙古|各|土家|布依|景颇|傈僳|独龙|哈尼|朝鲜|"
    r"仫佬|毛南|仡佬|拉祜|布朗|纳西|普米|裕固|保安|东乡|撒拉|鄂温克|"
    r"藏|羌|彝|白|傣|怒|壮|苗|侗|满|瑶|黎|畲|水|佤|回|土)族?$"
)
_TOWN = re.compile(r"(?:街道办事处|办事处|街道|镇|乡|苏木)$")


class Name(NamedTuple):
    """A name and the divisions that it can mean.

    Args:
        text: As it stands in an address, in simple characters.
        codes: What it can mean, or, of a name of former times, what its ground belongs to.
        level: Province, city or district.
        stem: Whether it lacks its suffix.
        former: The whole name of former times, or `""`.
        again: Whether it only repeats what was read before.
    """

    text: str
    codes: tuple[str, ...]
    level: str
    stem: bool = False
    former: str = ""
    again: bool = False


#: Code to level, name and parent.
Rows = dict[str, tuple[str, str, str]]
#: Names by their first two characters, the longest first: the few that can stand at one place are found at once.
Names = dict[str, tuple[Name, ...]]


@dataclass(frozen=True)
class Atlas:
    """What is known of China's divisions.

    Args:
        rows: Code to level, name and parent.
        chains: Code to itself and all it lies in, the finest first.
        inside: Code to all that lies in it.
        old: Code to the names of former times in it.
    """

    rows: Rows
    chains: dict[str, tuple[str, ...]]
    inside: dict[str, list[str]]
    old: dict[str, list[Name]]


@cache
def atlas() -> Atlas:
    """Return the atlas, made once."""
    rows = {code: (level, name, parent) for code, level, name, _, parent in rows_of(divisions())}
    chains = {code: tuple(_chain(rows, code)) for code in rows}
    inside: dict[str, list[str]] = {}
    for code, chain in chains.items():
        for above in chain[1:]:
            inside.setdefault(above, []).append(code)
    return Atlas(rows, chains, inside, _old_names(rows))


@cache
def names_under(code: str) -> Names:
    """Return the names that may follow below a division: of what lies in it, and its own again; `""` begins."""
    known = atlas()
    if code:
        inside, chain = known.inside.get(code, ()), known.chains[code]
        return _names(known.rows, inside, old=known.old.get(code, ()), again=chain)
    every = dict.fromkeys(name for names in known.old.values() for name in names)
    return _names(known.rows, known.rows, old=every)


@cache
def large_names() -> re.Pattern[str]:
    """Return what finds any province or city by its full name, wherever it stands."""
    large = sorted((name for level, name, _ in atlas().rows.values() if level != "district"), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, large)))


@cache
def town_names() -> dict[str, tuple[tuple[str, tuple[str, ...]], ...]]:
    """Return the names of towns by their first two characters, the longest first, each with its districts' codes."""
    found: dict[str, list[str]] = {}
    for name, code in rows_of(towns()):
        found.setdefault(name, []).append(code)
    starts: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for name in sorted(found, key=len, reverse=True):
        starts.setdefault(name[:2], []).append((name, tuple(found[name])))
    return {start: tuple(names) for start, names in starts.items()}


@cache
def town_stems(district: str) -> tuple[str, ...]:
    """Return what the names of a district's towns begin with: `四季青` for `四季青街道`."""
    return tuple(stem for name in _towns_of().get(district, ()) if len(stem := _TOWN.sub("", name)) > 1)


def is_distinctive(stem: str, codes: tuple[str, ...]) -> bool:
    """Return whether no town elsewhere is called the same: 萧山 is one place, 凌云 and 三江 are many."""
    return set(_homes().get(stem, ())) <= set(codes)


@cache
def _homes() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, code in rows_of(towns()):
        found.setdefault(_TOWN.sub("", name), []).append(code)
    return found


@cache
def _towns_of() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, code in rows_of(towns()):
        found.setdefault(code, []).append(name)
    return found


def _chain(rows: Rows, code: str) -> Iterable[str]:
    while code:
        yield code
        code = rows[code][2]


def _old_names(rows: Rows) -> dict[str, list[Name]]:
    """Return, below each division, the names of former times with the codes of those that followed."""
    found: dict[str, list[Name]] = {}
    for name, level, within, followed, _ in rows_of(old_divisions()):
        for above in within.split():
            if name != rows[above][1]:
                found.setdefault(above, []).append(Name(name, tuple(followed.split()), level, former=name))
    return found


def _names(
    rows: Rows,
    codes: Iterable[str],
    *,
    old: Iterable[Name] = (),
    again: tuple[str, ...] = (),
) -> Names:
    full: dict[str, list[str]] = {}
    stems: dict[str, list[str]] = {}
    for code in codes:
        name = rows[code][1]
        full.setdefault(name, []).append(code)
        for number, stem in enumerate(short_forms(name)):
            # 印江县, the second for 印江土家族苗族自治县, has a suffix and so is whole.
            (full if number else stems).setdefault(stem, []).append(code)
    # 连江县 is a county of Fujian and one of Taiwan, of which neither is the other's city.
    names = {name: Name(name, tuple(dict.fromkeys(found)), rows[found[-1]][0]) for name, found in full.items()}
    former: dict[str, Name] = {}
    for each in old:
        if each.text not in names:
            before = former.get(each.text, each)
            former[each.text] = before._replace(codes=tuple(dict.fromkeys((*before.codes, *each.codes))))
        elif districts := [code for code in each.codes if rows[code][0] == "district"]:
            # Two places, of today and of old, have one name (桥东区): then neither is certain.
            names[each.text] = names[each.text]._replace(codes=(*names[each.text].codes, *districts))
    short = [_stem(rows, stem, found) for stem, found in stems.items() if stem not in full]
    taken = {name.text for name in (*names.values(), *short, *former.values())}
    every = [*_repeated(rows, again), *names.values(), *short, *former.values(), *_old_stems(former, taken)]
    return _by_start(every)


def _repeated(rows: Rows, chain: tuple[str, ...]) -> Iterable[Name]:
    for code in chain:
        level, name, _ = rows[code]
        yield Name(name, (code,), level, again=True)
        yield from (Name(stem, (code,), level, stem=True, again=True) for stem in short_forms(name))


def _stem(rows: Rows, text: str, codes: list[str]) -> Name:
    coarsest = _coarsest(rows, codes)
    return Name(text, coarsest, rows[coarsest[0]][0], stem=True)


def _old_stems(former: dict[str, Name], taken: set[str]) -> list[Name]:
    """Return the stems of names of former times, where nothing of today bears them: 江干 for 江干区."""
    stems: dict[str, list[Name]] = {}
    for name in former.values():
        for stem in short_forms(name.text):
            stems.setdefault(stem, []).append(name)
    return [
        names[0]._replace(text=stem, stem=True)
        for stem, names in stems.items()
        if stem not in taken and len(names) == 1
    ]


def _coarsest(rows: Rows, codes: list[str]) -> tuple[str, ...]:
    """Return those of the coarsest level: a province and a city of one name (吉林) mean the province."""
    distinct = tuple(dict.fromkeys(codes))
    for level in ("province", "city"):
        if found := tuple(code for code in distinct if rows[code][0] == level):
            return found
    return distinct


def _by_start(names: list[Name]) -> Names:
    starts: dict[str, list[Name]] = {}
    for name in sorted(names, key=lambda each: (len(each.text), not each.stem), reverse=True):
        starts.setdefault(name.text[:2], []).append(name)
    return {start: tuple(found) for start, found in starts.items()}


def short_forms(name: str) -> list[str]:
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
