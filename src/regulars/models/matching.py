"""Two groups compared like with like: within strata, weighed by how the first group is spread over them.

Nothing is randomised here: what the strata do not hold still differs, so that a difference is observed, not caused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from regulars.models.intervals import LEVEL, steady

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

FEWEST = 2
"""A stratum counts only where each group has so many in it, since less has no spread."""


@dataclass(frozen=True)
class Side:
    """One group, one entry per stratum: how many, the sum of their values, and of the squares."""

    count: Floats
    total: Floats
    squares: Floats


@dataclass(frozen=True)
class Matched:
    """The first group against the second, like with like.

    Attributes:
        value: Mean of the first group over the strata that count.
        other: Mean of the second, weighed as the first is spread.
        difference: Value − other.
        low: Lower end of the 95 % interval of the difference.
        high: Upper end.
        standardised: Difference in standard deviations of the second group.
        p_value: Of no difference, two-sided.
        plain_difference: Of the plain means, for comparison.
        count: Of the first group in the strata that count.
        other_count: Of the second.
        left_out: Of the first group in strata where there is nobody to compare with.
    """

    value: float
    other: float
    difference: float
    low: float
    high: float
    standardised: float
    p_value: float
    plain_difference: float
    count: int
    other_count: int
    left_out: int


def side(count: ArrayLike, total: ArrayLike, squares: ArrayLike) -> Side:
    """One group from its sums per stratum."""
    return Side(*(np.asarray(one, dtype=np.float64) for one in (count, total, squares)))


def compare(first: Side, second: Side, level: float = LEVEL) -> Matched | None:
    """Two groups over the same strata; None where no stratum has both.

    Source: direct standardisation to the first group, which estimates the difference among those like them; the
    variance is that of a stratified mean, Cochran (1977), Sampling Techniques, 3rd ed., eq. 5.6.

    >>> young, old = side([10, 90], [10.0, 180.0], [12.0, 380.0]), side([90, 10], [90.0, 20.0], [110.0, 44.0])
    >>> found = compare(young, old)
    >>> found.difference, round(found.plain_difference, 2)
    (0.0, 0.8)
    """
    from scipy.special import ndtr, ndtri

    both = (first.count >= FEWEST) & (second.count >= FEWEST)
    if not both.any():
        return None
    a, b = (Side(one.count[both], one.total[both], one.squares[both]) for one in (first, second))
    weight = a.count / a.count.sum()
    mean_a, mean_b = a.total / a.count, b.total / b.count
    error = float(np.sqrt((weight**2 * (_variance(a) / a.count + _variance(b) / b.count)).sum()))
    value, other = float((weight * mean_a).sum()), float((weight * mean_b).sum())
    difference = float(steady(value - other))
    spread = float(np.sqrt((b.count * _variance(b)).sum() / b.count.sum()))
    half = float(ndtri((1 + level) / 2)) * error
    return Matched(
        float(steady(value)), float(steady(other)), difference, float(steady(difference - half)),
        float(steady(difference + half)), float(steady(difference / spread)) if spread > 0 else float("nan"),
        float(2 * ndtr(-abs(difference) / error)) if error > 0 else float("nan"),
        float(steady(first.total.sum() / first.count.sum() - second.total.sum() / second.count.sum())),
        int(a.count.sum()), int(b.count.sum()), int(first.count.sum() - a.count.sum()),
    )  # fmt: skip


def _variance(group: Side) -> Floats:
    spread = np.maximum(group.squares - group.total**2 / group.count, 0.0)
    return np.asarray(spread / np.maximum(group.count - 1, 1))
