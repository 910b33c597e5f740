import numpy as np
import pytest

from cartveil.errors import ModelError
from cartveil.insight.decisions.purchase.counting import (
    BaseRate,
    BetaGeometric,
    fit_beta_geometric,
    fit_recency_frequency,
)
from cartveil.insight.decisions.purchase.reliability import sigmoid
from cartveil.insight.decisions.purchase.visits import questions_at, visits_of

from .conftest import events_of
from .test_visits import DAY


# Expected: by hand from Fader, Hardie and Lee 2008, r=.243, alpha=4.414, a=.793, b=2.426 (their CDNOW figures, weeks).
def test_the_chance_of_being_there_still_is_the_published_one():
    model = BetaGeometric(0.243, 4.414, 0.793, 2.426, horizon=1e12)
    visits = visits_of(events_of([("a", 0, 1), ("a", 10, 1), ("a", 30, 1)]))
    asked = questions_at(visits, DAY + 39, horizon=1)
    left = 0.793 / (2.426 + 2 - 1) * ((4.414 + 39) / (4.414 + 30)) ** (0.243 + 2)
    # Within a horizon without end everybody buys who is there still.
    assert sigmoid(model.log_odds(visits, asked))[0] == pytest.approx(1 / (1 + left), abs=1e-4)


def test_who_came_once_is_there_still_and_less_likely_to_come_the_longer_it_is_ago():
    model = BetaGeometric(0.8, 70.0, 0.5, 3.0, horizon=28)
    visits = visits_of(events_of([("a", 0, 1), ("b", 25, 1)]))
    old, new = sigmoid(model.log_odds(visits, questions_at(visits, DAY + 30, horizon=28)))
    assert 0 < old < new < 1
    assert new == pytest.approx(1 - (75 / 103) ** 0.8)


def test_parameters_are_found_again_from_consumers_made_with_them():
    rng = np.random.default_rng(0)
    rows = []
    for number in range(400):
        rate, leave, day = rng.gamma(2.0, 1 / 40), rng.beta(1.0, 6.0), 0.0
        while day < 300:
            rows.append((f"c{number}", day, 1))
            if len(rows) > 1 and rows[-2][0] == rows[-1][0] and rng.random() < leave:
                break
            day += max(rng.exponential(1 / rate), 1.0)
    visits = visits_of(events_of(rows))
    found = fit_beta_geometric(visits, DAY + 300, horizon=28)
    assert found.r / found.alpha == pytest.approx(2.0 / 40, rel=0.3)
    assert found.a / (found.a + found.b) == pytest.approx(1 / 7, rel=0.6)


def test_nobody_twice_is_an_error_and_so_are_answers_all_alike():
    visits = visits_of(events_of([("a", 0, 1), ("b", 1, 1)]))
    with pytest.raises(ModelError, match="nobody came twice"):
        fit_beta_geometric(visits, DAY + 10, horizon=7)
    with pytest.raises(ModelError, match="nobody came back"):
        fit_recency_frequency(visits, questions_at(visits, DAY + 10, horizon=7))
    with pytest.raises(ModelError, match="nobody can be asked"):
        fit_recency_frequency(visits, questions_at(visits, DAY - 1, horizon=7))


def test_everybody_gets_the_base_rate():
    visits = visits_of(events_of([("a", 0, 1), ("b", 1, 1)]))
    said = sigmoid(BaseRate(0.2).log_odds(visits, questions_at(visits, DAY + 10, horizon=7)))
    assert said == pytest.approx([0.2, 0.2])
