import copy
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from cartveil.errors import InputError
from cartveil.faces.console import render_report
from cartveil.faces.console.report import SECTIONS

VOID = {"meta", "br"}
LEAST = {"title": "A run", "generated": "2026-01-01"}


class Reader(HTMLParser):
    """Checks that every element is closed by its own end, and keeps what the page names and says."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.resources: list[str] = []
        self.tags: set[str] = set()
        self.words: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.tags.add(tag)
        self.ids += [named["id"]] if "id" in named else []
        self.resources += [named[key] or "" for key in ("src", "href", "data", "poster", "srcset") if key in named]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def poison(value: Any, bait: str) -> Any:
    """Return the run with the bait behind every text in it."""
    if isinstance(value, dict):
        return {key: poison(each, bait) for key, each in value.items()}
    if isinstance(value, list):
        return [poison(each, bait) for each in value]
    return value + bait if isinstance(value, str) and not re.match(r"\d{4}-\d\d-\d\d", value) else value


def test_the_whole_page_is_well_formed(run: dict[str, Any]) -> None:
    Reader(render_report(run))


def test_sections_stand_in_the_order_of_the_datas_way(run: dict[str, Any]) -> None:
    ids = Reader(render_report(run)).ids
    assert ids == [key for key in SECTIONS if key not in ("title", "generated", "facts")]


@pytest.mark.parametrize("key", [key for key in SECTIONS if key not in LEAST])
def test_a_section_without_data_is_left_out_and_the_rest_stands(run: dict[str, Any], key: str) -> None:
    del run[key]
    page = Reader(render_report(run))
    assert key not in page.ids
    assert f"#{key}" not in page.resources


@pytest.mark.parametrize("key", [key for key in SECTIONS if key not in LEAST])
def test_a_section_stands_alone(run: dict[str, Any], key: str) -> None:
    Reader(render_report(LEAST | {key: run[key]}))


def test_the_page_loads_nothing(run: dict[str, Any]) -> None:
    text = render_report(run)
    page = Reader(text)
    assert all(name.startswith("#") for name in page.resources)
    assert not page.tags & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    assert not re.search(r"url\(|@import|https?:", text)
    assert "default-src 'none'" in text


def test_the_links_of_the_page_lead_to_its_sections(run: dict[str, Any]) -> None:
    page = Reader(render_report(run))
    assert [name[1:] for name in page.resources] == page.ids


@pytest.mark.parametrize(
    "bait", ["<script>alert(1)</script>", '" onload="alert(1)', "</style><img src=x>", "`<b>`", "{{ 7 * 7 }}"]
)
def test_nothing_in_the_data_becomes_markup(run: dict[str, Any], bait: str) -> None:
    clean, poisoned = Reader(render_report(run)), Reader(render_report(poison(run, bait)))
    assert poisoned.tags == clean.tags
    assert poisoned.resources == clean.resources


def test_data_is_never_taken_for_a_template() -> None:
    assert "{{ 7 * 7 }}" in render_report(LEAST | {"title": "{{ 7 * 7 }}"})


def test_labels_that_are_markup_are_escaped() -> None:
    quality = {"<u>": {"rows_in": 1, "rows_kept": 0, "counts": {"<s>": 1}}}
    page = render_report(LEAST | {"export": {"<b>rows</b>": "<i>1</i>"}, "quality": quality})
    assert not Reader(page).tags & {"b", "i", "u", "s"}
    assert "&lt;b&gt;rows&lt;/b&gt;" in page


def test_the_run_is_not_changed(run: dict[str, Any]) -> None:
    before = copy.deepcopy(run)
    render_report(run)
    assert run == before


def test_a_run_that_was_kept_as_json_gives_the_same_page(run: dict[str, Any]) -> None:
    assert render_report(json.loads(json.dumps(run))) == render_report(run)


def test_an_unknown_section_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="`forecasts`") as caught:
        render_report(LEAST | {"forecasts": {}})
    assert "forecast" in str(caught.value.hint)


@pytest.mark.parametrize("key", ["title", "generated"])
def test_title_and_time_are_asked_for(key: str) -> None:
    with pytest.raises(InputError, match=key):
        render_report({name: value for name, value in LEAST.items() if name != key})


def test_what_a_role_may_not_see_is_called_withheld_and_never_shown() -> None:
    views = {
        "fields": ["mobile"],
        "roles": [{"role": "analyst", "purpose": "analytics", "values": [{"value": "07700 900123", "view": "none"}]}],
    }
    page = render_report(LEAST | {"views": views})
    assert "withheld" in page
    assert "07700" not in page


def test_numbers_are_grouped_and_words_in_backticks_are_code(run: dict[str, Any]) -> None:
    page = render_report(run)
    assert "541,909" in page
    assert "<code>analysis-never-sees-the-person</code>" in page


def test_chinese_values_are_shown_as_they_are(run: dict[str, Any]) -> None:
    assert "浙江省杭州市西湖区学院路128号6栋2单元1103室" in render_report(run)


def test_synthetic_identities_are_called_synthetic(run: dict[str, Any]) -> None:
    assert "synthetic" in render_report(LEAST | {"before_after": run["before_after"]})


def test_a_long_finding_stands_below_a_heading(run: dict[str, Any]) -> None:
    run["watch"]["found"] = "the snoop was found " + "again and " * 20
    page = render_report(run)
    assert f"<h2>{run['watch']['found']}" not in page
    assert run["watch"]["found"] in page
