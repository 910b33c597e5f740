"""The account of privacy: the epsilon that follows from what was done, and the noise that a wished epsilon needs.

Epsilon is computed from an event log by the privacy loss distribution, which composes the steps numerically and rounds
upwards. Neighbours are two data sets of which one has one consumer more.

    >>> epsilon_of(EventLog(), delta=1e-6)
    0.0
"""

import math
from collections import Counter
from collections.abc import Callable
from functools import lru_cache, partial

from cartveil.errors import InputError, MissingExtraError, ModelError
from cartveil.insight.privacy.event_log import EventLog, Step

__all__ = ["EventLog", "Step", "epsilon_of", "noise_multiplier_for", "require_promise", "steps_within"]

#: How finely the privacy loss is discretised, and from which epsilon on that is fine enough. A coarser grid costs less
#: and gives a larger epsilon, never a smaller; for a large one it makes no difference that anybody could see.
INTERVALS = ((1e-2, 100.0), (1e-3, 10.0), (1e-4, 0.0))

#: The least noise multiplier that is ever proposed: below it nothing is private whatever the steps.
LEAST_MULTIPLIER = 0.2

#: The most; where even this is not enough, the wish cannot be met.
MOST_MULTIPLIER = 1e4

#: The least delta that the accountant carries: probabilities are added up in float64, and below this what is lost in
#: adding weighs more than the delta itself, until no epsilon is found at all.
LEAST_DELTA = 1e-14

#: How much of a wished epsilon may be left unused by the search for the multiplier.
_UNUSED = 1e-3

#: Stands for an epsilon of 0 where its logarithm is taken.
_NOTHING = 1e-300

#: (rate, noise multiplier, times)
_Part = tuple[float, float, int]


def epsilon_of(log: EventLog, *, delta: float) -> float:
    """Return the epsilon of everything in a log, for one consumer more or less.

    Args:
        log: What was done.
        delta: Probability with which the promise may fail, between 0 and 1; thresholds use up their part of it.

    Returns:
        Epsilon, rounded upwards by the accountant; infinite where no epsilon can be promised.

    Raises:
        InputError: A delta that is no probability, or below what the accountant carries.
        MissingExtraError: `dp-accounting` is not installed.

    Guarantees:
        - Not below what the same steps cost by an exact computation, as far as the accountant's float64 carries.

    Source:
        Koskela, Jaelkoe and Honkela (2020), Computing tight differential privacy guarantees using FFT; the upper bound
        of Doroshenko et al. (2022), Connect the dots, as `dp-accounting` computes it. A threshold that fails with
        probability d makes (epsilon, delta) into (epsilon - log(1 - d), delta + d).
    """
    _check_delta(delta)
    return _cost(log, (), delta=delta)


def noise_multiplier_for(
    *, epsilon: float, delta: float, rate: float, steps: int, log: EventLog | None = None
) -> float:
    """Return the least noise multiplier with which some steps stay within an epsilon.

    Args:
        epsilon: The most, above 0.
        delta: As in `epsilon_of`.
        rate: The probability with which each consumer is drawn, above 0 and at most 1.
        steps: How many steps will be taken, at least 1.
        log: What was done before and counts towards the same epsilon, such as a vocabulary.

    Returns:
        Standard deviation of the noise over the bound; at most a thousandth of the epsilon stays unused.

    Raises:
        InputError: A wish that makes no sense, or a delta below what the accountant carries.
        MissingExtraError: `dp-accounting` is not installed.
        ModelError: No noise is enough: what was done before used it up, or the steps are too many.

    Guarantees:
        - `epsilon_of` of the steps done with it is at most the epsilon wished for.
    """
    _check_wish(epsilon, delta, rate, steps)
    before = EventLog() if log is None else log

    def cost(exponent: float, finest: int = len(INTERVALS) - 1) -> float:
        return _cost(before, ((rate, math.exp(exponent), steps),), delta=delta, finest=finest)

    # Coarsely first: each grid gives an upper bound, so its answer is enough for the finer ones, and not far off.
    high = _enough(partial(cost, finest=0), epsilon)
    for finest in range(len(INTERVALS)):
        high = _least(partial(cost, finest=finest), epsilon, high)
    return math.exp(high)


def require_promise(*, epsilon: float, delta: float) -> None:
    """Refuse an epsilon and a delta that promise nothing, or that nobody could account for.

    Raises:
        InputError: An epsilon that is not above 0 and finite; a delta that is no probability or below `LEAST_DELTA`.
    """
    if not 0 < epsilon < math.inf:
        raise InputError("must be above 0 and finite", path="epsilon", hint="such as 4")
    _check_delta(delta)


def steps_within(step: Step, *, most: int, epsilon: float, delta: float, log: EventLog) -> int:
    """Return how many more steps of a kind stay within an epsilon, beside what was done.

    Args:
        step: The kind: its rate and multiplier.
        most: How many are wanted.
        epsilon: As in `noise_multiplier_for`.
        delta: As in `epsilon_of`.
        log: What was done.

    Returns:
        At most `most`; 0 where not even one fits.

    Raises:
        ModelError: What was done costs more than epsilon already.
    """

    def fits(steps: int) -> bool:
        more = ((step.rate, step.multiplier, steps),) if steps else ()
        return _cost(log, more, delta=delta) <= epsilon

    if fits(most):
        return most
    if not fits(0):
        hint = "nothing takes it back: train anew with an account of its own, or promise more"
        raise ModelError("the account costs more than was promised already", hint=hint)
    low, high = 0, most  # so many fit, so many do not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _enough(cost: Callable[[float], float], epsilon: float) -> float:
    """Return an exponent that is enough."""
    high = 0.0
    while cost(high) > epsilon:
        high += math.log(2)
        if high > math.log(MOST_MULTIPLIER):
            hint = "ask for a larger epsilon or delta, fewer steps, or a smaller part for the vocabulary"
            raise ModelError("no noise is enough for this epsilon", hint=hint)
    return high


def _least(cost: Callable[[float], float], epsilon: float, high: float) -> float:
    """Return the least exponent that is enough, from one that is."""
    least, reach = math.log(LEAST_MULTIPLIER), 0.02
    while cost(high) < epsilon * (1 - _UNUSED):
        if high <= least:
            return high
        low = max(least, high - reach)
        if cost(low) > epsilon:
            return _between(cost, epsilon, low, high)
        high, reach = low, 4 * reach
    return high


def _between(cost: Callable[[float], float], epsilon: float, low: float, high: float) -> float:
    """Return an exponent that is enough and wastes next to nothing, between one that is not and one that is.

    The logarithm of epsilon is nearly straight in that of the multiplier, so a chord finds it in a few looks.
    """

    def missed(place: float) -> float:
        return math.log(max(cost(place), _NOTHING) / (epsilon * (1 - _UNUSED / 2)))

    above, below = missed(low), missed(high)
    while cost(high) < epsilon * (1 - _UNUSED) and high - low > 1e-6:
        share = above / (above - below) if math.isfinite(above) else 0.5
        place = low + (high - low) * min(max(share, 0.05), 0.95)
        if cost(place) > epsilon:
            low, above = place, missed(place)
        else:
            high, below = place, missed(place)
    return high


def _cost(log: EventLog, more: tuple[_Part, ...], *, delta: float, finest: int = len(INTERVALS) - 1) -> float:
    """Return the epsilon of a log and of some steps more."""
    failures = [step.failure for step in log.steps if step.failure]
    left = delta - math.fsum(failures)
    if left < LEAST_DELTA:
        return math.inf
    counts = Counter((step.rate, step.multiplier) for step in log.steps if not step.failure)
    for rate, multiplier, times in more:  # with their like in the log, so that half done costs what all costs
        counts[rate, multiplier] += times
    parts = _joined([(rate, multiplier, times) for (rate, multiplier), times in counts.items()])
    found = math.inf
    for interval, enough in INTERVALS[: finest + 1]:
        found = _epsilon(parts, left, interval)
        if found > enough:
            break
    return found - math.fsum(math.log1p(-each) for each in failures)


def _joined(parts: list[_Part]) -> tuple[_Part, ...]:
    """Return the same steps with all noise over everybody as one: together they tell as much as a single noisy sum.

    Source: Dong, Roth and Su (2022), Gaussian differential privacy, corollary 3.3.
    """
    drawn = [part for part in parts if part[0] < 1]
    precision = math.fsum(times / multiplier**2 for rate, multiplier, times in parts if rate >= 1)
    return tuple(sorted([*drawn, (1.0, 1 / math.sqrt(precision), 1)] if precision else drawn))


@lru_cache(maxsize=256)
def _epsilon(parts: tuple[_Part, ...], delta: float, interval: float) -> float:
    """Return the epsilon of some steps by the privacy loss distribution on a grid of some width."""
    if not parts:
        return 0.0
    try:
        from dp_accounting import GaussianDpEvent, PoissonSampledDpEvent, SelfComposedDpEvent
        from dp_accounting.pld import PLDAccountant
    except ImportError as error:
        hint = "pip install 'cartveil[learn]'"
        raise MissingExtraError("accounting needs the extra `learn` (dp-accounting)", hint=hint) from error
    accountant = PLDAccountant(value_discretization_interval=interval)
    for rate, multiplier, times in parts:
        noise = GaussianDpEvent(multiplier)
        event = noise if rate >= 1 else PoissonSampledDpEvent(rate, noise)
        accountant.compose(SelfComposedDpEvent(event, times))
    return float(accountant.get_epsilon(delta))


def _check_delta(delta: float) -> None:
    if not 0 < delta < 1:
        raise InputError("must be between 0 and 1", path="delta", hint="well below 1 over the number of consumers")
    if delta < LEAST_DELTA:
        hint = "1e-6 and 1e-10 are common; what is smaller by far changes next to nothing"
        raise InputError(f"must be at least {LEAST_DELTA:g}, the least that is accounted for", path="delta", hint=hint)


def _check_wish(epsilon: float, delta: float, rate: float, steps: int) -> None:
    require_promise(epsilon=epsilon, delta=delta)
    if not 0 < rate <= 1:
        raise InputError("must be above 0 and at most 1", path="rate", hint="expected batch size over consumers")
    if steps < 1:
        raise InputError("must be at least 1", path="steps", hint="there is nothing to account for")
