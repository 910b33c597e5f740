"""Decoding takes short cuts that change no answer."""

import numpy as np
import torch

from cartveil.insight.decisions.finder.decoding import evened, surely_nothing
from cartveil.insight.models.encoder import Batch
from cartveil.insight.models.tags import best_tags


def test_what_surely_holds_nothing_has_no_tag_in_its_best_tagging() -> None:
    torch.manual_seed(0)
    told = 0
    for _ in range(30):
        scores = torch.randn(16, 7, 5)
        scores[..., 0] += 4
        moves, mask = torch.randn(7, 5) * 0.3, torch.arange(7) < torch.randint(1, 8, (16, 1))
        sure = surely_nothing(scores, moves, mask)
        best = best_tags(scores, moves.expand(16, -1, -1), mask)
        assert not best[sure].any()
        told += int(sure.sum())
    assert told > 50


def test_a_likely_tag_is_not_surely_nothing() -> None:
    scores = torch.zeros(1, 3, 3)
    scores[0, 1, 1] = 1.0
    assert not surely_nothing(scores, torch.zeros(5, 3), torch.ones(1, 3, dtype=torch.bool)).any()


def test_few_shapes_occur_and_what_is_added_is_padding() -> None:
    rng = np.random.default_rng(0)
    shapes = set()
    for rows, steps in rng.integers(1, 70, (60, 2)).tolist():
        ids = {"character": torch.ones(rows, steps, dtype=torch.long)}
        even = evened(Batch(ids, {}, torch.ones(rows, steps, 2), torch.full((rows,), steps)))
        shapes.add(even.categorical["character"].shape)
        assert even.numeric.shape[:2] == even.categorical["character"].shape
        assert int(even.categorical["character"].sum()) == rows * steps
        assert even.lengths.tolist()[:rows] == [steps] * rows
        assert set(even.lengths.tolist()[rows:]) <= {1}
    assert len(shapes) < 45
