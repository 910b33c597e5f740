import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import ModelError
from cartveil.insight.decisions.finder.measures import measure
from cartveil.insight.decisions.finder.tagger import Tagger

from .conftest import made


def test_names_that_were_learnt_in_other_sentences_are_found(tagger):
    examples = made(60, seed=7)
    figures = measure(examples, tagger.tag([example.text for example in examples]))
    assert figures["f1"]["name"] > 0.9


def test_places_carry_how_sure_they_are(tagger):
    (found,) = tagger.tag(["收件人：王建国，请送到门口"])
    assert [(each.start, each.end, each.label) for each in found] == [(4, 7, "name")]
    assert 0.5 < found[0].confidence <= 1


def test_the_answer_does_not_depend_on_what_is_asked_beside(tagger):
    texts = [example.text for example in made(40, seed=3)]
    together = tagger.tag(texts)
    for text, found in zip(texts, together, strict=True):
        alone = tagger.tag([text])[0]
        assert [(e.start, e.end) for e in alone] == [(e.start, e.end) for e in found]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=60), max_size=4))
def test_any_text_is_answered_within_its_bounds_and_in_order(tagger, texts):
    for text, found in zip(texts, tagger.tag(texts), strict=True):
        edges = [edge for each in found for edge in (each.start, each.end)]
        assert edges == sorted(edges)
        assert all(0 <= each.start < each.end <= len(text) for each in found)


def test_offsets_are_exact_behind_emoji_surrogates_and_control_characters(tagger):
    odd = "😀\ud83d\x00\u200d🇨🇳。"
    (found,) = tagger.tag([odd * 30 + "收件人：王建国，请送到门口"])
    assert (found[-1].start, found[-1].end) == (len(odd) * 30 + 4, len(odd) * 30 + 7)


def test_a_name_far_into_a_long_text_is_found_where_it_stands(tagger):
    text = "东西不错，下次再来。" * 200 + "收件人：王建国，请送到门口。" + "价格便宜。" * 100
    found = [each for each in tagger.tag([text])[0] if text[each.start : each.end] == "王建国"]
    assert len(found) == 1


def test_a_long_line_takes_time_in_proportion(tagger):
    def seconds(count):
        started = time.perf_counter()
        tagger.tag(["王a1" * count])
        return time.perf_counter() - started

    seconds(100)
    assert seconds(8_000) < 20 * max(seconds(1_600), 0.02)


def test_a_saved_tagger_answers_alike(tagger, tmp_path):
    texts = [example.text for example in made(20, seed=9)]
    tagger.save(tmp_path / "model", {"data": {"from": "made"}})
    again = Tagger.load(tmp_path / "model")
    assert again.tag(texts) == tagger.tag(texts)
    assert json.loads((tmp_path / "model" / "card.json").read_text(encoding="utf-8"))["data"] == {"from": "made"}


def test_a_tagger_that_learnt_with_other_word_lists_is_refused(tagger, tmp_path):
    tagger.save(tmp_path / "model")
    file = tmp_path / "model" / "card.json"
    card = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**card, "sorts": ["surname"]}), encoding="utf-8")
    with pytest.raises(ModelError, match="word lists"):
        Tagger.load(tmp_path / "model")


@pytest.mark.parametrize("missing", ["labels", "config", "characters"])
def test_a_card_that_lacks_a_part_is_refused(tagger, tmp_path, missing):
    tagger.save(tmp_path / "model")
    file = tmp_path / "model" / "card.json"
    card = json.loads(file.read_text(encoding="utf-8"))
    del card[missing]
    file.write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(ModelError):
        Tagger.load(tmp_path / "model")
