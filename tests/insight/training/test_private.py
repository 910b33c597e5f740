import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cartveil.errors import InputError, ModelError, StorageError
from cartveil.insight.privacy import kernel
from cartveil.insight.privacy.accounting import epsilon_of
from cartveil.insight.privacy.clipping import ClippedSum
from cartveil.insight.privacy.event_log import EventLog
from cartveil.insight.privacy.noise import add_noise
from cartveil.insight.privacy.randomness import Randomness, seeded_for_tests
from cartveil.insight.training.examples import Examples
from cartveil.insight.training.lessons import losses_of
from cartveil.insight.training.loop import Epoch
from cartveil.insight.training.private import PrivateConfig, PrivateTraining, PrivateUpdate, account_of, train_private
from training_shop import CONFIG, private_examples, same_weights, sequences, small_model

WISH = PrivateConfig(epsilon=4.0, delta=1e-4, batch=8)
PLANNED = 15

#: A weak promise, whose cost is found sooner.
WEAK = replace(WISH, epsilon=20.0)

#: Nobody is drawn unless the rate is 1; the noise that goes with it is too small to matter.
NOBODY, NEXT_TO_NONE = Randomness(lambda count: b"\xff" * count, secret=False), 1e-12


def trained_privately(
    model: torch.nn.Module | None = None, **changes: object
) -> tuple[torch.nn.Module, PrivateTraining]:
    model = small_model(dropout=0.0) if model is None else model
    given = {"examples": private_examples(sequences()), "privacy": WISH, "config": CONFIG, **changes}
    losses = given.pop("losses", losses_of)
    return model, train_private(model, losses, **given)


def interrupted(after: int) -> Callable[[object], None]:
    left = iter(range(after, 0, -1))

    def on_progress(_: object) -> None:
        if next(left) == 1:
            raise KeyboardInterrupt

    return on_progress


def update_without_noise(examples: Examples, **wish: object) -> PrivateUpdate:
    privacy = replace(WISH, batch=examples.consumers, **wish)
    update = PrivateUpdate(examples, privacy, planned=1, log=EventLog(), random=NOBODY)
    update._multiplier = NEXT_TO_NONE
    return update


def sum_without_noise(examples: Examples, **wish: object) -> dict[str, torch.Tensor]:
    """Return what a step would hand to the noise, all consumers drawn."""
    model = small_model(dropout=0.0)
    update_without_noise(examples, **wish).gradients(model, losses_of, None)
    named = model.named_parameters()
    return {name: each.grad * examples.consumers for name, each in named if each.grad is not None}


def distance(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    return math.sqrt(sum(float((one[name] - other[name]).double().square().sum()) for name in one))


def test_the_account_holds_every_planned_step_and_keeps_the_promise() -> None:
    log = EventLog()
    _, done = trained_privately(log=log)
    assert len(log) == PLANNED
    assert {(step.rate, step.what, step.bound, step.secret) for step in log.steps} == {(0.2, "training", 1.0, True)}
    assert 0.9 * WISH.epsilon < done.statement.epsilon == epsilon_of(log, delta=WISH.delta) <= WISH.epsilon
    assert done.statement.steps == PLANNED


def test_neither_loss_nor_score_is_told() -> None:
    seen = []
    _, done = trained_privately(on_progress=seen.append)
    assert len(done.epochs) == 3
    assert all(math.isnan(each.loss) for each in (*done.epochs, *seen))
    assert all(math.isnan(epoch.score) for epoch in done.epochs)


def test_how_many_were_drawn_is_not_told() -> None:
    _, done = trained_privately()
    assert {round(epoch.samples_per_second * epoch.seconds) for epoch in done.epochs} == {5 * 8}


def test_a_step_sums_what_a_loop_over_consumers_sums() -> None:
    owners = np.array([7, 7, 7, 3, 5, 5, 9, 11] * 5)
    ids, clip = sequences(), 0.02
    examples, expected = private_examples(ids, owners), {}
    for row in range(len(ids)):
        model = small_model(dropout=0.0)
        losses_of(model, examples.part(np.array([row]))).sum().backward()
        gradient = {name: each.grad for name, each in model.named_parameters() if each.grad is not None}
        norm = distance(gradient, {name: torch.zeros(()) for name in gradient})
        factor = min(1.0, clip / (owners == owners[row]).sum() / norm)
        expected = {name: expected.get(name, 0) + factor * each for name, each in gradient.items()}
    found = sum_without_noise(examples, clip=clip)
    assert distance(found, expected) < 1e-4 * distance(expected, {name: torch.zeros(()) for name in expected})


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=3, max_size=12).filter(lambda owners: len(set(owners)) > 1), st.booleans())
def test_a_consumer_moves_the_sum_by_the_clip_at_most(owners: list[int], automatic: bool) -> None:
    whose, ids = np.array(owners), sequences(count=len(owners))
    without = whose != owners[0]
    whole = sum_without_noise(private_examples(ids, whose), clip=0.05, automatic=automatic)
    less = sum_without_noise(
        private_examples(ids[torch.from_numpy(without)], whose[without]), clip=0.05, automatic=automatic
    )
    assert distance(whole, less) <= 0.05 * (1 + 1e-5)


def test_the_sum_is_divided_by_the_expected_size_not_by_the_drawn() -> None:
    examples = private_examples(sequences())
    update = PrivateUpdate(examples, WISH, planned=9, log=EventLog(), random=NOBODY)
    update._multiplier = NEXT_TO_NONE
    model = small_model()
    assert math.isnan(update.gradients(model, losses_of, None))
    # Nobody was drawn, and nothing was divided by nothing.
    assert all(each.grad.abs().max() < 1e-9 for each in model.parameters() if each.grad is not None)
    assert update.left == 8


@pytest.mark.skipif(not kernel.available(), reason="the compiled kernel was not built")
def test_both_tiers_end_with_the_same_weights_but_for_rounding() -> None:
    def again(model: torch.nn.Module, part: object) -> torch.Tensor:
        return losses_of(model, part)

    compiled, _ = trained_privately(random=seeded_for_tests(1))
    plain, _ = trained_privately(random=seeded_for_tests(1), losses=again)
    pairs = zip(compiled.state_dict().values(), plain.state_dict().values(), strict=True)
    assert all(torch.allclose(one, other, atol=1e-3) for one, other in pairs)


def test_chance_comes_from_the_operating_system_unless_seeded() -> None:
    assert not same_weights(trained_privately()[0], trained_privately()[0])
    seeded = [trained_privately(random=seeded_for_tests(1)) for _ in range(2)]
    assert same_weights(seeded[0][0], seeded[1][0])
    assert "NOTHING is promised" in str(seeded[0][1].statement)


def test_it_learns_where_the_promise_is_weak() -> None:
    examples = private_examples(sequences(count=400))
    config, wish = replace(CONFIG, epochs=12), PrivateConfig(epsilon=50, delta=1e-4, batch=40)
    model, _ = trained_privately(small_model(dropout=0.0), examples=examples, config=config, privacy=wish)
    check = examples.part(np.arange(400))
    with torch.no_grad():
        assert float(losses_of(model, check).mean()) < 0.8 * float(losses_of(small_model().eval(), check).mean())


@pytest.mark.parametrize("after", [1, 4, 5, 14])
def test_steps_that_a_kill_threw_away_stay_in_the_account(tmp_path: Path, after: int) -> None:
    file = tmp_path / "training.safetensors"
    with pytest.raises(KeyboardInterrupt):
        trained_privately(checkpoint=file, on_progress=interrupted(after), config=replace(CONFIG, save_every=3))
    assert len(EventLog(account_of(file))) == after
    _, done = trained_privately(checkpoint=file, config=replace(CONFIG, save_every=3))
    assert len(EventLog(account_of(file))) == PLANNED
    assert done.statement.steps == PLANNED
    assert done.statement.epsilon <= WISH.epsilon
    assert len({step.multiplier for step in EventLog(account_of(file)).steps}) == 1


def test_a_finished_training_spends_nothing_again(tmp_path: Path) -> None:
    file = tmp_path / "training.safetensors"
    first, _ = trained_privately(checkpoint=file)
    again, done = trained_privately(checkpoint=file)
    assert same_weights(first, again)
    assert done.statement.steps == PLANNED


def test_a_resume_without_the_account_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "training.safetensors"
    with pytest.raises(KeyboardInterrupt):
        trained_privately(checkpoint=file, on_progress=interrupted(6))
    account_of(file).unlink()
    with pytest.raises(ModelError, match="account holds fewer steps than the checkpoint") as caught:
        trained_privately(checkpoint=file)
    assert caught.value.path == str(file)


@pytest.mark.parametrize("change", [{"epsilon": 8.0}, {"clip": 0.5}, {"automatic": True}])
def test_a_resume_under_another_promise_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    file = tmp_path / "training.safetensors"
    with pytest.raises(KeyboardInterrupt):
        trained_privately(checkpoint=file, on_progress=interrupted(6))
    with pytest.raises(ModelError, match="under another promise") as caught:
        trained_privately(checkpoint=file, privacy=replace(WISH, **change))
    assert caught.value.path == str(file)
    assert trained_privately(checkpoint=file, privacy=replace(WISH, threads=2))[1].statement.steps == PLANNED


def test_a_resume_on_other_rows_of_as_many_consumers_is_refused(tmp_path: Path) -> None:
    file, made = tmp_path / "training.safetensors", 6
    spring = replace(private_examples(sequences()), fingerprint=lambda: "spring")
    with pytest.raises(KeyboardInterrupt):
        trained_privately(checkpoint=file, on_progress=interrupted(made), examples=spring)
    for other in (
        replace(private_examples(sequences(seed=6)), fingerprint=lambda: "autumn"),
        private_examples(sequences()),
    ):
        with pytest.raises(ModelError, match="made from other data") as caught:
            trained_privately(checkpoint=file, examples=other)
        assert caught.value.path == str(file)
        assert len(EventLog(account_of(file))) == made
    assert trained_privately(checkpoint=file, examples=spring)[1].statement.steps == PLANNED


def test_training_anew_with_the_same_account_pays_for_what_it_holds(tmp_path: Path) -> None:
    file = tmp_path / "training.safetensors"
    with pytest.raises(KeyboardInterrupt):
        trained_privately(checkpoint=file, on_progress=interrupted(6))
    file.unlink()
    _, done = trained_privately(checkpoint=file, privacy=replace(WISH, epsilon=8.0))
    assert len(EventLog(account_of(file))) == 6 + PLANNED
    assert done.statement.epsilon <= 8.0


def test_what_the_account_holds_already_counts() -> None:
    log = EventLog()
    counts = ClippedSum({"items": torch.zeros(3)}, 1.0, 1, 0, 0)
    add_noise(counts, multiplier=2.0, log=log, what="vocabulary")
    _, done = trained_privately(log=log)
    alone = trained_privately()[1].statement
    assert done.statement.epsilon <= WISH.epsilon
    assert done.statement.noise_multiplier > alone.noise_multiplier
    assert any("vocabulary" in each for each in done.statement.beside)


def counted(log: EventLog, multiplier: float) -> None:
    add_noise(ClippedSum({"items": torch.zeros(3)}, 1.0, 1, 0, 0), multiplier=multiplier, log=log, what="popularity")


def test_what_was_counted_before_a_resume_costs_steps(tmp_path: Path) -> None:
    file = tmp_path / "training.safetensors"
    with pytest.raises(KeyboardInterrupt):
        trained_privately(checkpoint=file, on_progress=interrupted(6), privacy=WEAK)
    log = EventLog(account_of(file))
    counted(log, 0.6)
    _, done = trained_privately(checkpoint=file, log=log, privacy=WEAK)
    assert 6 < done.statement.steps < PLANNED
    assert 0.8 * WEAK.epsilon < done.statement.epsilon == epsilon_of(log, delta=WEAK.delta) <= WEAK.epsilon


def test_what_is_counted_while_it_trains_costs_steps() -> None:
    log = EventLog()

    def count(epoch: Epoch) -> None:
        if epoch.number == 1:
            counted(log, 0.6)

    _, done = trained_privately(log=log, on_epoch=count, privacy=WEAK)
    assert 5 < done.statement.steps < PLANNED
    assert done.statement.epsilon <= WEAK.epsilon


def test_a_resume_is_refused_where_nothing_is_left_of_the_promise(tmp_path: Path) -> None:
    file = tmp_path / "training.safetensors"
    with pytest.raises(KeyboardInterrupt):
        trained_privately(checkpoint=file, on_progress=interrupted(6), privacy=WEAK)
    log = EventLog(account_of(file))
    counted(log, 0.2)
    with pytest.raises(ModelError, match="costs more than was promised already"):
        trained_privately(checkpoint=file, log=log, privacy=WEAK)
    assert len(log) == 7


def test_two_trainings_with_one_account_keep_one_promise() -> None:
    log, inner = EventLog(), []

    def train_another(epoch: Epoch) -> None:
        if epoch.number == 1:
            inner.append(trained_privately(log=log, config=replace(CONFIG, epochs=1), privacy=WEAK)[1])

    _, done = trained_privately(log=log, on_epoch=train_another, privacy=WEAK)
    assert inner[0].statement.epsilon <= done.statement.epsilon <= WEAK.epsilon


def test_another_training_with_the_same_checkpoint_is_kept_out(tmp_path: Path) -> None:
    file = tmp_path / "training.safetensors"

    def train_another(_: Epoch) -> None:
        with pytest.raises(StorageError, match="account is in use"):
            trained_privately(checkpoint=file)

    trained_privately(checkpoint=file, on_epoch=train_another)
    assert len(EventLog(account_of(file))) == PLANNED


def test_no_step_is_made_beyond_the_planned() -> None:
    update, model = update_without_noise(private_examples(sequences())), small_model(dropout=0.0)
    update.gradients(model, losses_of, None)
    with pytest.raises(ModelError, match="no step is left"):
        update.gradients(model, losses_of, None)


def test_an_account_that_costs_too_much_already_is_refused() -> None:
    log = EventLog()
    add_noise(ClippedSum({"items": torch.zeros(3)}, 1.0, 1, 0, 0), multiplier=0.3, log=log, what="vocabulary")
    with pytest.raises(ModelError, match="no noise is enough"):
        trained_privately(log=log)


def test_mixed_precision_is_refused() -> None:
    with pytest.raises(ModelError, match="full precision"):
        trained_privately(config=replace(CONFIG, precision="mixed"))


def test_a_batch_of_nobody_is_refused() -> None:
    with pytest.raises(InputError, match="batch: must be above 0"):
        replace(WISH, batch=0)


def test_a_batch_larger_than_all_takes_everybody() -> None:
    _, done = trained_privately(privacy=replace(WISH, batch=10_000), config=replace(CONFIG, epochs=1))
    assert (done.statement.rate, done.statement.steps) == (1.0, 1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_on_a_gpu_it_gives_the_same() -> None:
    here, _ = trained_privately(random=seeded_for_tests(1))
    there, _ = trained_privately(random=seeded_for_tests(1), device="cuda")
    pairs = zip(here.state_dict().values(), there.state_dict().values(), strict=True)
    assert all(torch.allclose(one, other, atol=1e-2) for one, other in pairs)


@pytest.mark.parametrize(
    ("promise", "path"),
    [
        ({"epsilon": 0.0}, "epsilon"),
        ({"epsilon": math.inf}, "epsilon"),
        ({"epsilon": math.nan}, "epsilon"),
        ({"delta": 0.0}, "delta"),
        ({"delta": 1.0}, "delta"),
        ({"delta": math.nan}, "delta"),
        ({"delta": 1e-16}, "delta"),
    ],
)
def test_a_promise_that_makes_no_sense_is_refused_at_once(promise: dict[str, float], path: str) -> None:
    with pytest.raises(InputError) as refused:
        replace(WISH, **promise)
    assert refused.value.path == path


def test_a_training_whose_account_says_more_than_was_promised_is_not_given_out() -> None:
    log = EventLog()

    def spend(epoch: Epoch) -> None:
        if epoch.number == CONFIG.epochs:  # after the last step, when nothing can be saved any more
            noise = ClippedSum({"else": torch.zeros(1)}, bound=1.0, examples=1, clipped=0, non_finite=0)
            add_noise(noise, multiplier=0.5, log=log)

    with pytest.raises(ModelError, match="more privacy than was promised"):
        trained_privately(privacy=WEAK, log=log, on_epoch=spend)
