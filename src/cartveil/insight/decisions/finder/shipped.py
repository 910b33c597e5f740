"""The model that ships with the package: learnt from texts that the project wrote itself, see its card.

shipped_tagger().tag(["收件人：张伟"])
"""

from functools import cache
from pathlib import Path

from cartveil.insight.decisions.finder.glance import Glance
from cartveil.insight.decisions.finder.tagger import Tagger

#: Where weights and card stand; `make model` writes them anew.
FOLDER = Path(__file__).parent / "shipped"


@cache
def shipped_tagger() -> Tagger:
    """Return the shipped tagger, read once.

    Raises:
        MissingExtraError: The extra `learn` is not installed.
        ModelError: The package holds no model, or a broken one.
    """
    return Tagger.load(FOLDER)


@cache
def shipped_glance() -> Glance:
    """Return what tells which clauses the shipped tagger need not read, read once.

    Raises:
        MissingExtraError: The extra `learn` is not installed.
        ModelError: The package holds none, or a broken one.
    """
    return Glance.load(FOLDER / "glance")
