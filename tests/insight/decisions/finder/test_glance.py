"""A glance leaves plain clauses unread and lets names pass; what it passes is exact in the original."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import ModelError
from cartveil.insight.decisions.finder.alphabet import GAP
from cartveil.insight.decisions.finder.examples import Example, Labelled
from cartveil.insight.decisions.finder.glance import SIZE, Glance, bar_of, laid_out, train_glance
from cartveil.insight.decisions.finder.text_finder import worth_reading

PLAIN = [Example(text) for text in ("质量很好", "物流快", "下次还来。颜色不错", "it works well", "too small for me")]
NAMES = [
    Example("收件人张伟", (Labelled(3, 5, "person"),)),
    Example("my name is Emma Wilson", (Labelled(11, 22, "person"),)),
    Example("物流快。联系人李娜", (Labelled(7, 9, "person"),)),
]
ALL = Glance(np.zeros(SIZE, dtype=np.float32), -1.0)

texts = st.lists(st.text(alphabet=st.characters(codec=None), max_size=40), max_size=6)


@pytest.fixture(scope="module")
def glance() -> Glance:
    return train_glance((PLAIN + NAMES) * 20, held=NAMES, lost=0.0)


def test_a_clause_with_a_name_is_read_and_a_plain_one_is_not(glance: Glance) -> None:
    assert glance.clauses(["质量很好", "物流快。联系人李娜"]) == [(1, 4, 9)]


def test_clauses_that_touch_are_one(glance: Glance) -> None:
    assert ALL.clauses(["收件人张伟。联系人李娜。", "质量很好"]) == [(0, 0, 12), (1, 0, 4)]


def test_nothing_to_read_is_no_clause(glance: Glance) -> None:
    assert glance.clauses([]) == []
    assert glance.clauses(["", ""]) == []
    assert glance.clauses(["", "my name is Emma Wilson", ""]) == [(1, 0, 22)]


@settings(max_examples=60, deadline=None)
@given(texts)
def test_a_bar_below_all_reads_every_character_in_order(given_texts: list[str]) -> None:
    read = ALL.clauses(given_texts)
    joined = ["".join(given_texts[owner][b:e] for owner, b, e in read if owner == n) for n in range(len(given_texts))]
    assert joined == given_texts
    assert read == sorted(read)


@settings(max_examples=60, deadline=None)
@given(texts)
def test_texts_are_judged_alike_alone_and_together(given_texts: list[str]) -> None:
    some = replace(ALL, weights=np.random.default_rng(0).normal(size=SIZE).astype(np.float32), bar=2.0)
    together = some.clauses(given_texts)
    alone = [(n, b, e) for n, text in enumerate(given_texts) for _, b, e in some.clauses([text])]
    assert together == alone


def test_texts_stand_apart_by_gaps() -> None:
    codes, starts = laid_out(["ab", "", "c"])
    assert codes.tolist() == [*[GAP] * 3, ord("a"), ord("b"), *[GAP] * 6, ord("c"), *[GAP] * 3]
    assert starts.tolist() == [3, 8, 11]


def test_the_bar_falls_with_what_may_be_lost(glance: Glance) -> None:
    assert bar_of(glance, NAMES, lost=0.0) <= bar_of(glance, NAMES, lost=0.5)


def test_what_was_saved_reads_the_same(glance: Glance, tmp_path: object) -> None:
    glance.save(f"{tmp_path}/glance", {"licence": "Apache-2.0"})
    again = Glance.load(f"{tmp_path}/glance")
    assert again.clauses(["物流快。联系人李娜"]) == glance.clauses(["物流快。联系人李娜"])


def test_another_kind_of_model_is_refused(tmp_path: object) -> None:
    with pytest.raises(ModelError):
        Glance.load(f"{tmp_path}/none")


def test_only_what_a_finder_tells_of_is_worth_reading() -> None:
    city = Example("我在杭州", (Labelled(2, 4, "city"),))
    home = Example("文三路5号，张伟", (Labelled(0, 3, "road"), Labelled(3, 5, "number"), Labelled(6, 8, "person")))
    assert worth_reading(city).spans == ()
    assert worth_reading(home) == home
