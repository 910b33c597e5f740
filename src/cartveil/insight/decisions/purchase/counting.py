"""Purchase probabilities that need no network, behind the interface of the network: what it has to beat to be used."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from cartveil.errors import ModelError
from cartveil.insight.decisions.purchase.features import counts_of
from cartveil.insight.decisions.purchase.reliability import Reals, logistic_fit
from cartveil.insight.decisions.purchase.visits import Questions, Visits, questions_at

_EDGE = 1e-6


class PurchaseScorer(Protocol):
    """What the purchase model and the baselines have in common."""

    def log_odds(self, visits: Visits, questions: Questions) -> Reals:
        """Return log-odds of a purchase within the horizon, (Q,)."""
        ...


@dataclass(frozen=True)
class BaseRate:
    """The same probability for everybody: the share that bought.

    Args:
        share: 0 to 1.
    """

    share: float

    def log_odds(self, visits: Visits, questions: Questions) -> Reals:
        """Return log-odds (Q,)."""
        return np.full(len(questions), float(_log_odds(np.array(self.share))))


@dataclass(frozen=True)
class RecencyFrequency:
    """Logistic regression on what is counted of a consumer: recency, frequency, money and their kin.

    Args:
        mean: Of each count, (counts,).
        spread: Standard deviation of each, (counts,).
        weights: Of the standardised counts and, last, the intercept, (counts + 1,).
    """

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    weights: NDArray[np.float64]

    def log_odds(self, visits: Visits, questions: Questions) -> Reals:
        """Return log-odds (Q,)."""
        counts = (counts_of(visits, questions) - self.mean) / self.spread
        return np.asarray(counts @ self.weights[:-1] + self.weights[-1], dtype=np.float64)


def fit_recency_frequency(visits: Visits, questions: Questions, *, ridge: float = 1e-4) -> RecencyFrequency:
    """Fit to answered questions.

    Raises:
        ModelError: All answers are alike, or there is none.
    """
    require_both(questions)
    counts = counts_of(visits, questions).astype(np.float64)
    mean, spread = counts.mean(0), counts.std(0) + 1e-3
    weights = logistic_fit((counts - mean) / spread, questions.answer.astype(np.float64), ridge=ridge)
    return RecencyFrequency(mean, spread, weights)


@dataclass(frozen=True)
class BetaGeometric:
    """BG/NBD: everybody buys at a rate of their own, and after each purchase may have left for good.

    Args:
        r: Shape of the gamma distribution of rates.
        alpha: Its rate, in days.
        a: First parameter of the beta distribution of leaving.
        b: Its second.
        horizon: Days that a probability speaks of.

    Source: Fader, Hardie and Lee, "Counting Your Customers" the Easy Way, Marketing Science 2005, equations 5 and 6;
        the same, Computing P(alive) Using the BG/NBD Model, 2008.
    """

    r: float
    alpha: float
    a: float
    b: float
    horizon: float

    def log_odds(self, visits: Visits, questions: Questions) -> Reals:
        """Return log-odds (Q,) that a consumer is there still, times that one who is there buys within the horizon."""
        x, recency, age = _repeats(visits, questions)
        left = np.where(
            x > 0,
            self.a / (self.b + np.maximum(x, 1) - 1) * ((self.alpha + age) / (self.alpha + recency)) ** (self.r + x),
            0.0,
        )
        none = ((self.alpha + age) / (self.alpha + age + self.horizon)) ** (self.r + x)
        return _log_odds((1 - none) / (1 + left))


def fit_beta_geometric(visits: Visits, cutoff: float, *, horizon: float) -> BetaGeometric:
    """Find the most likely parameters for what had happened before a day.

    Args:
        visits: Later ones are not looked at.
        cutoff: Day since 1970.
        horizon: Days that it is to speak of.

    Raises:
        ModelError: Nobody came twice before.
    """
    asked = questions_at(visits, cutoff, horizon=0)
    x, recency, age = (torch.from_numpy(each) for each in _repeats(visits, asked))
    if not len(x) or not bool((x > 0).any()):
        raise ModelError("nobody came twice", hint="give a longer period, or use `BaseRate`")
    unit = float(age.max().clamp(min=1.0))  # days of about one, so that the search is well scaled
    logs = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS([logs], max_iter=200, line_search_fn="strong_wolfe")

    def step() -> torch.Tensor:
        search.zero_grad()
        # A faint pull towards 1 keeps parameters finite that the data leave open.
        loss = -_likelihood(logs.exp(), (x, recency / unit, age / unit)).mean() + 1e-4 * logs.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    search.step(step)  # type: ignore[no-untyped-call]
    r, alpha, a, b = (float(each) for each in logs.detach().exp())
    if not np.isfinite([r, alpha, a, b]).all():
        raise ModelError("no likely parameters were found", hint="use `RecencyFrequency`")
    return BetaGeometric(r, alpha * unit, a, b, horizon)


def require_both(questions: Questions) -> None:
    """Refuse to learn from answers that are all alike.

    Raises:
        ModelError: They are, or there is none.
    """
    if not len(questions):
        raise ModelError("nobody can be asked about", hint="the horizon leaves no training time: give a longer period")
    if questions.answer.min() == questions.answer.max():
        who = "everybody" if questions.answer[0] else "nobody"
        raise ModelError(f"{who} came back within the horizon", hint="give a longer period, or another horizon")


def _repeats(visits: Visits, questions: Questions) -> tuple[Reals, Reals, Reals]:
    """Return visits after the first, day of the last and age at the cutoff, both counted from the first, (Q,) each."""
    first = visits.day[questions.begin]
    x = (questions.end - questions.begin - 1).astype(np.float64)
    return x, visits.day[questions.end - 1] - first, questions.cutoff - first


def _likelihood(parameters: torch.Tensor, seen: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> torch.Tensor:
    (r, alpha, a, b), (x, recency, age) = parameters, seen
    some = x > 0
    gamma = torch.lgamma(r + x) - torch.lgamma(r) + r * alpha.log()
    beta = torch.lgamma(a + b) + torch.lgamma(b + x) - torch.lgamma(b) - torch.lgamma(a + b + x)
    there = -(r + x) * (alpha + age).log()
    gone = a.log() - (b + x.clamp(min=1) - 1).log() - (r + x) * (alpha + recency).log()
    both = torch.where(some, torch.logaddexp(there, gone), there)
    likely: torch.Tensor = gamma + beta + both
    return likely


def _log_odds(probability: Reals) -> Reals:
    clipped = np.clip(probability, _EDGE, 1 - _EDGE)
    return np.asarray(np.log(clipped / (1 - clipped)))
