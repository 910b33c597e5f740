"""A tagger of characters: a bidirectional LSTM with a conditional random field, over characters, pairs and word lists.

    tagger = train_tagger(examples)
    tagger.tag(["收件人：张伟，电话13800138000"])

Source: Huang, Xu and Yu, Bidirectional LSTM-CRF Models for Sequence Tagging, 2015.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cartveil.errors import InputError, ModelError
from cartveil.insight.decisions.finder.alphabet import CLASSES, GAP, Alphabet, bigrams, classes_of, codes_of, folded
from cartveil.insight.decisions.finder.decoding import decode
from cartveil.insight.decisions.finder.examples import Found, tag_set
from cartveil.insight.decisions.finder.lexicon import MOST, shipped_lexicon
from cartveil.insight.decisions.finder.reading import pieces
from cartveil.insight.models.card import load_model, save_model
from cartveil.insight.models.config import read_config, written_config
from cartveil.insight.models.encoder import Batch, EncoderConfig
from cartveil.insight.models.tags import TagModel, TagsConfig, begin_inside
from cartveil.insight.training.loop import TrainingConfig

#: What the card of a saved tagger says it is.
KIND = "text tagger"

#: Characters that are read at once; memory is bounded by it, whatever the texts.
AT_ONCE = 200_000

#: Fields of the encoder.
CHARACTER, BEFORE, AFTER = "character", "before", "after"

#: Numbers per character: its class, and three marks for each sort of word.
NUMBERS = len(CLASSES) + 3 * MOST


@dataclass(frozen=True)
class TaggerConfig:
    """How to build and train a tagger.

    Args:
        embedding: Units per character and per pair of characters.
        hidden: Units of the LSTM in each direction.
        layers: Stacked layers.
        project: Bring each character to `hidden` units before the LSTM.
        pairs: Rows for pairs of characters.
        spare: Rows that unknown characters share.
        dropout: Share of units dropped in training.
        forgotten: Share of the characters that training shows as unknown ones.
        unpaired: Share of the pairs of characters that training does not show.
        window: Longest stretch the network reads at once, in characters.
        batch: Stretches per step.
        held_back: Share of the examples that no network learns from: they choose the epoch.
        read_epochs: Passes over the texts to learn what to expect, before any label is looked at; 0 for none.
        networks: How many are trained and asked together.
        training: See `TrainingConfig`.
    """

    embedding: int = 64
    hidden: int = 128
    layers: int = 1
    project: bool = False
    pairs: int = 8192
    spare: int = 32
    dropout: float = 0.5
    forgotten: float = 0.05
    unpaired: float = 0.3
    window: int = 160
    batch: int = 32
    held_back: float = 0.1
    read_epochs: int = 0
    networks: int = 1
    training: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(
            epochs=8, learning_rate=3e-3, patience=4, clip_norm=5.0, precision="mixed"
        )
    )


@dataclass(frozen=True)
class Stretches:
    """Stretches of texts as numbers, all in one row of characters.

    Args:
        rows: Field -> row of each character, (n,).
        classes: Class of each character, (n,).
        marks: Of the word lists, (n, 3).
        begins: Where each stretch begins among the characters, (stretches,).
        lengths: Characters of each, (stretches,).
    """

    rows: Mapping[str, NDArray[np.int64]]
    classes: NDArray[np.uint8]
    marks: NDArray[np.uint64]
    begins: NDArray[np.int64]
    lengths: NDArray[np.int64]

    def places(self, chosen: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return where the characters of some stretches stand, and which are real, (B, T) each."""
        lengths = self.lengths[chosen]
        steps = np.arange(lengths.max())
        real = steps[None] < lengths[:, None]  # (B, T)
        return np.where(real, self.begins[chosen][:, None] + steps[None], 0), real

    def batch(self, chosen: NDArray[np.int64]) -> Batch:
        """Return some stretches as the network takes them."""
        places, real = self.places(chosen)
        rows = {name: torch.from_numpy(np.where(real, ids[places], 0)) for name, ids in self.rows.items()}
        return Batch(rows, {}, torch.from_numpy(self._numbers(places)), torch.from_numpy(self.lengths[chosen]))

    def _numbers(self, places: NDArray[np.int64]) -> NDArray[np.float32]:
        numbers = np.empty((*places.shape, NUMBERS), dtype=np.float32)
        numbers[..., : len(CLASSES)] = _ONE_OF[self.classes[places]]
        packed = self.marks[places].view(np.uint8).reshape(*places.shape, 3, 8)[..., : MOST // 8]  # (B, T, 3, 5)
        numbers[..., len(CLASSES) :] = np.unpackbits(packed, axis=-1, bitorder="little").reshape(*places.shape, -1)
        return numbers


_ONE_OF = np.eye(len(CLASSES), dtype=np.float32)


def stretches_of(texts: Sequence[str], alphabet: Alphabet, *, pairs: int) -> Stretches:
    """Return what a network reads of these texts, each as one stretch.

    Args:
        texts: None of them empty.
        alphabet: Which characters have a row.
        pairs: Rows for pairs of characters.
    """
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    begins = np.cumsum(lengths + 1) - lengths  # one place between two texts
    raw = np.full(int(begins[-1] + lengths[-1]) + 1, GAP, dtype=np.uint32)
    for begin, text in zip(begins.tolist(), texts, strict=True):
        raw[begin : begin + len(text)] = codes_of(text)
    codes = folded(raw)
    before = bigrams(codes, pairs)
    rows = {CHARACTER: alphabet.rows(codes), BEFORE: before, AFTER: np.concatenate([before[1:], before[:1]])}
    return Stretches(rows, classes_of(raw), shipped_lexicon().marks(codes), begins, lengths)


def network_of(config: TaggerConfig, alphabet: Alphabet, labels: Sequence[str]) -> TagModel:
    """Return an untrained network for these labels."""
    forbidden, never_first = begin_inside(tag_set(labels))
    return TagModel(TagsConfig(encoder_of(config, alphabet), len(tag_set(labels)), forbidden, never_first))


def encoder_of(config: TaggerConfig, alphabet: Alphabet) -> EncoderConfig:
    """Return the shape of the encoder."""
    return EncoderConfig(
        categorical=((CHARACTER, alphabet.size), (BEFORE, config.pairs), (AFTER, config.pairs)),
        numeric=NUMBERS,
        embedding=config.embedding,
        hidden=config.hidden,
        layers=config.layers,
        dropout=config.dropout,
        project=config.project,
        bidirectional=True,
    )


@dataclass(frozen=True)
class Tagger:
    """A trained tagger.

    Args:
        models: The networks, in evaluation mode; their scores are averaged.
        labels: What it can find.
        alphabet: The characters it knows.
        config: What it was trained with.
    """

    models: tuple[TagModel, ...]
    labels: tuple[str, ...]
    alphabet: Alphabet
    config: TaggerConfig

    def tag(self, texts: Sequence[str]) -> list[list[Found]]:
        """Return what each text holds, in order and apart from each other.

        Guarantees:
            - Offsets are those of the text as it was given, whatever characters it has.
            - Memory does not grow with the number or length of the texts, but for the answer.
        """
        answer: list[list[Found]] = [[] for _ in texts]
        for group in _groups(texts, self.config.window):
            found = self._tagged([texts[owner][begin:end] for owner, begin, end in group])
            for (owner, begin, _), spans in zip(group, found, strict=True):
                answer[owner] += [Found(begin + s, begin + e, label, sure) for s, e, label, sure in spans]
        return answer

    def save(self, folder: str | Path, card: Mapping[str, Any] | None = None) -> None:
        """Write weights and card.

        Args:
            folder: See `save_model`.
            card: What else the card is to say, such as `data`.
        """
        state = {
            f"{number}.{name}": tensor
            for number, model in enumerate(self.models)
            for name, tensor in model.state_dict().items()
        }
        own = {
            "kind": KIND,
            "config": written_config(self.config),
            "labels": list(self.labels),
            "characters": self.alphabet.characters,
            "spare": self.alphabet.spare,
            "sorts": list(shipped_lexicon().sorts),
        }
        save_model(folder, state, {**(card or {}), **own})

    @classmethod
    def load(cls, folder: str | Path) -> "Tagger":
        """Read what `save` wrote.

        Raises:
            ModelError: No tagger, one of another version, or broken files.
        """
        state, card = load_model(folder, kind=KIND)
        if card.get("sorts") != list(shipped_lexicon().sorts):
            message = "learnt with other word lists than this version has"
            raise ModelError(message, path=str(folder), hint="train the model again")
        try:
            config = read_config(TaggerConfig, card["config"], path=folder)
            alphabet, labels = Alphabet(card["characters"], card["spare"]), tuple(card["labels"])
            models = []
            for number in range(config.networks):
                model = network_of(config, alphabet, labels)
                mine = {name: tensor for name, tensor in state.items() if name.startswith(f"{number}.")}
                model.load_state_dict({name.split(".", 1)[1]: tensor.float() for name, tensor in mine.items()})
                models.append(model.eval())
        except (KeyError, TypeError, ValueError, RuntimeError, InputError) as error:
            raise ModelError("card does not fit the weights", path=str(folder), hint="train the model again") from error
        return cls(tuple(models), labels, alphabet, config)

    def _tagged(self, texts: Sequence[str]) -> list[list[tuple[int, int, str, float]]]:
        stretches = stretches_of(texts, self.alphabet, pairs=self.config.pairs)
        answer: list[list[tuple[int, int, str, float]]] = [[] for _ in texts]
        for chosen in batches_by_length(stretches.lengths, steps=8192):
            found = decode(self.models, stretches.batch(chosen), self.labels)
            for row, spans in zip(chosen.tolist(), found, strict=True):
                answer[row] = spans
        return answer


def batches_by_length(lengths: NDArray[np.int64], *, steps: int) -> Iterator[NDArray[np.int64]]:
    """Yield the numbers of stretches of like length together, at most so many padded steps at a time."""
    order = np.argsort(lengths, kind="stable")
    begin = 0
    for end in range(1, len(order) + 1):
        if end == len(order) or (end + 1 - begin) * lengths[order[end]] > steps:
            yield order[begin:end]
            begin = end


def _groups(texts: Sequence[str], window: int) -> Iterator[list[tuple[int, int, int]]]:
    """Yield pieces of texts as (text, start, end), so many that a group is worth its while and no larger."""
    group: list[tuple[int, int, int]] = []
    size = 0
    for owner, text in enumerate(texts):
        for begin, end in pieces(text, window):
            group.append((owner, begin, end))
            size += end - begin
            if size >= AT_ONCE:
                yield group
                group, size = [], 0
    if group:
        yield group
