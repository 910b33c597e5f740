"""Masks of values of the usual shapes, over the bytes of many rows at once; what is left goes by the rules of `mask`.

A shape is written as a value is, character by character: `k` a digit that is kept, `h` a digit that is hidden, `n` a
hidden digit from 2 on, `c` a kept digit or X; anything else stands for itself. In what is shown, each `k` takes the
next kept character. The rules decide; a shape only computes faster what they say, and a test compares the two.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartveil.events.kinds import Kind
from cartveil.guard.protect.columns import Numbers, Rows
from cartveil.guard.protect.letters import emails, names
from cartveil.guard.protect.modes.blocks import Bytes, Texts, as_block, strings_of, texts_of, windows

#: Rows whose bytes stay in the cache together.
_CHUNK_ROWS = 1 << 13

#: Row numbers within a chunk, and their masks.
Part = tuple[Numbers, pa.Array]

_ACCOUNTS = tuple(("h" * (length - 4) + "kkkk", "****kkkk") for length in range(10, 20))
_CARD = "**** **** **** kkkk"

SHAPES: dict[Kind, tuple[tuple[str, str], ...]] = {
    Kind.PHONE: (
        ("1kkhhhhkkkk", "1kk****kkkk"),
        ("1kk hhhh kkkk", "1kk****kkkk"),
        ("1kk-hhhh-kkkk", "1kk****kkkk"),
        ("+861kkhhhhkkkk", "+861kk****kkkk"),
        ("+86 1kkhhhhkkkk", "+86 1kk****kkkk"),
        ("+86 1kk hhhh kkkk", "+86 1kk****kkkk"),
        ("+447hhhhhhkkk", "+44 7*** ***kkk"),
        ("+44 7hhh hhhkkk", "+44 7*** ***kkk"),
        ("07hhhhhhkkk", "07*** ***kkk"),
        ("07hhh hhhkkk", "07*** ***kkk"),
        ("(nhh) hhh-kkkk", "***-***-kkkk"),
        ("nhh-hhh-kkkk", "***-***-kkkk"),
        ("+1hhhhhhkkkk", "+1 ***-***-kkkk"),
        ("+1 hhh-hhh-kkkk", "+1 ***-***-kkkk"),
        ("+1 (hhh) hhh-kkkk", "+1 ***-***-kkkk"),
    ),
    Kind.ID_NUMBER: (
        ("kkkhhhhhhhhhhhhhkc", "kkk*************kk"),
        ("kkkhhhhhhhhhhkk", "kkk**********kk"),
        ("hhh-hh-hhkk", "******kk"),
    ),
    Kind.PAYMENT_CARD: (
        *(("h" * (length - 4) + "kkkk", _CARD) for length in range(13, 20)),
        ("hhhh hhhh hhhh kkkk", _CARD),
        ("hhhh-hhhh-hhhh-kkkk", _CARD),
        ("hhhh hhhhhh hkkkk", _CARD),
    ),
    Kind.BANK_ACCOUNT: _ACCOUNTS,
    Kind.POSTCODE: (("kkhhhh", "kk****"), ("kkkhh", "kkk**")),
    Kind.BIRTH_DATE: (("kkkh-hh-hh", "kkk*-**-**"),),
}


def by_shape(values: pa.Array, kind: Kind) -> tuple[list[Rows], list[pa.Array], Numbers]:
    """Mask what has one of the usual shapes of its kind.

    Args:
        values: Text without NULLs.
        kind: What the values are.

    Returns:
        (rows,) numbers or slices of the rows that were masked; their masks; and the numbers of the rows left over.
    """
    mask_some = _masked(kind)
    if mask_some is None:
        return [], [], np.arange(len(values))
    rows: list[Rows] = []
    parts: list[pa.Array] = []
    left = np.ones(len(values), bool)
    whole = texts_of(values)
    for at in range(0, len(values), _CHUNK_ROWS):
        end = min(at + _CHUNK_ROWS, len(values))
        for some, masks in mask_some(Texts(whole.data, whole.starts[at:end], whole.lengths[at:end])):
            if not len(masks):
                continue
            chosen = slice(at, end) if len(masks) == end - at else np.arange(at, end)[some]
            left[chosen] = False
            rows.append(chosen)
            parts.append(masks)
    return rows, parts, np.flatnonzero(left)


def _masked(kind: Kind) -> Callable[[Texts], Iterable[Part]] | None:
    if kind is Kind.EMAIL:
        return emails
    if kind is Kind.PERSON_NAME:
        return names
    shapes = _shapes(kind)
    return (lambda texts: _of_shapes(texts, shapes)) if shapes else None


@dataclass(frozen=True)
class _Shape:
    """One shape, compiled: which bytes must be what, and which are copied where."""

    digits: Numbers  # positions of digits
    large: Numbers  # positions of digits from 2 on
    letters: Numbers  # positions of characters that stand for themselves
    wanted: Bytes  # (letters, 1)
    last: bool  # whether the last character may be X instead of a digit
    copies: tuple[tuple[int, int, int], ...]  # from which position to which place, how many
    shown: Bytes  # (width,) what is shown, with anything at the places copied to

    def fits(self, columns: Bytes) -> npt.NDArray[np.bool_]:
        """Return which rows have this shape, given (length, rows) bytes."""
        fits: npt.NDArray[np.bool_] = (columns[self.digits] - _ZERO).max(axis=0) <= 9
        if len(self.letters):
            fits &= (columns[self.letters] == self.wanted).all(axis=0)
        if len(self.large):
            fits &= columns[self.large].min(axis=0) >= ord("2")
        if self.last:
            fits &= np.isin(columns[-1], as_block(b"0123456789Xx"))
        return fits

    def show(self, rows: Bytes) -> pa.Array:
        """Return the masks of (rows, length) bytes that have this shape."""
        shown = np.empty((len(rows), len(self.shown)), np.uint8)
        shown[:] = self.shown
        for position, place, count in self.copies:
            shown[:, place : place + count] = rows[:, position : position + count]
        return strings_of(shown)


_ZERO = np.uint8(ord("0"))


@cache
def _shapes(kind: Kind) -> dict[int, tuple[_Shape, ...]]:
    """Return the shapes of a kind by their length."""
    found: dict[int, list[_Shape]] = {}
    for shape, shown in SHAPES.get(kind, ()):
        found.setdefault(len(shape), []).append(_compiled(shape, shown))
    return {length: tuple(shapes) for length, shapes in found.items()}


def _compiled(shape: str, shown: str) -> _Shape:
    def places(letters: str, text: str = shape) -> Numbers:
        return np.array([place for place, letter in enumerate(text) if letter in letters], np.int64)

    others = np.setdiff1d(np.arange(len(shape)), places("khnc"))
    copied = zip(places("kc").tolist(), places("k", shown).tolist(), strict=True)
    return _Shape(
        digits=places("khn"),
        large=places("n"),
        letters=others,
        wanted=as_block(shape.encode())[others][:, None],
        last=shape.endswith("c"),
        copies=_runs(list(copied)),
        shown=as_block(shown.encode()),
    )


def _runs(copied: Sequence[tuple[int, int]]) -> tuple[tuple[int, int, int], ...]:
    """Join copies of neighbouring characters to neighbouring places."""
    runs: list[tuple[int, int, int]] = []
    for position, place in copied:
        if runs and (position, place) == (runs[-1][0] + runs[-1][2], runs[-1][1] + runs[-1][2]):
            runs[-1] = (runs[-1][0], runs[-1][1], runs[-1][2] + 1)
        else:
            runs.append((position, place, 1))
    return tuple(runs)


def _of_shapes(texts: Texts, by_length: dict[int, tuple[_Shape, ...]]) -> Iterator[Part]:
    counts = np.bincount(np.minimum(texts.lengths, _LONGEST), minlength=_LONGEST + 1)
    for length, shapes in by_length.items():
        if not counts[length]:
            continue
        whole = counts[length] == len(texts.lengths)
        rows = np.arange(len(texts.lengths)) if whole else np.flatnonzero(texts.lengths == length)
        matrix = windows(texts, slice(None) if whole else rows, length)
        columns = np.ascontiguousarray(matrix.T)  # (length, rows)
        for shape in shapes:
            fits = shape.fits(columns)
            if fits.all():
                yield rows, shape.show(matrix)
                break
            if fits.any():
                yield rows[fits], shape.show(matrix[fits])


#: No shape is longer.
_LONGEST = 32
