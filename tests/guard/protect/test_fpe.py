from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import ColumnError, SchemaError
from cartveil.events.kinds import Kind
from cartveil.events.schema import format_schema, parse_schema
from cartveil.guard.keys import SecretKey
from cartveil.guard.keys.sealing import length_prefixed
from cartveil.guard.protect import deidentify
from cartveil.guard.protect.alphabets import NAMED, SEPARATORS, alphabet_of
from cartveil.guard.protect.fpe import fpe, from_fpe
from cartveil.guard.protect.modes.blocks import subkey
from cartveil.guard.protect.modes.ff1 import ff1_one
from nightly import EXAMPLES, VALUES

KEY = SecretKey(bytes(range(32)))
HAN = "".join(map(chr, range(0x4E00, 0x4E00 + 5000)))
EMOJI = "".join(map(chr, range(0x1F300, 0x1F300 + 300)))
LAST = "".join(map(chr, range(0x10FFFF - 40, 0x110000)))
FORMS = (*NAMED, "ACGT", "9876543210", "éfg", "é0ß", HAN, EMOJI, LAST, "01", "-0")


def reference(value: str, form: str, tweak: tuple[str, ...], key: SecretKey = KEY) -> str:
    """Encrypt one value by plain Python and `ff1_one`."""
    symbols = NAMED.get(form, form)
    places = [place for place, letter in enumerate(value) if letter in symbols]
    secret, bound = subkey(key, "fpe"), length_prefixed("alphabet", *tweak)
    made = ff1_one([symbols.index(value[place]) for place in places], secret, radix=len(symbols), tweak=bound)
    letters = list(value)
    for place, digit in zip(places, made, strict=True):
        letters[place] = symbols[digit]
    return "".join(letters)


@st.composite
def columns(draw: st.DrawFn) -> tuple[str, list[str | None]]:
    """Return an alphabet and values of it, some with separators, some NULL, of all lengths that are allowed."""
    form = draw(st.sampled_from(FORMS))
    symbols = NAMED.get(form, form)
    least = next(length for length in range(2, 21) if len(symbols) ** length >= 1_000_000)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    marks = [mark for mark in draw(st.sampled_from(["", " -", " -.()", "，（　"])) if mark not in symbols]
    values: list[str | None] = []
    for _ in range(draw(st.integers(0, 30))):
        letters = list(rng.choice(list(symbols), rng.integers(least, least + draw(st.sampled_from([1, 3, 30])))))
        for mark in marks:
            letters.insert(rng.integers(0, len(letters) + 1), mark)
        values.append(None if rng.random() < 0.1 else "".join(letters))
    return form, values


@settings(deadline=None)
@given(columns(), st.sampled_from([(), ("shop", "phone"), ("shop",)]))
def test_the_column_equals_the_reference_keeps_its_format_and_comes_back(
    case: tuple[str, list[str | None]], tweak: tuple[str, ...]
) -> None:
    form, values = case
    made = fpe(pa.array(values, pa.string()), KEY, form=form, tweak=tweak)
    wanted = [value if value is None else reference(value, form, tweak) for value in values]
    assert made.to_pylist() == wanted
    assert from_fpe(made, KEY, form=form, tweak=tweak).to_pylist() == values
    symbols = set(NAMED.get(form, form))
    for value, result in zip(values, wanted, strict=True):
        if value is not None and result is not None:
            assert len(value) == len(result)
            assert all(a == b if a not in symbols else b in symbols for a, b in zip(value, result, strict=True))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**32 - 1), st.binary(min_size=32, max_size=32), st.sampled_from(["digits", "alphanumeric", HAN]))
def test_value_by_value(seed: int, secret: bytes, form: str) -> None:
    symbols, rng, key = np.array(list(NAMED.get(form, form))), np.random.default_rng(seed), SecretKey(secret)
    values = ["".join(rng.choice(symbols, rng.integers(6, 36))) for _ in range(VALUES)]
    made = fpe(pa.array(values), key, form=form, tweak=("shop", "number"))
    assert made.to_pylist() == [reference(value, form, ("shop", "number"), key) for value in values]
    assert from_fpe(made, key, form=form, tweak=("shop", "number")).to_pylist() == values


@pytest.mark.parametrize("form", ["digits", HAN])
def test_every_form_of_a_column_gives_the_same(form: str) -> None:
    rng = np.random.default_rng(3)
    values = ["".join(rng.choice(list(NAMED.get(form, form)), length)) for length in (7, 8, 16, 24, 40) * 30]
    values[7] = None  # type: ignore[call-overload]
    plain = pa.array(values * 2, pa.string())
    wanted = fpe(plain, KEY, form=form)
    forms: list[Any] = [
        plain.dictionary_encode(),
        plain.cast(pa.large_string()),
        pa.chunked_array([plain[:70], plain[70:70], plain[70:]], pa.string()),
        pa.concat_arrays([pa.array(["before"]), plain])[1:],
    ]
    for column in forms:
        assert fpe(column, KEY, form=form).to_pylist() == wanted.to_pylist()
        assert isinstance(fpe(column, KEY, form=form), pa.ChunkedArray) == isinstance(column, pa.ChunkedArray)
    assert plain.to_pylist() == values * 2
    for empty in (pa.array([], pa.string()), pa.nulls(3), pa.chunked_array([], pa.string())):
        assert fpe(empty, KEY, form=form).to_pylist() == empty.to_pylist()


def test_more_values_than_one_chunk_come_back() -> None:
    column = pa.chunked_array([[f"{number * 7919:016d}" for number in range(70_000)]])
    made = fpe(column, KEY)
    assert len(made.unique()) == 70_000
    assert from_fpe(made, KEY).equals(column)


def test_numbers_are_taken_as_their_digits() -> None:
    assert fpe(pa.array([1234567, None]), KEY).equals(fpe(pa.array(["1234567", None]), KEY))


def test_is_pinned() -> None:
    column = pa.array(["4111-1111-1111-1111", "+86 138 1234 5678"])
    assert fpe(column, KEY, tweak=("shop", "number")).to_pylist() == ["9781-8604-3025-4286", "+96 192 9346 2868"]


def test_key_tweak_and_alphabet_each_change_the_result() -> None:
    column = pa.array(["1234567890"])
    results = {
        fpe(column, key, form=form, tweak=tweak)[0].as_py()
        for key in (KEY, SecretKey(bytes(32)))
        for form in ("digits", "hex", "0123456789 ")
        for tweak in ((), ("shop",), ("sho", "p"), ("shop", ""))
    }
    assert len(results) == 24


def test_the_wrong_key_gives_another_value_of_the_format() -> None:
    made = from_fpe(fpe(pa.array(["1234567890"]), KEY), SecretKey(bytes(32)))[0].as_py()
    assert made != "1234567890"
    assert made.isdigit()
    assert len(made) == 10


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("12345", "digits"),
        ("", "digits"),
        ("--- ---", "digits"),
        ("123456a", "digits"),
        ("１２３４５６７", "digits"),
        ("1234567X", "digits"),
        ("ABCDEF12", "hex"),
        ("零一二三四五六七", "chinese digits"),
        ("张三丰张三丰张三", "alphanumeric"),
        ("\x00234567", "digits"),
        ("12345😀67", "digits"),
        ("一丁", HAN[:999]),
    ],
)
def test_what_does_not_fit_is_refused_at_its_row_without_its_value(value: str, form: str) -> None:
    letters = np.random.default_rng(5).choice(list(NAMED.get(form, form)), (6000, 20))
    good = ["".join(row) for row in letters]
    for column in (pa.array([good[0], None, value, value]), pa.array([*good[:2], value, *good[2:]])):
        for run in (fpe, from_fpe):
            with pytest.raises(ColumnError) as caught:
                run(column, KEY, form=form)
            assert caught.value.path == "[2]"
            assert not value or value not in str(caught.value) + str(caught.value.hint)
            assert "token" in str(caught.value.hint)


TOO_MANY = "".join(map(chr, range(0x10000, 0x20001)))


@pytest.mark.parametrize("word", ["", "1", "aa", "digit", "0123456789" * 2, "ab\ud800", TOO_MANY])
def test_what_is_no_alphabet_is_refused(word: str) -> None:
    with pytest.raises(SchemaError) as caught:
        fpe(pa.array(["1234567"]), KEY, form=word)
    assert len(str(caught.value)) < 200


def test_the_largest_alphabet_is_taken() -> None:
    symbols = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x10800)]))
    assert alphabet_of(symbols).radix == 65_536
    column = pa.array(["張三1", "\x00\x01\x02 -", "\U000107ffab"])
    assert from_fpe(fpe(column, KEY, form=symbols), KEY, form=symbols).equals(column)


def test_few_values_in_many_rows_are_refused_unless_said_aloud() -> None:
    column = pa.array([f"{number % 99:07d}" for number in range(1000)])
    with pytest.raises(ColumnError) as caught:
        fpe(column, KEY)
    assert "few_values" in str(caught.value.hint)
    assert len(fpe(column, KEY, few_values=True)) == 1000
    fpe(pa.array([f"{number % 100:07d}" for number in range(1000)]), KEY)


def released(options: str) -> Any:
    """Return phones as a release lets them leave, and the report."""
    text = f'name = "shop"\n[tables.people.columns]\nphone = {{ kind = "phone", release = {options} }}'
    phones = pa.table({"phone": [f"1380000{number % 500:04d}" for number in range(2000)]})
    return deidentify(phones, parse_schema(text).table("people"), key=KEY)


def test_a_release_in_its_format_links_and_can_be_undone_so_it_is_de_identified_only() -> None:
    table, report = released('"fpe"')
    assert (report.label, report.methods) == ("de-identified", {"phone": "fpe"})
    assert "link" in report.because[0]
    assert "de-identified" in released('{ method = "fpe", alphabet = "digits" }')[1].label
    phones = table["phone"].to_pylist()
    assert all(phone.startswith("138") and len(phone) == 11 for phone in phones)
    assert len(set(phones)) == 500


def test_the_schema_takes_the_method_at_rest_and_on_release_and_writes_it_back() -> None:
    text = """
    name = "shop"
    [tables.people.columns]
    phone = { kind = "phone", protect = "fpe", release = { method = "fpe", alphabet = "digits", few_values = true } }
    """
    schema = parse_schema(text)
    assert parse_schema(format_schema(schema)) == schema
    with pytest.raises(SchemaError, match="alphabet"):
        parse_schema(text.replace('"digits"', "10"))


def test_no_separator_is_a_letter_or_digit() -> None:
    assert not [mark for mark in SEPARATORS if mark.isalnum()]


def test_a_kind_without_rules_of_its_own_is_digits() -> None:
    column = pa.array(["6222 0202 0011 2230"])
    assert fpe(column, KEY, form=Kind.BANK_ACCOUNT).equals(fpe(column, KEY))
    assert not fpe(column, KEY, form=Kind.PAYMENT_CARD).equals(fpe(column, KEY))
