import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.events.names import family_names, given_names
from cartveil.guard.protect.stand_ins.draws import Scope
from cartveil.guard.protect.stand_ins.names import People, name_surrogate, settle


def people(subject: str = "c1") -> People:
    return People(Scope(bytes(32), subject))


def made(text: str, subject: str = "c1") -> str:
    return name_surrogate(text, people(subject))


@pytest.mark.parametrize("subject", ["a", "b", "c", "d"])
def test_parts_of_a_chinese_name_are_parts_of_its_surrogate(subject: str) -> None:
    whole = made("张伟", subject)
    assert made("张先生", subject) == f"{whole[0]}先生"
    assert made("小张", subject) == f"小{whole[0]}"
    assert made("老张", subject) == f"老{whole[0]}"
    assert made("张伟女士", subject) == f"{whole}女士"
    assert made("张 伟", subject) == f"{whole[0]} {whole[1]}"
    assert made("张敏", subject)[0] == whole[0]


@pytest.mark.parametrize("subject", ["a", "b", "c", "d"])
def test_parts_of_an_english_name_are_parts_of_its_surrogate(subject: str) -> None:
    given_name, family = made("John Smith", subject).split()
    assert made("Mr Smith", subject) == f"Mr {family}"
    assert made("Smith, John", subject) == f"{family}, {given_name}"
    assert made("J. Smith", subject) == f"{given_name[0]}. {family}"
    assert made("JOHN SMITH", subject) == f"{given_name} {family}".upper()
    assert made("john", subject) == given_name.lower()


def test_a_compound_family_name_is_one_name() -> None:
    assert made("欧阳先生")[:-2] + made("娜娜") == made("欧阳娜娜")


def test_a_romanised_name_stays_one() -> None:
    family, given_name = made("Zhang Xiaohong").split()
    assert made("ZHANG XIAOHONG") == f"{family} {given_name}".upper()
    assert family not in family_names("en")


@pytest.mark.parametrize("name", ["古丽娜·买买提", "约翰·史密斯"])
def test_a_transliterated_name_keeps_its_dot(name: str) -> None:
    assert made(name).count("·") == 1
    assert not set(made(name)) & set(name) - {"·"}


zh = st.builds(str.__add__, st.sampled_from(family_names("zh")), st.sampled_from(given_names("zh")))
en = st.builds("{} {}".format, st.sampled_from(given_names("en")), st.sampled_from(family_names("en")))


@settings(max_examples=300, deadline=None)
@given(zh, st.text(max_size=4))
def test_no_character_of_a_chinese_name_is_left(name: str, subject: str) -> None:
    assert not set(made(name, subject)) & set(name)


@settings(max_examples=300, deadline=None)
@given(en, st.text(max_size=4))
def test_no_word_of_an_english_name_is_left(name: str, subject: str) -> None:
    assert not set(made(name, subject).casefold().split()) & set(name.casefold().split())


def test_a_settled_person_keeps_the_given_surrogate_in_whole_and_in_part() -> None:
    known = people()
    settle("John Paul Smith", "Emma Wilson", known)
    settle("张伟", "李娜", known)
    said = ["John Paul Smith", "JOHN  paul SMITH", "Mr Smith", "John", "张伟", "小张", "张伟先生"]
    wanted = ["Emma Wilson", "Emma Wilson", "Mr Wilson", "Emma", "李娜", "小李", "李娜先生"]
    assert [name_surrogate(each, known) for each in said] == wanted


def test_many_people_get_many_names() -> None:
    names = [f"{family}{given_name}" for family in family_names("zh")[:20] for given_name in given_names("zh")[:20]]
    assert len({made(name) for name in names}) > 300
