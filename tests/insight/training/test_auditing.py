"""The audit, with positive controls: builds of private training that are broken on purpose must be found out."""

import json
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from cartveil.errors import ModelError
from cartveil.insight.models.card import read_card, save_model
from cartveil.insight.models.encoder import Batch, EncoderConfig
from cartveil.insight.models.next_item import NextItem, NextItemConfig
from cartveil.insight.privacy.auditing import Canaries, draw_canaries
from cartveil.insight.privacy.clipping import ClippedSum, clipped_sum
from cartveil.insight.privacy.event_log import EventLog
from cartveil.insight.privacy.randomness import seeded_for_tests
from cartveil.insight.privacy.statement import PrivacyStatement
from cartveil.insight.training import private
from cartveil.insight.training.auditing import AuditResult, audit, canary_losses, with_canaries, write_attacks
from cartveil.insight.training.examples import Examples
from cartveil.insight.training.lessons import Lesson, losses_of
from cartveil.insight.training.loop import TrainingConfig
from cartveil.insight.training.private import PrivateConfig, train_private

ITEMS, CANARIES, LENGTH, PEOPLE, STEPS, BATCH = 100, 200, 4, 56, 5, 64
CONFIG = TrainingConfig(epochs=30, learning_rate=0.05, weight_decay=0.0)

Noise = Callable[..., dict[str, torch.Tensor]]


def fresh_model() -> NextItem:
    torch.manual_seed(0)
    encoder = EncoderConfig((("item", ITEMS),), embedding=32, hidden=32, dropout=0.0, project=False)
    return NextItem(NextItemConfig(encoder, ITEMS))


def people() -> Examples:
    ids = torch.from_numpy(np.random.default_rng(0).integers(2, ITEMS, (PEOPLE, STEPS + 1)))

    def part(rows: np.ndarray) -> Lesson:
        chosen = ids[torch.from_numpy(rows)]
        lengths = torch.full((len(chosen),), STEPS)
        batch = Batch({"item": chosen[:, :-1]}, {}, torch.zeros(len(chosen), STEPS, 0), lengths)
        return Lesson(batch, chosen[:, 1:], torch.ones(len(chosen), STEPS))

    return Examples(np.arange(PEOPLE), part)


def canaries(seed: int = 0, count: int = CANARIES) -> Canaries:
    return draw_canaries(count, LENGTH, items=np.arange(2, ITEMS), random=seeded_for_tests(seed))


def audited(epsilon: float, *, seed: int = 0, config: TrainingConfig = CONFIG) -> AuditResult:
    random = seeded_for_tests(seed)
    wish = PrivateConfig(epsilon, 1e-5, batch=BATCH)

    def train(model: NextItem, examples: Examples) -> PrivacyStatement:
        return train_private(model, losses_of, examples=examples, privacy=wish, config=config, random=random).statement

    return audit(fresh_model(), train, examples=people(), canaries=canaries(seed))


def scaled(share: float) -> Noise:
    """Return the noise step of a build that adds too little noise, and accounts for all of it."""
    honest = private.add_noise

    def add_noise(clipped: ClippedSum, **given: object) -> dict[str, torch.Tensor]:
        noisy = honest(clipped, **given)
        return {name: sums + share * (noisy[name] - sums) for name, sums in clipped.gradients.items()}

    return add_noise


@pytest.mark.parametrize("share", [0.0, 1 / BATCH], ids=["switched off", "divided by the batch twice"])
def test_a_build_without_enough_noise_is_flagged(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private, "add_noise", scaled(share))
    result = audited(2.0)
    assert result.claimed <= 2.0
    assert result.bound.epsilon > 2.5
    assert result.flagged
    assert "BROKEN" in str(result)


@pytest.mark.parametrize("epsilon", [1.0, 8.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_honest_private_training_is_not_flagged(epsilon: float, seed: int) -> None:
    result = audited(epsilon, seed=seed)
    assert not result.flagged
    assert "BROKEN" not in str(result)


def test_less_noise_tells_more() -> None:
    assert audited(1.0).attack.auc + 0.05 < audited(30.0).attack.auc


def test_canaries_left_out_add_nothing() -> None:
    drawn = canaries()
    nobody = Canaries(drawn.items, np.zeros(len(drawn), bool))
    examples = with_canaries(people(), nobody, field="item")
    rows = np.arange(PEOPLE, PEOPLE + CANARIES)
    found = clipped_sum(fresh_model(), losses_of, [examples.part(rows)], clip=1.0)
    assert found.examples == CANARIES
    assert all(bool((gradient == 0).all()) for gradient in found.gradients.values())


# Were their number told, the coins would not be independent of what is public.
def test_how_many_canaries_were_left_out_changes_nothing_public() -> None:
    drawn = canaries()
    for included in (np.zeros(len(drawn), bool), np.ones(len(drawn), bool)):
        assert with_canaries(people(), Canaries(drawn.items, included), field="item").consumers == PEOPLE + CANARIES


def test_a_checkpoint_of_other_canaries_would_be_refused() -> None:
    drawn, plain = canaries(), people()
    flipped, known = Canaries(drawn.items, ~drawn.included), replace(plain, fingerprint=lambda: "spring")
    made = [with_canaries(*each, field="item") for each in ((plain, drawn), (plain, flipped), (known, drawn))]
    assert len({each.fingerprint() for each in made}) == 3


def test_parts_with_canaries_keep_the_order_of_their_rows() -> None:
    drawn, plain = canaries(), people()
    mixed = with_canaries(plain, drawn, field="item").part(np.array([PEOPLE + 3, 7, PEOPLE, 2]))
    assert mixed.batch.categorical["item"][0, : LENGTH - 1].tolist() == drawn.items[3, :-1].tolist()
    assert mixed.targets[2, : LENGTH - 1].tolist() == drawn.items[0, 1:].tolist()
    assert torch.equal(mixed.targets[[1, 3]], plain.part(np.array([7, 2])).targets)
    assert mixed.lengths.tolist() == [LENGTH - 1, STEPS, LENGTH - 1, STEPS]
    assert mixed.weights.sum(1).tolist() == [
        (LENGTH - 1) * drawn.included[3],
        STEPS,
        (LENGTH - 1) * drawn.included[0],
        STEPS,
    ]


def test_fields_that_a_canary_does_not_have_are_filled() -> None:
    drawn = canaries(count=4)
    shape = EncoderConfig((("item", ITEMS), ("shop", 5)), (("words", 9),), numeric=2, hidden=8, project=True)
    model = NextItem(NextItemConfig(shape, ITEMS))
    blank = torch.zeros(1, 6).long()
    batch = Batch({"item": blank, "shop": blank}, {"words": blank[..., None]}, torch.zeros(1, 6, 2), torch.tensor([6]))
    examples = Examples(np.zeros(1, np.int64), lambda rows: Lesson(batch, blank, torch.ones(1, 6)))
    whole = with_canaries(examples, drawn, field="item").part(np.arange(5))
    assert whole.batch.numeric.shape == (5, 6, 2)
    assert whole.batch.categorical["shop"][1:, : LENGTH - 1].unique().tolist() == [1]
    assert losses_of(model, whole).shape == (5,)


def test_losses_of_canaries_are_mean_cross_entropies_whatever_the_coins() -> None:
    model, drawn = fresh_model().train(), canaries(count=3)
    found = canary_losses(model, drawn)
    assert model.training
    for row, items in enumerate(torch.from_numpy(drawn.items)):
        lengths = torch.tensor([LENGTH - 1])
        batch = Batch({"item": items[None, :-1]}, {}, torch.zeros(1, LENGTH - 1, 0), lengths)
        scores = model.head.scores(model.encoder(batch))[0].detach()
        assert found[row] == pytest.approx(float(torch.nn.functional.cross_entropy(scores, items[1:])), rel=1e-5)


def test_what_promises_nothing_is_never_flagged() -> None:
    # Every canary's items as they are, learnt by heart.
    def train(model: NextItem, examples: Examples) -> PrivacyStatement:
        optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
        for _ in range(60):
            optimizer.zero_grad()
            losses_of(model, examples.part(np.arange(PEOPLE + CANARIES))).mean().backward()
            optimizer.step()
        return PrivacyStatement(math.inf, 1e-5, 0.0, 1.0, 60, math.inf)

    result = audit(fresh_model(), train, examples=people(), canaries=canaries())
    assert not result.flagged
    assert result.attack.auc == pytest.approx(1.0)
    assert result.bound.epsilon > 3
    assert result.as_dict()["claimed"] is None


def test_results_stand_in_the_models_card(tmp_path) -> None:
    result = audited(2.0, config=TrainingConfig(epochs=1))
    save_model(tmp_path / "model", fresh_model().state_dict(), {"kind": "next item", "attacks": {"older": {}}})
    write_attacks(tmp_path / "model", {"one_run": result.as_dict()})
    card = read_card(tmp_path / "model")
    assert card["attacks"]["older"] == {}
    assert card["attacks"]["one_run"] == json.loads(json.dumps(result.as_dict()))
    assert card["attacks"]["one_run"]["flagged"] is False


def test_no_model_no_card(tmp_path) -> None:
    with pytest.raises(ModelError, match="no model"):
        write_attacks(tmp_path, {})


def test_an_audited_training_keeps_its_account() -> None:
    log = EventLog()

    def train(model: NextItem, examples: Examples) -> PrivacyStatement:
        wish = PrivateConfig(2.0, 1e-5, batch=BATCH)
        config = TrainingConfig(epochs=1)
        return train_private(model, losses_of, examples=examples, privacy=wish, config=config, log=log).statement

    result = audit(fresh_model(), train, examples=people(), canaries=canaries())
    assert len(log) == 4
    assert log.steps[0].count == PEOPLE + CANARIES
    assert result.claimed <= 2.0
