"""What is computed over bytes must be what the rules of `mask` say, value by value."""

from random import Random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.events.kinds import Kind
from cartveil.guard.protect.letters import COMPOUND
from cartveil.guard.protect.mask import _RULES, _by_rules, mask
from cartveil.guard.protect.shapes import SHAPES, by_shape
from nightly import NIGHTLY

MANY = 20_000 if NIGHTLY else 80

LETTERS = {"k": "0123456789", "h": "0123456789", "n": "23456789", "c": "0123456789Xx"}


def by_rules(values: list[str], kind: Kind) -> list[str]:
    masked: list[str] = _by_rules(pa.array(values, pa.string()), _RULES[kind]).to_pylist()
    return masked


def of_shape(shape: str, random: Random) -> str:
    return "".join(random.choice(LETTERS.get(letter, letter)) for letter in shape)


@pytest.mark.parametrize(("kind", "shape"), [(kind, shape) for kind, shapes in SHAPES.items() for shape, _ in shapes])
def test_a_shape_shows_what_the_rules_show(kind: Kind, shape: str) -> None:
    random = Random(shape)
    values = [of_shape(shape, random) for _ in range(40)]
    _, parts, left = by_shape(pa.array(values), kind)
    assert len(left) == 0
    assert parts
    assert mask(pa.array(values), kind=kind).to_pylist() == by_rules(values, kind)


near = st.sampled_from(sorted({shape for shapes in SHAPES.values() for shape, _ in shapes})).flatmap(
    lambda shape: st.builds(
        lambda seed, at, letter: of_shape(shape, Random(seed))[:at] + letter + of_shape(shape, Random(seed))[at + 1 :],
        st.integers(0, 10**6),
        st.integers(0, len(shape)),
        st.sampled_from(["", " ", "0", "1", "9", "-", "X", "x", "+", "/", ":", "张", "\n", "\u3000"]),
    )
)


@settings(max_examples=MANY, deadline=None)
@given(st.sampled_from(sorted(SHAPES)), st.lists(near, max_size=12))
def test_what_is_nearly_of_a_shape_is_masked_by_the_rules(kind: Kind, values: list[str]) -> None:
    assert mask(pa.array(values, pa.string()), kind=kind).to_pylist() == by_rules(values, kind)


han = st.text(st.sampled_from("张三丰李欧阳司马〇々㐂龥·・.a1 é\U00020000"), max_size=5) | st.builds(
    lambda name, rest: name + rest,
    st.sampled_from(COMPOUND.split("|")),
    st.text(st.sampled_from("锋修文a "), max_size=3),
)
latin = st.text(st.sampled_from("abZ'-. \t\n5*@é张"), max_size=12)


@settings(max_examples=MANY, deadline=None)
@given(st.lists(han | latin, max_size=12))
def test_names_are_masked_as_the_rules_say(values: list[str]) -> None:
    assert mask(pa.array(values, pa.string()), kind=Kind.PERSON_NAME).to_pylist() == by_rules(values, Kind.PERSON_NAME)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Kind.PHONE, ["(112) 555-0100", "(012) 555-0100", "112-555-0100", "212-555-0100", "(912) 555-0100"]),
        (Kind.EMAIL, ["abcdef@", "abcde@", "ab@x.cn", "abc@x.cn", "abcd@x.cn", "abcde@x", "abcd@", "@abcdef"]),
        (Kind.EMAIL, ["abcd@ef@c.cn", "abcde@@x.cn", "abcdef", "a@b@c@d.cn", "@@@@@@", "abcdefg@x.cn"]),
        (Kind.ID_NUMBER, ["11010519491231002X", "11010519491231002x", "11010519491231002Y", "X1010519491231002X"]),
    ],
)
def test_the_edges_of_a_shape_are_the_rules(kind: Kind, values: list[str]) -> None:
    assert mask(pa.array(values), kind=kind).to_pylist() == by_rules(values, kind)
    for value in values:
        assert mask(pa.array([value]), kind=kind).to_pylist() == by_rules([value], kind)


@settings(max_examples=MANY, deadline=None)
@given(st.lists(st.text(st.sampled_from("ab.5@@ \té张*\x7f"), max_size=14), max_size=12))
def test_e_mail_is_masked_as_the_rules_say(values: list[str]) -> None:
    assert mask(pa.array(values, pa.string()), kind=Kind.EMAIL).to_pylist() == by_rules(values, Kind.EMAIL)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (
            Kind.PERSON_NAME,
            [
                "张三",
                "李小龙",
                "欧阳锋",
                "司马相如",
                "爱新觉罗",
                "John Smith",
                "Mary-Jane O'Neil",
                "J R R Tolkien",
                "Cher",
            ],
        ),
        (Kind.EMAIL, ["john@example.com", "maria.lopez@mail.example"]),
    ],
)
def test_the_usual_forms_do_not_need_the_rules(kind: Kind, values: list[str]) -> None:
    assert len(by_shape(pa.array(values), kind)[2]) == 0


def test_more_rows_than_a_chunk_stay_in_order() -> None:
    random = Random(1)
    shapes = [shape for shape, _ in SHAPES[Kind.PHONE]] + ["hhhh", "hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh"]
    values = [of_shape(random.choice(shapes), random) for _ in range(20_000)]
    assert mask(pa.array(values), kind=Kind.PHONE).to_pylist() == by_rules(values, Kind.PHONE)
    assert mask(pa.array(values, pa.large_string()), kind=Kind.PHONE).to_pylist() == by_rules(values, Kind.PHONE)
    gaps = pa.array([None if row % 7 == 0 else value for row, value in enumerate(values)])
    wanted = [None if row % 7 == 0 else shown for row, shown in enumerate(by_rules(values, Kind.PHONE))]
    assert mask(gaps, kind=Kind.PHONE).to_pylist() == wanted
