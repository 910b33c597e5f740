"""The English tasks of `bench.pii`: files, the texts made to learn from, and how tokens are counted."""

import json
from pathlib import Path
from random import Random

import pytest
from bench.english.texts import frames, made, prose, rewritten
from bench.english.values import VALUES
from bench.pii_english import other_templates, read_presidio, read_wnut, token_figures, whole_words

from cartveil.insight.decisions.finder.examples import Example, Found, Labelled

GIVEN = [
    Example("My name is Ann", (Labelled(11, 14, "PERSON"),)),
    Example("Suite 12", (Labelled(0, 8, "STREET_ADDRESS"),)),
]


def test_a_list_of_sentences_is_read_with_the_longer_of_two_spans(tmp_path: Path) -> None:
    spans = [
        {"entity_type": "PERSON", "start_position": 3, "end_position": 6},
        {"entity_type": "ORGANIZATION", "start_position": 3, "end_position": 14},
    ]
    (tmp_path / "a.json").write_text(json.dumps([{"full_text": "at Ann Brown Ltd", "spans": spans}]), "utf-8")
    assert read_presidio(tmp_path / "a.json") == [Example("at Ann Brown Ltd", (Labelled(3, 14, "ORGANIZATION"),))]


def test_a_file_is_parted_by_template(tmp_path: Path) -> None:
    rows = [{"full_text": f"{number % 9} {number}", "spans": [], "template_id": number % 9} for number in range(60)]
    (tmp_path / "a.json").write_text(json.dumps(rows), "utf-8")
    learnt, scored = other_templates(tmp_path / "a.json", 1)
    assert len(learnt) + len(scored) == 60
    assert scored
    assert not {each.text[0] for each in learnt} & {each.text[0] for each in scored}


def test_tokens_a_line_are_joined_by_spaces(tmp_path: Path) -> None:
    (tmp_path / "a.conll").write_text("hi\tO\nAnn\tB-person\nLee\tI-person\n\t\nok\tO\n", "utf-8")
    assert read_wnut(tmp_path / "a.conll") == [Example("hi Ann Lee", (Labelled(3, 10, "person"),)), Example("ok")]


def test_a_token_counts_as_found_whatever_it_was_taken_for() -> None:
    example = Example("call Ann Lee now", (Labelled(5, 12, "PERSON"),))
    figures = token_figures([example], [[Found(5, 8, "GPE"), Found(13, 16, "GPE")]])
    assert figures["recall"] == 0.5
    assert figures["precision"] == 0.5
    assert figures["typed_token_recall"] == 0
    assert figures["f2"] == pytest.approx(0.5)


def test_nothing_found_is_no_error() -> None:
    assert token_figures([Example("hi")], [[]])["f2"] == 0


def test_half_a_word_becomes_the_word_and_none_twice() -> None:
    found = [Found(0, 2, "PERSON"), Found(3, 5, "GPE"), Found(8, 10, "GPE")]
    assert whole_words("Annika, in Rome", found) == [Found(0, 6, "PERSON"), Found(8, 10, "GPE")]


def test_rewritten_texts_keep_their_labels_and_change_their_values() -> None:
    texts = rewritten(GIVEN, 50, seed=1)
    assert {span.label for text in texts for span in text.spans} == {"PERSON", "STREET_ADDRESS"}
    assert len({text.text for text in texts}) > 20
    assert all(text.text.lower().startswith(("my name is ", "suite ", "apt. ")) for text in texts)


def test_made_texts_have_no_label_that_the_task_has_not() -> None:
    assert {span.label for text in made(300, seed=2, labels=["PERSON"]) for span in text.spans} == {"PERSON"}


def test_the_same_seed_makes_the_same_texts() -> None:
    assert made(20, seed=3, labels=["GPE"]) == made(20, seed=3, labels=["GPE"])


def test_every_slot_of_a_frame_has_values_that_hold_a_character() -> None:
    slots = {part.split("}")[0] for frame in frames() for part in frame.split("{")[1:]}
    assert slots <= set(VALUES)
    assert all(VALUES[name](Random(seed)).strip() for name in VALUES for seed in range(200))


def test_prose_names_no_number() -> None:
    assert len(prose()) > 100
    assert not any(character.isdigit() for sentence in prose() for character in sentence)
