from random import Random

import pytest

from cartveil.insight.decisions.finder.examples import Labelled
from cartveil.insight.decisions.finder.generating.draft import filled, skewed, written


def test_pieces_become_a_text_with_exact_places():
    example = written([("找", None), ("", "person"), ("张伟", "person"), ("收", None)])
    assert (example.text, example.spans) == ("找张伟收", (Labelled(1, 3, "person"),))


def test_slots_are_drawn_in_order():
    slots = {"a": lambda _: [("1", "x")], "b": lambda _: [("2", None)]}
    assert filled("{b}-{a}{a}", slots, Random(0)) == [("2", None), ("-", None), ("1", "x"), ("1", "x")]


def test_an_unknown_slot_is_an_error():
    with pytest.raises(KeyError):
        filled("{nobody}", {}, Random(0))


def test_what_stands_first_is_drawn_more_often():
    random = Random(0)
    drawn = [skewed(random, "abcdefghij") for _ in range(1000)]
    assert drawn.count("a") > 3 * drawn.count("j") > 0
