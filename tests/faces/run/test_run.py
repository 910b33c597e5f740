"""`cartveil run` on shops that are not the demo's: other columns, another encoding, hardly any data."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cartveil.faces.run import STEPS
from command import Done, cartveil

pytest.importorskip("torch")

MakeShop = Callable[[int, int], Path]


def run(shop: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Done, dict[str, object]]:
    monkeypatch.chdir(shop.parent)
    done = cartveil("run", "shop", "--out", "out")
    assert done.code == 0, done.err
    return done, json.loads((shop.parent / "out" / "report.json").read_text(encoding="utf-8"))


def headlines(talk: str) -> dict[str, str]:
    """Return what each step said in its first line, by its name."""
    return dict(re.findall(r"^cartveil: +\d+/\d+ ([^:]+): (.*)$", talk, flags=re.MULTILINE))


@pytest.mark.slow
def test_a_chinese_shop_is_done_from_end_to_end(chinese_shop: MakeShop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = chinese_shop(120, 200)
    before = {file.name: file.read_bytes() for file in shop.iterdir()}
    done, report = run(shop, monkeypatch)
    assert list(headlines(done.err)) == [name for name, _ in STEPS]
    assert {"recommend", "forecast", "watch", "erase", "audit", "views"} <= set(report)
    assert report["watch"]["timeline"]  # type: ignore[index]
    assert report["erase"]["one changed byte"] == "rejected"  # type: ignore[index]
    # Nothing of the user's is changed; the proposal is a file of its own.
    assert {file.name: file.read_bytes() for file in shop.iterdir() if file.name != "cartveil.toml"} == before


def test_a_shop_too_small_to_learn_from_is_still_protected(
    chinese_shop: MakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, report = run(chinese_shop(8, 20), monkeypatch)
    said = headlines(done.err)
    assert "too few" in said["forecast"]
    assert "a staff needs at least 50 customers" in said["watch"]
    assert "forecast" not in report
    assert {"views", "export", "erase", "audit"} <= set(report)
    page = (Path("out") / "report.html").read_text(encoding="utf-8")
    assert "客户编号" in page


def test_the_report_of_a_real_shop_shows_no_record_before_its_protection(
    chinese_shop: MakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, report = run(chinese_shop(8, 20), monkeypatch)
    assert "before_after" not in report


def test_what_a_run_leaves_can_be_read_and_verified(chinese_shop: MakeShop, monkeypatch: pytest.MonkeyPatch) -> None:
    run(chinese_shop(8, 20), monkeypatch)
    phrase = ("--passphrase-file", "out/vault/passphrase.txt")
    assert cartveil("verify", "out/receipt.json").code == 0
    assert cartveil("verify", "out/vault", *phrase).code == 0


def test_a_shop_whose_files_share_no_consumer_is_refused_with_a_hint(
    chinese_shop: MakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = chinese_shop(8, 20)
    text = (shop / "customers.csv").read_text(encoding="gb18030").replace("\nK", "\nX")
    (shop / "customers.csv").write_text(text, encoding="gb18030")
    monkeypatch.chdir(shop.parent)
    done = cartveil("run", "shop", "--out", "out")
    assert (done.code, done.out) == (2, "")
    assert "no consumer is in both `orders` and `customers`" in done.err
    assert "hint: " in done.err
