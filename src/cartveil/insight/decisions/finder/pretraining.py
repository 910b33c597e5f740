"""What a network can learn of a language before anybody labels anything: to expect the next character, and the last.

The first layer of a tagger reads a text once in each direction. Here each direction learns by itself to name the
character that it will read next; characters, pairs and both directions then begin the real training with what they
know.

Source: Peters et al., Semi-Supervised Sequence Tagging with Bidirectional Language Models, ACL 2017, section 2.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from cartveil.insight.decisions.finder.alphabet import CLASSES, Alphabet
from cartveil.insight.decisions.finder.reading import pieces
from cartveil.insight.decisions.finder.tagger import AFTER, BEFORE, CHARACTER, Stretches, TaggerConfig, stretches_of
from cartveil.insight.models.encoder import Batch, Encoder, EncoderConfig
from cartveil.insight.models.stack import Layer, Stack, reverse
from cartveil.insight.training.loop import Epoch, fit


class Expectation(nn.Module):
    """Name the next character in each direction of reading.

    Args:
        config: Of the encoder, which reads from both ends.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.encoder = Encoder(config, one_bias=True)
        self.ahead = nn.Linear(config.hidden, config.embedding)
        self.back = nn.Linear(config.hidden, config.embedding)

    def losses(self, batch: Batch) -> Tensor:
        """Return minus the mean log-likelihood of the characters, a scalar."""
        layer = cast(Layer, cast(Stack, self.encoder.stack).layers[0])
        rows, lengths = batch.categorical[CHARACTER], batch.lengths
        ahead, _ = layer.forwards(self._steps(batch, without=AFTER))
        turned, _ = cast(nn.Module, layer.backwards)(reverse(self._steps(batch, without=BEFORE), lengths))
        back = reverse(turned, lengths)
        after = batch.mask[:, 1:]  # (B, T - 1): where there is a next character
        loss = self._missed(self.ahead(ahead[:, :-1][after]), rows[:, 1:][after])
        return (loss + self._missed(self.back(back[:, 1:][after]), rows[:, :-1][after])) / 2

    def _steps(self, batch: Batch, *, without: str) -> Tensor:
        """Return what one direction may read, (B, T, F): neither the pair nor the word that tells what comes next."""
        numbers = torch.zeros_like(batch.numeric)
        numbers[..., : len(CLASSES)] = batch.numeric[..., : len(CLASSES)]
        hidden = {**batch.categorical, without: torch.zeros_like(batch.categorical[without])}
        steps = self.encoder.embed(replace(batch, categorical=hidden, numeric=numbers))
        steps = steps if self.encoder.project is None else torch.relu(self.encoder.project(steps))
        return cast(Tensor, self.encoder.dropout(steps))

    def _missed(self, states: Tensor, rows: Tensor) -> Tensor:
        scores = self.encoder.dropout(states) @ cast(Tensor, self.encoder.embeddings[CHARACTER].weight).T  # (N, A)
        return functional.cross_entropy(scores, rows)


@dataclass(frozen=True)
class Reading:
    """Stretches in batches, in a fresh order each time."""

    stretches: Stretches
    size: int

    def shuffled(self, generator: np.random.Generator) -> Iterator[Batch]:
        """Yield every stretch once, those of like length together."""
        lengths = self.stretches.lengths
        order = np.argsort(lengths * generator.uniform(0.9, 1.1, len(lengths)), kind="stable")
        groups = [order[begin : begin + self.size] for begin in range(0, len(order), self.size)]
        yield from (self.stretches.batch(groups[place]) for place in generator.permutation(len(groups)))


def read_ahead(
    texts: Sequence[str],
    encoder: EncoderConfig,
    alphabet: Alphabet,
    *,
    config: TaggerConfig,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
) -> Encoder:
    """Return an encoder that has learnt what to expect of texts like these.

    Args:
        texts: Unlabelled.
        encoder: Its shape.
        alphabet: Of the tagger.
        config: Of the tagger; `read_epochs` says for how long.
        on_epoch: Called after every epoch.
    """
    cut = [text[b:e] for text in texts for b, e in pieces(text, config.window) if e - b > 1]
    reading = Reading(stretches_of(cut, alphabet, pairs=config.pairs), config.batch)
    torch.manual_seed(config.training.seed)
    model = Expectation(encoder)
    fit(
        model,
        lambda network, batch: network.losses(batch),
        batches=reading.shuffled,
        steps=-(-len(cut) // config.batch),
        validate=None,
        config=replace(config.training, epochs=config.read_epochs),
        on_epoch=on_epoch,
    )
    return model.encoder
