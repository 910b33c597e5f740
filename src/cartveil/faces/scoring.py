"""How well the next item can be guessed from a history: the yardstick that a release's report lays at both ends.

A plain item-kNN, counted and not trained: it says what protection took away from learning, not how good learning gets.
"""

import importlib.util

import numpy as np
import pyarrow as pa

from cartveil.errors import ModelError

#: The history before this share of the rows is counted, the consumers' first baskets after it are guessed.
_PAST = 0.8

#: More items than these make a table of pairs too large for a yardstick.
_MOST_ITEMS = 4000


def next_item_score(history: pa.Table) -> float | None:
    """Return NDCG at ten of item-kNN for each consumer's next basket, 0 to 1.

    Args:
        history: Columns `subject`, `time` and `item`, as clear or as protected as it is.

    Returns:
        The score; None where nobody has both a past and a future, or the extra `learn` is not installed.
    """
    if importlib.util.find_spec("torch") is None or not history.num_rows:
        return None
    from cartveil.insight.decisions.recommend.counts import count_neighbours
    from cartveil.insight.decisions.recommend.evaluate import evaluate_at
    from cartveil.insight.sequences.baskets import baskets_of, days_of
    from cartveil.insight.sequences.occasions import occasions_with_target
    from cartveil.insight.sequences.vocabulary import learn_vocabulary

    history = history.drop_null()
    cutoff = float(np.quantile(days_of(history["time"]), _PAST))
    vocabulary = learn_vocabulary(history["item"], at_most=_MOST_ITEMS)
    baskets = baskets_of(history, vocabulary)
    try:
        scorer = count_neighbours(baskets, vocabulary, until=cutoff)
        found = evaluate_at(scorer, baskets, occasions_with_target(baskets, cutoff, horizon=float("inf")))
    except ModelError:
        return None
    return float(found["all"]["ndcg@10"])
