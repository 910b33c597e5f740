import pytest

from cartveil.insight.decisions.finder.examples import Example, Found, Labelled
from cartveil.insight.decisions.finder.measures import false_alarms_per_1000, measure

EXAMPLE = Example("0123456789", (Labelled(0, 3, "name"), Labelled(5, 9, "phone")))


def test_exact_places_count_and_the_macro_is_over_the_labels_that_are_there():
    figures = measure([EXAMPLE], [[Found(0, 3, "name"), Found(5, 8, "phone"), Found(9, 10, "other")]])
    assert figures["f1"] == {"name": 1.0, "phone": 0.0, "micro": pytest.approx(2 / 5), "macro": 0.5}
    assert figures["precision"] == pytest.approx(1 / 3)
    assert figures["recall"] == 0.5
    assert figures["f2"] == pytest.approx(5 / 11)


def test_a_place_is_covered_when_all_its_characters_were_found_under_its_label():
    figures = measure([EXAMPLE], [[Found(0, 2, "name"), Found(2, 5, "name"), Found(4, 10, "name")]])
    assert figures["covered_recall"] == {"name": 1.0, "phone": 0.0, "all": 0.5}
    assert figures["character_recall"] == pytest.approx(3 / 7)


def test_nothing_to_find_and_nothing_found_divides_by_nothing():
    figures = measure([Example("")], [[]])
    assert figures["f1"] == {"micro": 0.0, "macro": 0.0}
    assert false_alarms_per_1000([]) == 0.0


def test_false_alarms_are_places_in_a_thousand_texts():
    assert false_alarms_per_1000([[], [Found(0, 1, "name")], [], []]) == 250.0
