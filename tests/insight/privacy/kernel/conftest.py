"""The compiled kernel, or a reason why not."""

import os

import pytest

from cartveil.errors import ModelError
from cartveil.insight.privacy.kernel import available, instruction_set
from cartveil.insight.privacy.kernel.library import INSTRUCTION_SETS


@pytest.fixture(autouse=True)
def compiled() -> None:
    if not available():
        if os.environ.get("CI"):
            pytest.fail("CI has no compiled kernel: .ci/run builds it with the package")
        pytest.skip("the compiled kernel was not built: install from source with a C++ compiler")


@pytest.fixture(params=INSTRUCTION_SETS)
def instructions(request: pytest.FixtureRequest) -> str:
    """Return each instruction set that this processor has."""
    try:
        return instruction_set(request.param)
    except ModelError:
        pytest.skip(f"this processor has no {request.param}")
