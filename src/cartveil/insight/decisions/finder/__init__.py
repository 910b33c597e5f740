"""Find personal information in text: a network that tags characters, and one finder of it and the rules."""

from cartveil.insight.decisions.finder.examples import Example, Found, Labelled
from cartveil.insight.decisions.finder.learning import train_tagger
from cartveil.insight.decisions.finder.measures import measure
from cartveil.insight.decisions.finder.tagger import Tagger, TaggerConfig

__all__ = ["Example", "Found", "Labelled", "Tagger", "TaggerConfig", "measure", "train_tagger"]
