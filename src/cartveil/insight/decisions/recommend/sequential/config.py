"""What can be chosen about a recommender that reads histories item after item."""

from dataclasses import dataclass, field

from cartveil.errors import InputError
from cartveil.insight.privacy.accounting import require_promise
from cartveil.insight.training.loop import TrainingConfig


@dataclass(frozen=True)
class SequenceConfig:
    """How to build and train a sequence recommender.

    Args:
        max_items: Size of the vocabulary where no catalogue is given; rarer items are neither read nor recommended.
        steps: Last items that the network reads.
        hidden: Units of the LSTM and of an item.
        dropout: Of what the LSTM reads and of what it says.
        batch: Histories of a step.
        memory: Weight of an item in the network's view of what was bought lately, by its age; 0 leaves that view out.
        spread: Part of each target that the items get which go with it.
        again: Learn once more from all items, with what was chosen by holding the last ones out; takes as long again.
        own: Weight of the consumer's own purchases in a list, from 0 to below 1. They are looked up where the list is
            made and are no part of the model, so they cost no privacy. 0 where nobody buys a thing twice.
        training: Epochs, rates, seed.
    """

    max_items: int = 50_000
    steps: int = 50
    hidden: int = 128
    dropout: float = 0.5
    batch: int = 128
    memory: float = 0.6
    spread: float = 0.3
    again: bool = True
    own: float = 0.9
    training: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(epochs=7, learning_rate=3e-3, patience=3, warmup=0.02, precision="mixed")
    )

    def __post_init__(self) -> None:
        _check_weight(self.own)
        if not (0 <= self.memory < 1 and 0 <= self.spread < 1):
            raise InputError("must be from 0 to below 1", path="spread", hint="0.3 for both parts of a target")


@dataclass(frozen=True)
class PrivateSequenceConfig:
    """What a private recommender promises, and how its budget is spent.

    Shares are of the variance budget: a part with share s gets noise 1 / sqrt(s) times what it would get alone.

    Args:
        epsilon: The most that everything together costs, above 0.
        delta: Probability with which the promise may fail; well below 1 over the number of consumers.
        popularity: Share for counting votes of all items, of what finding them left.
        network: Share for training the LSTM on histories, of the same. The rest is for counting pairs.
        walks: Made-up histories, drawn from the noisy pairs, that the LSTM learns from first; they cost nothing. Where
            share and walks are 0 there is no LSTM.
        vocabulary: Share of the whole for finding the items, where no catalogue is given.
        shelf: The network and the pair counts know so many items at most.
        stands_out: Votes that an item of the shelf needs, in standard deviations of the noise of a pair.
        at_most: Distinct items of one consumer that count, the latest.
        reach: How far apart two items may stand to be a pair.
        hidden: Units of the LSTM and of an item.
        batch: Consumers expected in a step.
        own: As in `SequenceConfig`.
        training: Epochs in expectation, rate, seed.
    """

    epsilon: float
    delta: float
    popularity: float = 0.15
    network: float = 0.0
    walks: int = 0
    vocabulary: float = 0.15
    shelf: int = 2000
    stands_out: float = 8.0
    at_most: int = 100
    reach: int = 3
    hidden: int = 32
    batch: float = 2048.0
    own: float = 0.9
    training: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(epochs=10, learning_rate=5e-3, weight_decay=0.0)
    )

    def __post_init__(self) -> None:
        _check_weight(self.own)
        require_promise(epsilon=self.epsilon, delta=self.delta)
        if min(self.popularity, self.vocabulary, self.companions) <= 0 or self.network < 0 or self.vocabulary >= 1:
            raise InputError("shares must be above 0 and below 1 together", path="popularity", hint="such as 0.15")
        if self.shelf < 2 or min(self.at_most, self.reach) < 1 or self.walks < 0:
            raise InputError("a shelf needs two items, and a consumer one that counts", path="shelf", hint="as it was")

    @property
    def companions(self) -> float:
        """Return the share for counting pairs, of what finding the items left."""
        return 1 - self.popularity - self.network

    @property
    def has_network(self) -> bool:
        """Return whether an LSTM is trained at all."""
        return self.network > 0 or self.walks > 0


def _check_weight(own: float) -> None:
    if not 0 <= own < 1:
        raise InputError("must be from 0 to below 1", path="own", hint="0.9 where things are bought again, else 0")
