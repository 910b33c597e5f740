"""Which mutants count as equivalent: those of which nobody could tell, and no others."""

import pytest
from bench.equivalent import why_equivalent


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('text.encode("utf-8")', 'text.encode("UTF-8")'),
        ('(error.strerror or "cannot be read").lower()', '(error.strerror or "CANNOT BE READ").lower()'),
        ("dict(zip(one, other, strict=True))", "dict(zip(one, other, ))"),
        ("dict(zip(one, other, strict=True))", "dict(zip(one, other, strict=False))"),
        ("count = -1", "count = -2"),
    ],
)
def test_what_nobody_could_tell_has_a_reason(old: str, new: str) -> None:
    assert why_equivalent(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('raise InputError("no such key")', 'raise InputError("NO SUCH KEY")'),
        ('(error.strerror or "cannot be read").lower()', '(error.strerror or "XXcannot be readXX").lower()'),
        ("dict(zip(one, other, strict=True))", "dict(zip(one, strict=True))"),
        ("dict(zip(one, other, strict=True))", "dict(zip(one, None, strict=True))"),
        ("count = -1", "count = 0"),
        ("if size < 3:", "if size <= 3:"),
        ("same", "same"),
    ],
)
def test_what_somebody_could_tell_has_none(old: str, new: str) -> None:
    assert why_equivalent(old, new) is None
