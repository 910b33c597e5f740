"""Without the compiled library, everything says so."""

import pytest

from cartveil.errors import ModelError
from cartveil.insight.privacy.kernel import available, fits, instruction_set, library, plain_sum
from cartveil.insight.privacy.kernel.library import INSTRUCTION_SETS
from insight.privacy.kernel.slow import case


def test_the_best_instruction_set_is_used_unless_another_is_asked_for() -> None:
    assert instruction_set() in INSTRUCTION_SETS
    assert instruction_set("generic") == "generic"


def test_an_unknown_instruction_set_is_refused() -> None:
    with pytest.raises(ModelError, match="no instruction set"):
        instruction_set("sse")


def test_without_the_library_no_model_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    made = case()
    assert fits(made.model)
    monkeypatch.setattr(library, "_library", lambda: None)
    assert not available()
    assert not fits(made.model)
    with pytest.raises(ModelError, match="not there"):
        plain_sum(*made.given)
