from random import Random

from cartveil.events.places import find_region
from cartveil.insight.decisions.finder.generating.addresses import PARTS, chinese_address, english_address, region
from cartveil.insight.decisions.finder.generating.draft import written


def test_parts_stand_in_the_order_from_wide_to_fine():
    random = Random(1)
    for _ in range(300):
        labels = [span.label for span in written(chinese_address(random)).spans if span.label in PARTS[:3]]
        assert labels == sorted(labels, key=PARTS.index)


def test_a_region_is_one_that_exists():
    random, known = Random(2), 0
    for _ in range(200):
        known += find_region(written(region(random)).text) is not None
    assert known > 120


def test_english_addresses_have_a_number_and_a_road():
    random = Random(3)
    for _ in range(200):
        example = written(english_address(random))
        assert {"number", "road", "city"} <= {span.label for span in example.spans}
