"""What is exported answers in onnxruntime what the model answers in PyTorch, whatever the size of the batch."""

import importlib.util
import os

import numpy as np
import pytest
import torch

from cartveil.errors import MissingExtraError, ModelError
from cartveil.insight.models.counts import CountConfig, CountModel
from cartveil.insight.models.encoder import Batch, Encoder, EncoderConfig
from cartveil.insight.models.fields import FieldsConfig, FieldsModel
from cartveil.insight.models.next_item import NextItem, NextItemConfig
from cartveil.insight.models.onnx import export_onnx
from cartveil.insight.models.quantiles import QuantileConfig, QuantileModel
from cartveil.insight.models.risk import RiskConfig, RiskModel
from cartveil.insight.models.tags import TagModel, TagsConfig, best_tags

ITEMS = 11
ENCODERS = {
    "direct": {"categorical": (("item", ITEMS),), "project": False, "layers": 2},
    "projected": {"categorical": (("item", ITEMS), ("shop", 4)), "numeric": 2},
    "bag and numbers": {"bags": (("basket", ITEMS),), "numeric": 3, "project": False},
    "normalised": {"categorical": (("item", ITEMS),), "layers": 3, "layer_norm": True, "residual": True},
}


@pytest.fixture
def runtime():
    for package in ("onnx", "onnxruntime"):
        if importlib.util.find_spec(package) is None:
            if os.environ.get("CI"):
                pytest.fail(f"CI has no {package}: .ci/run installs the extra `onnx`")
            pytest.skip(f"{package} is not installed: pip install 'cartveil[onnx]'")
    import onnxruntime

    return onnxruntime


def encoder_of(name, **changes):
    return EncoderConfig(embedding=6, hidden=6, **{**ENCODERS[name], **changes})


def batch_of(config, size, steps):
    lengths = torch.randint(1, steps + 1, (size,))
    lengths[0] = steps
    return Batch(
        {name: torch.randint(1, count, (size, steps)) for name, count in config.categorical},
        {name: torch.randint(0, count, (size, steps, 3)) for name, count in config.bags},
        torch.randn(size, steps, config.numeric),
        lengths,
    )


def answers(runtime, path, batch):
    session = runtime.InferenceSession(path)
    given = {**batch.categorical, **batch.bags, "numeric": batch.numeric, "lengths": batch.lengths}
    feed = {one.name: given[one.name].numpy() for one in session.get_inputs()}
    return dict(zip([one.name for one in session.get_outputs()], session.run(None, feed), strict=True))


def assert_same(found, expected, batch, *, each_step):
    expected = expected.detach().numpy()
    real = batch.mask.numpy() if each_step else slice(None)
    np.testing.assert_allclose(found[real], expected[real], atol=2e-5)


SIZES = ((3, 5), (1, 1), (4, 9))


# A bag cannot be tied.
@pytest.mark.parametrize(
    ("name", "tied"), [(name, tied) for name in ENCODERS for tied in (False, True) if not tied or "bag" not in name]
)
def test_next_item_scores_are_the_same_for_every_encoder(runtime, tmp_path, name, tied):
    torch.manual_seed(0)
    config = encoder_of(name)
    model = NextItem(NextItemConfig(config, ITEMS, tied=tied, bias=not tied)).eval()
    export_onnx(model, tmp_path / "model.onnx")
    for size, steps in SIZES:
        batch = batch_of(config, size, steps)
        assert_same(
            answers(runtime, tmp_path / "model.onnx", batch)["scores"], model.scores(batch), batch, each_step=False
        )


def test_risk_is_the_same(runtime, tmp_path):
    torch.manual_seed(0)
    config = encoder_of("projected")
    model, batch = RiskModel(RiskConfig(config)).eval(), batch_of(config, 4, 6)
    export_onnx(model, tmp_path / "model.onnx")
    assert_same(answers(runtime, tmp_path / "model.onnx", batch)["risk"], model.scores(batch), batch, each_step=False)


def test_fields_are_the_same(runtime, tmp_path):
    torch.manual_seed(0)
    config = encoder_of("projected")
    model, batch = FieldsModel(FieldsConfig(config, config.categorical)).eval(), batch_of(config, 4, 6)
    export_onnx(model, tmp_path / "model.onnx")
    found = answers(runtime, tmp_path / "model.onnx", batch)
    for (field, _), expected in zip(config.categorical, model(batch), strict=True):
        assert_same(found[f"next_{field}"], expected, batch, each_step=True)


@pytest.mark.parametrize("levels", [(0.5,), (0.1, 0.5, 0.9)])
def test_quantiles_are_the_same(runtime, tmp_path, levels):
    torch.manual_seed(0)
    config = encoder_of("bag and numbers")
    model, batch = QuantileModel(QuantileConfig(config, levels, 2)).eval(), batch_of(config, 4, 6)
    export_onnx(model, tmp_path / "model.onnx")
    assert_same(answers(runtime, tmp_path / "model.onnx", batch)["quantiles"], model(batch), batch, each_step=True)


def test_counts_are_the_same(runtime, tmp_path):
    torch.manual_seed(0)
    config = encoder_of("bag and numbers")
    model, batch = CountModel(CountConfig(config, 3, parts=2)).eval(), batch_of(config, 4, 6)
    export_onnx(model, tmp_path / "model.onnx")
    assert_same(answers(runtime, tmp_path / "model.onnx", batch)["counts"], model(batch), batch, each_step=True)


@pytest.mark.parametrize("name", ["direct", "normalised"])
def test_tags_read_from_both_ends_are_the_same(runtime, tmp_path, name):
    torch.manual_seed(0)
    config = encoder_of(name, bidirectional=True)
    model, batch = TagModel(TagsConfig(config, 4, forbidden=((0, 2),))).eval(), batch_of(config, 5, 7)
    torch.nn.init.normal_(model.moves.weight)
    export_onnx(model, tmp_path / "model.onnx")
    found = answers(runtime, tmp_path / "model.onnx", batch)
    assert_same(found["scores"], model(batch), batch, each_step=True)
    moves = torch.tensor(found["moves"]).expand(5, -1, -1)
    assert torch.equal(best_tags(torch.tensor(found["scores"]), moves, batch.mask), model.tags(batch))


def test_the_model_stays_as_it_was(tmp_path, runtime):
    config = encoder_of("direct")
    model = NextItem(NextItemConfig(config, ITEMS)).train()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    export_onnx(model, tmp_path / "model.onnx")
    assert model.training
    assert all(torch.equal(before[name], weight) for name, weight in model.state_dict().items())


def test_without_onnx_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError) as error:
        export_onnx(NextItem(NextItemConfig(encoder_of("direct"), ITEMS)), tmp_path / "model.onnx")
    assert error.value.hint == "pip install 'cartveil[onnx]'"


def test_what_is_no_model_is_refused(tmp_path, runtime):
    with pytest.raises(ModelError, match="a `Encoder` cannot be exported"):
        export_onnx(Encoder(encoder_of("direct")), tmp_path / "model.onnx")


@pytest.mark.parametrize("name", ["numeric", "lengths", "scores"])
def test_a_field_cannot_take_the_name_of_something_else(tmp_path, runtime, name):
    model = NextItem(NextItemConfig(EncoderConfig(categorical=((name, ITEMS),)), ITEMS))
    with pytest.raises(ModelError, match=f"field `{name}` has the name of"):
        export_onnx(model, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())
