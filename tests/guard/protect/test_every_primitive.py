"""What all primitives promise, whatever they do: one suite over all of them."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.events.kinds import Kind, View
from cartveil.events.patterns import find_patterns
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.bucket import bucket
from cartveil.guard.protect.generalise import generalise
from cartveil.guard.protect.mask import mask
from cartveil.guard.protect.pseudonym import pseudonym
from cartveil.guard.protect.redact import redact
from cartveil.guard.protect.seal import Place, seal, unseal
from cartveil.guard.protect.show import show
from cartveil.guard.protect.surrogate import surrogate_name
from cartveil.guard.protect.token import detokenise, token

KEY = SecretKey(bytes(range(32)))
PLACE = Place("shop", "orders", "note")

ODD = [
    "",
    " ",
    "张三",
    "欧阳修文",
    "John Smith",
    "😀👨‍👩‍👧",
    "a" * 1000,
    "张" * 700,
    "+86 138 1234 5678",
    "x@y.cn",
    "e\u0301",
    "\x00",
]
texts = st.lists(st.none() | st.sampled_from(ODD) | st.text(max_size=40), max_size=30)


def sealed_and_back(column: Any) -> Any:
    rows, keys = pa.array(range(len(column))), [KEY] * len(column)
    return unseal(seal(column, keys, place=PLACE, rows=rows), keys, place=PLACE, rows=rows)


PRIMITIVES: dict[str, Callable[[Any], Any]] = {
    "pseudonym": lambda column: pseudonym(column, KEY, prefix="c_"),
    "token": lambda column: token(column, KEY),
    "token and back": lambda column: detokenise(token(column, KEY), KEY),
    "seal and back": sealed_and_back,
    "surrogate name": lambda column: surrogate_name(column, KEY),
    "redact": lambda column: redact(column, find_patterns, known=[(Kind.PERSON_NAME, column)]),
    "bucket years": lambda column: bucket(column, width="10y"),
    **{f"mask {kind}": lambda column, kind=kind: mask(column, kind=kind) for kind in Kind},
    **{f"generalise {kind}": lambda c, kind=kind: generalise(c, kind=kind) for kind in (Kind.ADDRESS, Kind.IP_ADDRESS)},
    **{f"show {view}": lambda column, view=view: show(column, kind=Kind.EMAIL, view=view, key=KEY) for view in View},
}

#: These may answer NULL for a value that they do not recognise or may not show.
COARSE = ("bucket", "generalise", "show generalised", "show none")


@pytest.mark.parametrize("name", PRIMITIVES)
@settings(max_examples=12, deadline=None)
@given(values=texts)
def test_keeps_length_and_nulls_in_every_form_of_a_column(name: str, values: list[str | None]) -> None:
    primitive, plain = PRIMITIVES[name], pa.array(values, pa.string())
    wanted = primitive(plain).to_pylist()
    assert len(wanted) == len(values)
    assert all(result is None for result, value in zip(wanted, values, strict=True) if value is None)
    if not name.startswith(COARSE):
        assert all(result is not None for result, value in zip(wanted, values, strict=True) if value is not None)
    half = len(values) // 2
    forms = (
        plain.dictionary_encode(),
        plain.cast(pa.large_string()),
        pa.chunked_array([plain[:half], plain[half:]], pa.string()),
        pa.chunked_array([plain[:half].dictionary_encode(), plain[half:].dictionary_encode()]),
        pa.concat_arrays([pa.array(["before"]), plain])[1:],
    )
    for form in forms:
        assert primitive(form).to_pylist() == wanted
    assert plain.to_pylist() == values


@pytest.mark.parametrize("name", PRIMITIVES)
def test_an_empty_and_an_all_null_column_pass(name: str) -> None:
    for column in (pa.array([], pa.string()), pa.chunked_array([], pa.string())):
        assert len(PRIMITIVES[name](column)) == 0
    for column in (pa.nulls(3), pa.nulls(3, pa.string()), pa.chunked_array([pa.nulls(2), pa.nulls(1)])):
        assert PRIMITIVES[name](column).to_pylist() == [None, None, None]


@pytest.mark.parametrize("name", PRIMITIVES)
def test_chunked_in_chunked_out(name: str) -> None:
    assert isinstance(PRIMITIVES[name](pa.chunked_array([["a"]])), pa.ChunkedArray)
    assert isinstance(PRIMITIVES[name](pa.array(["a"])), pa.Array)
