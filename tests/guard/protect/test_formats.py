import datetime as dt
import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import ColumnError
from cartveil.events.kinds import Kind
from cartveil.events.patterns.check_digits import has_id_check_digit, has_luhn, id_check_digit, luhn_digit
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.fpe import fpe, from_fpe

KEY = SecretKey(bytes(range(32)))
TWEAK = ("shop", "column")


def changed(values: list[str], kind: Kind) -> list[str]:
    """Return what values become, after checking that they come back."""
    made = fpe(pa.array(values, pa.string()), KEY, form=kind, tweak=TWEAK)
    assert from_fpe(made, KEY, form=kind, tweak=TWEAK).to_pylist() == values
    results: list[str] = made.to_pylist()
    assert [len(result) for result in results] == [len(value) for value in values]
    assert [re.sub(r"\d", "9", result[:-1]) for result in results] == [re.sub(r"\d", "9", v[:-1]) for v in values]
    return results


def digits_of(text: str) -> str:
    return re.sub(r"\D", "", text)


def digits(size: int) -> st.SearchStrategy[str]:
    return st.integers(0, 10**size - 1).map(lambda number: f"{number:0{size}d}")


@st.composite
def mobiles(draw: st.DrawFn) -> str:
    carrier = draw(st.integers(130, 199))
    number = f"{carrier}{draw(digits(8))}"
    mark = draw(st.sampled_from(["", " ", "-"]))
    code = draw(st.sampled_from(["", "+86", "+86 ", "0086", "86", "(+86) "]))
    return f"{code}{number[:3]}{mark}{number[3:7]}{mark}{number[7:]}"


@settings(max_examples=40, deadline=None)
@given(st.lists(mobiles(), min_size=1, max_size=30))
def test_chinese_mobile_numbers_keep_their_prefix(values: list[str]) -> None:
    for value, result in zip(values, changed(values, Kind.PHONE), strict=True):
        assert digits_of(result)[:-8] == digits_of(value)[:-8]


def test_a_number_is_the_same_however_it_is_written() -> None:
    values = ["13812345678", "+86 138 1234 5678", "0086-138-1234-5678", "8613812345678"]
    assert len({digits_of(result)[-8:] for result in changed(values, Kind.PHONE)}) == 1


def test_the_same_last_digits_of_two_carriers_do_not_look_alike() -> None:
    one, other = changed(["13812345678", "13912345678"], Kind.PHONE)
    assert one[3:] != other[3:]


LANDLINES = [("010", "12345678"), ("021", "87654321"), ("0755", "12345678"), ("0571", "8765432")]


@pytest.mark.parametrize(("area", "number"), LANDLINES)
@pytest.mark.parametrize("kind", [Kind.PHONE, Kind.LANDLINE])
def test_chinese_landlines_keep_their_area(area: str, number: str, kind: Kind) -> None:
    for result in changed([f"{area}-{number}", f"({area}) {number}", area + number], kind):
        assert digits_of(result).startswith(area)
        assert digits_of(result)[len(area)] != "0"


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["1", "7", "20", "33", "44", "81", "86", "91", "351", "380", "852", "972"]), digits(10)
        ),
        min_size=1,
        max_size=25,
    ),
    st.sampled_from(["+", "00", "(+", "+ "]),
)
def test_other_numbers_keep_their_country_and_whether_they_begin_with_zero(
    numbers: list[tuple[str, str]], plus: str
) -> None:
    values = [f"{plus}{code} {number[:3]}-{number[3:]}" for code, number in numbers]
    for value, result in zip(values, changed(values, Kind.PHONE), strict=True):
        kept = value.rindex(" ")
        assert result[: kept + 1] == value[: kept + 1]
        assert (result[kept + 1] == "0") == (value[kept + 1] == "0")


@settings(max_examples=40, deadline=None)
@given(st.lists(digits(7) | digits(10) | digits(11) | digits(12) | digits(13) | digits(15), min_size=1, max_size=40))
def test_any_digits_come_back_or_are_refused(values: list[str]) -> None:
    try:
        changed(values, Kind.PHONE)
    except ColumnError as error:
        at = int(str(error.path).strip("[]"))
        assert re.match(r"0|86", values[at]), "only a short rest after a code or a zero is refused"


@pytest.mark.parametrize("value", ["", "110", "123456", "+44 123456", "+1 555", "0123456", "+86", "00", "+", "phone"])
def test_short_numbers_are_refused(value: str) -> None:
    with pytest.raises(ColumnError) as caught:
        fpe(pa.array(["13812345678", value]), KEY, form=Kind.PHONE)
    assert caught.value.path == "[1]"


@st.composite
def cards(draw: st.DrawFn) -> str:
    start = draw(digits(draw(st.sampled_from([12, 13, 14, 15, 16, 17, 18]))))
    return start + luhn_digit(start)


@settings(max_examples=40, deadline=None)
@given(st.lists(cards(), min_size=1, max_size=40))
def test_cards_keep_their_issuer_and_pass_luhn(values: list[str]) -> None:
    for value, result in zip(values, changed(values, Kind.PAYMENT_CARD), strict=True):
        assert has_luhn(result)
        assert result[:6] == value[:6]


@settings(max_examples=30, deadline=None)
@given(st.lists(digits(16), min_size=1, max_size=20))
def test_a_card_that_fails_luhn_goes_on_failing_it_and_comes_back(values: list[str]) -> None:
    for value, result in zip(values, changed(values, Kind.PAYMENT_CARD), strict=True):
        assert has_luhn(result) == has_luhn(value)


def test_cards_keep_their_gaps() -> None:
    (result,) = changed(["4111 1111 1111 1111"], Kind.PAYMENT_CARD)
    assert re.fullmatch(r"4111 11\d\d \d{4} \d{4}", result)
    assert has_luhn(digits_of(result))


@pytest.mark.parametrize("length", [0, 6, 12, 20])
def test_numbers_that_are_too_short_or_long_for_a_card_are_refused(length: int) -> None:
    with pytest.raises(ColumnError) as caught:
        fpe(pa.array(["1" * length]), KEY, form=Kind.PAYMENT_CARD)
    assert "13 to 19" in str(caught.value.hint)


@st.composite
def identities(draw: st.DrawFn) -> str:
    day = draw(st.dates(dt.date(1880, 1, 1), dt.date(2099, 12, 31)))
    start = f"{draw(st.sampled_from(['110105', '310104', '440305', '659004']))}{day:%Y%m%d}{draw(digits(3))}"
    return start + id_check_digit(start)


@settings(max_examples=40, deadline=None)
@given(st.lists(identities(), min_size=1, max_size=40))
def test_identity_numbers_stay_valid_and_keep_region_and_period(values: list[str]) -> None:
    for value, result in zip(values, changed(values, Kind.ID_NUMBER), strict=True):
        assert has_id_check_digit(result)
        assert result[:6] == value[:6]
        assert (result[6:10] < "2030") == (value[6:10] < "2030")


def test_every_birth_date_is_taken() -> None:
    days = [dt.date(1880, 1, 1) + dt.timedelta(days) for days in range(80_354)]
    assert days[-1] == dt.date(2099, 12, 31)
    starts = [f"110105{day:%Y%m%d}002" for day in days]
    values = [start + id_check_digit(start) for start in starts]
    results = changed(values, Kind.ID_NUMBER)
    assert len(set(results)) == len(values)
    assert all(map(has_id_check_digit, results[::50]))
    assert len({result[6:14] for result in results}) > 45_000


def test_a_wrong_check_digit_stays_wrong_and_comes_back() -> None:
    values = [f"11010519491231002{last}" for last in "0123456789X"]
    results = changed(values, Kind.ID_NUMBER)
    assert [has_id_check_digit(result) for result in results] == [value.endswith("X") for value in values]


@pytest.mark.parametrize(
    "value",
    [
        "",
        "11010519491231002",
        "11010519490229002X",
        "11010519491331002X",
        "11010519490031002X",
        "11010519491200002X",
        "11010521001231002X",
        "11010518791231002X",
        "1101051949123100XX",
        "11010519491231002x",
        "110105491231002",
    ],
)
def test_what_is_no_identity_number_is_refused(value: str) -> None:
    good = "11010519491231002X"
    for rows in (1, 30):
        with pytest.raises(ColumnError) as caught:
            fpe(pa.array([good] * rows + [value]), KEY, form=Kind.ID_NUMBER)
        assert caught.value.path == f"[{rows}]"
        assert "birth date" in str(caught.value.hint)
