import math
from dataclasses import asdict

import pytest

from cartveil.errors import InputError
from cartveil.insight.training.config import TrainingConfig

#: Setting -> what it must not be.
WRONG = {
    **dict.fromkeys(("epochs", "patience", "save_every", "report_every"), (0, -1, 1.5, True, "3", None, 2**63)),
    "seed": (-1, 2**63, 0.5, False, None),
    "learning_rate": (0, -1e-3, math.nan, math.inf, "fast", None, True),
    "clip_norm": (0, -1.0, math.nan, math.inf, None),
    "weight_decay": (-0.01, math.nan, math.inf, None),
    "warmup": (-0.1, 1, 1.0, 2, math.nan, None),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_number_outside_its_range_is_refused_by_name(name, value):
    with pytest.raises(InputError, match="must be") as caught:
        TrainingConfig(**{name: value})
    assert caught.value.path == name


@pytest.mark.parametrize(
    "edge",
    [
        {"epochs": 1, "patience": 1, "save_every": 1, "report_every": 1},
        {"seed": 0},
        {"seed": 2**63 - 1},
        {"weight_decay": 0, "warmup": 0, "learning_rate": 1},
        {"warmup": 0.999},
        {"rates": (("encoder", 0.0),)},
    ],
)
def test_the_edges_of_the_ranges_are_taken(edge):
    assert edge.items() <= asdict(TrainingConfig(**edge)).items()


@pytest.mark.parametrize("factor", [-1.0, math.nan, math.inf, "half"])
def test_a_factor_on_the_rate_is_finite_and_not_below_zero(factor):
    with pytest.raises(InputError) as caught:
        TrainingConfig(rates=(("encoder", factor),))
    assert caught.value.path == "rates.encoder"
