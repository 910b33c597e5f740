import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.events.kinds import Kind
from cartveil.events.spans import Span
from cartveil.insight.decisions.finder.reconcile import reconcile

KINDS = st.sampled_from([Kind.PHONE, Kind.POSTCODE, Kind.ADDRESS, Kind.PERSON_NAME, Kind.URL])
SPANS = st.lists(
    st.builds(
        lambda start, length, kind, sure: Span(start, start + length, kind, sure),
        st.integers(-2, 30),
        st.integers(-1, 12),
        KINDS,
        st.floats(0.1, 1.0),
    ),
    max_size=8,
)


def apart(spans: list[Span]) -> list[Span]:
    kept: list[Span] = []
    for span in sorted(spans):
        if span.start < span.end and span.start >= (kept[-1].end if kept else 0):
            kept.append(span)
    return kept


def covered(spans: list[Span], length: int) -> set[int]:
    return {place for span in spans for place in range(span.start, span.end) if 0 <= span.start <= span.end <= length}


@given(SPANS, SPANS.map(apart), st.text("ab 1，-", max_size=30))
def test_spans_lie_in_the_text_in_order_and_apart(ruled, learned, text):
    end = 0
    for span in reconcile(text, ruled, learned):
        assert end <= span.start < span.end <= len(text)
        end = span.end


@given(SPANS, SPANS.map(apart))
def test_all_that_rules_cover_is_covered_and_nothing_that_nobody_covers(ruled, learned):
    text = "a" * 30
    answer = covered(reconcile(text, ruled, learned), 30)
    assert covered(ruled, 30) <= answer <= covered(ruled, 30) | covered(learned, 30)


@given(SPANS.map(apart))
def test_rules_alone_come_back_as_they_are(ruled):
    text = "a" * 60
    inside = [span for span in ruled if span.end <= len(text)]
    assert reconcile(text, inside, []) == inside


@pytest.mark.parametrize(
    ("ruled", "learned", "answer"),
    [
        # A phone within an address cuts it; a postcode is a part of it.
        (
            [Span(10, 20, Kind.PHONE, 0.98)],
            [Span(0, 30, Kind.ADDRESS, 0.9)],
            [Span(0, 10, Kind.ADDRESS, 0.9), Span(10, 20, Kind.PHONE, 0.98), Span(20, 30, Kind.ADDRESS, 0.9)],
        ),
        ([Span(10, 16, Kind.POSTCODE, 0.85)], [Span(0, 30, Kind.ADDRESS, 0.9)], [Span(0, 30, Kind.ADDRESS, 0.9)]),
        # A name within a web address is a part of that, however unsure the rule.
        ([Span(0, 20, Kind.URL, 0.6)], [Span(5, 9, Kind.PERSON_NAME, 0.9)], [Span(0, 20, Kind.URL, 0.6)]),
        # What is learned goes before a rule that is not sure.
        ([Span(0, 9, Kind.ORDER_ID, 0.7)], [Span(0, 9, Kind.PERSON_NAME, 0.9)], [Span(0, 9, Kind.ORDER_ID, 0.7)]),
        (
            [Span(4, 12, Kind.ORDER_ID, 0.7)],
            [Span(0, 8, Kind.PERSON_NAME, 0.9)],
            [Span(0, 8, Kind.PERSON_NAME, 0.9), Span(8, 12, Kind.ORDER_ID, 0.7)],
        ),
    ],
)
def test_overlaps_are_resolved_in_the_stated_order(ruled, learned, answer):
    assert reconcile("a" * 30, ruled, learned) == answer


def test_what_a_cut_leaves_of_a_name_has_no_separators_at_its_ends():
    text = "张伟 13812345678，李"
    spans = reconcile(text, [Span(3, 14, Kind.PHONE, 0.98)], [Span(0, len(text), Kind.PERSON_NAME, 0.8)])
    assert [(text[span.start : span.end], str(span.kind)) for span in spans] == [
        ("张伟", "person_name"),
        ("13812345678", "phone"),
    ]


def test_many_spans_cost_little():
    text = "a" * 200_000
    ruled = [Span(place, place + 5, Kind.PHONE, 0.9) for place in range(0, 200_000, 10)]
    learned = [Span(place, place + 8, Kind.PERSON_NAME, 0.9) for place in range(3, 199_000, 10)]
    assert len(reconcile(text, ruled, learned)) == 2 * len(ruled) - (len(ruled) - len(learned))
