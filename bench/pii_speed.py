"""Finding personal information: characters a second of one core, against Presidio and argus-redact in one run.

    python -m bench.pii_speed --peers PYTHON --data reviews.parquet --json bench/results/pii_speed.json

`rules` are Cartveil's rules alone, `tagger` the shipped network over every character, `finder` what a user gets: rules,
and the network where a glance says that it may find something; `finder_alone` is the same asked text by text.
`presidio` has a spaCy pipeline of the shape of `en_core_web_sm`; none can be had from the package index, so one is made
and trained a little, and speed alone is compared. `presidio_ner_alone` leaves out its tagger and parser, which
Presidio needs for words around a number only. `argus_redact` is its fast mode, rules alone. The peers are in an
interpreter of their own, named by `--peers`, and take all texts at once where they can.

Three sets of texts: `en` and `zh` are written by the project, half of them with somebody in them; `reviews` are those
of the Parquet file (column `review`). One thread, pinned to one core; all take turns, and figures are medians.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from bench.pii_peers import PEERS, Peers
from bench.private_training import pin
from bench.report import write_report
from cartveil.events.patterns import find_patterns
from cartveil.insight.decisions.finder.generating.texts import generated_examples
from cartveil.insight.decisions.finder.shipped import shipped_glance, shipped_tagger
from cartveil.insight.decisions.finder.text_finder import PERSON, TextFinder

Read = Callable[[Sequence[str]], object]

#: Characters of a set, and texts the peers' pipelines are trained on.
SIZE, LESSONS = 30_000, 400


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a Parquet file with a column `review`")
    parser.add_argument("--peers", type=Path, help="an interpreter with presidio-analyzer, spacy and argus-redact")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    pin()
    texts = texts_of(given.data)
    with ExitStack() as stack:
        peers = stack.enter_context(Peers(given.peers, texts, lessons())) if given.peers else None
        found = {name: measured(name, each, peers, rounds=given.rounds) for name, each in texts.items()}
        told = figures(texts, found) | {"peers": peers.versions if peers else None, "rounds": given.rounds}
    for name, speeds in told["characters_per_second"].items():
        for which, speed in speeds.items():
            times = told["times_presidio"].get(name, {}).get(which)
            print(
                f"{name:<9}{which:<20}{speed:>12,} characters a second"
                + (f"{times:>9.1f} times Presidio" if times else "")
            )
    if given.json:
        write_report(given.json, told, threads=1)


def texts_of(data: Path | None) -> dict[str, list[str]]:
    """Return the sets of texts, about `SIZE` characters of each."""
    made = [example.text for example in generated_examples(8_000, seed=91)]
    sets = {"en": [text for text in made if text.isascii()], "zh": [text for text in made if not text.isascii()]}
    if data:
        sets["reviews"] = [text for text in pq.read_table(data, columns=["review"])["review"].to_pylist() if text]
    return {name: _cut(texts) for name, texts in sets.items()}


def lessons() -> dict[str, list[tuple[str, list[tuple[int, int]]]]]:
    """Return texts with the places of people in them, by language."""
    made = generated_examples(6 * LESSONS, seed=92)
    marked = [(each.text, [(s.start, s.end) for s in each.spans if s.label == PERSON]) for each in made]
    return {
        "en": [each for each in marked if each[0].isascii()][:LESSONS],
        "zh": [each for each in marked if not each[0].isascii()][:LESSONS],
    }


def variants() -> dict[str, Read]:
    """Return what Cartveil has."""
    tagger = shipped_tagger()
    finder = TextFinder(tagger, glance=shipped_glance())
    return {
        "rules": lambda texts: [find_patterns(text) for text in texts],
        "tagger": tagger.tag,
        "finder": finder.many,
        "finder_alone": lambda texts: [finder(text) for text in texts],
    }


def measured(name: str, texts: Sequence[str], peers: Peers | None, *, rounds: int) -> dict[str, list[float]]:
    """Return seconds of the processor of every variant, turn by turn, after one that does not count."""
    own = variants()
    found: dict[str, list[float]] = {variant: [] for variant in (*own, *(PEERS if peers else ()))}
    for turn in range(rounds + 1):
        for variant in found:
            seconds = _seconds(own[variant], texts) if variant in own else _asked(peers, variant, name)
            if turn:
                found[variant].append(seconds)
    return found


def figures(texts: Mapping[str, Sequence[str]], found: Mapping[str, Mapping[str, list[float]]]) -> dict[str, Any]:
    """Return medians, and each variant's speed over Presidio's, turn by turn."""
    sizes = {name: sum(map(len, each)) for name, each in texts.items()}
    over = {
        name: {
            variant: round(statistics.median(a / b for a, b in zip(turns["presidio"], seconds, strict=True)), 1)
            for variant, seconds in turns.items()
        }
        for name, turns in found.items()
        if "presidio" in turns
    }
    speeds = {
        name: {variant: round(sizes[name] / statistics.median(seconds)) for variant, seconds in turns.items()}
        for name, turns in found.items()
    }
    counted = {name: {"texts": len(each), "characters": sizes[name]} for name, each in texts.items()}
    return {"characters_per_second": speeds, "times_presidio": over, "texts": counted}


def _seconds(read: Read, texts: Sequence[str]) -> float:
    started = time.process_time()
    read(texts)
    return time.process_time() - started


def _asked(peers: Peers | None, variant: str, name: str) -> float:
    if peers is None:
        raise RuntimeError("no peers were named")
    return peers.seconds(variant, name)


def _cut(texts: Sequence[str]) -> list[str]:
    kept, size = [], 0
    for text in texts:
        if size >= SIZE:
            break
        kept.append(text)
        size += len(text)
    return kept


if __name__ == "__main__":
    main()
