"""Fixed hashes of names, a column at once: an order of consumers that has nothing to do with what they did."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

_STEP = np.uint64(0x9E3779B97F4A7C15)


def hashes_of(words: pa.Array) -> Hashes:
    """Return a 64-bit hash of each text, (n,).

    It spreads names and is the same everywhere and for ever; it is not a secret, and two names may share one.
    """
    plain = words.cast(pa.large_binary())
    offsets = np.frombuffer(plain.buffers()[1], np.int64)[plain.offset : plain.offset + len(plain) + 1]
    padded = np.concatenate([np.frombuffer(plain.buffers()[2] or b"", np.uint8), np.zeros(8, np.uint8)])
    eights = np.ndarray((len(padded) - 7,), "<u8", padded, strides=(1,))  # eight bytes from every place on
    first, size = offsets[:-1], np.diff(offsets)
    state = mixed(size.astype(np.uint64) + _STEP)
    rows: NDArray[np.int64] | slice = slice(None)
    for begin in range(0, int(size.max(initial=0)), 8):
        if size.min() <= begin:  # some names have ended
            rows = np.flatnonzero(size > begin)
        kept = (8 * np.minimum(size[rows] - begin, 8)).astype(np.uint64)  # bits of this word that are the name's
        word = eights[first[rows] + begin] & (~np.uint64(0) >> (np.uint64(64) - kept))
        state[rows] = mixed(state[rows] ^ word)
    return state


def shares_of(hashes: Hashes, *, seed: int) -> NDArray[np.float64]:
    """Return a number from 0 to 1 for each hash, spread evenly, another one for another seed, (n,)."""
    return np.asarray(mixed(hashes + np.uint64(seed % (1 << 64)) * _STEP) / 2.0**64)


def mixed(state: Hashes) -> Hashes:
    """Return numbers in which every bit depends on every bit of those given.

    Source: the finaliser of SplitMix64, Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, 2014.
    """
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
