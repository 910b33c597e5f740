import json

import pytest
from bench.pii_files import READERS
from bench.pii_ordinary import JUDGED, LEARNT, ordinary_texts

from cartveil.insight.decisions.finder.examples import Example, Labelled


@pytest.fixture
def read(tmp_path):
    """Return what a reader makes of a file's content."""

    def reader(task, content):
        file = tmp_path / task
        file.write_text(content, encoding="utf-8")
        return READERS[task](file)

    return reader


def test_a_waybill_turns_its_tags_round(read):
    line = "\x02".join("王五8") + "\t" + "\x02".join(["P-B", "P-I", "T-B"])
    assert read("waybill", f"text_a\tlabel\n{line}\n") == [Example("王五8", (Labelled(0, 2, "P"), Labelled(2, 3, "T")))]


def test_a_token_of_several_characters_is_one_place(read):
    content = "路 B-road\n832 B-roadno\n弄 I-roadno\n\n东 B-subRoad\n"
    assert read("address_sutd", content) == [
        Example("路832弄", (Labelled(0, 1, "road"), Labelled(1, 5, "roadno"))),
        Example("东", (Labelled(0, 1, "subroad"),)),
    ]


def test_begin_middle_end_and_single_become_places(read):
    content = "高 S-NAME\n重 B-ORG\n庆 M-ORG\n厂 E-ORG\n， O\n"
    assert read("resume", content) == [Example("高重庆厂，", (Labelled(0, 1, "NAME"), Labelled(1, 4, "ORG")))]


def test_the_number_of_a_characters_place_in_its_word_is_dropped(read):
    assert read("weibo", "王0\tB-PER.NAM\n五1\tI-PER.NAM\n好0\tO\n\n") == [
        Example("王五好", (Labelled(0, 2, "PER.NAM"),))
    ]


def test_an_end_that_is_the_last_character_becomes_one_behind_it(read):
    labels = {"name": {"王五": [[0, 1]]}, "address": {"重庆": [[3, 4]]}, "organization": {"重庆大学": [[3, 6]]}}
    row = {"text": "王五在重庆大学", "label": labels}
    assert read("cluener", json.dumps(row)) == [
        Example("王五在重庆大学", (Labelled(0, 2, "name"), Labelled(3, 7, "organization")))
    ]


def test_ordinary_texts_depend_on_the_seed_alone_and_share_no_template():
    assert ordinary_texts(5, seed=1) == ordinary_texts(5, seed=1) != ordinary_texts(5, seed=2)
    assert not set(LEARNT) & set(JUDGED)
    assert not any("{" in text for text in ordinary_texts(200) + ordinary_texts(200, judged=True))
