import itertools
import tracemalloc
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.events.kinds import Kind
from cartveil.events.patterns import find_patterns
from cartveil.events.spans import Span
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect import redact_stream as module
from cartveil.guard.protect.redact import Record, redact_records
from cartveil.guard.protect.redact_stream import redact_stream
from cartveil.guard.protect.stand_ins import Form, Style

STYLE = Style(Form.SURROGATES, SecretKey(bytes(32)))
NOTE = "ring 13812345678 or mail anna@example.com, password: hunter2, 中文"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW", 128)
    monkeypatch.setattr(module, "BESIDE", 64)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([NOTE, " ", "\n", "，", "13812345678 ", "x" * 70]), max_size=20), st.integers(1, 300))
def test_the_result_is_that_of_the_whole_text_however_it_is_cut(texts: list[str], step: int) -> None:
    text = "".join(texts)
    parts = [text[at : at + step] for at in range(0, len(text), step)]
    (whole,) = redact_records([Record(text)], find_patterns, style=STYLE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "WINDOW", 128)
        patch.setattr(module, "BESIDE", 64)
        assert "".join(redact_stream(parts, find_patterns, style=STYLE)) == whole


@pytest.mark.usefixtures("small")
def test_a_value_longer_than_a_window_is_covered_whole() -> None:
    text = "a" * 1000 + "secret " * 100
    found = [Span(1000, len(text), Kind.SECRET)]

    def finder(part: str) -> list[Span]:
        start = part.find("secret")
        return [Span(start, len(part), Kind.SECRET)] if start >= 0 else []

    made = "".join(redact_stream([text], finder))
    assert found
    assert "secret " not in made
    assert made.startswith("a" * 1000)


def test_nothing_in_gives_nothing_out() -> None:
    assert "".join(redact_stream([], find_patterns)) == ""
    assert "".join(redact_stream(["", ""], find_patterns)) == ""


def test_counts_each_value_once() -> None:
    counts: Counter[Kind] = Counter()
    for _ in redact_stream(itertools.repeat("13812345678\n", 5000), find_patterns, counts=counts):
        pass
    assert counts == {Kind.PHONE: 5000}


@pytest.mark.parametrize("line", ["nothing to see here, " * 390 + "\n", "x" * 999 + " "])
def test_however_long_a_text_is_one_window_of_it_is_held(line: str) -> None:
    length = 0
    tracemalloc.start()
    for part in redact_stream(itertools.repeat(line, 3 * 10**6 // len(line)), find_patterns):
        length += len(part)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert length == 3 * 10**6 // len(line) * len(line)
    assert most < 10**6
