"""What is said of privacy: never an epsilon without everything that it depends on."""

import json
import math
from dataclasses import replace

import pytest

from cartveil.errors import ModelError
from cartveil.insight.privacy.accounting import EventLog, epsilon_of
from cartveil.insight.privacy.entries import Draw, Noise, Threshold
from cartveil.insight.privacy.statement import PrivacyStatement, statement_of


def trained(*, secret: bool = True, steps: int = 5) -> EventLog:
    log = EventLog()
    log.append(Noise(12.0, 1.0, True, "vocabulary"))
    log.append(Threshold(1e-7, "vocabulary"))
    for _ in range(steps):
        log.append(Draw(0.05, 400, secret))
        log.append(Noise(1.25, 0.5, True, "training"))
    return log


def test_every_epsilon_comes_with_delta_unit_relation_and_how() -> None:
    said = str(statement_of(trained(), delta=1e-5))
    for words in ("epsilon", "delta 1e-05", "one consumer", "add or remove one", "privacy loss distribution"):
        assert words in said
    for words in ("5 steps", "sampling rate 0.05", "noise multiplier 1.25", "clipped at 0.5", "vocabulary", "1e-07"):
        assert words in said


def test_it_says_what_the_log_says() -> None:
    log = trained()
    said = statement_of(log, delta=1e-5)
    assert said.epsilon == epsilon_of(log, delta=1e-5)
    assert (said.noise_multiplier, said.rate, said.steps, said.bound) == (1.25, 0.05, 5, 0.5)


def test_what_is_printed_promises_no_more_than_what_was_computed() -> None:
    said = replace(statement_of(trained(), delta=1e-5), epsilon=8.0004, delta=1.00004e-6)
    assert str(said).startswith("epsilon 8.001 at delta 1.001e-06 for one consumer")
    assert str(replace(said, epsilon=4.0)).startswith("epsilon 4 at")
    assert str(replace(said, epsilon=math.inf)).startswith("epsilon inf at")


def test_it_says_what_is_taken_as_public() -> None:
    assert "the number of consumers is taken as public" in str(statement_of(trained(), delta=1e-5))


def test_seeded_randomness_is_told_aloud() -> None:
    assert "NOTHING is promised" in str(statement_of(trained(secret=False), delta=1e-5))
    assert "NOTHING" not in str(statement_of(trained(), delta=1e-5))


def test_it_is_plain_json_for_a_card() -> None:
    plain = json.loads(json.dumps(statement_of(trained(), delta=1e-5).as_dict(), allow_nan=False))
    assert plain["unit"] == "consumer"
    assert plain["epsilon"] > 0
    nothing_left = statement_of(trained(), delta=1e-7)
    assert math.isinf(nothing_left.epsilon)
    assert nothing_left.as_dict()["epsilon"] is None


@pytest.mark.parametrize("log", [EventLog(), trained(steps=0)])
def test_a_log_without_training_is_described_too(log: EventLog) -> None:
    assert "epsilon" in str(statement_of(log, delta=1e-5))


@pytest.mark.parametrize("epsilon", [math.inf, math.nan, 4.1])
def test_a_training_that_cost_more_than_was_promised_is_not_kept(epsilon: float) -> None:
    said = replace(statement_of(trained(), delta=1e-5), epsilon=epsilon)
    with pytest.raises(ModelError, match="more privacy than was promised"):
        said.require(4.0)
    replace(said, epsilon=4.0).require(4.0)


def test_an_infinite_epsilon_can_be_read_back_and_said() -> None:
    written = replace(statement_of(trained(), delta=1e-5), epsilon=math.inf).as_dict()
    back = PrivacyStatement(**{**written, "beside": tuple(written["beside"])})
    assert "epsilon inf at delta" in str(back)
    assert back.as_dict() == written
