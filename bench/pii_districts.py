"""How often the district that an address names is read as people labelled it: for `bench.pii --task address_sutd`.

Every address with a gold `district` counts, whatever it says: slips of the pen, zones that are no district, two
addresses in one. No address is left out and no gold label is corrected.

- `district_accuracy`: the district that `read_divisions` or, for slips, `split_address` marks in the address is the
  gold one. Both are compared without 区, 县, 市 and in simple characters: 义乌 and 义乌市 are one.
- `district_accuracy_coded`: the `Region` that `find_region` returns, which is unknown where several places could be
  meant, has that district, under its name of today or under the former one that the address uses (江干区).
- `district_false`: share of the addresses without a gold `district` in which one is marked all the same. Of those,
  most are county-level cities that the gold calls `city` (建德市).
"""

import re
from collections.abc import Iterable, Sequence

from cartveil.events.patterns import plain
from cartveil.events.places import find_region
from cartveil.events.places.atlas import short_forms
from cartveil.events.places.characters import simplified
from cartveil.events.places.parts import split_address
from cartveil.events.places.readings import read_divisions
from cartveil.insight.decisions.finder.examples import Example

_SUFFIX = re.compile(r"(?:自治[县旗]|(?<=..)新区|[区县市旗])$")


def district_accuracy(examples: Sequence[Example]) -> dict[str, float]:
    """Score the rules on addresses with gold labels.

    Args:
        examples: Addresses whose spans have the labels of `address_sutd`.

    Returns:
        The three shares of the module's description, and how many addresses had a gold district.
    """
    gold = [
        frozenset(_stem(each.text[s.start : s.end]) for s in each.spans if s.label == "district") for each in examples
    ]
    pairs = list(zip(examples, gold, strict=True))
    named = [(each, names) for each, names in pairs if names]
    free = [each for each, names in pairs if not names]
    return {
        "district_accuracy": _share(marked_district(each.text) in names for each, names in named),
        "district_accuracy_coded": _share(bool(coded_district(each.text) & names) for each, names in named),
        "district_false": _share(bool(marked_district(each.text)) for each in free),
        "addresses_with_district": float(len(named)),
    }


def marked_district(address: str) -> str:
    """Return the district that is marked in an address, without its suffix; `""` where none is.

    Of an address that is written twice, it is the one that counts for its region.
    """
    pieces = read_divisions(simplified(plain(address))).pieces
    if pieces and pieces[-1][2] == "district":
        return _stem(address[pieces[-1][0] : pieces[-1][1]])
    found = [part for part in split_address(address) if part.label == "district"]
    return _stem(address[found[0].start : found[0].end]) if found else ""


def coded_district(address: str) -> frozenset[str]:
    """Return the district of an address's region, by the name that the address uses, without its suffix; short too."""
    region = find_region(address)
    name = (region.former or region.district) if region else ""
    # 印江县 is 印江土家族苗族自治县.
    return frozenset({_stem(name), *map(_stem, short_forms(name))}) if name else frozenset()


def _stem(name: str) -> str:
    straight = simplified(name)
    bare = _SUFFIX.sub("", straight)
    return bare if len(bare) > 1 else straight


def _share(hits: Iterable[bool]) -> float:
    results = list(hits)
    return sum(results) / len(results) if results else 0.0
