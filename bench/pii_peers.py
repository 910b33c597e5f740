"""Peers of the finder for `bench.pii_speed`: they want other packages, so they work in another interpreter.

Run by that interpreter, this file is the peers themselves and imports nothing of Cartveil. It reads texts from a file,
makes a spaCy pipeline of the shape that `en_core_web_sm` has (of characters for Chinese), trains it a little on names
marked in other texts, so that it finds about as much as a real one, and then answers each line on its standard input,
the name of a peer and of a set of texts, with the processor's seconds.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

PEERS = ("presidio", "presidio_ner_alone", "argus_redact")

#: Shape of en_core_web_sm's token vectors, as its configuration states it.
_VECTORS = {
    "@architectures": "spacy.Tok2Vec.v2",
    "embed": {
        "@architectures": "spacy.MultiHashEmbed.v2",
        "width": 96,
        "attrs": ["NORM", "PREFIX", "SUFFIX", "SHAPE", "SPACY", "IS_SPACE"],
        "rows": [5000, 1000, 2500, 2500, 50, 50],
        "include_static_vectors": False,
    },
    "encode": {
        "@architectures": "spacy.MaxoutWindowEncoder.v2",
        "width": 96,
        "depth": 4,
        "window_size": 1,
        "maxout_pieces": 3,
    },
}
_LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": 96, "upstream": "tok2vec"}
_PARSER = {"@architectures": "spacy.TransitionBasedParser.v2", "extra_state_tokens": False, "hidden_width": 64,
           "maxout_pieces": 2, "use_upper": True}  # fmt: skip


class Peers:
    """The peers in another process, which work when they are told.

    Args:
        python: An interpreter that has presidio-analyzer, spacy and argus-redact.
        texts: Set -> its texts; the set `en` is English, all others Chinese.
        lessons: Language -> (text, places of names) to train the pipeline on.
    """

    def __init__(
        self,
        python: Path,
        texts: Mapping[str, Sequence[str]],
        lessons: Mapping[str, Sequence[tuple[str, list[tuple[int, int]]]]],
    ) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False, encoding="utf-8") as file:
            json.dump({"texts": texts, "lessons": lessons}, file)
        self._file = Path(file.name)
        command = [str(python), __file__, file.name]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.versions: dict[str, str] = self._answer()

    def __enter__(self) -> "Peers":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()
        self._file.unlink()

    def seconds(self, peer: str, texts: str) -> float:
        """Let a peer read a set of texts; return seconds of the processor."""
        if self._process.stdin is None:
            raise RuntimeError("the peers have no pipe")
        self._process.stdin.write(f"{peer} {texts}\n")
        self._process.stdin.flush()
        return float(self._answer()["seconds"])

    def _answer(self) -> Any:
        if self._process.stdout is None:
            raise RuntimeError("the peers have no pipe")
        return json.loads(self._process.stdout.readline())


def pipeline(language: str, folder: Path, lessons: Sequence[Any], *, whole: bool) -> None:
    """Train a pipeline a little and save it.

    Args:
        language: `en` or `zh`.
        folder: Where to.
        lessons: (text, places of names).
        whole: With tagger and parser, as the real ones have, or names alone.
    """
    import spacy
    from spacy.training import Example

    nlp = spacy.blank(language)
    if whole:
        nlp.add_pipe("tok2vec", config={"model": _VECTORS})
        nlp.add_pipe("tagger", config={"model": {"@architectures": "spacy.Tagger.v2", "tok2vec": _LISTENER}})
        nlp.add_pipe("parser", config={"model": {**_PARSER, "state_type": "parser", "tok2vec": _LISTENER}})
    nlp.add_pipe("ner", config={"model": {**_PARSER, "state_type": "ner", "tok2vec": _VECTORS}})
    examples = []
    for text, places in lessons:
        doc = nlp.make_doc(text)
        spans = [doc.char_span(*place, label="PERSON", alignment_mode="expand") for place in places]
        names = [(span.start_char, span.end_char, "PERSON") for span in spacy.util.filter_spans(filter(None, spans))]
        marks = {
            "entities": names,
            "words": [token.text for token in doc],
            "spaces": [bool(t.whitespace_) for t in doc],
        }
        marks |= {"tags": ["X" + token.shape_[:1] for token in doc], "heads": [max(token.i - 1, 0) for token in doc]}
        marks["deps"] = ["ROOT" if token.i == 0 else "dep" for token in doc]
        examples.append(Example.from_dict(doc, marks))
    optimizer = nlp.initialize(lambda: examples)
    with nlp.select_pipes(enable=["ner"]):  # tagger and parser cost the same untrained
        for _ in range(3):
            random.Random(0).shuffle(examples)
            for begin in range(0, len(examples), 64):
                nlp.update(examples[begin : begin + 64], sgd=optimizer)
    nlp.to_disk(folder)


def presidio(language: str, folder: Path) -> Callable[[Sequence[str]], object]:
    """Return Presidio's analyzer over many texts."""
    import tldextract
    from presidio_analyzer import AnalyzerEngine, BatchAnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    # Without this it asks the network for a list at every first e-mail.
    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())
    models = [{"lang_code": language, "model_name": str(folder)}]
    engine = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": models}).create_engine()
    registry = RecognizerRegistry(supported_languages=[language])
    registry.load_predefined_recognizers(languages=[language], nlp_engine=engine)
    analyzer = AnalyzerEngine(nlp_engine=engine, registry=registry, supported_languages=[language])
    batch = BatchAnalyzerEngine(analyzer_engine=analyzer)
    return lambda texts: list(batch.analyze_iterator(texts, language))


def argus(language: str) -> Callable[[Sequence[str]], object]:
    """Return argus-redact in its fast mode: rules alone."""
    from argus_redact import redact

    warnings.simplefilter("ignore")  # of a fixed salt, on standard error, once a text
    return lambda texts: [redact(text, mode="fast", lang=language, salt=1) for text in texts]


def serve(file: str) -> None:
    """Read a set of texts for each line that comes in."""
    from importlib.metadata import version

    given = json.loads(Path(file).read_text(encoding="utf-8"))
    ready: dict[tuple[str, str], Callable[[Sequence[str]], object]] = {}
    with tempfile.TemporaryDirectory() as place:
        for language in sorted({_language(name) for name in given["texts"]}):
            for peer, whole in (("presidio", True), ("presidio_ner_alone", False)):
                folder = Path(place) / f"{language}{whole}"
                pipeline(language, folder, given["lessons"][language], whole=whole)
                ready[peer, language] = presidio(language, folder)
            ready["argus_redact", language] = argus(language)
        names = ("presidio-analyzer", "spacy", "argus-redact")
        print(json.dumps({name: version(name) for name in names}), flush=True)
        for line in sys.stdin:
            peer, name = line.split()
            work, texts = ready[peer, _language(name)], given["texts"][name]
            started = time.process_time()
            work(texts)
            print(json.dumps({"seconds": time.process_time() - started}), flush=True)


def _language(name: str) -> str:
    return "en" if name == "en" else "zh"


if __name__ == "__main__":
    serve(sys.argv[1])
