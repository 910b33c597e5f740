from random import Random

from cartveil.insight.decisions.finder.generating.people import (
    chinese_given,
    chinese_name,
    english_given,
    english_name,
    is_held_out,
    nickname,
)


def draws(draw, count=400):
    random = Random(3)
    return [draw(random) for _ in range(count)]


def test_a_tenth_of_the_given_names_is_held_out():
    given = set(draws(chinese_given, 3000))
    given |= set(draws(lambda random: chinese_given(random, held_out=True), 300))
    assert 50 < sum(map(is_held_out, given)) < 400


def test_held_out_and_usual_given_names_never_meet():
    assert not any(map(is_held_out, draws(chinese_given)))
    assert all(map(is_held_out, draws(lambda random: chinese_given(random, held_out=True))))
    assert all(map(is_held_out, draws(lambda random: english_given(random, held_out=True))))


def test_case_does_not_bring_a_held_out_name_back():
    assert is_held_out("EMMA") == is_held_out("emma") == is_held_out("Emma")


def test_names_are_of_many_kinds():
    names = set(draws(chinese_name, 3000))
    assert len(names) > 2500
    assert {len(name) for name in names} >= {2, 3, 4}
    assert any("·" in name for name in names)


def test_english_names_hold_letters_beyond_ascii():
    assert any(not name.isascii() for name in draws(english_name, 600))


def test_nicknames_are_short():
    assert all(2 <= len(name) <= 3 for name in draws(nickname))
