"""Masks of names and e-mail addresses over the bytes of many rows at once; see `shapes`."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cartveil.guard.protect.columns import Numbers
from cartveil.guard.protect.modes.blocks import Bytes, Texts, as_block, strings_of, windows

Flags = npt.NDArray[np.bool_]
Part = tuple[Numbers, pa.Array]

#: Family names of two characters.
COMPOUND = (
    "欧阳|歐陽|司马|司馬|上官|诸葛|諸葛|东方|東方|皇甫|尉迟|尉遲|公孙|公孫|令狐|慕容|宇文|长孙|長孫|司徒|司空|夏侯|独孤|獨孤|"
    "南宫|南宮|东郭|西门|西門|轩辕|軒轅|百里|呼延|端木|申屠|太史|公羊|澹台|濮阳|拓跋|赫连|万俟|闻人|宗政|钟离|鮮于|鲜于|闾丘|单于|公冶|仲孙|淳于|"
    "太叔|乐正|漆雕|巫马|公西|颛孙|壤驷|公良|夹谷|宰父|谷梁|段干|左丘|梁丘|第五"
)

_STAR, _AT, _SPACE = ord("*"), ord("@"), ord(" ")


def names(texts: Texts) -> Iterator[Part]:
    """Mask names of two to four Chinese characters, and names in ASCII letters; see `_NAME` of `mask`."""
    for length in (6, 9, 12):
        rows = np.flatnonzero(texts.lengths == length)
        if len(rows):
            yield from _han_names(windows(texts, rows, length), rows)
    rows, data, starts = _plain_rows(texts, _in_names, at_least=3)
    if len(rows):
        two, masks = _two_words(data, starts)
        yield rows[two], masks
        yield from _many_words(*_only(rows[~two], texts))


def _han_names(matrix: Bytes, rows: Numbers) -> Iterator[Part]:
    columns = matrix.T.astype(np.uint32)  # (length, rows)
    points = np.stack([_point(columns[at : at + 3]) for at in range(0, len(columns), 3)])  # (characters, rows)
    fits = _han()[points].all(axis=0)
    compound = np.isin(points[0] << 16 | points[1], _compounds()) & (len(points) > 2)
    stars = b"**" if len(points) == 4 else b"*"
    single = (matrix[:, :3], stars, matrix[:, 6:9]) if len(points) == 3 else (matrix[:, :3], stars)
    for chosen, parts in ((fits & compound, (matrix[:, :6], stars)), (fits & ~compound, single)):
        yield rows[chosen], strings_of(_side_by_side(parts, chosen))


def _side_by_side(parts: Iterable[Bytes | bytes], chosen: Flags) -> Bytes:
    """Return some rows of matrices side by side, with the same bytes for all rows between them."""
    count = int(np.count_nonzero(chosen))
    return np.concatenate(
        [np.tile(as_block(part), (count, 1)) if isinstance(part, bytes) else part[chosen] for part in parts], axis=1
    )


def _point(columns: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Return the characters that three bytes of UTF-8 write, 0 where they write none."""
    first, second, third = columns
    point: npt.NDArray[np.uint32] = (first & 15) << 12 | (second & 63) << 6 | third & 63
    return np.where(first & 0xF0 == 0xE0, point, 0)


@cache
def _han() -> Flags:
    """Return which characters of the first plane are Han, by the same tables as the rules'."""
    han = np.zeros(1 << 16, bool)
    points = [point for point in range(1 << 16) if not 0xD800 <= point < 0xE000]
    han[points] = pc.match_substring_regex(pa.array(map(chr, points)), r"^\p{Han}$").to_numpy(zero_copy_only=False)
    return han


@cache
def _compounds() -> npt.NDArray[np.uint32]:
    return np.array([ord(name[0]) << 16 | ord(name[1]) for name in COMPOUND.split("|")], np.uint32)


def _two_words(data: Bytes, starts: Numbers) -> tuple[Flags, pa.Array]:
    """Return which rows are two words with a space between, and their masks: two letters, each with three stars."""
    spaces, ends = _signs(data, starts, _SPACE), np.append(starts[1:], len(data))
    two = (spaces > starts) & (spaces < ends - 1)
    shown = np.full((np.count_nonzero(two), 9), _STAR, np.uint8)
    shown[:, 0] = data[starts[two]]
    shown[:, 4] = _SPACE
    shown[:, 5] = data[spaces[two] + 1]
    return two, strings_of(shown)


def _many_words(rows: Numbers, data: Bytes, starts: Numbers) -> Iterator[Part]:
    """Keep each word's first letter and all spaces; a space in front or behind is for the rules to trim."""
    if not len(rows):
        return
    ends = np.append(starts[1:], len(data))
    fits = (data[starts] != _SPACE) & (data[ends - 1] != _SPACE)
    letters = data != _SPACE
    first = letters.copy()
    first[1:] &= ~letters[:-1]
    first[starts] = letters[starts]
    counts = np.where(first, 4, ~letters)  # a first letter and three stars; no other letter; each space
    behind = np.cumsum(counts)  # (bytes,) where each one's output ends
    shown = np.repeat(data, counts)
    shown[behind[first][:, None] - np.arange(1, 4)] = _STAR  # (words, 3)
    masks = _joined(shown, behind[ends - 1])
    yield rows[fits], masks.filter(pa.array(fits))


def emails(texts: Texts) -> Iterator[Part]:
    """Keep the first letter and the domain of ASCII addresses with one `@` behind four characters or more."""
    rows, data, starts = _plain_rows(texts, _in_emails, at_least=6)
    at, ends = _signs(data, starts, _AT), np.append(starts[1:], len(data))
    fits = (at - starts >= 4) & (ends - at >= 2)
    if not fits.all():
        at = at[fits] - starts[fits]
        rows, data, starts = _only(rows[fits], texts)
        at, ends = at + starts, np.append(starts[1:], len(data))
    if not len(rows):
        return
    shown = data.copy()
    for place in (1, 2, 3):
        shown[starts + place] = _STAR
    # Of each row its first four bytes are kept, then what stands from the `@` on.
    runs = np.stack([np.full(len(rows), 4), at - starts - 4, ends - at], axis=1)
    keep = np.repeat(np.tile([True, False, True], len(rows)), runs.reshape(-1))
    yield rows, _joined(shown[keep], np.cumsum(4 + ends - at))


def _signs(data: Bytes, starts: Numbers, sign: int) -> Numbers:
    """Return where each row's one such sign stands; where it has none or several, -1."""
    signs = np.flatnonzero(data == sign)
    if len(signs) == len(starts) and np.all(signs >= starts) and np.all(signs[:-1] < starts[1:]):
        return signs
    owner = np.searchsorted(starts, signs, side="right") - 1
    found = np.full(len(starts), -1)
    found[owner] = signs
    found[np.bincount(owner, minlength=len(starts)) > 1] = -1
    return found


def _plain_rows(texts: Texts, allowed: Callable[[Bytes], Flags], *, at_least: int) -> tuple[Numbers, Bytes, Numbers]:
    """Return the rows of allowed bytes only: their numbers, their bytes one after another, and where each starts."""
    begins = texts.data[np.minimum(texts.starts, texts.data.size - 1)]
    rows, data, starts = _only(np.flatnonzero((texts.lengths >= at_least) & allowed(begins)), texts)
    plain = allowed(data)
    if plain.all():
        return rows, data, starts
    fits = np.ones(len(rows), bool)
    fits[np.searchsorted(starts, np.flatnonzero(~plain), side="right") - 1] = False
    return _only(rows[fits], texts)


def _only(rows: Numbers, texts: Texts) -> tuple[Numbers, Bytes, Numbers]:
    lengths = texts.lengths[rows]
    starts = np.cumsum(lengths) - lengths
    if len(rows) == len(texts.lengths):
        return rows, texts.data[texts.starts[0] : texts.starts[-1] + texts.lengths[-1]], starts
    at = np.repeat(texts.starts[rows] - starts, lengths)
    return rows, texts.data[at + np.arange(len(at))], starts


def _joined(data: Bytes, ends: Numbers) -> pa.Array:
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    return pa.Array.from_buffers(pa.string(), len(ends), [None, pa.py_buffer(offsets), pa.py_buffer(data)])


def _in_emails(data: Bytes) -> Flags:
    """Return which bytes are visible ASCII."""
    return data - np.uint8(0x21) < 0x5E


def _in_names(data: Bytes) -> Flags:
    """Return which bytes are visible ASCII or spaces, and no digits."""
    return (data - np.uint8(0x20) < 0x5F) & (data - np.uint8(ord("0")) > 9)
