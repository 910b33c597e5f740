import pytest

from cartveil.events.names import family_names, given_names, looks_like_name, split_chinese_name


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("张伟", ("张", "伟")),
        ("王小明", ("王", "小明")),
        ("欧阳修", ("欧阳", "修")),
        ("欧阳娜娜", ("欧阳", "娜娜")),
        ("单于", ("单", "于")),  # too short to be compound with a given name
        ("北京", None),
        ("张", None),
        ("Emma Wilson", None),
        ("", None),
    ],
)
def test_chinese_names_part_after_the_longest_family_name(name, parts):
    assert split_chinese_name(name) == parts


@pytest.mark.parametrize("culture", ["zh", "en"])
def test_lists_are_long_and_hold_no_name_twice(culture):
    for names, least in ((family_names(culture), 150), (given_names(culture), 150)):
        assert len(names) >= least
        assert len(set(names)) == len(names)


def test_compound_family_names_are_there():
    assert {"欧阳", "司马", "诸葛", "上官"} <= set(family_names("zh"))


@pytest.mark.parametrize("name", ["张伟", "Emma Wilson", "Wilson, Emma", "Mr J. Wilson"])
def test_names_look_like_names(name):
    assert looks_like_name(name)


@pytest.mark.parametrize("text", ["", "WHITE METAL LANTERN", "United Kingdom", "北京市", "Emma", "A1 B2"])
def test_other_text_does_not(text):
    assert not looks_like_name(text)
