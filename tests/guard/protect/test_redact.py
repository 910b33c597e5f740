from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import ColumnError
from cartveil.events.kinds import Kind
from cartveil.events.patterns import find_patterns
from cartveil.events.spans import Span
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.redact import Record, redact, redact_records, without_overlap
from cartveil.guard.protect.stand_ins import LABELS, Form, Style
from cartveil.guard.protect.surrogate import surrogate_name

KEY, NAMES = SecretKey(bytes(range(32))), SecretKey(bytes(32))
SURROGATES = Style(Form.SURROGATES, KEY)


def test_replaces_what_the_finder_finds_by_labels() -> None:
    notes = pa.array(["请打13812345678，谢谢😀", "mail a@example.com now", None, "nothing"])
    wanted = ["请打[phone]，谢谢😀", "mail [email] now", None, "nothing"]
    assert redact(notes, find_patterns).to_pylist() == wanted


def test_masks_show_what_the_masks_of_columns_show() -> None:
    notes = pa.array(["请打13812345678，谢谢", "mail anna@example.com now"])
    wanted = ["请打138****5678，谢谢", "mail a***@example.com now"]
    assert redact(notes, find_patterns, style=Style(Form.MASKS)).to_pylist() == wanted


def test_replaces_what_the_record_knows() -> None:
    notes = pa.array(["给张三，张三不在就等", "For JOHN SMITH or Mr Smith, not Smithson", "张三"])
    known = [(Kind.PERSON_NAME, pa.array(["张三", "John Smith", None]))]
    wanted = ["给[person_name]，[person_name]不在就等", "For [person_name] or Mr [person_name], not Smithson", "张三"]
    assert redact(notes, lambda text: [], known=known).to_pylist() == wanted


def test_the_person_of_a_row_bears_the_name_that_a_column_of_names_has() -> None:
    names = pa.array(["张三", "John Smith"])
    style = Style(Form.SURROGATES, KEY, NAMES)
    notes = redact(
        pa.array(["给张三", "For John Smith"]), lambda text: [], known=[(Kind.PERSON_NAME, names)], style=style
    )
    chinese, english = surrogate_name(names, NAMES).to_pylist()
    assert notes.to_pylist() == [f"给{chinese}", f"For {english}"]


def test_a_row_does_not_depend_on_the_rows_beside_it() -> None:
    texts, names = ["ask for Ann Smith", "ask for Ann Smith"], ["Ann Smith", "张三"]
    records = [Record(text, (name,), "7") for text, name in zip(texts, names, strict=True)]

    def made(some: list[Record]) -> list[str]:
        style = Style(Form.SURROGATES, KEY, NAMES)
        return list(
            redact_records(some, lambda _: [Span(8, 17, Kind.PERSON_NAME)], kinds=[Kind.PERSON_NAME], style=style)
        )

    assert made(records) == [*made(records[:1]), *made(records[1:])]


def test_a_known_value_of_one_character_is_not_looked_for() -> None:
    assert redact(pa.array(["a bag"]), lambda text: [], known=[(Kind.PERSON_NAME, pa.array(["a"]))]).to_pylist() == [
        "a bag"
    ]


def test_a_known_value_is_taken_literally() -> None:
    known = [(Kind.ADDRESS, pa.array([".*", "(unit 3)"]))]
    assert redact(pa.array(["abc", "at (unit 3)!"]), lambda text: [], known=known).to_pylist() == [
        "abc",
        "at [address]!",
    ]


def test_numbers_are_known_as_their_text() -> None:
    known = [(Kind.USER_ID, pa.array([17850]))]
    assert redact(pa.array(["id 17850, not 178501"]), lambda text: [], known=known).to_pylist() == [
        "id [user_id], not 178501"
    ]


@pytest.mark.parametrize("length", [1, 3])
def test_known_columns_and_subjects_must_fit(length: int) -> None:
    others = pa.array(["1"] * length)
    with pytest.raises(ColumnError):
        redact(pa.array(["a", "b"]), find_patterns, known=[(Kind.PHONE, others)])
    with pytest.raises(ColumnError):
        redact(pa.array(["a", "b"]), find_patterns, subjects=others)


def test_one_value_has_one_surrogate_within_a_subject_and_another_elsewhere() -> None:
    notes = pa.array(["13812345678", "ring 138 1234 5678", "13812345678", "+86 13812345678"])
    first, spaced, other, again = redact(
        notes, find_patterns, style=SURROGATES, subjects=pa.array([7, 7, 8, 7])
    ).to_pylist()
    assert spaced == f"ring {first[:3]} {first[3:7]} {first[7:]}"
    assert again == f"+86 {first}"
    assert first != other


def test_surrogates_are_those_of_the_key() -> None:
    notes = pa.array(["13812345678"])
    made = [redact(notes, find_patterns, style=Style(Form.SURROGATES, key))[0].as_py() for key in (KEY, KEY, NAMES)]
    assert made[0] == made[1] != made[2]


def test_a_finder_of_many_texts_is_given_all_at_once() -> None:
    class Finder:
        asked = 0

        def __call__(self, text: str) -> list[Span]:
            raise AssertionError

        def many(self, texts: list[str]) -> list[list[Span]]:
            self.asked += 1
            return [find_patterns(text) for text in texts]

    finder = Finder()
    notes = pa.array(["a@b.com", None, "13812345678", "a@b.com"])
    assert redact(notes, finder).to_pylist() == ["[email]", None, "[phone]", "[email]"]
    assert finder.asked == 1


def test_counts_what_it_replaced() -> None:
    counts: Counter[Kind] = Counter()
    texts = [Record("13812345678 or a@b.com"), Record("a@b.com")]
    assert list(redact_records(texts, find_patterns, counts=counts)) == ["[phone] or [email]", "[email]"]
    assert counts == {Kind.EMAIL: 2, Kind.PHONE: 1}


def test_half_a_surrogate_pair_is_no_reason_to_stop() -> None:
    for style in (LABELS, Style(Form.MASKS), SURROGATES):
        (made,) = redact_records(
            [Record("\ud83d 13812345678 \udc80")], lambda text: [Span(0, 13, Kind.PHONE)], style=style
        )
        assert made.endswith(" \udc80")


kinds = st.sampled_from(list(Kind))
spans = st.lists(st.builds(Span, st.integers(0, 30), st.integers(0, 30), kinds), max_size=8)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab张😀", min_size=30, max_size=40), spans)
def test_no_character_of_a_span_is_left_and_all_others_are(text: str, found: list[Span]) -> None:
    covered = {at for span in found for at in range(span.start, span.end)}
    left = redact(pa.array([text]), lambda _: found)[0].as_py()
    for kind in Kind:
        left = left.replace(f"[{kind}]", "")
    assert left == "".join(character for at, character in enumerate(text) if at not in covered)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab1张三路号😀-@. \ud800", min_size=30, max_size=40), spans, st.sampled_from(list(Form)))
def test_every_form_keeps_what_is_outside_of_spans_in_its_place(text: str, found: list[Span], form: Form) -> None:
    (made,) = redact_records([Record(text)], lambda _: found, style=Style(form, KEY))
    outside, at, place = [], 0, 0
    for span in without_overlap(found):
        outside.append(text[at : span.start])
        at = span.end
    for part in [*outside, text[at:]]:
        place = made.find(part, place)
        assert place >= 0
        place += len(part)
    assert made.startswith(outside[0] if outside else text)
    assert made.endswith(text[at:])


def test_overlapping_spans_become_one_named_after_the_longest() -> None:
    found = [Span(0, 3, Kind.PHONE), Span(2, 10, Kind.EMAIL), Span(10, 12, Kind.ADDRESS), Span(5, 5, Kind.SECRET)]
    assert without_overlap(found) == [Span(0, 10, Kind.EMAIL), Span(10, 12, Kind.ADDRESS)]
