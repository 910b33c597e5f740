import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.events.names import family_names, given_names, split_chinese_name
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.surrogate import surrogate_name

KEY = SecretKey(bytes(range(32)))
COMPOUND = [name for name in family_names("zh") if len(name) == 2]


def surrogates(names: list[str], key: SecretKey = KEY) -> list[str]:
    made: list[str] = surrogate_name(pa.array(names), key).to_pylist()
    return made


def test_matches_the_culture() -> None:
    chinese, english = surrogates(["欧阳修", "John Smith"])
    assert split_chinese_name(chinese)
    given_name, _, family = english.partition(" ")
    assert given_name in given_names("en")
    assert family in family_names("en")


def test_is_the_same_for_the_same_name_and_key_only() -> None:
    assert surrogates(["张三", "John Smith", "张三"])[0] == surrogates(["张三"])[0]
    names = [f"John {family}" for family in family_names("en")[:20]]
    assert surrogates(names) != surrogates(names, SecretKey(bytes(32)))


def test_case_and_spaces_make_no_other_person() -> None:
    assert len(set(surrogates(["John Smith", "JOHN SMITH", " John  Smith ", "John Smith"]))) == 1
    assert surrogates(["张 三"]) != surrogates(["张三"])


def test_a_blank_gets_no_name() -> None:
    assert surrogates(["", "  "]) == ["", ""]


zh = st.builds(str.__add__, st.sampled_from(family_names("zh")), st.sampled_from(given_names("zh")))
en = st.builds("{} {}".format, st.sampled_from(given_names("en")), st.sampled_from(family_names("en")))
secrets = st.binary(min_size=32, max_size=32).map(SecretKey)


@settings(max_examples=200, deadline=None)
@given(zh | en, secrets)
def test_shares_no_part_with_the_real_name(name: str, key: SecretKey) -> None:
    (made,) = surrogates([name], key)
    assert made != name
    if " " in name:
        assert not set(made.casefold().split()) & set(name.casefold().split())
    else:
        assert not set(made) & set(name)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(COMPOUND), st.sampled_from(given_names("zh")), secrets)
def test_a_compound_family_name_is_replaced_whole(family: str, given_name: str, key: SecretKey) -> None:
    (made,) = surrogates([family + given_name], key)
    assert split_chinese_name(made)
    assert not set(made) & set(family)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=20), secrets)
def test_any_text_gets_a_name_or_none_and_never_itself(name: str, key: SecretKey) -> None:
    made, again = surrogates([name, name], key)
    assert made == again
    assert bool(made) == bool(name.split())
    assert not made or made != name


def test_a_surrogate_of_a_compound_family_occurs() -> None:
    made = surrogates([f"李{given_name}" for given_name in given_names("zh")])
    assert {split_chinese_name(name)[0] for name in made if split_chinese_name(name)} & set(COMPOUND)


@pytest.mark.parametrize("name", ["Leeann Smith-Jones", "O'Neil", "Smith, John", "Jo"])
def test_no_word_of_a_surrogate_holds_one_of_the_real_name(name: str) -> None:
    words = re.split(r"[^a-z]+", name.casefold())
    for number in range(50):
        (made,) = surrogates([name], SecretKey(bytes([number]) * 32))
        assert not any(word in made.casefold() for word in words if len(word) >= 3)


def test_a_few_names_spread_over_many_surrogates() -> None:
    names = [f"Person {number}" for number in range(500)]
    assert len(set(surrogates(names))) > 450
