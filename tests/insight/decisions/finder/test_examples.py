from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.errors import InputError
from cartveil.insight.decisions.finder.examples import Example, Labelled, labels_of, spans_of, tag_names, tag_set


@st.composite
def examples(draw):
    text = draw(st.text(min_size=1, max_size=30))
    edges = sorted(draw(st.sets(st.integers(0, len(text)), max_size=8)))
    pairs = zip(edges[::2], edges[1::2], strict=False)
    return Example(text, tuple(Labelled(begin, end, draw(st.sampled_from("ab"))) for begin, end in pairs))


@given(examples())
def test_tags_tell_the_places_again(example):
    found = [Labelled(*span) for span in spans_of(tag_names(example))]
    assert tuple(found) == example.spans


@given(st.lists(st.sampled_from(["O", "B-a", "I-a", "B-b", "I-b"]), max_size=12))
def test_any_tagging_gives_places_apart_from_each_other(tags):
    spans = spans_of(tags)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert sum(end - begin for begin, end, _ in spans) == sum(tag != "O" for tag in tags)


@pytest.mark.parametrize(
    "spans", [(Labelled(0, 9, "a"),), (Labelled(1, 1, "a"),), (Labelled(0, 2, "a"), Labelled(1, 3, "a"))]
)
def test_places_that_cannot_be_are_refused_without_the_text(spans):
    with pytest.raises(InputError) as caught:
        Example("张三李四", spans)
    assert "张" not in str(caught.value)


def test_labels_are_sorted_and_each_has_two_tags():
    labels = labels_of([Example("abc", (Labelled(0, 1, "b"), Labelled(1, 2, "a")))])
    assert labels == ("a", "b")
    assert tag_set(labels) == ("O", "B-a", "I-a", "B-b", "I-b")
