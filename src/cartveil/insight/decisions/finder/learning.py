"""How a tagger learns from labelled texts.

>>> from cartveil.insight.decisions.finder.examples import Example, Labelled
>>> pieces_of(Example("张伟。李娜", (Labelled(0, 2, "name"), Labelled(3, 5, "name"))), 4)[1]
Example(text='李娜', spans=(Labelled(start=0, end=2, label='name'),))
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cartveil.errors import ModelError
from cartveil.insight.decisions.finder.alphabet import Alphabet, codes_of, folded, learn_alphabet
from cartveil.insight.decisions.finder.decoding import runs
from cartveil.insight.decisions.finder.examples import Example, Labelled, labels_of, tag_names, tag_set
from cartveil.insight.decisions.finder.field import losses_of, moves_of
from cartveil.insight.decisions.finder.pretraining import read_ahead
from cartveil.insight.decisions.finder.reading import pieces
from cartveil.insight.decisions.finder.tagger import (
    AFTER,
    BEFORE,
    CHARACTER,
    Stretches,
    Tagger,
    TaggerConfig,
    batches_by_length,
    encoder_of,
    network_of,
    stretches_of,
)
from cartveil.insight.models.encoder import PADDING, Batch
from cartveil.insight.models.tags import TagModel, best_tags
from cartveil.insight.training.devices import has_bfloat16
from cartveil.insight.training.loop import Epoch, TrainingConfig, fit

#: Fewer examples than this leave nothing to hold back.
FEWEST_EXAMPLES = 20


@dataclass(frozen=True)
class TagLesson:
    """Some stretches with their tags (B, T)."""

    batch: Batch
    tags: Tensor

    @property
    def lengths(self) -> Tensor:
        """Return the characters of each stretch, (B,)."""
        return self.batch.lengths


@dataclass(frozen=True)
class Tagged:
    """Stretches with the tag of each character.

    Args:
        stretches: What the network reads.
        tags: Of each character, (n,).
        unknown: The row each character would share if it were unknown, (n,).
        forgotten: Share of the characters that training shows as unknown.
        unpaired: Share of the pairs that training does not show.
        batch: Stretches per step.
    """

    stretches: Stretches
    tags: NDArray[np.int64]
    unknown: NDArray[np.int64]
    forgotten: float
    unpaired: float
    batch: int

    def lesson(self, chosen: NDArray[np.int64], generator: np.random.Generator | None = None) -> TagLesson:
        """Return some stretches with their tags; a generator forgets some characters."""
        places, real = self.stretches.places(chosen)
        batch = self.stretches.batch(chosen)
        if generator is not None:
            batch = replace(batch, categorical=self._blurred(batch.categorical, places, generator))
        return TagLesson(batch, torch.from_numpy(np.where(real, self.tags[places], 0)))

    def _blurred(
        self, rows: Mapping[str, Tensor], places: NDArray[np.int64], generator: np.random.Generator
    ) -> dict[str, Tensor]:
        """Return the rows with some characters shown as unknown ones, and some pairs not shown."""
        lost = generator.random((3, *places.shape), dtype=np.float32)
        shown = np.where(lost[0] < self.forgotten, self.unknown[places], rows[CHARACTER].numpy())
        kept = {CHARACTER: torch.from_numpy(shown)}
        for name, each in zip((BEFORE, AFTER), lost[1:], strict=True):
            kept[name] = torch.from_numpy(np.where(each < self.unpaired, PADDING, rows[name].numpy()))
        return kept

    def shuffled(self, size: int, generator: np.random.Generator) -> Iterator[TagLesson]:
        """Yield every stretch once, those of like length together, in a fresh order."""
        lengths = self.stretches.lengths
        order = np.argsort(lengths * generator.uniform(0.9, 1.1, len(lengths)), kind="stable")
        groups = [order[begin : begin + size] for begin in range(0, len(order), size)]
        yield from (self.lesson(groups[place], generator) for place in generator.permutation(len(groups)))


def train_tagger(
    examples: Sequence[Example],
    *,
    config: TaggerConfig | None = None,
    unlabelled: Sequence[str] = (),
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    on_progress: Callable[[str], None] = lambda _: None,
) -> Tagger:
    """Learn to find what is labelled in these texts, and nothing where nothing is labelled.

    Args:
        examples: Texts with all that is to be found in them; texts without anything teach what is none.
        config: See `TaggerConfig`.
        unlabelled: More texts of the same kind, to learn the language from; used where `read_epochs` is above 0.
        on_epoch: Called after every epoch of every network.
        on_progress: Told how long training will take, before it begins in earnest.

    Raises:
        ModelError: Too few texts, or no label in any.
    """
    config = config or TaggerConfig()
    cut = [piece for example in examples for piece in pieces_of(example, config.window)]
    labels = labels_of(cut)
    if len(cut) < FEWEST_EXAMPLES or not labels:
        hint = f"at least {FEWEST_EXAMPLES} texts, some with a label, are needed"
        raise ModelError(f"{len(cut)} texts are too few to learn from", hint=hint)
    order = np.random.default_rng(config.training.seed).permutation(len(cut))
    held = [cut[place] for place in order[: max(1, int(len(cut) * config.held_back))]]
    learnt = [cut[place] for place in order[len(held) :]]
    texts = [*(each.text for each in learnt), *(unlabelled if config.read_epochs else ())]
    alphabet = learn_alphabet(texts, spare=config.spare)
    lessons, checks = (tagged_of(each, alphabet, labels, config) for each in (learnt, held))
    on_progress(_estimate(lessons, alphabet, labels, config))
    models = _begun(config, alphabet, labels)
    if config.read_epochs:
        start = read_ahead(texts, encoder_of(config, alphabet), alphabet, config=config, on_epoch=on_epoch)
        for model in models:
            model.encoder.load_state_dict(start.state_dict())
    for number, model in enumerate(models):
        _train(model, lessons, checks, replace(config.training, seed=_seed(config, number)), on_epoch)
    return Tagger(models, labels, alphabet, config)


def pieces_of(example: Example, window: int) -> list[Example]:
    """Return an example in pieces that a network reads at once; no cut falls into a span."""
    whole = [(span.start, span.end) for span in example.spans]
    found = []
    for begin, end in pieces(example.text, window, uncut=whole):
        inside = [span for span in example.spans if begin <= span.start and span.end <= end]
        moved = tuple(Labelled(span.start - begin, span.end - begin, span.label) for span in inside)
        found.append(Example(example.text[begin:end], moved))
    return found


def tagged_of(examples: Sequence[Example], alphabet: Alphabet, labels: Sequence[str], config: TaggerConfig) -> Tagged:
    """Return examples as a network learns from them."""
    numbers = {tag: number for number, tag in enumerate(tag_set(labels))}
    stretches = stretches_of([example.text for example in examples], alphabet, pairs=config.pairs)
    tags = np.zeros(len(stretches.classes), dtype=np.int64)
    unknown = np.zeros_like(tags)
    for begin, example in zip(stretches.begins.tolist(), examples, strict=True):
        end = begin + len(example.text)
        tags[begin:end] = [numbers[tag] for tag in tag_names(example)]
        unknown[begin:end] = alphabet.spare_rows(folded(codes_of(example.text)))
    return Tagged(stretches, tags, unknown, config.forgotten, config.unpaired, config.batch)


def mean_loss(model: TagModel, lesson: TagLesson) -> Tensor:
    """Return the mean over the stretches of minus the log-likelihood of their tags."""
    return losses_of(model, lesson.batch, lesson.tags).mean()


def _seed(config: TaggerConfig, number: int) -> int:
    return config.training.seed * config.networks + number


def _begun(config: TaggerConfig, alphabet: Alphabet, labels: Sequence[str]) -> tuple[TagModel, ...]:
    """Return the untrained networks, each drawn under a seed of its own."""
    models = []
    for number in range(config.networks):
        torch.manual_seed(_seed(config, number))
        models.append(network_of(config, alphabet, labels))
    return tuple(models)


def _train(
    model: TagModel, lessons: Tagged, checks: Tagged, training: TrainingConfig, on_epoch: Callable[[Epoch], None]
) -> None:
    size = lessons.batch
    fit(
        model,
        mean_loss,
        batches=lambda generator: lessons.shuffled(size, generator),
        steps=-(-len(lessons.stretches.lengths) // size),
        validate=lambda trained: _agreement(trained, checks),
        config=training,
        on_epoch=on_epoch,
    )


def _agreement(model: TagModel, checks: Tagged) -> float:
    """Return the exact-span F1 over what was held back."""
    right = found = there = 0
    for chosen in batches_by_length(checks.stretches.lengths, steps=8192):
        lesson = checks.lesson(chosen)
        with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16(torch.device("cpu"))):
            scores = model(lesson.batch).float()
        tags = best_tags(scores, moves_of(model).expand(len(scores), -1, -1), lesson.batch.mask)
        told, true = _ends(tags), _ends(lesson.tags)
        right, found, there = right + len(told & true), found + len(told), there + len(true)
    return 2 * right / max(found + there, 1)


def _ends(tags: Tensor) -> set[tuple[int, int, int, int]]:
    return set(zip(*(each.tolist() for each in runs(tags.numpy())), strict=True))


def _estimate(lessons: Tagged, alphabet: Alphabet, labels: Sequence[str], config: TaggerConfig) -> str:
    """Say how long training takes, from one batch of one network."""
    model = network_of(config, alphabet, labels).train()
    order = np.argsort(lessons.stretches.lengths)
    lesson = lessons.lesson(order[len(order) // 2 :][: config.batch])
    mean_loss(model, lesson).backward()  # type: ignore[no-untyped-call]
    started = time.perf_counter()
    mean_loss(model, lesson).backward()  # type: ignore[no-untyped-call]
    each = (time.perf_counter() - started) / max(int(lesson.lengths.sum()), 1)
    seconds = each * float(lessons.stretches.lengths.sum()) * config.training.epochs * config.networks * 1.2
    return f"training takes at most about {max(seconds, 1):.0f} s"
