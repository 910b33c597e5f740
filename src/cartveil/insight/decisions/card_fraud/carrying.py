"""Reading trails from their first step on, for as many owners at once as there are.

Owners are read side by side, and who has nothing left that was asked for leaves; so no step is read in vain.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cartveil.insight.decisions.card_fraud.prepared import batch_of
from cartveil.insight.models.encoder import Encoder
from cartveil.insight.models.lstm import State
from cartveil.insight.sequences.card_trails import Trails

#: Steps that are read at once, which bounds memory.
_CHUNK = 32


def states_at(encoder: Encoder, trails: Trails, rows: NDArray[np.int64]) -> Tensor:
    """Return the hidden state after each of these transactions, (n, H).

    Args:
        encoder: Without dropout, in double precision.
        trails: Of the customers, or of the terminals.
        rows: Which transactions, (n,).
    """
    return _read(encoder, trails, rows)[0]


def final_states(encoder: Encoder, trails: Trails, rows: NDArray[np.int64]) -> State:
    """Return hidden and cell state after each of these transactions, one of each owner, (n, H) each.

    Args:
        encoder: See `states_at`.
        trails: See `states_at`.
        rows: Which transactions, no two of one owner, (n,).
    """
    return _read(encoder, trails, rows)


def carried(encoder: Encoder, steps: NDArray[np.float32], state: State | None) -> tuple[Tensor, State]:
    """Return the states (B, T, H) of some more steps (B, T, step features), and the state to go on from."""
    lengths = np.full(len(steps), steps.shape[1])
    with torch.no_grad():
        return encoder.carry(batch_of(steps.astype(np.float64), lengths), state)


def _read(encoder: Encoder, trails: Trails, rows: NDArray[np.int64]) -> State:
    starts, owner = np.unique(trails.start[rows], return_inverse=True)
    offset = trails.place[rows] - trails.start[rows]
    lengths = np.zeros(len(starts), dtype=np.int64)
    np.maximum.at(lengths, owner, offset + 1)
    by_offset = np.argsort(offset, kind="stable")
    hidden, cell = torch.zeros(2, len(rows), encoder.config.hidden, dtype=torch.float64)
    state, left, done = None, np.arange(len(starts)), 0
    for end in _stops(lengths):
        states, after = carried(encoder, trails.steps[starts[left][:, None] + np.arange(done, end)], state)  # (B, T, H)
        asked = by_offset[slice(*np.searchsorted(offset[by_offset], [done, end]))]
        place = np.searchsorted(left, owner[asked])
        hidden[asked] = states[place, offset[asked] - done]
        # True of an owner's last row alone: every trail's end is a stop.
        cell[asked] = after[1][0, place]
        stay = lengths[left] > end
        kept = torch.from_numpy(np.flatnonzero(stay))
        state, left, done = (after[0][:, kept], after[1][:, kept]), left[stay], int(end)
    return hidden, cell


def _stops(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where reading pauses: where a trail ends, and after so many steps."""
    return np.unique(np.concatenate([lengths, np.arange(_CHUNK, int(lengths.max(initial=0)), _CHUNK)]))
