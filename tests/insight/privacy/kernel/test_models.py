"""The kernel takes only models that it knows down to the last parameter."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from cartveil.errors import ModelError
from cartveil.insight.models.encoder import EncoderConfig
from cartveil.insight.models.next_item import NextItem, NextItemConfig
from cartveil.insight.privacy.kernel import clipped_sum, fits
from insight.privacy.kernel.slow import case

CONFIG = EncoderConfig((("item", 30),), embedding=8, hidden=8, project=False)


def made(**changes: object) -> NextItem:
    return NextItem(NextItemConfig(replace(CONFIG, **changes), 30))  # type: ignore[arg-type]


@pytest.mark.parametrize("changes", [{}, {"layers": 4}, {"numeric": 2}, {"dropout": 0.5}, {"hidden": 9}])
def test_models_it_knows(changes: dict[str, object]) -> None:
    assert fits(made(**changes))


@pytest.mark.parametrize(
    "changes",
    [{"project": True}, {"layer_norm": True}, {"residual": True}, {"bags": (("basket", 9),)}],
)
def test_encoders_it_does_not_know(changes: dict[str, object]) -> None:
    assert not fits(made(**changes))


def test_a_subclass_may_compute_something_else() -> None:
    class Other(NextItem):
        pass

    assert not fits(Other(NextItemConfig(CONFIG, 30)))


def test_one_parameter_more_is_one_too_many() -> None:
    model = made()
    model.temperature = nn.Parameter(torch.ones(()))
    assert not fits(model)


def test_a_frozen_or_converted_parameter_does_not_fit() -> None:
    frozen, double, both = made(), made().double(), made()
    frozen.head.weight.requires_grad_(False)
    both.encoder.lstm.bias_hh_l0.requires_grad_(True)  # type: ignore[union-attr]
    assert not fits(frozen)
    assert not fits(double)
    assert not fits(both)


def test_other_modules_do_not_fit() -> None:
    assert not fits(nn.Linear(2, 2))
    assert not fits(nn.Sequential())


def test_a_model_that_does_not_fit_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match="NextItem"):
        clipped_sum(made(project=True), *case().given[1:], clip=1.0)
