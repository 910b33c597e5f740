"""How well items are found that nobody had bought when the model was made: by their names alone.

Only what is new to everybody is ranked, so that nothing but the names can help.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

from cartveil.insight.decisions.recommend.evaluate import wanted_of
from cartveil.insight.decisions.recommend.listing import Article, Shelf, shelf_of
from cartveil.insight.decisions.recommend.measures import LENGTH, ndcg_and_recall
from cartveil.insight.decisions.recommend.recommender import Recommender
from cartveil.insight.sequences.baskets import Baskets, baskets_of
from cartveil.insight.sequences.occasions import Occasions, occasions_with_target
from cartveil.insight.sequences.vocabulary import Vocabulary

#: Fewer unseen items than these make no ranking.
FEWEST = 2 * LENGTH

#: Orders by chance that their expectation is taken over.
_DRAWS = 20


def shelf_of_unseen(recommender: Recommender, table: pa.Table, names: Mapping[str, str]) -> Shelf:
    """Return a shelf with all that the recommender knows, and behind it what a release has beyond, if it has a name."""
    known = set(recommender.vocabulary.words)
    items = pc.drop_null(table["item"]).unique().to_pylist()
    fresh = sorted(item for item in items if item not in known and names.get(item))
    articles = [Article(item, names.get(item, "")) for item in (*recommender.vocabulary.words, *fresh)]
    return shelf_of(recommender.vocabulary, names, articles)


def judge_unseen(
    recommender: Recommender, table: pa.Table, shelf: Shelf, *, since: float, horizon: float
) -> tuple[Tensor, Tensor]:
    """Rank the unseen items for every consumer whose first basket from a day on holds some.

    Args:
        recommender: Made from events before the day.
        table: History and targets, in the columns of `ProtectedEvents`.
        shelf: What `shelf_of_unseen` returned.
        since: Day since 1970.
        horizon: Days of the test period.

    Returns:
        NDCG and recall of each such consumer, by the names, and what an order by chance is expected to have, each
        (rows, 2); no row where there are fewer than `FEWEST` unseen items.
    """
    if len(shelf.words) - shelf.known < FEWEST:
        return torch.zeros(0, 2), torch.zeros(0, 2)
    whole = baskets_of(table, Vocabulary(shelf.words[2:]))
    past = baskets_of(table, recommender.vocabulary)  # the same baskets with fewer entries
    occasions = _with_past(past, occasions_with_target(whole, since, horizon=horizon))
    found, chance = [torch.zeros(0, 2)], [torch.zeros(0, 2)]
    generator = torch.Generator().manual_seed(0)
    for begin in range(0, len(occasions), 256):
        part = occasions.part(slice(begin, begin + 256))
        wanted = wanted_of(whole, part)[:, shelf.known :]  # (n, N)
        scores = recommender.scores_on(shelf, past, part)[:, shelf.known :]
        found.append(ndcg_and_recall(scores, wanted))
        draws = [ndcg_and_recall(torch.rand(wanted.shape, generator=generator), wanted) for _ in range(_DRAWS)]
        chance.append(torch.stack(draws).mean(0))
    return torch.cat(found), torch.cat(chance)


def _with_past(baskets: Baskets, occasions: Occasions) -> Occasions:
    some = baskets.offsets[occasions.end] > baskets.offsets[occasions.start]
    chosen = np.flatnonzero(some)
    return Occasions(occasions.cutoff, occasions.start[chosen], occasions.end[chosen], occasions.owner[chosen])
