import torch

from cartveil.insight.models.encoder import Batch, EncoderConfig
from cartveil.insight.models.fields import FieldsConfig, FieldsModel

SIZES = (("a", 5), ("b", 3))


def model():
    torch.manual_seed(0)
    return FieldsModel(FieldsConfig(EncoderConfig(categorical=SIZES, embedding=4, hidden=8, dropout=0.0), SIZES)).eval()


def batch(a, b):
    ids = {"a": torch.tensor(a), "b": torch.tensor(b)}
    return Batch(ids, {}, torch.zeros(*ids["a"].shape, 0), torch.tensor([ids["a"].shape[1]]))


def test_each_field_gets_a_distribution():
    for (_, size), scores in zip(SIZES, model()(batch([[1, 2, 3]], [[1, 2, 2]])), strict=True):
        assert scores.shape == (1, 3, size)
        torch.testing.assert_close(scores.exp().sum(-1), torch.ones(1, 3))


def test_surprise_is_minus_the_log_likelihood_of_what_came():
    network, known = model(), batch([[1, 2]], [[1, 2]])
    actual = torch.tensor([[[4, 0], [3, 2]]])
    found, scores = network.surprise(known, actual), network(known)
    assert found.shape == (1, 2, 2)
    assert found[0, 1, 0] == -scores[0][0, 1, 3]
    assert found[0, 0, 1] == -scores[1][0, 0, 0]


def test_a_step_does_not_see_later_steps():
    network = model()
    one, other = network(batch([[1, 2, 3]], [[1, 1, 1]])), network(batch([[1, 2, 4]], [[1, 1, 2]]))
    torch.testing.assert_close(one[0][:, :2], other[0][:, :2])
