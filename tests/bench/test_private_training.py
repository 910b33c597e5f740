"""The bench of private training, in sizes at which every step takes milliseconds."""

import dataclasses

import pytest
import torch
from bench.private_exactness import Case, error
from bench.private_steps import TIERS, NotHereError, Shape, next_item, sequences, tape
from bench.private_training import VARIANTS, over_own_plain, peak, ratio, rows, summary, times

from bench import private_steps, private_training

SMALL = Shape(4, 5, 8, 8, 20)
LAST = dataclasses.replace(SMALL, everywhere=False)


@pytest.mark.parametrize("shape", [SMALL, LAST], ids=["all", "last"])
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.filterwarnings("ignore")
def test_every_variant_makes_a_step(variant, shape):
    try:
        VARIANTS[variant](shape)()
    except NotHereError as error:
        pytest.skip(str(error))


# Both train one example further than chance would: else something was measured that does not train.
@pytest.mark.parametrize("variant", ["torch", "tape_plain"])
def test_a_step_changes_the_weights(variant, monkeypatch):
    kept = []
    whole = private_steps._optimizer
    monkeypatch.setattr(private_steps, "_optimizer", lambda model: kept.append(model) or whole(model))
    step = VARIANTS[variant](SMALL)
    before = [each.clone() for each in kept[0].parameters()]
    step()
    assert any(not torch.equal(old, new) for old, new in zip(before, kept[0].parameters(), strict=True))


def test_our_model_has_the_weights_of_the_stock_one():
    stock = private_steps.Stock(SMALL, torch.nn.LSTM)
    assert sum(each.numel() for each in next_item(SMALL).parameters()) == sum(p.numel() for p in stock.parameters())


def test_the_loss_counts_everywhere_or_at_the_last_position():
    assert (sequences(SMALL).weights == 1 / SMALL.length).all()
    assert sequences(LAST).weights[0].tolist() == [0, 0, 0, 0, 1]


def test_variants_take_turns_and_ratios_are_of_the_same_turn():
    found = times(SMALL, ["torch", "tape"], rounds=3)
    assert {name: len(each) for name, each in found.items()} == {"torch": 3, "tape": 3}
    assert ratio([1.0, 8.0, 3.0], [1.0, 2.0, 1.0]) == 3.0


def test_more_memory_in_use_is_seen():
    wide = Shape(64, 50, 8, 8, 5_000)  # scores alone: 61 MiB
    assert peak(wide, "torch") > 100 > peak(SMALL, "torch")


def test_rows_have_the_keys_that_readers_look_for():
    (row, _) = rows("all", {"torch": [2.0], "tape": [1.0]}, {"torch": 4.0, "tape": 1.0})
    assert {"shape", "variant", "time_ratio", "memory_ratio"} <= set(row)
    over = over_own_plain({"tape": [3.0], "tape_plain": [2.0], "noise": [0.5]})
    assert over == {"tape": {"step": 1.5, "clipping": 1.25}}
    told = summary({"all": over}, {"tape": {"one": 1e-7, "two": 1e-6}})
    assert (told["private_over_own_plain"], told["max_relative_error"]) == (1.5, 1e-6)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_clipped_sums_are_exact(layers, padded, tied):
    case = Case(dataclasses.replace(SMALL, layers=layers), tied=tied, padded=padded)
    for tier in private_training.here(TIERS)[0]:
        assert error(TIERS[tier], case) < 1e-5


def test_a_sum_that_is_not_clipped_is_seen():
    assert error(lambda model, data, limit: tape(model, data, 1e3 * limit), Case(SMALL)) > 1e-3


def test_what_cannot_run_here_is_left_out_with_its_reason(monkeypatch):
    def nowhere(shape):
        raise NotHereError("no compiler")

    monkeypatch.setattr(private_training, "VARIANTS", {"torch": lambda _: lambda: None, "kernel": nowhere})
    assert private_training.here(["torch", "kernel"]) == (["torch"], {"kernel": "no compiler"})
