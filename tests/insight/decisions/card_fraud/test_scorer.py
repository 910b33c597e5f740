import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cartveil.errors import InputError
from cartveil.insight.decisions.card_fraud import (
    CardFraud,
    FraudConfig,
    Scorer,
    Transaction,
    scorer_of,
    train_card_fraud,
)
from cartveil.insight.decisions.card_fraud.trees import TreesConfig


def streamed(scorer: Scorer, table: pa.Table) -> list[float]:
    """Score payments one by one, each fraud reported at once."""
    scores = []
    seconds = table["time"].cast(pa.timestamp("s")).cast(pa.int64()).to_pylist()
    for row, second in zip(table.to_pylist(), seconds, strict=True):
        payment = Transaction(row["transaction"], second, row["customer"], row["terminal"], row["amount"])
        scores.append(scorer.score_one(payment))
        if row["fraud"]:
            scorer.report(row["transaction"])
    return scores


def test_a_stream_from_its_first_payment_on_scores_as_a_table_does(model: CardFraud, town: pa.Table) -> None:
    alone = streamed(Scorer(model), town.slice(0, 1500))
    assert alone == pytest.approx(model.score(town)["score"].to_pylist()[:1500], abs=1e-9)


def test_a_stream_that_goes_on_from_a_table_scores_as_a_table_does(model: CardFraud, town: pa.Table) -> None:
    half = town.num_rows // 2
    found = streamed(scorer_of(model, town.slice(0, half)), town.slice(half, 600))
    assert found == pytest.approx(model.score(town)["score"].to_pylist()[half : half + 600], abs=1e-9)
    assert np.std(found) > 1e-3


def test_a_payment_of_the_table_that_comes_again_gets_its_score(model: CardFraud, town: pa.Table) -> None:
    scorer = scorer_of(model, town)
    assert streamed(scorer, town.slice(town.num_rows - 3)) == pytest.approx(model.score(town)["score"].to_pylist()[-3:])
    assert not scorer.report("t0")


def test_who_paid_only_what_was_left_out_is_new(model: CardFraud, town: pa.Table) -> None:
    again = town.slice(0, 1).set_column(2, "customer", pa.array(["only here"]))
    scorer = scorer_of(model, pa.concat_tables([town.slice(0, 500), again]))
    assert scorer.state.customers["only here"].trail is None
    assert scorer.score_one(Transaction("t", 1_535_000_000, "only here", "m1", 20.0)) > 0


def test_a_scorer_may_begin_with_an_empty_table(model: CardFraud, town: pa.Table) -> None:
    assert not scorer_of(model, town.slice(0, 0)).state.customers


@pytest.mark.usefixtures("xgboost")
def test_trees_are_part_of_both_scores(town: pa.Table, small: FraudConfig, few_trees: TreesConfig) -> None:
    model = train_card_fraud(town, config=replace(small, trees=few_trees))
    half = town.num_rows // 2
    found = streamed(scorer_of(model, town.slice(0, half)), town.slice(half, 300))
    assert found == pytest.approx(model.score(town)["score"].to_pylist()[half : half + 300], abs=1e-9)
    assert replace(model, trees=None).score(town)["score"].to_pylist()[half] != pytest.approx(found[0], abs=1e-4)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_stream_scores_as_its_table(model: CardFraud, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 40))
    gaps = data.draw(
        st.lists(st.sampled_from([0, 1, 3600, 86400, 7 * 86400, 40 * 86400]), min_size=count, max_size=count)
    )
    table = pa.table(
        {
            "transaction": list(range(count)),
            "time": pa.array(1_530_000_000 + np.cumsum(gaps), pa.timestamp("s")),
            "customer": data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count)),
            "terminal": data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count)),
            "amount": data.draw(st.lists(st.floats(-10, 1e7), min_size=count, max_size=count)),
            "fraud": data.draw(st.lists(st.booleans(), min_size=count, max_size=count)),
        }
    )
    assert streamed(Scorer(model), table) == pytest.approx(model.score(table)["score"].to_pylist(), abs=1e-6)


def test_a_reported_fraud_counts_after_the_delay_and_not_before(model: CardFraud) -> None:
    def third(after: int, *, reported: bool) -> float:
        scorer = Scorer(model)
        for number in range(2):
            scorer.score_one(Transaction(number, 1_530_000_000 + number, f"c{number}", "m", 20.0))
            assert not reported or scorer.report(number)
        return scorer.score_one(Transaction("later", 1_530_000_000 + after, "c9", "m", 20.0))

    week = model.history.delay
    assert third(week - 1, reported=True) == third(week - 1, reported=False)
    assert third(week + 1, reported=True) != third(week + 1, reported=False)


def test_a_payment_that_comes_twice_counts_once(model: CardFraud) -> None:
    once, twice = Scorer(model), Scorer(model)
    payment, after = Transaction(1, 1_530_000_000, "c", "m", 20.0), Transaction(2, 1_530_000_100, "c", "m", 20.0)
    first = once.score_one(payment)
    assert twice.score_one(payment) == twice.score_one(payment) == first
    assert once.score_one(after) == twice.score_one(after)


def test_a_clock_that_goes_backwards_stands_still(model: CardFraud) -> None:
    late, still = Scorer(model), Scorer(model)
    for scorer, seconds in ((late, 1_530_000_000 - 5000), (still, 1_530_000_000)):
        scorer.score_one(Transaction(1, 1_530_000_000, "c", "m", 20.0))
        scorer.found = scorer.score_one(Transaction(2, seconds, "c", "m", 30.0))
    assert late.found == still.found


def test_an_unknown_payment_cannot_be_reported_and_an_amount_must_be_a_number(model: CardFraud) -> None:
    scorer = Scorer(model)
    assert not scorer.report("nobody")
    with pytest.raises(InputError, match="amount is no number"):
        scorer.score_one(Transaction(1, 1_530_000_000, "c", "m", math.nan))
    assert not scorer.state.customers


def test_a_payment_that_was_legitimate_for_so_long_cannot_be_reported(model: CardFraud) -> None:
    scorer = Scorer(model)
    scorer.score_one(Transaction(1, 1_530_000_000, "c", "m", 20.0))
    scorer.score_one(Transaction(2, 1_530_000_000 + model.history.delay, "c", "m", 20.0))
    assert not scorer.report(1)
    assert scorer.report(2)


def test_a_forgotten_customer_leaves_no_name_and_is_scored_as_new(model: CardFraud) -> None:
    scorer, other = Scorer(model), Scorer(model)
    for each in (scorer, other):
        each.score_one(Transaction("secret", 1_530_000_000, "c", "m", 20.0))
    assert scorer.forget("c")
    assert not scorer.forget("c")
    assert "c" not in scorer.state.customers
    assert not scorer.state.open
    assert scorer.state.terminals["m"].owner.waiting[0].name is None
    again = Transaction("t", 1_530_000_100, "c", "m", 20.0)
    new = Transaction("t", 1_530_000_100, "nobody", "m", 20.0)
    assert scorer.score_one(again) == other.score_one(new)


def test_what_is_kept_of_a_customer_does_not_grow_for_ever(model: CardFraud) -> None:
    scorer = Scorer(model)
    for number in range(1200):
        scorer.score_one(Transaction(number, 1_530_000_000 + 7200 * number, "c", "m", 20.0))
    owner = scorer.state.customers["c"].owner
    assert max(len(owner.paid.seconds), len(owner.verdicts.seconds)) < 12 * 30 + 300
    assert len(owner.waiting) == len(scorer.state.open) == 12 * 7


def test_a_town_of_other_size_is_scored_too(model: CardFraud, payments: Callable[..., pa.Table]) -> None:
    other = payments(seed=3, customers=4, terminals=3, days=12)
    assert model.score(other).num_rows == other.num_rows


def test_one_wrong_clock_does_not_reach_who_pays_at_the_same_terminal(model: CardFraud) -> None:
    wrong, right = Scorer(model), Scorer(model)
    day = 86400
    for scorer, seconds in ((wrong, 50 * day), (right, 0)):
        scorer.score_one(Transaction("first", 1_530_000_000, "c1", "m1", 20.0))
        scorer.score_one(Transaction("ahead", 1_530_000_000 + seconds, "c2", "m1", 20.0))
        scorer.score_one(Transaction("there", 1_530_000_000 + 60, "c3", "m1", 20.0))
    assert wrong.state.terminals["m1"].owner.latest == 1_530_000_000 + 50 * day
    assert wrong.state.customers["c3"].owner.latest == 1_530_000_060
    for scorer in (wrong, right):
        assert scorer.report("there")
    elsewhere = Transaction("elsewhere", 1_530_000_000 + 120, "c3", "m2", 20.0)
    assert wrong.score_one(elsewhere) == pytest.approx(right.score_one(elsewhere), abs=1e-9)


@pytest.mark.parametrize(
    ("payment", "path"),
    [
        (Transaction("t", 1_530_000_000 + 10 * 365 * 86400, "c1", "m1", 20.0), "seconds"),
        (Transaction(None, 1_530_000_001, "c1", "m1", 20.0), "transaction"),
        (Transaction("t", 1_530_000_001, None, "m1", 20.0), "customer"),
        (Transaction("t", 1_530_000_001, "c1", None, 20.0), "terminal"),
    ],
)
def test_what_no_payment_can_be_is_refused_and_leaves_nothing_behind(
    model: CardFraud, payment: Transaction, path: str
) -> None:
    scorer = Scorer(model)
    scorer.score_one(Transaction("first", 1_530_000_000, "c1", "m1", 20.0))
    before = (set(scorer.state.customers), set(scorer.state.terminals), scorer.state.latest)
    with pytest.raises(InputError) as caught:
        scorer.score_one(payment)
    assert caught.value.path == path
    assert caught.value.hint
    assert (set(scorer.state.customers), set(scorer.state.terminals), scorer.state.latest) == before
    assert scorer.report("first")
