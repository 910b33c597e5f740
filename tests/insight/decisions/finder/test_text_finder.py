import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.events.kinds import Kind
from cartveil.insight.decisions.finder.examples import Found
from cartveil.insight.decisions.finder.text_finder import TextFinder, Thresholds, is_address, joined

ADDRESS = "浙江省杭州市西湖区文三路5号"


class Told:
    """Say what a test wants found, in every text that holds it."""

    def __init__(self, *labelled, confidence=0.9):
        self.labelled, self.confidence = labelled, confidence

    def tag(self, texts):
        return [self.found(text) for text in texts]

    def found(self, text):
        places = [(text.find(value), value, label) for value, label in self.labelled if value in text]
        return sorted(Found(at, at + len(value), label, self.confidence) for at, value, label in places)


PARTS = Told(
    ("浙江省", "province"), ("杭州市", "city"), ("西湖区", "district"), ("文三路", "road"), ("5号", "number")
)  # fmt: skip


def kinds(spans):
    return [(span.start, span.end, span.kind) for span in spans]


def test_parts_side_by_side_become_one_address():
    assert kinds(TextFinder(PARTS)(f"寄到{ADDRESS}")) == [(2, 2 + len(ADDRESS), Kind.ADDRESS)]


def test_parts_with_commas_between_are_one_address():
    tagger = Told(("14", "number"), ("Mill Lane", "road"), ("Leeds", "city"))
    assert kinds(TextFinder(tagger)("14 Mill Lane, Leeds")) == [(0, 19, Kind.ADDRESS)]


def test_words_between_two_addresses_keep_them_apart():
    text = "文三路5号或者西湖区杭州市"
    groups = list(joined(text, PARTS.found(text)))
    assert [[part.label for part in group] for group in groups] == [["road", "number"], ["district", "city"]]


@pytest.mark.parametrize("text", ["我在杭州市", "浙江省杭州市", "文三路"])
def test_a_place_where_nobody_is_found_is_no_address(text):
    assert TextFinder(PARTS)(text) == []


def test_a_whole_region_is_an_address():
    assert is_address([Found(0, 1, "province"), Found(1, 2, "city"), Found(2, 3, "district")])


def test_people_and_organisations_have_kinds_of_their_own():
    tagger = Told(("张伟", "person"), ("华兴公司", "organisation"))
    assert kinds(TextFinder(tagger)("张伟在华兴公司")) == [(0, 2, Kind.PERSON_NAME), (3, 7, Kind.COMPANY)]


def test_what_the_tagger_doubts_is_left_out():
    tagger = Told(("张伟", "person"), confidence=0.4)
    assert TextFinder(tagger)("张伟") == []
    assert len(TextFinder(tagger, Thresholds(person=0.3))("张伟")) == 1


def test_a_number_within_a_name_stays_a_number():
    tagger = Told(("张伟13812345678", "person"))
    assert kinds(TextFinder(tagger)("找张伟13812345678")) == [(1, 3, Kind.PERSON_NAME), (3, 14, Kind.PHONE)]


def test_many_texts_give_what_each_alone_gives():
    texts = [f"寄到{ADDRESS}", "", "电话13812345678", "不错"]
    finder = TextFinder(PARTS)
    assert finder.many(texts) == [finder(text) for text in texts]


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from("浙江省杭州市西湖区文三路5号，。 \n1380013a@.张\u200d😀\ud800"), max_size=60))
def test_spans_lie_in_the_text_in_order_and_apart(text):
    spans = TextFinder(PARTS)(text)
    edges = [0, *(place for span in spans for place in (span.start, span.end)), len(text)]
    assert edges == sorted(edges)
    assert all(span.start < span.end for span in spans)
