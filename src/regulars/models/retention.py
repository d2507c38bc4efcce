"""Retention of cohorts from counts: shares per cohort and over all cohorts, and which cohorts differ beyond chance.

A cohort is a row, a column is the number of periods since its first purchase. Cells that the data do not cover whole
are known (`is_whole` is false) and take no part in any mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from regulars.models import intervals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

LEAST_COHORTS = 5
"""Fewer cohorts say nothing about how much cohorts differ."""


@dataclass(frozen=True)
class Retention:
    """Counts of cohorts, aligned at their first purchase.

    Args:
        firsts: The period of the first purchase of each cohort, as a number.
        sizes: Customers of each cohort.
        active: Cohort × periods since: customers with a purchase; NaN after the last period of the data.
        revenue: The same for what they brought.
        is_whole: The same for whether the data cover the period whole.
    """

    firsts: NDArray[np.int64]
    sizes: Floats
    active: Floats
    revenue: Floats
    is_whole: NDArray[np.bool_]

    @property
    def share(self) -> Floats:
        """Retention: active customers as a share of the cohort."""
        return self.active / self.sizes[:, None]

    @property
    def cumulative_revenue(self) -> Floats:
        """Revenue per customer of the cohort from the first purchase to the end of each period."""
        return np.cumsum(self.revenue, axis=1) / self.sizes[:, None]

    def over_cohorts(self) -> OverCohorts:
        """All cohorts together, per number of periods since the first purchase."""
        observed = self.is_whole * self.sizes[:, None]
        active = np.where(self.is_whole, self.active, 0.0).sum(axis=0)
        customers = observed.sum(axis=0)
        low, high = intervals.share_interval(active, customers)
        cohorts = self.is_whole.sum(axis=0)
        shares = np.where(self.is_whole, self.share, 0.0).sum(axis=0)
        revenue = np.where(self.is_whole, self.revenue, 0.0).sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return OverCohorts(
                cohorts, customers, active, active / customers, low, high, shares / cohorts, active / self.sizes.sum(),
                np.cumsum(revenue / customers),
            )  # fmt: skip

    def revenue_per_customer(self, periods: int) -> tuple[float, float | None, float | None, int] | None:
        """What a customer brought up to the end of so many periods after the first purchase.

        Only cohorts that the data cover up to there are counted. The interval takes the cohorts as the units that
        differ by chance (a ratio of two sums over cohorts); with under five of them there is none.

        Returns:
            The mean, the ends of its 95 % interval, and the customers counted; None where no cohort is that old.
        """
        if periods >= self.is_whole.shape[1]:
            return None
        old = self.is_whole[:, : periods + 1].all(axis=1)
        if not old.any():
            return None
        revenue, sizes = self.revenue[old, : periods + 1].sum(axis=1), self.sizes[old]
        customers = int(sizes.sum())
        mean = float(revenue.sum() / customers)
        if old.sum() < LEAST_COHORTS:
            return mean, None, None, customers
        low, high = intervals.ratio_interval(
            revenue.sum(), sizes.sum(), (revenue**2).sum(), (sizes**2).sum(), (revenue * sizes).sum(), int(old.sum())
        )
        return mean, min(float(low), mean), max(float(high), mean), customers  # rounding must not part them


@dataclass(frozen=True)
class OverCohorts:
    """All cohorts together, per number of periods since the first purchase; arrays of equal length.

    Args:
        cohorts: Cohorts for which the period is covered whole; only they are counted.
        customers: Their customers.
        active: Those of them with a purchase.
        share: Active customers ÷ customers: the mean of the cohorts weighted by their size.
        low: Lower end of its 95 % interval.
        high: Upper end.
        plain_mean: The mean of the cohorts, each counting once.
        of_whole_base: Active customers ÷ all customers, those included whose period has not come yet.
        cumulative_revenue: Revenue per customer up to the end of the period: revenue ÷ customers, summed over periods.
    """

    cohorts: NDArray[np.int64]
    customers: Floats
    active: Floats
    share: Floats
    low: Floats
    high: Floats
    plain_mean: Floats
    of_whole_base: Floats
    cumulative_revenue: Floats


def align(
    firsts: Sequence[int], sizes: ArrayLike, active: ArrayLike, revenue: ArrayLike, whole: Sequence[bool], origin: int
) -> Retention:
    """Counts by calendar period moved so that every cohort starts in the first column.

    Args:
        firsts: The period of the first purchase of each cohort, as a number.
        sizes: Customers of each cohort.
        active: Cohort × calendar period: customers with a purchase.
        revenue: Cohort × calendar period: what they brought.
        whole: Whether the data cover each calendar period whole.
        origin: The number of the first calendar period.

    >>> two = align([10, 11], [4, 2], [[4, 1], [0, 2]], [[40, 5], [0, 8]], [True, True], origin=10)
    >>> two.share.tolist()
    [[1.0, 0.25], [1.0, nan]]
    """
    count = len(whole)
    places = np.asarray(firsts, dtype=np.int64)[:, None] - origin + np.arange(count)
    inside = places < count
    clipped = np.minimum(places, count - 1)
    rows = np.arange(len(firsts))[:, None]
    return Retention(
        firsts=np.asarray(firsts, dtype=np.int64),
        sizes=np.asarray(sizes, dtype=float),
        active=np.where(inside, np.asarray(active, dtype=float)[rows, clipped], np.nan),
        revenue=np.where(inside, np.asarray(revenue, dtype=float)[rows, clipped], np.nan),
        is_whole=inside & np.asarray(whole, dtype=bool)[clipped],
    )


@dataclass(frozen=True)
class Difference:
    """One group beside all the others together.

    Args:
        place: Which group.
        share: Its share.
        low: Lower end of its 95 % interval.
        high: Upper end.
        others: The share of all the others together.
        p_value: Of no difference, adjusted for the number of groups.
    """

    place: int
    share: float
    low: float
    high: float
    others: float
    p_value: float


def differences(successes: ArrayLike, trials: ArrayLike) -> list[Difference]:
    """Each group's share beside that of all the others together, p-values adjusted for their number.

    Args:
        successes: Per group, how many had the property.
        trials: Per group, out of how many.

    >>> [round(one.p_value, 3) for one in differences([60, 40, 42], [100, 100, 100])]
    [0.006, 0.108, 0.191]
    """
    hits, counts = np.asarray(successes, dtype=float), np.asarray(trials, dtype=float)
    other_hits, other_counts = hits.sum() - hits, counts.sum() - counts
    p_values = intervals.adjusted_p_values(intervals.share_difference_p_value(hits, counts, other_hits, other_counts))
    low, high = intervals.share_interval(hits, counts)
    return [
        Difference(
            place, float(hits[place] / counts[place]), float(low[place]), float(high[place]),
            float(other_hits[place] / other_counts[place]) if other_counts[place] else float("nan"),
            float(p_values[place]),
        )
        for place in range(len(hits))
    ]  # fmt: skip
