"""Take an address apart into province, city, district, town, road, number, building, unit, room and place.

>>> address = "杭州市西湖区文三路90号2号楼502室"
>>> [(part.label, address[part.start : part.end]) for part in split_address(address)][2:]
[('road', '文三路'), ('number', '90号'), ('building', '2号楼'), ('room', '502室')]
>>> address = "Flat 4, 12 High Street, London SW1A 2AA"
>>> [(part.label, address[part.start : part.end]) for part in split_address(address)]
[('unit', 'Flat 4'), ('number', '12'), ('road', 'High Street'), ('city', 'London'), ('place', 'SW1A 2AA')]
"""

import re

from cartveil.events.patterns import plain
from cartveil.events.places.chinese_parts import chinese_parts
from cartveil.events.places.latin_parts import latin_parts
from cartveil.events.places.part import Part

__all__ = ["Part", "split_address"]

_HAN = re.compile(r"[㐀-鿿]")


def split_address(text: str) -> list[Part]:
    """Take an address apart by rules.

    Args:
        text: One address, Chinese, romanised, British or American, whole or partial. It is read as an address
            throughout: give it no running text.

    Returns:
        The parts in order, with exact places in `text`; what stands between two parts (spaces, commas) is in neither.

    Guarantees:
        - Parts do not overlap, none is empty, and none begins or ends with a space.
        - Time grows with the length of the text alone.
    """
    # One for one, so that places stay exact.
    straight = plain(text)
    parts = chinese_parts(straight) if _HAN.search(straight) else latin_parts(straight)
    return [part for part in parts if text[part.start : part.end].strip()]
