import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.guard.protect.stand_ins.dates import date_surrogate, moved, offset
from cartveil.guard.protect.stand_ins.draws import Scope
from cartveil.guard.protect.stand_ins.numbers import identity_surrogate

SCOPES = [Scope(bytes(32), str(number)) for number in range(20)]

WRITINGS = ["%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%Y年%m月%d日", "%d.%m.%Y", "%d %B %Y", "%b %d, %Y", "%Y-%m-%d 12:30"]


@settings(max_examples=200, deadline=None)
@given(st.dates(dt.date(1930, 1, 1), dt.date(2030, 1, 1)), st.sampled_from(WRITINGS), st.sampled_from(SCOPES))
def test_a_date_moves_by_the_offset_of_its_scope_in_its_writing(day: dt.date, writing: str, scope: Scope) -> None:
    wanted = moved(day, scope)
    assert abs((wanted - day).days) >= 31
    made = date_surrogate(day.strftime(writing), scope)
    assert made is not None
    if writing != "%Y年%m月%d日":
        assert len(made) == len(day.strftime(writing)) or "%B" in writing
    # May is the one month whose short name is its long one.
    assert dt.datetime.strptime(made, writing if day.month != 5 else writing.replace("%B", "%b")).date() == wanted


@pytest.mark.parametrize(
    "text",
    ["1990年5月", "一九九〇年五月三日", "二零零一年十二月三十一日", "5月3日", "1990", "3rd of May 1990", "Sept 2001"],
)
@pytest.mark.parametrize("scope", SCOPES)
def test_a_date_in_part_or_in_words_becomes_another_one_in_words(text: str, scope: Scope) -> None:
    made = date_surrogate(text, scope)
    assert made is not None
    assert made != text
    assert [sign for sign in made if sign in "年月日"] == [sign for sign in text if sign in "年月日"]
    assert any(map(str.isascii, made)) == any(map(str.isascii, text))


def test_ordinals_fit_their_numbers() -> None:
    made = [date_surrogate(f"May {day}, 1990", scope) for day in ("1st", "22nd", "13th") for scope in SCOPES]
    numbers = {"st": {1, 21, 31}, "nd": {2, 22}, "rd": {3, 23}}
    for text in made:
        day = text.split()[1].rstrip(",")
        number, ending = int(day[:-2]), day[-2:]
        assert number in numbers.get(ending, set(range(1, 32)) - set.union(*numbers.values()))


@pytest.mark.parametrize("text", ["no date", "2023-13-45", ""])
def test_what_is_no_date_has_no_surrogate(text: str) -> None:
    assert date_surrogate(text, SCOPES[0]) is None


def test_a_date_of_birth_in_an_identity_number_moves_alike() -> None:
    for scope in SCOPES:
        made = identity_surrogate("11010519491231002X", scope)
        assert made[6:14] == date_surrogate("19491231", scope)


def test_scopes_have_offsets_of_their_own() -> None:
    assert len({offset(scope) for scope in SCOPES}) > 15
