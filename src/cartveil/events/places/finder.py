"""Find the region of one address, or of a column of them.

>>> find_region("北京市朝阳区建国路88号").district
'朝阳区'
>>> find_region("萧山市城厢街道").district, find_region("萧山市城厢街道").former
('萧山区', '萧山市')
>>> find_region("10 Downing Street, London SW1A 2AA").city
'London'
>>> find_region("朝阳区建国路88号") is None
True
"""

import re

import pyarrow as pa
import pyarrow.compute as pc

from cartveil.events.patterns import plain
from cartveil.events.places.chinese import find_chinese_region
from cartveil.events.places.latin import find_latin_region, romanised_places
from cartveil.events.places.region import Level, Region, country_names

_HAN = re.compile(r"[㐀-鿿]")
_WORD = re.compile(r"[A-Za-z]{3}")
_LONGEST = 1_000


def find_region(address: str) -> Region | None:
    """Find where an address lies, as far as it says.

    Args:
        address: Chinese, romanised Chinese, both mixed, British or American, or the name of a country; whole or
            partial, with names of today or of former times. No more than its first thousand characters are read.

    Returns:
        The region, in the language of the address, or None where several places could be meant or none is named.

    Guarantees:
        - Every part of the answer stands in a shipped table; no word of the address itself is ever repeated.
        - A name that several places share is not guessed at: the answer is coarser, or None.
    """
    text = plain(address[:_LONGEST]).strip()
    if text.isascii() or not _HAN.search(text):
        return find_latin_region(text) if text else None
    context = romanised_places(text) if _WORD.search(text) else ()
    if found := find_chinese_region(text, context=context):
        return found
    code = country_names().get(text)
    return Region(code) if code else None


def find_regions(addresses: pa.Array | pa.ChunkedArray, *, level: Level = "district") -> pa.ChunkedArray:
    """Find the region of each address, as text no finer than `level`.

    Args:
        addresses: (rows,) text; each distinct address is looked up once.
        level: `country`, `province`, `city` or `district`.

    Returns:
        (rows,) text such as `浙江省杭州市`; NULL where the address is NULL or its region unknown.
    """
    column = addresses if isinstance(addresses, pa.ChunkedArray) else pa.chunked_array([addresses])
    distinct = pc.unique(column.cast(pa.string()))
    found = [find_region(address) if address is not None else None for address in distinct.to_pylist()]
    # Most regions are one object each; each is put into words once.
    words = {id(region): region.at(level) for region in {id(region): region for region in found if region}.values()}
    labels = pa.array([words[id(region)] if region else None for region in found], pa.string())
    return pc.take(labels, pc.index_in(column.cast(pa.string()), value_set=distinct))
