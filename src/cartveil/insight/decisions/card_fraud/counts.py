"""What counting alone tells: how often it was fraud at such a terminal, with an amount so unusual for its customer."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cartveil.insight.sequences.card_history import FEATURES

#: The two features that a table has room for.
_ACROSS, _DOWN = FEATURES.index("terminal_fraud_share_7"), FEATURES.index("oddness")

#: Shares of the payments at which they are cut.
_CUTS = (0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)

#: A cell starts as if it had seen so many payments of the usual kind.
_PRIOR = 5.0


@dataclass(frozen=True)
class FraudCounts:
    """A table of shares.

    Args:
        edges: Where either feature is cut.
        shares: Share of frauds in each cell.
    """

    edges: tuple[NDArray[np.float32], NDArray[np.float32]]
    shares: NDArray[np.float64]

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the share of frauds among payments like each of these, (n,)."""
        found: NDArray[np.float64] = self.shares[_cells(features, self.edges)]
        return found


def count_frauds(features: NDArray[np.float32], fraud: NDArray[np.bool_]) -> FraudCounts:
    """Count frauds in a table of terminals' reports and unusual amounts.

    Args:
        features: As `features_of` gives them, (n, features).
        fraud: (n,).
    """
    edges = (_edges(features[:, _ACROSS]), _edges(features[:, _DOWN]))
    shape = len(edges[0]) + 1, len(edges[1]) + 1
    seen, bad = np.zeros(shape), np.zeros(shape)
    cells = _cells(features, edges)
    np.add.at(seen, cells, 1.0)
    np.add.at(bad, cells, fraud.astype(np.float64))
    return FraudCounts(edges, (bad + _PRIOR * fraud.mean()) / (seen + _PRIOR))


def _edges(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.unique(np.quantile(values, _CUTS).astype(np.float32))


def _cells(
    features: NDArray[np.float32], edges: tuple[NDArray[np.float32], NDArray[np.float32]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    across, down = (
        np.searchsorted(cut, features[:, place]) for cut, place in zip(edges, (_ACROSS, _DOWN), strict=True)
    )
    return across, down
