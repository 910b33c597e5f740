import re

import pytest

from cartveil.insight.decisions.finder.generating import (
    chinese,
    english,
    generated_examples,
    is_held_out,
    tables_digest,
)
from cartveil.insight.decisions.finder.generating.addresses import PARTS
from cartveil.insight.decisions.finder.generating.tables import lines

LABELS = {"person", "organisation", *PARTS}


@pytest.fixture(scope="module")
def examples():
    return generated_examples(3000, seed=1)


def test_the_same_seed_writes_the_same_texts(examples):
    assert generated_examples(50, seed=1) == examples[:50]
    assert generated_examples(50, seed=2) != examples[:50]


def test_every_label_occurs_and_no_other(examples):
    assert {span.label for example in examples for span in example.spans} == LABELS


def test_nearly_half_of_the_texts_name_nobody(examples):
    assert 0.3 < sum(not example.spans for example in examples) / len(examples) < 0.6


def test_both_languages_are_written(examples):
    chinese = sum(bool(re.search("[一-龥]", example.text)) for example in examples)
    assert 0.5 < chinese / len(examples) < 0.8


@pytest.mark.parametrize(("writer", "file"), [(chinese, "texts_zh.txt"), (english, "texts_en.txt")])
def test_every_slot_of_a_template_is_known(writer, file):
    wanted = {slot for section in lines(file).values() for line in section for slot in re.findall(r"\{(\w+)\}", line)}
    assert wanted <= set(writer.slots())


def test_no_slot_is_left_open(examples):
    assert not [example.text for example in examples if re.search(r"\{\w+\}", example.text)]


def test_no_span_begins_or_ends_with_a_space(examples):
    found = [example.text[span.start : span.end] for example in examples for span in example.spans]
    assert all(text == text.strip() for text in found)


def test_names_held_out_stand_in_no_text(examples):
    names = [example.text[s.start : s.end] for example in examples for s in example.spans if s.label == "person"]
    firsts = [name.split(" ")[0] for name in names if re.fullmatch(r"[A-Z][a-z]+ [A-Z][a-z]+", name)]
    assert len(firsts) > 100
    assert not [name for name in firsts if is_held_out(name)]


def test_the_digest_of_the_tables_is_one_of_sha256():
    assert re.fullmatch("[0-9a-f]{64}", tables_digest())
