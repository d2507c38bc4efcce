"""Experiments from sums per arm: effects with intervals, and whether the assignment can be believed at all.

Everything works on counts, sums and sums of products that an engine has added up, so that it never sees the size of
the data. Effects are those of tea-tasting: Welch's test, ratios by linearisation (the delta method), and regression on
behaviour before the start (CUPED: Deng, Xu, Kohavi & Walker, 2013, Improving the Sensitivity of Online Controlled
Experiments by Utilizing Pre-Experiment Data).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from regulars.errors import FitError
from regulars.models.intervals import LEVEL, steady

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

FEW_EVENTS = 15
"""Under so many units with a value other than zero in an arm, a mean's interval is wider than it needs to be."""
POWER = 0.8
MEANT_EQUAL = 0.2
"""Arms whose shares lie within this of equal ones, relatively, were most likely meant to be equal."""
IMPOSSIBLE = 0.001
"""A p-value under this says that chance did not do it; the usual bar for sample-ratio mismatch."""


@dataclass(frozen=True)
class ArmSums:
    """One arm: how many units, and the sums over them.

    Args:
        count: Units.
        sums: Sum of each variable.
        products: Sum of the product of two variables, by their names in order; of a variable with itself its squares.
    """

    count: int
    sums: Mapping[str, float]
    products: Mapping[tuple[str, str], float]

    def mean(self, name: str) -> float:
        """Mean of a variable."""
        return self.sums[name] / self.count

    def covariance(self, one: str, other: str) -> float:
        """Covariance of two variables over the units; the variance of a variable with itself."""
        first, second = sorted((one, other))
        total = self.products[first, second] - self.sums[first] * self.sums[second] / self.count
        return max(total, 0.0) / (self.count - 1) if one == other else total / (self.count - 1)


@dataclass(frozen=True)
class Effect:
    """What an arm differs from the control by, in one outcome.

    Args:
        control: Mean (or ratio) of the control.
        treated: Of the arm.
        value: The difference.
        low: Lower end of its 95 % interval.
        high: Upper end.
        relative: Difference ÷ control; NaN where the control is zero.
        relative_low: Lower end of its interval.
        relative_high: Upper end.
        p_value: Of no difference, two-sided.
        statistic: Student's t.
        smallest: Difference that would have been seen with 80 % probability.
    """

    control: float
    treated: float
    value: float
    low: float
    high: float
    relative: float
    relative_low: float
    relative_high: float
    p_value: float
    statistic: float
    smallest: float


def compare(
    control: ArmSums, treated: ArmSums, outcome: str, *, below: str | None = None, covariate: str | None = None
) -> Effect:
    """The effect of an arm beside the control.

    Args:
        control: Sums of the control.
        treated: Sums of the arm.
        outcome: The variable.
        below: A second variable, where the outcome is the ratio of two sums (profit per order).
        covariate: A variable known before the start, to regress the outcome on; None for the plain difference.

    Raises:
        FitError: An arm has fewer than two units.

    >>> one = ArmSums(100, {"y": 50.0}, {("y", "y"): 50.0})
    >>> two = ArmSums(100, {"y": 65.0}, {("y", "y"): 65.0})
    >>> effect = compare(one, two, "y")
    >>> round(effect.value, 2), round(effect.low, 3), round(effect.high, 3)
    (0.15, 0.013, 0.287)
    """
    if min(control.count, treated.count) < 2:
        raise FitError("an arm has fewer than two units")
    names = [name for name in (outcome, below, covariate) if name]
    metric = _metric(outcome, below, covariate)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = metric.analyze_aggregates(_aggregates(control, names), _aggregates(treated, names))
    error = found.effect_size / found.statistic if found.statistic else (found.effect_size_ci_upper / 1.96)
    control_value, treated_value, value = (steadily(one) for one in (found.control, found.treatment, found.effect_size))
    none = float("nan")
    if not np.isfinite(found.effect_size_ci_lower):  # nothing varies
        return Effect(control_value, treated_value, value, value, value, none, none, none, 1.0, 0.0, none)
    relative = (found.rel_effect_size, found.rel_effect_size_ci_lower, found.rel_effect_size_ci_upper)
    if found.control <= 0 or not all(np.isfinite(relative)):
        relative = (none, none, none)
    return Effect(
        control_value, treated_value, value,
        steadily(found.effect_size_ci_lower), steadily(found.effect_size_ci_upper),
        steadily(relative[0]), steadily(relative[1]), steadily(relative[2]),
        steadily(found.pvalue), steadily(found.statistic), smallest_effect(abs(error)),
    )  # fmt: skip


@cache
def _metric(outcome: str, below: str | None, covariate: str | None) -> Any:
    import tea_tasting

    return tea_tasting.RatioOfMeans(outcome, below, covariate, confidence_level=LEVEL)


def _aggregates(arm: ArmSums, names: Sequence[str]) -> Any:
    from tea_tasting.aggr import Aggregates

    pairs = [(one, other) for one in names for other in names if one < other]
    return Aggregates(
        arm.count,
        {name: arm.mean(name) for name in names},
        {name: arm.covariance(name, name) for name in names},
        {pair: arm.covariance(*pair) for pair in pairs},
    )


def steadily(value: float) -> float:
    """A number to nine significant digits, so that the order in which an engine adds cannot show."""
    return float(steady(np.asarray(float(value))))


def smallest_effect(error: float, power: float = POWER) -> float:
    """The difference that a two-sided test at 5 % sees with that probability, from the standard error.

    Source: Cohen (1988), Statistical Power Analysis for the Behavioral Sciences, chapter 2 (normal approximation).

    >>> round(smallest_effect(1.0), 3)
    2.802
    """
    from scipy import stats

    return steadily(float(stats.norm.ppf(0.5 + LEVEL / 2) + stats.norm.ppf(power)) * error)


def best_covariate(arms: Sequence[ArmSums], outcome: str, covariates: Sequence[str]) -> str | None:
    """The covariate that the outcome follows most closely within the arms; None where none varies."""
    best, strongest = None, 0.0
    for name in covariates:
        both = sum((arm.count - 1) * arm.covariance(outcome, name) for arm in arms)
        own = sum((arm.count - 1) * arm.covariance(name, name) for arm in arms)
        strength = both * both / own if own > 0 else 0.0
        if strength > strongest * (1 + 1e-9):
            best, strongest = name, strength
    return best


# -- can the assignment be believed -------------------------------------------------------------------


def sample_ratio(counts: Sequence[int], shares: Sequence[float]) -> float:
    """p-value that the arms have the sizes that were meant (χ²); small where rows were lost or gained in some arm.

    Source: Fabijan et al. (2019), Diagnosing Sample Ratio Mismatch in Online Controlled Experiments, KDD.

    >>> sample_ratio([500, 500], [0.5, 0.5]), round(sample_ratio([550, 450], [0.5, 0.5]), 4)
    (1.0, 0.0016)
    """
    from scipy import stats

    expected = np.asarray(shares, dtype=float) * sum(counts)
    return steadily(stats.chisquare(np.asarray(counts, dtype=float), expected).pvalue)


def look_equal(counts: Sequence[int]) -> bool:
    """Whether arms of these sizes were most likely meant to be equally large.

    >>> look_equal([510, 490]), look_equal([900, 100])
    (True, False)
    """
    even = sum(counts) / len(counts)
    return all(abs(count / even - 1) <= MEANT_EQUAL for count in counts)


@dataclass(frozen=True)
class Balance:
    """How alike arms were in one thing known before the start.

    Args:
        name: The covariate.
        difference: The largest difference between an arm and the control, in standard deviations (of a label: in points
            of share).
        p_value: Of no difference between the arms.
    """

    name: str
    difference: float
    p_value: float


def balance(control: ArmSums, others: Sequence[ArmSums], name: str) -> Balance:
    """How alike the arms were in a number: the worst arm's standardised difference, its p-value times the arms."""
    from scipy import stats

    worst, smallest = 0.0, 1.0
    for arm in others:
        spread = np.sqrt((control.covariance(name, name) + arm.covariance(name, name)) / 2)
        error = np.sqrt(control.covariance(name, name) / control.count + arm.covariance(name, name) / arm.count)
        gap = arm.mean(name) - control.mean(name)
        if error <= 0:
            differs = abs(gap) > 1e-9 * max(abs(arm.mean(name)), 1.0)
            worst, smallest = (float("inf"), 0.0) if differs else (worst, smallest)
            continue
        worst = max(worst, abs(gap) / spread)
        smallest = min(smallest, float(2 * stats.norm.sf(abs(gap) / error)))
    return Balance(name, steadily(min(worst, 99.0)), steadily(min(1.0, smallest * len(others))))


def balance_of_labels(name: str, counts: ArrayLike) -> Balance:
    """How alike the arms were in a label: χ² over arms × labels.

    Args:
        name: The covariate.
        counts: Units by arm (rows, the control first) and label (columns).

    >>> balance_of_labels("channel", [[50, 50], [50, 50]]).p_value
    1.0
    """
    from scipy import stats

    table = np.asarray(counts, dtype=float)
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return Balance(name, 0.0, 1.0)
    shares = table / table.sum(axis=1, keepdims=True)
    return Balance(
        name,
        steadily(np.abs(shares[1:] - shares[:1]).max()),
        steadily(stats.chi2_contingency(table, correction=False).pvalue),
    )


def arms_differ(balances: Sequence[Balance], level: float = 0.01) -> list[Balance]:
    """The covariates in which the arms differ beyond chance, after Holm's correction for how many were looked at.

    A sound experiment is refused by this with a probability of at most `level`.

    Source: Holm (1979), Scandinavian Journal of Statistics 6, pp. 65-70.

    >>> [one.name for one in arms_differ([Balance("a", 0.4, 1e-9), Balance("b", 0.01, 0.4)])]
    ['a']
    """
    found: list[Balance] = []
    for place, one in enumerate(sorted(balances, key=lambda one: (one.p_value, one.name))):
        if one.p_value * (len(balances) - place) >= level:
            break
        found.append(one)
    return found


def constant_ratio(low: float, high: float) -> float | None:
    """The factor by which one column is an exact multiple of another, from the least and largest ratio of a row.

    None where the ratios differ by more than rounding, or are zero.

    >>> constant_ratio(1.15, 1.1500000000000001), constant_ratio(1.0, 1.2), constant_ratio(0.0, 0.0)
    (1.15, None, None)
    """
    if not np.isfinite(low) or not np.isfinite(high) or low == 0:
        return None
    return float(np.round(low, 9)) if abs(high - low) <= 1e-9 * abs(low) else None


def sums_of(values: Mapping[str, NDArray[np.float64]]) -> ArmSums:
    """The sums of one arm from its units' values, as an engine would add them up.

    >>> sums_of({"y": np.array([1.0, 2.0])}).products
    {('y', 'y'): 5.0}
    """
    names = sorted(values)
    return ArmSums(
        len(values[names[0]]),
        {name: float(values[name].sum()) for name in names},
        {
            (one, other): float(values[one] @ values[other])
            for place, one in enumerate(names)
            for other in names[place:]
        },
    )
