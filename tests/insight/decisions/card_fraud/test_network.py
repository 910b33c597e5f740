import numpy as np
import pytest
import torch

from cartveil.errors import ModelError
from cartveil.insight.decisions.card_fraud.network import FraudNetwork, Lesson, NetworkConfig, mean_loss
from cartveil.insight.decisions.card_fraud.prepared import batch_of

CONFIG = NetworkConfig(features=2, ranges=3, steps=6, hidden=4, units=5, prior=0.02)


def lesson_of(count: int = 3) -> Lesson:
    random = np.random.default_rng(0)
    trails = [random.normal(size=(count, 4, 6)).astype(np.float32) for _ in range(2)]
    lengths = np.array([4, 2, 1])[:count]
    features = torch.from_numpy(random.normal(size=(count, 2)).astype(np.float32))
    targets, weights = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([1.0, 2.0, 0.0])
    return Lesson(batch_of(trails[0], lengths), batch_of(trails[1], lengths), features, targets, weights)


def test_nothing_learnt_answers_the_prior_nearly() -> None:
    torch.manual_seed(0)
    assert torch.sigmoid(FraudNetwork(CONFIG).eval()(lesson_of())).mean().item() == pytest.approx(0.02, abs=0.015)


def test_a_range_tells_how_far_a_feature_lies_into_it() -> None:
    network = FraudNetwork(CONFIG)
    network.measure(torch.zeros(2), torch.ones(2), torch.tensor([[0.0, 1.0, 2.0, 4.0], [0.0, 10.0, 20.0, 30.0]]))
    coded = network.code(torch.tensor([[3.0, -1.0], [0.5, 99.0]]))
    assert coded.tolist() == [
        pytest.approx([3.0, -1.0, 1.0, 1.0, 0.5, 0.0, 0.0, 0.0]),
        pytest.approx([0.5, 6.0, 0.5, 0.0, 0.0, 1.0, 1.0, 1.0]),
    ]


def test_padding_behind_a_trail_changes_nothing() -> None:
    network, lesson = FraudNetwork(CONFIG).eval(), lesson_of()
    before = network(lesson)
    lesson.customer.numeric[1, 2:] = 9.0
    assert network(lesson).tolist() == pytest.approx(before.tolist())
    lesson.customer.numeric[1, 1:] = 9.0
    assert network(lesson)[1].item() != pytest.approx(before[1].item())


def test_the_loss_is_a_weighted_mean() -> None:
    network, lesson = FraudNetwork(CONFIG).eval(), lesson_of()
    odds = network(lesson)
    expected = (-torch.nn.functional.logsigmoid(odds[0]) - 2 * torch.nn.functional.logsigmoid(-odds[1])) / 3
    assert mean_loss(network, lesson).item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("wrong", [{"prior": 0.0}, {"hidden": 0}, {"dropout": 1.0}])
def test_a_shape_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ModelError):
        NetworkConfig(**{"features": 2, "ranges": 3, "steps": 6, **wrong})  # type: ignore[arg-type]
