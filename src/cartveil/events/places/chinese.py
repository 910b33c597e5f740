"""The region of a Chinese address: what its names say, narrowed by what stands around them.

A name that several places share (`朝阳区`) counts only under a city or province that has one such place, or before a
town that only one of them has; otherwise the answer stays coarser. So it does for a district of former times whose
ground several share (`江干区`).
"""

from functools import cache

from cartveil.events.places.atlas import atlas, town_names
from cartveil.events.places.characters import simplified
from cartveil.events.places.readings import Reading, common, named_after, past_gap, read_divisions
from cartveil.events.places.region import Region


def find_chinese_region(address: str, *, context: tuple[str, ...] = ()) -> Region | None:
    """Return the region of an address in Chinese characters, or None; see `find_region`.

    Args:
        address: The address.
        context: Codes of the divisions that other words of it, such as Latin ones, may name.
    """
    text = simplified(address)
    reading = read_divisions(text)
    codes = reading.codes
    if len(codes) != 1 or codes[0].endswith("00") or not reading.sure:
        codes = _narrowed(text, reading, context)
    code = common(codes)
    return _region(code, reading.former) if code else None


def _narrowed(text: str, reading: Reading, context: tuple[str, ...]) -> tuple[str, ...]:
    """Return the codes that what follows the names leaves: a town, a city named later, words in Latin letters."""
    codes = reading.codes
    if towns := _towns_at(text, reading.end):
        fitting = tuple(code for code in towns if not codes or _lies_in(code, codes))
        if len(fitting) == 1:
            return fitting
    if not reading.sure:
        return ()
    if len(codes) > 1:
        for above in (*named_after(text, reading.end), *context):
            inside = tuple(code for code in codes if _lies_in(code, (above,)))
            if len(inside) == 1:
                return inside
    return _finer(codes, context) if len(codes) < 2 else codes


def _lies_in(code: str, places: tuple[str, ...]) -> bool:
    return any(place in atlas().chains[code] for place in places)


def _finer(codes: tuple[str, ...], context: tuple[str, ...]) -> tuple[str, ...]:
    """Return the one place below these that the context names, where it names one: 杭州市 Xihu District."""
    below = tuple(code for code in context if not codes or _lies_in(code, codes))
    finest = tuple(code for code in below if all(_lies_in(code, (other,)) for other in below))
    return finest if len(finest) == 1 else codes


def _towns_at(text: str, end: int) -> tuple[str, ...]:
    start = past_gap(text, end)
    for name, codes in town_names().get(text[start : start + 2], ()):
        if text.startswith(name, start):
            return codes
    return ()


@cache
def _region(code: str, former: str = "") -> Region:
    rows, names = atlas().rows, {"province": "", "city": "", "district": ""}
    for above in atlas().chains[code]:
        level, name, _ = rows[above]
        names[level] = name
    if names["province"].endswith(("市", "特别行政区")):
        names["city"] = names["province"]
    return Region("CN", names["province"], names["city"], names["district"], code, former)
