"""A trained fraud model: scores whole tables, or one payment at a time, and says the same of both."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from cartveil.errors import ModelError
from cartveil.insight.decisions.card_fraud.carrying import states_at
from cartveil.insight.decisions.card_fraud.network import FraudNetwork, NetworkConfig
from cartveil.insight.decisions.card_fraud.prepared import Prepared, prepare
from cartveil.insight.decisions.card_fraud.trees import Trees
from cartveil.insight.models.card import load_model, save_model
from cartveil.insight.models.config import read_config, written_config
from cartveil.insight.sequences.card_history import HistoryConfig
from cartveil.insight.sequences.transactions import transactions_of

#: What the card of a saved model says it is.
KIND = "card fraud"

_TREES = "trees."

#: Payments that are fused at once, which bounds memory.
_PART = 4096


@dataclass(frozen=True)
class CardFraud:
    """What scores payments.

    Args:
        network: In evaluation mode and double precision, so that batch and stream agree far below 1e-6.
        trees: Grown beside it; None where there are none, then the network decides alone.
        history: How the past is read.
        card: What it was trained on.
    """

    network: FraudNetwork
    trees: Trees | None
    history: HistoryConfig
    card: Mapping[str, Any] = field(default_factory=dict)

    def score(self, table: pa.Table) -> pa.Table:
        """Score every payment by what was known when it was made.

        Args:
            table: Columns `transaction`, `time`, `customer`, `terminal`, `amount` and, where something was reported,
                `fraud`; with weeks of past before the payments that matter.

        Returns:
            `transaction`, `time` and `score`, a probability, of the payments that can be used, in order of time.
        """
        events = transactions_of(table)
        score = self.probabilities(prepare(events, self.history), np.arange(len(events)))
        used = table.take(pa.array(events.row))
        return pa.table({"transaction": used["transaction"], "time": used["time"], "score": score})

    def probabilities(self, prepared: Prepared, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return how likely each of these payments is fraud, (n,): network and trees have one vote each."""
        odds = self.network_odds(prepared, rows)
        if self.trees is not None:
            odds = (odds + self.trees.log_odds(prepared.features[rows])) / 2
        return probability_of(odds)

    def network_odds(self, prepared: Prepared, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the log-odds of the network alone, (n,)."""
        states = None
        if self.network.config.trails:
            network = self.network
            pairs = ((network.customer, prepared.customer), (network.terminal, prepared.terminal))
            states = torch.cat([states_at(encoder, trails, rows) for encoder, trails in pairs], dim=1)  # (n, 2H)
        parts = []
        with torch.no_grad():
            for begin in range(0, len(rows), _PART):
                part = slice(begin, begin + _PART)
                features = torch.from_numpy(prepared.features[rows[part]]).double()
                parts.append(self.network.fuse(None if states is None else states[part], features).numpy())
        return np.concatenate(parts) if parts else np.empty(0)

    def save(self, folder: str | Path, *, card: Mapping[str, Any] | None = None) -> None:
        """Write the model; it holds no customer, no terminal and no payment.

        Args:
            folder: Made where it is missing.
            card: What else the card should say: metrics, baselines.
        """
        own = {
            "kind": KIND,
            "config": written_config(self.network.config),
            "history": written_config(self.history),
            "trees": None if self.trees is None else {"margin": self.trees.margin, "depth": self.trees.depth},
        }
        state = dict(self.network.state_dict())
        if self.trees is not None:
            arrays = {name: value for name, value in asdict(self.trees).items() if isinstance(value, np.ndarray)}
            state |= {_TREES + name: torch.from_numpy(value) for name, value in arrays.items()}
        save_model(folder, state, {**self.card, **(card or {}), **own})

    @classmethod
    def load(cls, folder: str | Path) -> "CardFraud":
        """Read what `CardFraud.save` wrote.

        Raises:
            ModelError: No such model, one of another version, or broken files.
        """
        state, card = load_model(folder, kind=KIND)
        arrays = {name: state.pop(name) for name in list(state) if name.startswith(_TREES)}
        network = FraudNetwork(read_config(NetworkConfig, card.get("config"), path=folder)).double()
        history = read_config(HistoryConfig, card.get("history"), path=folder)
        try:
            network.load_state_dict(state)
            trees = _trees_of(card["trees"], arrays)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ModelError("card does not fit the weights", path=str(folder), hint="train the model again") from error
        kept = {name: value for name, value in card.items() if name in ("data", "payments", "metrics", "baselines")}
        return cls(network.eval(), trees, history, kept)


def probability_of(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log-odds as probabilities, whatever their size."""
    return 0.5 * (1 + np.tanh(0.5 * odds))


def _trees_of(said: Mapping[str, Any] | None, arrays: Mapping[str, torch.Tensor]) -> Trees | None:
    if said is None:
        return None
    told: dict[str, Any] = {name.removeprefix(_TREES): value.numpy() for name, value in arrays.items()}
    return Trees(**told, margin=float(said["margin"]), depth=int(said["depth"]))
