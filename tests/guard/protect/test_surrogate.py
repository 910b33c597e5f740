import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.events.names import family_names, given_names, split_chinese_name
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.surrogate import surrogate_name

KEY = SecretKey(bytes(range(32)))


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


zh = st.builds(str.__add__, st.sampled_from(family_names("zh")), st.sampled_from(given_names("zh")))
en = st.builds("{} {}".format, st.sampled_from(given_names("en")), st.sampled_from(family_names("en")))


@settings(max_examples=200, deadline=None)
@given(zh | en, st.binary(min_size=32, max_size=32))
def test_shares_no_part_with_the_real_name(name: str, secret: bytes) -> None:
    (made,) = surrogates([name], SecretKey(secret))
    assert made != name
    if " " in name:
        assert not set(made.split()) & set(name.split())


def test_a_few_names_spread_over_many_surrogates() -> None:
    names = [f"Person {number}" for number in range(500)]
    assert len(set(surrogates(names))) > 450
