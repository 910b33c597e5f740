"""The English tasks of `bench.pii`: sentences made for Presidio's evaluation, and rare names in messages of the web.

    python -m bench.pii --task presidio_synth --train train.json --test test.json --json FILE
    python -m bench.pii --task wnut17 --train wnut17train.conll --test emerging.dev.conll --json FILE

`presidio_synth` has templates: the test's are to be others than those learnt from. Where `--test` is the file of
`--train`, a quarter of the templates is held back and scored, another with each seed. There `recall`, `precision` and
`f2` are counted as Presidio's own evaluator counts them, token by token: was it found as something personal, of
whatever sort. `typed_token_recall` asks for the right sort as well, and exact places stand under `exact`. The tagger
learns the sentences given, the same with other values in them (`bench/english`), and sentences of our own.
"""

import json
import re
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.english.texts import made, rewritten
from bench.pii_files import apart
from bench.report import mean_and_spread
from cartveil.events.kinds import Kind
from cartveil.events.patterns import find_patterns
from cartveil.events.spans import Span
from cartveil.insight.decisions.finder.examples import Example, Found, Labelled, labels_of, spans_of
from cartveil.insight.decisions.finder.learning import train_tagger
from cartveil.insight.decisions.finder.measures import false_alarms_per_1000, measure
from cartveil.insight.decisions.finder.tagger import TaggerConfig
from cartveil.insight.training.loop import TrainingConfig

Find = Callable[[Sequence[str]], list[list[Found]]]

#: Texts that are written from those given, and from frames of our own.
REWRITTEN, MADE = 4_500, 4_500

_TRAINING = TrainingConfig(epochs=5, learning_rate=4e-3, patience=5, clip_norm=5.0, precision="mixed")
_USUAL = TaggerConfig(hidden=128, project=False, batch=48, held_back=0.03, training=_TRAINING)
CONFIGS = {
    "presidio_synth": _USUAL,
    "wnut17": replace(_USUAL, training=replace(_TRAINING, epochs=6, patience=6), held_back=0.1),
}

#: What the rules' kinds are called in `presidio_synth`.
_RULED = {
    Kind.PAYMENT_CARD: "CREDIT_CARD",
    Kind.EMAIL: "EMAIL_ADDRESS",
    Kind.IP_ADDRESS: "IP_ADDRESS",
    Kind.PHONE: "PHONE_NUMBER",
    Kind.LANDLINE: "PHONE_NUMBER",
}

#: What rules may not overrule: numbers are parts of these.
_WIDER = frozenset({"STREET_ADDRESS", "DATE_TIME", "DOMAIN_NAME"})

#: Parts that templates fall into where the same file is learnt from and scored.
_PARTS = 4

_TOKEN = re.compile(r"\w+|[^\w\s]")
_WORD = re.compile(r"\w+")


def read_presidio(path: Path) -> list[Example]:
    """Read a JSON list of texts with spans; of two that overlap the longer one stands."""
    examples = []
    for row in json.loads(path.read_text(encoding="utf-8")):
        spans = [Labelled(each["start_position"], each["end_position"], each["entity_type"]) for each in row["spans"]]
        examples.append(Example(row["full_text"], apart([span for span in spans if span.start < span.end])))
    return examples


def other_templates(path: Path, part: int) -> tuple[list[Example], list[Example]]:
    """Return the texts to learn from and those to score, which share no template.

    Args:
        path: As in `read_presidio`; rows name their template.
        part: Which quarter of the templates is scored.
    """
    rows = json.loads(path.read_text(encoding="utf-8"))
    scored = [zlib.crc32(f"t{row['template_id']}".encode()) % _PARTS == part % _PARTS for row in rows]
    pairs = list(zip(read_presidio(path), scored, strict=True))
    return [text for text, away in pairs if not away], [text for text, away in pairs if away]


def read_wnut(path: Path) -> list[Example]:
    """Read a token and its tag a line; tokens are joined by spaces."""
    return [_joined(rows) for rows in _blocks(path)]


def evaluate(job: Any) -> dict[str, Any]:
    """Return the figures of an English task; `job` is as `bench.pii` has it."""
    read = read_presidio if job.task == "presidio_synth" else read_wnut
    examples = read(job.test)
    if job.shipped:
        from bench.pii_shipped import shipped_finder

        return scored(shipped_finder(job.task), examples, job)
    if job.task == "presidio_synth" and job.train == (job.test,):
        runs = [_trained_and_scored(job, *other_templates(job.test, seed), seed) for seed in range(job.seeds)]
    else:
        given = [example for path in job.train for example in read(path)]
        runs = [_trained_and_scored(job, given, examples, seed) for seed in range(job.seeds)]
    mean, spread = mean_and_spread(runs)
    return {**mean, "sd": spread}


def trained(task: str, given: Sequence[Example], *, seed: int) -> Find:
    """Return a finder that learnt a task from the texts given.

    Args:
        task: Its name.
        given: Labelled texts of the task.
        seed: Of the training and of the texts made for it.
    """
    learnt, config = list(given), CONFIGS[task]
    if task == "presidio_synth":
        learnt += rewritten(given, REWRITTEN, seed=seed) + made(MADE, seed=seed, labels=labels_of(given))
    tagger = train_tagger(
        learnt,
        config=replace(config, training=replace(config.training, seed=seed)),
        on_epoch=lambda epoch: print(f"epoch {epoch.number}: {epoch.score:.4f}, {epoch.seconds:.0f} s", flush=True),
        on_progress=lambda text: print(text, flush=True),
    )
    ruled = task == "presidio_synth"

    def find(texts: Sequence[str]) -> list[list[Found]]:
        pairs = zip(texts, tagger.tag(texts), strict=True)
        return [_with_rules(text, whole_words(text, found), ruled) for text, found in pairs]

    return find


def scored(find: Find, examples: Sequence[Example], job: Any) -> dict[str, Any]:
    """Return the figures of whatever finds places in texts."""
    from bench.pii import clean_texts

    texts = [example.text for example in examples]
    find(texts[:2])  # tables are made when they are first asked for
    started = time.perf_counter()
    found = find(texts)
    seconds = time.perf_counter() - started
    figures = measure(examples, found)
    if job.task == "presidio_synth":
        figures["exact"] = {name: figures[name] for name in ("precision", "recall", "f2")}
        figures |= token_figures(examples, found)
    clean = [example.text for example in examples if not example.spans]
    figures["false_alarms_per_1000"] = false_alarms_per_1000(find(clean if clean else clean_texts(job.clean)))
    figures["characters_per_second"] = sum(map(len, texts)) / seconds
    return figures


def token_figures(examples: Sequence[Example], found: Sequence[Sequence[Found]]) -> dict[str, float]:
    """Return precision, recall and F2 of tokens that are something personal, and the recall of the right sort.

    Args:
        examples: Texts with what is there.
        found: What was found in each.

    Source: `TokenEvaluator.calculate_score` of presidio-evaluator: a token counts as found whatever it was taken for.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for example, answers in zip(examples, found, strict=True):
        there, told = _by_character(example.text, example.spans), _by_character(example.text, answers)
        for token in _TOKEN.finditer(example.text):
            place = slice(*token.span())
            counts[next(filter(None, there[place]), ""), next(filter(None, told[place]), "")] += 1
    annotated = sum(count for (true, _), count in counts.items() if true)
    answered = sum(count for (_, said), count in counts.items() if said)
    right = sum(count for (true, said), count in counts.items() if true and said)
    same = sum(count for (true, said), count in counts.items() if true and true == said)
    precision, recall = right / max(answered, 1), right / max(annotated, 1)
    f2 = 5 * precision * recall / max(4 * precision + recall, 1e-9)
    return {"precision": precision, "recall": recall, "f2": f2, "typed_token_recall": same / max(annotated, 1)}


def whole_words(text: str, found: Sequence[Found]) -> list[Found]:
    """Return what was found, widened to whole words; what then overlaps the one before is left out."""
    words = [word.span() for word in _WORD.finditer(text)]
    kept: list[Found] = []
    for each in found:
        start = next((begin for begin, end in words if begin < each.start < end), each.start)
        end = next((end for begin, end in words if begin < each.end < end), each.end)
        if not kept or kept[-1].end <= start:
            kept.append(Found(start, end, each.label, each.confidence))
    return kept


def _with_rules(text: str, found: Sequence[Found], ruled: bool) -> list[Found]:
    """Return what was found, with what rules know better."""
    spans = [span for span in find_patterns(text) if ruled and span.kind in _RULED]
    sure = [span for span in spans if not any(_touch(span, each) for each in found if each.label in _WIDER)]
    rest = [each for each in found if not any(_touch(span, each) for span in sure)]
    return sorted([*rest, *(Found(span.start, span.end, _RULED[span.kind], span.confidence) for span in sure)])


def _touch(span: Span, found: Found) -> bool:
    return span.start < found.end and found.start < span.end


def _by_character(text: str, spans: Sequence[Labelled | Found]) -> list[str]:
    labels = [""] * len(text)
    for span in spans:
        labels[span.start : span.end] = [span.label] * (span.end - span.start)
    return labels


def _trained_and_scored(job: Any, given: Sequence[Example], examples: Sequence[Example], seed: int) -> dict[str, Any]:
    started = time.perf_counter()
    find = trained(job.task, given, seed=seed)
    seconds = time.perf_counter() - started
    return {**scored(find, examples, job), "training_seconds": seconds}


def _blocks(path: Path) -> Iterator[list[tuple[str, str]]]:
    rows: list[tuple[str, str]] = []
    for line in [*path.read_text(encoding="utf-8").split("\n"), ""]:
        token, _, tag = line.strip().rpartition("\t")
        if token:
            rows.append((token, tag))
        elif rows:
            yield rows
            rows = []


def _joined(rows: Sequence[tuple[str, str]]) -> Example:
    edges, at = [], 0
    for token, _ in rows:
        edges.append((at, at + len(token)))
        at += len(token) + 1
    found = [(edges[begin][0], edges[end - 1][1], label) for begin, end, label in spans_of([tag for _, tag in rows])]
    return Example(" ".join(token for token, _ in rows), tuple(Labelled(*each) for each in found))
