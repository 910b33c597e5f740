"""Words and counts through noise: what many have comes out, what one has does not, and both are paid for."""

import math
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartveil.errors import InputError
from cartveil.events.mark import ProtectionMark
from cartveil.events.protected import ProtectedEvents
from cartveil.insight.privacy import vocabulary
from cartveil.insight.privacy.accounting import EventLog, epsilon_of
from cartveil.insight.privacy.randomness import seeded_for_tests
from cartveil.insight.privacy.vocabulary import (
    WordBudget,
    private_counts,
    private_vocabulary,
    threshold_of,
    word_budget,
)


def release(rows: list[tuple[str | None, str | None]]) -> ProtectedEvents:
    """Return events of (consumer, item), each later than the one before."""
    start = datetime(2026, 1, 1)
    columns = {
        "subject": pa.array([subject for subject, _ in rows], pa.string()),
        "time": pa.array([start + timedelta(hours=place) for place in range(len(rows))], pa.timestamp("us")),
        "item": pa.array([item for _, item in rows], pa.string()),
    }
    return ProtectedEvents(pa.table(columns), {}, ProtectionMark())


CROWD = [(f"c{number}", item) for number in range(3000) for item in ("bread", "milk", f"own-{number}")]
BUDGET = word_budget(epsilon=1.0, delta=1e-6, at_most=4)


def test_what_many_have_comes_out_and_what_one_has_does_not() -> None:
    found = private_vocabulary(release(CROWD), budget=BUDGET, log=EventLog())
    assert set(found.words) == {"bread", "milk"}
    assert found.weights.min() > found.threshold
    assert found.weights[0] >= found.weights[1]
    assert found.weights[0] == pytest.approx(3000 / math.sqrt(3), rel=0.05)


def test_the_budget_that_was_asked_for_is_what_is_spent() -> None:
    log = EventLog()
    private_vocabulary(release(CROWD), budget=BUDGET, log=log)
    assert [step.what for step in log.steps] == ["vocabulary", "vocabulary"]
    assert 0.99 <= epsilon_of(log, delta=1e-6) <= 1.0001


def test_a_word_of_one_consumer_passes_as_seldom_as_promised() -> None:
    # A large delta, so that a few thousand tries can tell; one consumer with `t` words that nobody else has.
    random = seeded_for_tests(8)
    for many in (1, 4):
        budget = WordBudget(at_most=4, multiplier=2.0, delta=0.05)
        events = release([("a", f"word-{place}") for place in range(many)])
        tries = [private_vocabulary(events, budget=budget, log=EventLog(), random=random).words for _ in range(600)]
        share = sum(bool(words) for words in tries) / 600
        assert share <= 0.05 + 4 * math.sqrt(0.05 / 600)
    assert share > 0  # the costliest number of words comes near it


@pytest.mark.parametrize("at_most", [1, 4])
def test_words_beyond_the_bound_are_no_candidates(at_most: int) -> None:
    # Noise alone would lift some of so many words over the threshold, each of them a secret of this consumer.
    random, budget = seeded_for_tests(8), WordBudget(at_most, multiplier=4.0, delta=0.001)
    events = release([("a", f"secret-{place}") for place in range(20_000)])
    tries = [private_vocabulary(events, budget=budget, log=EventLog(), random=random).words for _ in range(20)]
    assert sum(bool(words) for words in tries) <= 1
    assert len(vocabulary._votes(events, budget)[2]) == at_most


@given(st.integers(1, 40), st.floats(0.5, 50), st.floats(1e-12, 1e-2))
def test_the_threshold_keeps_its_promise_for_every_number_of_words(at_most: int, scale: float, delta: float) -> None:
    threshold = threshold_of(WordBudget(at_most, scale, delta))
    for t in range(1, at_most + 1):
        above = math.erfc((threshold - 1 / math.sqrt(t)) / scale / math.sqrt(2)) / 2
        assert -math.expm1(t * math.log1p(-above)) <= delta * (1 + 1e-6)


rows = st.lists(st.tuples(st.sampled_from(["a", "b", "c", None]), st.sampled_from(["x", "y", "z", "w", None])))


@given(rows, st.integers(1, 3))
def test_one_consumer_moves_the_votes_by_the_bound_at_most(events: list, at_most: int) -> None:
    budget = WordBudget(at_most, 1.0, 1e-6)

    def votes(kept: list) -> dict[str, float]:
        subject, word, words = vocabulary._votes(release(kept), budget)
        weights = np.bincount(word, 1 / np.sqrt(np.bincount(subject))[subject], len(words))
        return dict(zip(words.to_pylist(), weights, strict=True))

    whole, without = votes(events), votes([row for row in events if row[0] != "a"])
    moved = [whole.get(name, 0) - without.get(name, 0) for name in "xyzw"]
    assert math.hypot(*moved) <= 1 + 1e-9
    assert None not in whole


@given(rows, st.integers(1, 3))
def test_one_consumer_moves_the_counts_by_the_root_of_their_words(events: list, at_most: int) -> None:
    budget = WordBudget(at_most, 1e-9)

    def counts(kept: list) -> np.ndarray:
        return private_counts(release(kept), ("x", "y", "never"), budget=budget, log=EventLog()).round()

    moved = counts(events) - counts([row for row in events if row[0] != "a"])
    assert np.linalg.norm(moved) <= math.sqrt(at_most)
    assert moved[2] == 0


def test_the_most_recent_distinct_words_count() -> None:
    events = release([("a", "old"), ("a", "new"), ("a", "newer"), ("a", "newer")])
    counts = private_counts(events, ("old", "new", "newer"), budget=WordBudget(2, 1e-9), log=EventLog())
    assert counts.round().tolist() == [0, 1, 1]


def test_a_word_that_nobody_bought_gets_noise_too() -> None:
    log = EventLog()
    counts = private_counts(release(CROWD), ("bread", "never"), budget=WordBudget(4, 5.0), log=log)
    assert counts[1] != 0
    assert counts[0] == pytest.approx(3000, abs=60)
    assert (log.steps[0].bound, log.steps[0].multiplier, log.steps[0].what) == (2.0, 5.0, "popularity")


def test_nothing_in_nothing_out() -> None:
    assert private_vocabulary(release([]), budget=BUDGET, log=EventLog()).words == ()
    assert len(private_counts(release([]), (), budget=BUDGET, log=EventLog())) == 0


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(InputError, match="above 0"):
        private_vocabulary(release(CROWD), budget=WordBudget(4, 1.0), log=EventLog())
    with pytest.raises(InputError, match="at least 1"):
        WordBudget(0, 1.0)
    with pytest.raises(InputError, match="no such column"):
        private_vocabulary(release(CROWD), budget=WordBudget(4, 1.0, 1e-6, "colour"), log=EventLog())
    with pytest.raises(InputError, match="no such column"):
        private_counts(release(CROWD), ("x",), budget=WordBudget(4, 1.0, column="colour"), log=EventLog())
    with pytest.raises(InputError, match="twice"):
        private_counts(release(CROWD), ("x", "x"), budget=BUDGET, log=EventLog())
