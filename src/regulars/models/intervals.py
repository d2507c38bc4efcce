"""Intervals and tests from counts and sums: what every estimate needs to be told with how sure it is.

Everything takes sums that an engine has added up, never rows, and works on single numbers and on arrays. What cannot be
estimated (no observations, nothing to divide by) is NaN. Ends are rounded to nine significant digits, so that the order
in which an engine adds floating-point numbers cannot show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Ends = tuple[NDArray[np.float64], NDArray[np.float64]]

LEVEL = 0.95
"""Coverage of an interval unless told otherwise."""

SMALLEST_EXPECTED_COUNT = 5.0
"""Below this expected count the normal approximation of a test of shares is not trusted."""

_DIGITS = 9


def share_interval(successes: ArrayLike, trials: ArrayLike, level: float = LEVEL) -> Ends:
    """Interval of a share by the score method, which holds for small numbers and never leaves 0-1.

    Source: Wilson (1927), Journal of the American Statistical Association 22, pp. 209-212.

    Args:
        successes: How many had the property.
        trials: Out of how many; 0 gives NaN.
        level: Coverage, 0-1.

    >>> low, high = share_interval(10, 100)
    >>> round(float(low), 4), round(float(high), 4)
    (0.0552, 0.1744)
    """
    count, share = _floats(trials), _divided(successes, trials)
    z = _normal(level)
    middle = share + z * z / (2 * _or_nan(count))
    half = z * np.sqrt(share * (1 - share) / _or_nan(count) + (z / (2 * _or_nan(count))) ** 2)
    scale = 1 + z * z / _or_nan(count)
    low, high = steady((middle - half) / scale), steady((middle + half) / scale)
    return np.where(share == 0, 0.0, low), np.where(share == 1, 1.0, high)  # exact there, but for rounding


def mean_interval(total: ArrayLike, squares: ArrayLike, count: ArrayLike, level: float = LEVEL) -> Ends:
    """Interval of a mean by Student's t.

    Args:
        total: Sum of the values.
        squares: Sum of their squares.
        count: How many values; below 2 gives NaN.
        level: Coverage, 0-1.

    >>> low, high = mean_interval(total=6.0, squares=14.0, count=3)
    >>> round(float(low), 3), round(float(high), 3)
    (-0.484, 4.484)
    """
    n = _floats(count)
    mean = _divided(total, count)
    spread = np.maximum(_floats(squares) - mean * _floats(total), 0)
    return _student(mean, np.sqrt(spread / _or_nan(n * (n - 1))), n - 1, level)


def rate_interval(events: ArrayLike, exposure: ArrayLike = 1.0, level: float = LEVEL) -> Ends:
    """Exact interval of a rate of independent events.

    Source: Garwood (1936), Biometrika 28, pp. 437-442.

    Args:
        events: How many there were.
        exposure: Over how much (days, customers); 0 gives NaN.
        level: Coverage, 0-1.

    >>> low, high = rate_interval(10)
    >>> round(float(low), 2), round(float(high), 2)
    (4.8, 18.39)
    """
    from scipy.special import gammaincinv

    n, over = _floats(events), _or_nan(exposure)
    tail = (1 - level) / 2
    low = np.where(n > 0, gammaincinv(np.maximum(n, 1), tail), 0.0)
    return steady(low / over), steady(gammaincinv(n + 1, 1 - tail) / over)


def ratio_error(
    above: ArrayLike, below: ArrayLike, squares_above: ArrayLike, squares_below: ArrayLike, products: ArrayLike,
    count: ArrayLike,
) -> NDArray[np.float64]:  # fmt: skip
    """Standard error of a ratio of two sums over the same units (revenue per order, over customers), by linearisation.

    Source: Cochran (1977), Sampling Techniques, 3rd ed., eq. 6.13, without the correction for a finite population.

    Args:
        above: Sum of y over the units.
        below: Sum of x.
        squares_above: Sum of y².
        squares_below: Sum of x².
        products: Sum of x·y.
        count: How many units; below 2 gives NaN.
    """
    n = _floats(count)
    ratio = _divided(above, below)
    residuals = _floats(squares_above) - 2 * ratio * _floats(products) + ratio**2 * _floats(squares_below)
    return np.sqrt(np.maximum(residuals, 0) * n / _or_nan(n - 1)) / np.abs(_or_nan(below))


def ratio_interval(
    above: ArrayLike, below: ArrayLike, squares_above: ArrayLike, squares_below: ArrayLike, products: ArrayLike,
    count: ArrayLike, level: float = LEVEL,
) -> Ends:  # fmt: skip
    """Interval of a ratio of two sums over the same units, by linearisation; arguments as `ratio_error`.

    Two customers with 10 and 30 of revenue on 1 and 2 orders: 40 ÷ 3 = 13.33 per order.

    >>> low, high = ratio_interval(above=40, below=3, squares_above=1000, squares_below=5, products=70, count=2)
    >>> round(float(low + high) / 2, 2)
    13.33
    """
    error = ratio_error(above, below, squares_above, squares_below, products, count)
    return _student(_divided(above, below), error, _floats(count) - 1, level)


def relative_change_interval(
    now: ArrayLike, now_error: ArrayLike, before: ArrayLike, before_error: ArrayLike, level: float = LEVEL
) -> Ends:
    """Interval of `now ÷ before − 1` for two independent positive estimates, on the log scale.

    Args:
        now: The later estimate.
        now_error: Its standard error.
        before: The earlier estimate.
        before_error: Its standard error.
        level: Coverage, 0-1.

    >>> low, high = relative_change_interval(110, 2, 100, 2)
    >>> round(float(low), 3), round(float(high), 3)
    (0.043, 0.16)
    """
    ratio = _positive(now) / _positive(before)
    half = _normal(level) * np.hypot(_floats(now_error) / _positive(now), _floats(before_error) / _positive(before))
    return steady(ratio * np.exp(-half) - 1), steady(ratio * np.exp(half) - 1)


def share_difference_interval(
    successes: ArrayLike, trials: ArrayLike, other_successes: ArrayLike, other_trials: ArrayLike, level: float = LEVEL
) -> Ends:
    """Interval of the difference of two independent shares.

    Source: Newcombe (1998), Statistics in Medicine 17, pp. 873-890, method 10.

    >>> low, high = share_difference_interval(56, 70, 48, 80)  # the paper's table II, column (a)
    >>> round(float(low), 4), round(float(high), 4)
    (0.0524, 0.3339)
    """
    share, other = _divided(successes, trials), _divided(other_successes, other_trials)
    low, high = share_interval(successes, trials, level)
    other_low, other_high = share_interval(other_successes, other_trials, level)
    return (
        steady(share - other - np.hypot(share - low, other_high - other)),
        steady(share - other + np.hypot(high - share, other - other_low)),
    )


def share_difference_p_value(
    successes: ArrayLike, trials: ArrayLike, other_successes: ArrayLike, other_trials: ArrayLike
) -> NDArray[np.float64]:
    """Two-sided p-value of no difference between two independent shares (score test, pooled variance).

    Where an expected count is under five the normal approximation does not hold, and the answer is 1: not judged.

    >>> round(float(share_difference_p_value(60, 100, 40, 100)), 4)
    0.0047
    >>> float(share_difference_p_value(3, 10, 0, 10))
    1.0
    """
    from scipy.special import ndtr

    n, m = _floats(trials), _floats(other_trials)
    pooled = _divided(_floats(successes) + _floats(other_successes), n + m)
    expected = np.minimum(n, m) * np.minimum(pooled, 1 - pooled)
    error = np.sqrt(pooled * (1 - pooled) * (1 / _or_nan(n) + 1 / _or_nan(m)))
    distance = np.abs(_divided(successes, trials) - _divided(other_successes, other_trials)) / _or_nan(error)
    with np.errstate(invalid="ignore"):
        return np.where(expected >= SMALLEST_EXPECTED_COUNT, 2 * ndtr(-distance), 1.0)


def change_p_value(
    now: ArrayLike, now_error: ArrayLike, before: ArrayLike, before_error: ArrayLike
) -> NDArray[np.float64]:
    """Two-sided p-value of no relative change between two independent positive estimates, on the log scale.

    >>> round(float(change_p_value(110, 2, 100, 2)), 4)
    0.0004
    """
    from scipy.special import ndtr

    error = np.hypot(_floats(now_error) / _positive(now), _floats(before_error) / _positive(before))
    distance = np.abs(np.log(_positive(now) / _positive(before))) / _or_nan(error)
    return np.where(np.isnan(distance), 1.0, 2 * ndtr(-distance))


def adjusted_p_values(p_values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """p-values adjusted so that calling those under q beyond chance keeps the false discovery rate at q.

    Source: Benjamini & Hochberg (1995), Journal of the Royal Statistical Society B 57, section 3.1.

    >>> adjusted_p_values([0.01, 0.04, 0.03, 0.005]).round(3).tolist()
    [0.02, 0.04, 0.04, 0.02]
    """
    p = np.asarray(p_values, dtype=float)
    if not p.size:
        return p
    order = np.argsort(-p, kind="stable")
    scaled = p[order] * p.size / np.arange(p.size, 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum.accumulate(np.minimum(scaled, 1.0))
    return adjusted


def _student(middle: NDArray[np.float64], error: NDArray[np.float64], freedom: Any, level: float) -> Ends:
    from scipy.special import stdtrit

    half = stdtrit(np.where(freedom > 0, freedom, np.nan), (1 + level) / 2) * error
    return steady(middle - half), steady(middle + half)


def _normal(level: float) -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + level) / 2))


def _floats(values: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(values, dtype=float)


def _or_nan(values: ArrayLike) -> NDArray[np.float64]:
    """The values, with NaN for 0, so that dividing by nothing gives NaN and no warning."""
    numbers = _floats(values)
    return np.where(numbers == 0, np.nan, numbers)


def _positive(values: ArrayLike) -> NDArray[np.float64]:
    numbers = _floats(values)
    return np.where(numbers > 0, numbers, np.nan)


def _divided(above: ArrayLike, below: ArrayLike) -> NDArray[np.float64]:
    return _floats(above) / _or_nan(below)


def steady(values: ArrayLike) -> NDArray[np.float64]:
    """Values rounded to nine significant digits."""
    numbers = _floats(values)
    known = np.where(np.isfinite(numbers) & (numbers != 0), np.abs(numbers), 1.0)
    scale = 10.0 ** (_DIGITS - 1 - np.clip(np.floor(np.log10(known)), -200, 200))
    return np.round(numbers * scale) / scale
