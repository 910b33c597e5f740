import os
import re
import shutil
import subprocess

import pytest

from cartveil.faces.console import render_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture
def browser():
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("CI has no Chromium: .ci/run installs it")
        pytest.skip("no Chromium on this machine")
    return CHROMIUM


def looked_at(browser, page, folder, *wish):
    """Open a page in a browser that can reach no network; return what it printed."""
    switches = "--headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update"
    quiet = "--disable-sync --no-first-run --disable-quic --enable-logging=stderr"
    alone = "--host-resolver-rules=MAP * ~NOTFOUND"
    command = [browser, *switches.split(), *quiet.split(), alone, f"--user-data-dir={folder}", *wish, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


def test_a_browser_shows_every_section_and_complains_of_nothing(run, browser, tmp_path):
    page = tmp_path / "report.html"
    page.write_text(render_report(run), encoding="utf-8")
    seen = looked_at(browser, page, tmp_path / "profile", "--dump-dom")
    assert "<svg" in seen.stdout
    assert run["title"] in seen.stdout
    assert "CONSOLE" not in seen.stderr


def test_a_narrow_screen_does_not_scroll_sideways(run, browser, tmp_path):
    page = tmp_path / "report.html"
    measure = (
        "<script>document.title = document.documentElement.scrollWidth - document.documentElement.clientWidth</script>"
    )
    # The page itself forbids scripts; the measuring copy is let to run one.
    html = re.sub(r"<meta http-equiv[^>]*>", "", render_report(run))
    page.write_text(html.replace("</body>", f"{measure}</body>"), encoding="utf-8")
    seen = looked_at(browser, page, tmp_path / "profile", "--window-size=500,900", "--dump-dom")
    assert "<title>0</title>" in seen.stdout
