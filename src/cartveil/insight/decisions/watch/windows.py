"""Actors' events cut into windows that the encoder can read."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cartveil.insight.models.encoder import UNKNOWN, Batch


@dataclass(frozen=True)
class Windows:
    """Windows over the events of all actors.

    Args:
        ids: (rows, fields) of all events, by actor and time.
        roles: Role id of each event, (rows,).
        rows: Which event stands at each step, -1 after the window's end, (windows, steps).
        fresh: Which steps no window before has scored, (windows, steps).
        first: Whether an event is its actor's first, (rows,).
    """

    ids: NDArray[np.int64]
    roles: NDArray[np.int64]
    rows: NDArray[np.int64]
    fresh: NDArray[np.bool_]
    first: NDArray[np.bool_]

    def batch(self, chosen: NDArray[np.int64], names: tuple[str, ...]) -> tuple[Batch, Tensor]:
        """Return what was known before each event, and the event's ids (B, T, fields)."""
        rows = self.rows[chosen]
        steps = int((rows >= 0).sum(1).max())
        rows = rows[:, :steps]  # (B, T)
        real = rows >= 0
        safe = np.where(real, rows, 0)
        # The input of a step is the event before it; before an actor's first event nothing is known.
        known = np.where(self.first[safe][..., None], UNKNOWN, self.ids[safe - 1])  # (B, T, fields)
        categorical = {name: torch.from_numpy(known[..., place]) for place, name in enumerate(names)}
        categorical["role"] = torch.from_numpy(self.roles[safe])
        lengths = torch.from_numpy(real.sum(1))
        numeric = torch.zeros((*rows.shape, 0))
        return Batch(categorical, {}, numeric, lengths), torch.from_numpy(self.ids[safe])

    def cuts(self, chosen: NDArray[np.int64], *, events: int) -> list[NDArray[np.int64]]:
        """Return windows of like length in groups of at most so many steps, padding included."""
        lengths = (self.rows[chosen] >= 0).sum(1)
        order = np.argsort(lengths, kind="stable")
        groups, begin = [], 0
        for place in range(1, len(order) + 1):
            if place == len(order) or (place + 1 - begin) * lengths[order[place]] > events:
                groups.append(chosen[order[begin:place]])
                begin = place
        return groups

    def shuffled(self, groups: list[NDArray[np.int64]], generator: np.random.Generator) -> Iterator[NDArray[np.int64]]:
        """Yield as many groups of the same sizes, with other windows of like length, in a fresh order."""
        chosen = np.concatenate(groups)
        lengths = (self.rows[chosen] >= 0).sum(1)
        mixed = chosen[np.lexsort((generator.random(len(chosen)), lengths))]
        parts = np.split(mixed, np.cumsum([len(group) for group in groups])[:-1])
        yield from (parts[place] for place in generator.permutation(len(parts)))


def windows_of(
    ids: NDArray[np.int64], roles: NDArray[np.int64], actors: NDArray[np.int64], *, steps: int, overlap: int
) -> Windows:
    """Cut each actor's events into windows of `steps`, each repeating the last `overlap` events of the one before.

    Args:
        ids: (rows, fields), by actor and time.
        roles: (rows,).
        actors: Number of the actor of each row, rising.
        steps: Longest window.
        overlap: Steps that only warm the encoder up.
    """
    first = np.ones(len(actors), dtype=bool)
    first[1:] = actors[1:] != actors[:-1]
    begins = np.flatnonzero(first)
    ends = np.append(begins[1:], len(actors))
    stride = steps - overlap
    counts = np.maximum(1, -(-(ends - begins - overlap) // stride))
    owner = np.repeat(np.arange(len(begins)), counts)
    place = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    start = begins[owner] + place * stride
    rows = start[:, None] + np.arange(steps)[None]  # (windows, steps)
    real = rows < ends[owner][:, None]
    fresh = real & ((place == 0)[:, None] | (np.arange(steps) >= overlap)[None])
    return Windows(ids, roles, np.where(real, rows, -1), fresh, first)
