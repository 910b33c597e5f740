import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import ColumnError
from cartveil.events.kinds import Kind
from cartveil.events.patterns import find_patterns
from cartveil.events.spans import Span
from cartveil.guard.protect.redact import redact, without_overlap


def test_replaces_what_the_finder_finds_by_labels() -> None:
    notes = pa.array(["请打13812345678，谢谢😀", "mail a@example.com now", None, "nothing"])
    wanted = ["请打[phone]，谢谢😀", "mail [email] now", None, "nothing"]
    assert redact(notes, find_patterns).to_pylist() == wanted


def test_replaces_what_the_record_knows() -> None:
    notes = pa.array(["给张三，张三不在就等", "For JOHN SMITH or Mr Smith, not Smithson", "张三"])
    known = [(Kind.PERSON_NAME, pa.array(["张三", "John Smith", None]))]
    wanted = ["给[person_name]，[person_name]不在就等", "For [person_name] or Mr [person_name], not Smithson", "张三"]
    assert redact(notes, lambda text: [], known=known).to_pylist() == wanted


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


def test_known_columns_must_fit() -> None:
    with pytest.raises(ColumnError):
        redact(pa.array(["a"]), find_patterns, known=[(Kind.PHONE, pa.array(["1", "2"]))])


kinds = st.sampled_from([Kind.PHONE, Kind.EMAIL, Kind.ADDRESS])
spans = st.lists(st.builds(Span, st.integers(0, 30), st.integers(0, 30), kinds), max_size=8)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab张😀", min_size=30, max_size=40), spans)
def test_no_character_of_a_span_is_left_and_all_others_are(text: str, found: list[Span]) -> None:
    covered = {at for span in found for at in range(span.start, span.end)}
    result = redact(pa.array([text]), lambda _: found)[0].as_py()
    left = result
    for kind in (Kind.PHONE, Kind.EMAIL, Kind.ADDRESS):
        left = left.replace(f"[{kind}]", "")
    assert left == "".join(character for at, character in enumerate(text) if at not in covered)


def test_overlapping_spans_become_one_named_after_the_longest() -> None:
    found = [Span(0, 3, Kind.PHONE), Span(2, 10, Kind.EMAIL), Span(10, 12, Kind.ADDRESS), Span(5, 5, Kind.SECRET)]
    assert without_overlap(found) == [Span(0, 10, Kind.EMAIL), Span(10, 12, Kind.ADDRESS)]
