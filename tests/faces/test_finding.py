import sys

import pytest

from cartveil.events.patterns import find_patterns
from cartveil.events.spans import find_all
from cartveil.faces.finding import ShippedFinder, reads_names, text_finder


def test_rules_alone_where_they_are_asked_for() -> None:
    assert text_finder(rules_only=True) is find_patterns


@pytest.mark.parametrize("module", ["torch", "safetensors"])
def test_rules_alone_where_the_learning_framework_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    assert not reads_names()
    assert text_finder() is find_patterns


@pytest.mark.skipif(not reads_names(), reason="the extra `learn` is not installed")
def test_rules_and_model_where_it_is() -> None:
    finder = text_finder()
    assert isinstance(finder, ShippedFinder)
    text = "收件人：张伟，电话13812345678"
    spans = finder(text)
    assert {(text[span.start : span.end], str(span.kind)) for span in spans} >= {
        ("张伟", "person_name"),
        ("13812345678", "phone"),
    }
    assert find_all(finder, [text, ""]) == [spans, []]
