import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cartveil.errors import ModelError
from cartveil.insight.training.lessons import mean_loss
from cartveil.insight.training.loop import Epoch, TrainingConfig, fit
from cartveil.insight.training.updates import PlainUpdate
from training_shop import BATCH, CONFIG, lesson, same_weights, sequences, shuffled, small_model, trained


def fitted(model: nn.Module, **changes: object) -> tuple[Epoch, ...]:
    ids = sequences()
    given = {
        "batches": shuffled(ids),
        "steps": len(ids) // BATCH,
        "validate": None,
        "config": replace(CONFIG, epochs=1),
        **changes,
    }
    return fit(model, given.pop("loss", mean_loss), **given)


def scores(*given: float) -> Callable[[nn.Module], float]:
    left = iter(given)
    return lambda _: next(left)


def obvious(config: TrainingConfig) -> nn.Module:
    """What the loop does, as short as it can be said, for one epoch without dropout."""
    model, ids = small_model(dropout=0.0), sequences()
    optimizer = torch.optim.AdamW(
        [
            {"params": [each], "weight_decay": 0.01 if each.ndim > 1 and "embedding" not in name else 0.0}
            for name, each in model.named_parameters()
        ],
        lr=config.learning_rate,
    )
    steps = len(ids) // BATCH
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: 1.0 if step < 1 else 0.5 * (1 + math.cos(math.pi * min(1.0, (step - 1) / (steps - 1)))),
    )
    for batch in shuffled(ids)(np.random.default_rng(config.seed)):
        optimizer.zero_grad()
        mean_loss(model, batch).backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
        optimizer.step()
        rate.step()
    return model


def test_it_does_what_an_obvious_loop_does() -> None:
    model, config = small_model(dropout=0.0), TrainingConfig(epochs=1, learning_rate=0.02)
    fitted(model, config=config)
    assert same_weights(model, obvious(config))


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    assert same_weights(trained(), trained())
    assert not same_weights(trained(), trained(config=replace(CONFIG, seed=1)))


def test_it_learns_what_follows_what() -> None:
    check = lesson(sequences(seed=6))
    model = trained(config=replace(CONFIG, epochs=30))
    with torch.no_grad():
        assert float(mean_loss(model, check)) < 0.5 * float(mean_loss(small_model().eval(), check))


def test_the_weights_of_the_best_epoch_are_kept() -> None:
    model, seen = small_model(), []
    config = replace(CONFIG, epochs=3, patience=3)

    def validate(net: nn.Module) -> float:
        seen.append({name: each.clone() for name, each in net.state_dict().items()})
        return [1.0, 3.0, 2.0][len(seen) - 1]

    fitted(model, config=config, validate=validate)
    assert all(torch.equal(each, seen[1][name]) for name, each in model.state_dict().items())


def test_it_stops_after_patience_without_a_better_score() -> None:
    history = fitted(small_model(), config=replace(CONFIG, epochs=9, patience=2), validate=scores(1, 2, 2, 1, 9))
    assert [epoch.number for epoch in history] == [1, 2, 3, 4]


def test_without_validation_all_epochs_run_and_the_last_weights_stay() -> None:
    model, config = small_model(), replace(CONFIG, epochs=4, patience=1)
    history = fitted(model, config=config)
    assert len(history) == 4
    assert all(math.isnan(epoch.score) for epoch in history)
    other = small_model()
    fitted(other, config=config, validate=scores(1, 2, 3, 4))
    assert same_weights(model, other)


def test_the_model_is_in_evaluation_mode_when_judged_and_afterwards() -> None:
    modes, model = [], small_model()
    fitted(model, validate=lambda net: float(modes.append(net.training) or 0))
    assert modes == [False]
    assert not model.training


def test_progress_counts_steps_events_and_the_time_left() -> None:
    seen = []
    fitted(small_model(), config=replace(CONFIG, epochs=2, report_every=2), on_progress=seen.append)
    assert [(each.epoch, each.step) for each in seen] == [(1, 2), (1, 4), (2, 2), (2, 4)]
    assert all(each.events_per_second > 0 and each.seconds_left > 0 for each in seen)
    left = [each.epochs * each.steps - (each.epoch - 1) * each.steps - each.step for each in seen]
    assert left == [8, 6, 3, 1]
    assert "epoch 2/2, step 4/5, " in str(seen[-1])


def test_a_prefix_has_its_own_rate() -> None:
    model, before = small_model(), small_model()
    fitted(model, config=replace(CONFIG, epochs=1, rates=(("encoder", 0.0),)))
    assert torch.equal(model.encoder.lstm.weight_hh_l0, before.encoder.lstm.weight_hh_l0)
    assert not torch.equal(model.head.weight, before.head.weight)


@pytest.mark.parametrize("bounded", [False, True])
def test_gradients_are_clipped_unless_the_update_did_it(*, bounded: bool) -> None:
    class Large(PlainUpdate):
        def gradients(self, model: nn.Module, loss: Callable[..., Tensor], batch: object) -> float:
            found = super().gradients(model, loss, batch)
            for parameter in model.parameters():
                if parameter.grad is not None:
                    parameter.grad *= 1e6
            return found

    model, update = small_model(), Large()
    update.bounded = bounded
    fitted(model, update=update)
    norm = math.sqrt(sum(float(each.grad.square().sum()) for each in model.parameters() if each.grad is not None))
    assert norm > 1e3 if bounded else norm == pytest.approx(CONFIG.clip_norm, rel=1e-3)


def test_labels_can_be_smoothed() -> None:
    sharp, smooth, check = small_model(), small_model(), lesson(sequences(seed=6))
    config = replace(CONFIG, epochs=25)
    fitted(sharp, config=config)
    fitted(smooth, config=config, loss=partial(mean_loss, smoothing=0.4))
    surest = [float(net.scores(check.batch).softmax(1).max(1).values.mean()) for net in (sharp, smooth)]
    assert surest[1] < surest[0] - 0.05


def test_nothing_to_train_on_is_a_clear_error() -> None:
    with pytest.raises(ModelError, match="nothing to train on"):
        fitted(small_model(), steps=0)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_a_clear_error(value: float) -> None:
    with pytest.raises(ModelError, match="loss is not finite"):
        fitted(small_model(), loss=lambda net, batch: mean_loss(net, batch) * value)


@pytest.mark.parametrize("device", ["cuda:99", "abacus", "meta"])
def test_a_device_that_is_not_here_is_a_clear_error(device: str) -> None:
    with pytest.raises(ModelError, match="device"):
        fitted(small_model(), device=device)


@pytest.mark.parametrize(("setting", "value"), [("precision", "half"), ("schedule", "wave")])
def test_a_setting_that_does_not_exist_is_a_clear_error(setting: str, value: str) -> None:
    with pytest.raises(ModelError, match=f"no {setting} is called `{value}`"):
        fitted(small_model(), config=replace(CONFIG, **{setting: value}))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_on_a_gpu_it_learns_the_same_and_comes_back() -> None:
    here, there = small_model(dropout=0.0), small_model(dropout=0.0)
    fitted(here)
    fitted(there, device="cuda")
    pairs = zip(here.state_dict().values(), there.state_dict().values(), strict=True)
    assert all(torch.allclose(one, other, atol=1e-3) for one, other in pairs)
