from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch

from cartveil.errors import ModelError
from cartveil.insight.decisions.recommend.sequential import SequenceConfig, evaluate_next_item
from cartveil.insight.decisions.recommend.sequential.item_histories import histories_from
from cartveil.insight.decisions.recommend.sequential.learning import choose
from cartveil.insight.decisions.recommend.sequential.protocol import histories_to_judge
from cartveil.insight.training.loop import TrainingConfig

CONFIG = SequenceConfig(hidden=8, dropout=0.0, spread=0.2, training=TrainingConfig(epochs=1, learning_rate=1e-2))


def pairs(consumers, *, seed=0, last=None):
    """Whoever buys an even item buys the next odd one after it."""
    generator, rows = np.random.default_rng(seed), []
    for _ in range(consumers):
        bought = [2 + 2 * int(pair) + half for pair in generator.permutation(10)[:3] for half in (0, 1)]
        rows.append(bought if last is None else [*bought[:-1], last])
    return histories_from(rows, item_count=23)


@pytest.fixture(scope="module")
def found():
    said = []
    return evaluate_next_item(pairs(150), seeds=[0, 1], config=CONFIG, on_progress=said.append), said


def test_every_model_is_judged_on_both_pasts(found):
    evaluation, _ = found
    assert set(evaluation.figures) == {"recommender", "lstm", "item_knn", "markov", "popularity"}
    for figures in evaluation.figures.values():
        assert set(figures) == {"train_only", "train_valid"}
        assert set(figures["train_only"]) == {"hr@10", "ndcg@10"}
    assert set(evaluation.spread) == {"recommender", "lstm"}
    assert evaluation.ours == "recommender"


def test_counts_that_follow_the_last_item_beat_popularity(found):
    figures = found[0].figures
    assert figures["markov"]["train_only"]["ndcg@10"] > 0.9 > 2 * figures["popularity"]["train_only"]["ndcg@10"]


def test_intervals_hold_the_figures_and_the_difference_to_item_knn(found):
    evaluation, _ = found
    interval = evaluation.intervals["recommender"]["train_only.ndcg@10"]
    assert interval.low <= evaluation.figures["recommender"]["train_only"]["ndcg@10"] <= interval.high
    assert interval.value == pytest.approx(evaluation.figures["recommender"]["train_only"]["ndcg@10"])
    above = evaluation.intervals["recommender"]["train_only.ndcg@10.above_item_knn"].value
    knn = evaluation.figures["item_knn"]["train_only"]["ndcg@10"]
    assert above == pytest.approx(evaluation.figures["recommender"]["train_only"]["ndcg@10"] - knn)


def test_the_curve_rises_with_the_length_of_the_list(found):
    for points in found[0].curves[0].lines.values():
        assert [y for _, y in points] == sorted(y for _, y in points)


def test_it_says_what_it_does_and_how_long_it_takes(found):
    said = found[1]
    assert "tuning item-kNN" in said[0]
    assert any("histories in about" in line for line in said)


def test_what_train_only_learns_does_not_depend_on_the_test_items():
    """Everybody's last item is changed; nothing that is learned without it may change."""
    learned = [choose(each.without_last(1), CONFIG).parts for each in (pairs(120), pairs(120, last=22))]
    one, other = (parts.network.model.state_dict() for parts in learned)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert learned[0].weight == learned[1].weight
    assert np.array_equal(learned[0].neighbours.weight, learned[1].neighbours.weight)


def test_who_has_fewer_than_three_items_is_not_scored():
    few = histories_from([*([4, 5, 6, 7] for _ in range(80)), [2, 3], [2], []], item_count=10)
    config = replace(CONFIG, training=replace(CONFIG.training, epochs=1))
    assert evaluate_next_item(few, seeds=[0], config=config).protocol["consumers"] == 80


def test_too_few_histories_are_a_clear_error():
    with pytest.raises(ModelError, match="too few histories"):
        evaluate_next_item(pairs(10), seeds=[0], config=CONFIG)


def basket_shop(consumers, *, visits=4, last=()):
    """Things are bought in threes, always the same together, and which three come next follows from nothing."""
    generator, rows = np.random.default_rng(7), []
    for who in range(consumers):
        for visit, family in enumerate(generator.permutation(20)[:visits]):
            rows += [(f"c{who:03}", 100 * visit + who % 50, f"{family:02}{part}") for part in "abc"]
        rows += [(f"c{who:03}", 100 * visits + who % 50, item) for item in last]
    subject, time, item = zip(*rows, strict=True)
    return pa.table({"subject": subject, "time": pa.array([86_400 * day for day in time], pa.int64()), "item": item})


def test_what_was_bought_together_does_not_tell_the_item_that_is_asked_for():
    """Within a basket each item tells the two others; across baskets nothing does."""
    found = evaluate_next_item(histories_to_judge(basket_shop(200)), seeds=[0], config=CONFIG)
    assert found.protocol["consumers"] == 200
    for model, figures in found.figures.items():
        assert figures["train_only"]["ndcg@10"] < 0.2, model  # ten drawn of some fifty are .09
        assert figures["train_valid"]["ndcg@10"] < 0.2, model
    assert max(found.protocol["validation"][0][model]["ndcg@10"] for model in found.figures) < 0.2


def test_words_are_learned_before_the_last_visit():
    histories = histories_to_judge(basket_shop(30, last=("00a", "only here")))
    known = histories_to_judge(basket_shop(30))
    assert histories.item_count <= 2 + 60  # `only here` has no id
    assert histories.visits.tolist() == [5] * 30
    assert known.visits.tolist() == [4] * 30


def test_a_release_without_items_is_a_clear_error():
    with pytest.raises(ModelError, match="`item`"):
        histories_to_judge(basket_shop(3).drop_columns("item"))
