"""A glance at every clause before the network reads: most clauses of ordinary text name nobody, and need no reading.

A glance adds up learnt weights of characters, their neighbours and the word lists they stand in, all texts at once. It
is wrong often in one direction alone: what it lets pass is read closely by the tagger, what it holds back is not read
at all. So its bar is set where next to nothing of what is there gets lost, and the loss is measured.

Source: Viola and Jones, Rapid Object Detection using a Boosted Cascade of Simple Features, CVPR 2001, section 4.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cartveil.errors import ModelError
from cartveil.insight.decisions.finder.alphabet import CLASSES, GAP, Codes, classes_of, codes_of, folded
from cartveil.insight.decisions.finder.examples import Example
from cartveil.insight.decisions.finder.lexicon import MOST, shipped_lexicon
from cartveil.insight.models.card import load_model, save_model

#: What the card of a saved glance says it is.
KIND = "text glance"

#: Rows of each table of weights, a power of two.
ROWS = 1 << 16

#: What a character is judged by: stretches around it, from an offset to an offset.
LOOKS = ((0, 0), (-1, -1), (1, 1), (-1, 0), (0, 1), (-2, -1), (1, 2), (-1, 1), (-2, 0), (0, 2), (-3, 0), (0, 3))

#: Of the marks of the word lists, where a word begins, runs on and ends: eight sorts are one look together.
_BYTES, _NEAR = 3 * MOST // 8, (-1, 0, 1)

#: Gaps between two texts: as many as the longest look is wide on one side.
_APART = max(abs(offset) for look in LOOKS for offset in look)

#: Characters that are looked at together.
_AT_ONCE = 200_000

#: Weights there are.
SIZE = len(LOOKS) * ROWS + len(_NEAR) * _BYTES * 256

#: Where a clause ends; a colon or a space ends none, as who stands behind it is told by what stands before.
_STOPS = "。！？!?\n\r；;…~～，,"

_LEFT, _MIX = np.uint32(0x9E3779B1), np.uint32(0x85EBCA77)


@dataclass(frozen=True)
class Glance:
    """Weights of what stands around a character, and the bar that a clause must reach to be read.

    Args:
        weights: Of the rows of all looks, one look after the other, (SIZE,).
        bar: Least score of the best character of a clause that is read.
    """

    weights: NDArray[np.float32]
    bar: float

    def clauses(self, texts: Sequence[str]) -> list[tuple[int, int, int]]:
        """Return (text, start, end) of the stretches worth reading, in order.

        Args:
            texts: Any.

        Guarantees:
            - Stretches that touch are one, and none reaches from a text into another.
        """
        found: list[tuple[int, int, int]] = []
        for first, last in _groups(texts):
            codes, starts = laid_out(texts[first:last])
            begins, ends = _edges(codes)
            if len(begins):
                read = np.maximum.reduceat(self.scores(codes), begins) >= self.bar
                stretches = _stretches(starts, begins[read], ends[read])
                found += [(first + owner, begin, end) for owner, begin, end in stretches]
        return found

    def scores(self, codes: Codes) -> NDArray[np.float32]:
        """Return how much each character looks like part of something personal, (n,)."""
        total = np.zeros(len(codes), dtype=np.float32)
        for begin, rows in look_rows(codes):
            total += self.weights[begin:][rows]
        total[codes == GAP] = -np.inf
        return total

    def save(self, folder: str | Path, card: dict[str, Any] | None = None) -> None:
        """Write weights and card; see `save_model`."""
        state = {"weights": torch.from_numpy(self.weights).half(), "bar": torch.tensor([self.bar])}
        save_model(folder, state, {**(card or {}), "kind": KIND})

    @classmethod
    def load(cls, folder: str | Path) -> "Glance":
        """Read what `save` wrote.

        Raises:
            ModelError: No glance, or broken files.
        """
        state, _ = load_model(folder, kind=KIND)
        if set(state) != {"weights", "bar"} or state["weights"].shape != (SIZE,):
            raise ModelError("card does not fit the weights", path=str(folder), hint="make the model again")
        return cls(state["weights"].float().numpy(), float(state["bar"]))


def train_glance(
    examples: Sequence[Example], *, held: Sequence[Example], lost: float = 0.003, epochs: int = 3, seed: int = 0
) -> Glance:
    """Learn what is worth reading.

    Args:
        examples: Texts with all that is to be found in them.
        held: Others, to set the bar by.
        lost: Share of the places in `held` whose clause may stay unread.
        epochs: Passes over the examples.
        seed: Of the order.
    """
    codes, _ = laid_out([example.text for example in examples])
    rows = np.stack([rows.astype(np.int32) + begin for begin, rows in look_rows(codes)], axis=1)  # (n, looks)
    weights = _fitted(torch.from_numpy(rows), torch.from_numpy(_inside(examples)), epochs=epochs, seed=seed)
    return Glance(weights, bar_of(Glance(weights, 0.0), held, lost=lost))


def bar_of(glance: Glance, examples: Sequence[Example], *, lost: float) -> float:
    """Return the highest bar under which at most this share of the places lies in clauses left unread."""
    codes, _ = laid_out([example.text for example in examples])
    begins, _ = _edges(codes)
    best = np.maximum.reduceat(glance.scores(codes), begins)
    starts = np.flatnonzero(np.diff(_inside(examples), prepend=0) > 0)
    reached = np.sort(best[np.searchsorted(begins, starts, side="right") - 1])
    return float(reached[int(lost * len(reached))])


def laid_out(texts: Sequence[str]) -> tuple[Codes, NDArray[np.int64]]:
    """Return the codes of all texts in one row, (n,), and where each begins, (texts,).

    So many gaps stand between two that no look at one sees the other.
    """
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    starts = np.cumsum(lengths + _APART) - lengths
    codes = np.full(int(lengths.sum()) + _APART * (len(texts) + 1), GAP, dtype=np.uint32)
    places = np.arange(int(lengths.sum())) + np.repeat(_APART * np.arange(1, len(texts) + 1), lengths)
    codes[places] = codes_of("".join(texts))
    return codes, starts


def look_rows(codes: Codes) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield where the weights of each look begin, and its row at each character, (n,).

    Args:
        codes: Of texts apart by `GAP`.
    """
    plain = folded(codes)
    digit, upper = (classes_of(codes) == CLASSES.index(name) for name in ("digit", "upper"))
    around = np.pad(np.where(digit, np.uint32(ord("0")), plain) * np.uint32(2) + upper, _APART, constant_values=GAP * 2)
    for number, (first, last) in enumerate(LOOKS):
        mixed = np.full(len(codes), number + 1, dtype=np.uint32)
        for offset in range(first, last + 1):
            mixed = (mixed ^ around[_APART + offset : _APART + offset + len(codes)]) * _LEFT
            mixed ^= mixed >> np.uint32(15)
        yield number * ROWS, (mixed * _MIX) >> np.uint32(16)
    marks = shipped_lexicon().marks(plain).view(np.uint8).reshape(len(codes), 3, 8)[..., : MOST // 8]  # (n, 3, bytes)
    columns = np.pad(marks.reshape(len(codes), _BYTES).T, ((0, 0), (1, 1)))  # (bytes, n + 2)
    for number, (near, column) in enumerate(product(_NEAR, columns)):
        yield len(LOOKS) * ROWS + number * 256, column[1 + near : 1 + near + len(codes)]


def _fitted(rows: Tensor, inside: Tensor, *, epochs: int, seed: int) -> NDArray[np.float32]:
    """Return weights by logistic regression, each with a rate of its own (Duchi et al. 2011)."""
    generator = torch.Generator().manual_seed(seed)
    weights, seen = torch.zeros(SIZE), torch.ones(SIZE)
    for _ in range(epochs):
        for chosen in torch.split(torch.randperm(len(rows), generator=generator), 4096):
            looks = rows[chosen].long()  # (B, looks)
            missed = (torch.sigmoid(weights[looks].sum(1)) - inside[chosen])[:, None].expand_as(looks).flatten()
            step = torch.zeros_like(weights).index_add_(0, looks.flatten(), missed)
            seen += step.square()
            weights -= 0.3 * step / seen.sqrt()
    return weights.numpy()


def _inside(examples: Sequence[Example]) -> NDArray[np.float32]:
    """Return 1 where a character belongs to a place, as `laid_out` lays them, (n,)."""
    codes, starts = laid_out([example.text for example in examples])
    inside = np.zeros(len(codes), dtype=np.float32)
    for start, example in zip(starts.tolist(), examples, strict=True):
        for span in example.spans:
            inside[start + span.start : start + span.end] = 1
    return inside


def _groups(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield (first, last) of texts that together are as long as is worth its while."""
    first = size = 0
    for number, text in enumerate(texts):
        size += len(text)
        if size >= _AT_ONCE:
            yield first, number + 1
            first, size = number + 1, 0
    if first < len(texts):
        yield first, len(texts)


def _edges(codes: Codes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where clauses begin and end; a stop belongs to the clause before it, a gap to none."""
    gap = codes == GAP
    stops = np.isin(codes, codes_of(_STOPS)) | gap
    begins = np.flatnonzero(~gap & np.concatenate([[True], stops[:-1]]))
    ends = np.flatnonzero(~gap & np.concatenate([stops[1:] & gap[1:], [True]]) | (stops & ~gap)) + 1
    return begins, ends


def _stretches(
    starts: NDArray[np.int64], begins: NDArray[np.int64], ends: NDArray[np.int64]
) -> list[tuple[int, int, int]]:
    """Return clauses as (text, start, end), those that touch as one."""
    if not len(begins):
        return []
    apart = begins[1:] > ends[:-1]
    begins, ends = begins[np.concatenate([[True], apart])], ends[np.concatenate([apart, [True]])]
    owners = np.searchsorted(starts, begins, side="right") - 1
    first = starts[owners]
    return list(zip(owners.tolist(), (begins - first).tolist(), (ends - first).tolist(), strict=True))
