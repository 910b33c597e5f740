"""Two opinions on what follows, made one: chances multiplied, each to the power of its weight.

A sum of chances is ruled by whoever is surest, and a network that knows its histories by heart is very sure. In a
product an item must seem likely to both. What item-kNN has never counted keeps the chance of one item in all, so that
it can veto nothing.

Source: Genest and Zidek, Combining Probability Distributions, Statistical Science 1986, section 3.3 (logarithmic pool).
"""

import torch
from torch import Tensor

from cartveil.insight.sequences.vocabulary import RESERVED

#: Chances below this are rounding.
_LEAST = 1e-30


def pooled(network: Tensor, neighbours: Tensor, weight: float) -> Tensor:
    """Return one chance of every item from two, (n, V).

    Args:
        network: Chances by the network, (n, V).
        neighbours: Chances by item-kNN, (n, V).
        weight: Of item-kNN, 0 to 1.
    """
    scores = torch.lerp(*logarithms(network, neighbours), weight)
    scores[:, :RESERVED] = -torch.inf
    return torch.softmax(scores, dim=1)


def logarithms(network: Tensor, neighbours: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logarithms that a pool weighs, (n, V) each."""
    return network.clamp(min=_LEAST).log(), (neighbours + 1 / neighbours.shape[1]).log()
