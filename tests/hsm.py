"""A PKCS#11 token of the tests' own: SoftHSM in a temporary folder, gone with the tests."""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cartveil.guard.keys import Token
from cartveil.guard.keys.token import Mechanism

#: Where Debian and others keep the module.
_MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)


@dataclass(frozen=True)
class Hsm:
    """A token: the module that reaches it, its label and its PIN."""

    module: Path
    label: str = "tests"
    pin: str = "4321-made-up"

    def token(self, key: str, *, mechanism: str = "aes-kw", **other: str) -> Token:
        """Return the lock of one key in it; `pin` or `token` may be wrong on purpose."""
        named = {"token": self.label, "pin": self.pin, **other}
        return Token(self.module, named["pin"], label=named["token"], key=key, mechanism=Mechanism(mechanism))


@pytest.fixture(scope="session")
def hsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hsm]:
    """Return a fresh token; the module is loaded once per process, so all tests share it and name keys of their own."""
    module = _module()
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    settings = folder / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n")
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(settings)
    made = Hsm(module)
    command = ["softhsm2-util", "--init-token", "--free", "--label", made.label, "--so-pin", "87654321"]
    subprocess.run([*command, "--pin", made.pin], check=True, capture_output=True)
    yield made
    _let_go(module)
    os.environ.pop("SOFTHSM2_CONF")
    if before is not None:
        os.environ["SOFTHSM2_CONF"] = before


def _let_go(module: Path) -> None:
    """Make the module read its settings anew if this process ever loads it again."""
    import pkcs11

    pkcs11.lib(str(module)).finalize()


def _module() -> Path:
    found = next((Path(module) for module in _MODULES if Path(module).exists()), None)
    missing = [
        *(["SoftHSM (Debian: softhsm2)"] if found is None or shutil.which("softhsm2-util") is None else []),
        *(["python-pkcs11 (pip install 'cartveil[pkcs11]')"] if importlib.util.find_spec("pkcs11") is None else []),
    ]
    if missing or found is None:
        if os.environ.get("CI"):
            pytest.fail(f"CI lacks {' and '.join(missing)}")
        pytest.skip(f"not installed: {' and '.join(missing)}")
    return found
