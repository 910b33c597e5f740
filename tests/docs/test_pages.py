import re
from pathlib import Path

import pytest
from tools.write_results import filled

from cartveil.faces.cli.main import cartveil

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("name", ["README.md", "docs/results.md"])
def test_figures_are_those_of_the_result_files(name):
    page = (ROOT / name).read_text(encoding="utf-8")
    assert filled(page) == page, "run `python tools/write_results.py`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_verb_and_option_that_a_page_shows_exists(page):
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for words in re.findall(r"^(?:\.venv/bin/)?cartveil (.*?)(?:#.*)?$", "\n".join(blocks), flags=re.MULTILINE):
        verb, *rest = words.split()
        command = cartveil.commands[verb]
        if rest and rest[0] in getattr(command, "commands", {}):  # a verb with verbs of its own, such as `keys rotate`
            command = command.commands[rest[0]]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in rest if word.startswith("-")} <= known | {"--help"}, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_inside_the_project_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target
