"""Changes from one period to another: exact for counts, with an interval for ratios and shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from regulars.models import intervals

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["count", "ratio", "points", "share"]
"""What a figure is: an exact count; a ratio of two sums over customers, told as a relative change, or in `points` where
it is a share; or a share of counts."""

_Z = 1.959963984540054


@dataclass(frozen=True)
class Change:
    """How a figure changed.

    Args:
        value: The change, as a share of the earlier value, or in points; None where it cannot be said.
        low: Lower end of its 95 % interval; None for an exact count.
        high: Upper end.
        p_value: Of no change; None for an exact count.
        is_points: Whether it is the difference of two shares, not a share of the earlier value.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    is_points: bool = False


@dataclass(frozen=True)
class Estimate:
    """A value and its standard error; NaN for an exact count, None where there is nothing to tell."""

    value: float | None
    error: float = float("nan")


def change_of_count(now: float, before: float) -> Change:
    """The exact relative change; none where there was nothing before, or less than nothing.

    >>> change_of_count(120, 100)
    Change(value=0.2, low=None, high=None, p_value=None, is_points=False)
    """
    return Change(round(now / before - 1, 12) if before > 0 else None)


def change_of_ratio(now: Estimate, before: Estimate) -> Change:
    """The relative change of a positive ratio of two sums, from the errors on the log scale.

    >>> change = change_of_ratio(Estimate(110.0, 2.0), Estimate(100.0, 2.0))
    >>> round(change.value, 3), round(change.low, 3), round(change.high, 3)
    (0.1, 0.043, 0.16)
    """
    if now.value is None or before.value is None or not (now.value > 0 and before.value > 0):
        return Change(None)
    parts = now.value, now.error, before.value, before.error
    low, high = intervals.relative_change_interval(*parts)
    p_value = float(intervals.change_p_value(*parts)) if np.isfinite(low) else None
    return Change(now.value / before.value - 1, _known(low), _known(high), p_value)


def change_of_points(now: Estimate, before: Estimate) -> Change:
    """The difference of two shares that are ratios of sums, from their errors.

    >>> change = change_of_points(Estimate(0.30, 0.01), Estimate(0.25, 0.01))
    >>> round(change.value, 3), round(change.low, 3), round(change.high, 3)
    (0.05, 0.022, 0.078)
    """
    from scipy.special import ndtr

    if now.value is None or before.value is None:
        return Change(None, is_points=True)
    difference, error = now.value - before.value, float(np.hypot(now.error, before.error))
    if not error > 0:
        return Change(difference, is_points=True)
    low, high = intervals.steady(difference - _Z * error), intervals.steady(difference + _Z * error)
    return Change(difference, float(low), float(high), float(2 * ndtr(-abs(difference) / error)), is_points=True)


def change_of_share(now: tuple[float, float], before: tuple[float, float]) -> Change:
    """The difference of two shares of counts, each as (how many, out of how many).

    >>> change = change_of_share((56, 70), (48, 80))
    >>> round(change.value, 4), round(change.low, 4), round(change.high, 4)
    (0.2, 0.0524, 0.3339)
    """
    if not (now[1] and before[1]):
        return Change(None, is_points=True)
    low, high = intervals.share_difference_interval(*now, *before)
    p_value = float(intervals.share_difference_p_value(*now, *before))
    return Change(now[0] / now[1] - before[0] / before[1], _known(low), _known(high), p_value, is_points=True)


@dataclass(frozen=True)
class PeriodSums:
    """The sums of one period, over its customers.

    Args:
        sums: `customers`; for a measure m the sums `m` and `m_squares`; `m_by_k` for the ratio of m to k; counts.
    """

    sums: Mapping[str, float]

    def value(self, above: str, below: str = "") -> float | None:
        """A sum, or the ratio of two; None where there is nothing to divide by."""
        if not below:
            return self.sums[above]
        return self.sums[above] / self.sums[below] if self.sums[below] else None

    def ratio(self, above: str, below: str) -> Estimate:
        """A ratio of two sums over customers, with its error.

        >>> sums = {"customers": 3, "orders": 6.0, "orders_squares": 14.0}
        >>> estimate = PeriodSums(sums).ratio("orders", "customers")
        >>> round(estimate.value, 3), round(estimate.error, 3)
        (2.0, 0.577)
        """
        s = self.sums
        if below == "customers":
            squares, products = s["customers"], s[above]
        else:
            squares, products = s[f"{below}_squares"], s[f"{above}_by_{below}"]
        error = intervals.ratio_error(s[above], s[below], s[f"{above}_squares"], squares, products, s["customers"])
        return Estimate(self.value(above, below), float(error))

    def change(self, before: PeriodSums, kind: Kind, above: str, below: str = "") -> Change:
        """How a figure changed since an earlier period."""
        if kind == "count":
            return change_of_count(self.sums[above], before.sums[above])
        if kind == "share":
            now, then = ((one.sums[above], one.sums[below]) for one in (self, before))
            return change_of_share(now, then)
        changed = change_of_points if kind == "points" else change_of_ratio
        return changed(self.ratio(above, below), before.ratio(above, below))


def _known(value: object) -> float | None:
    number = float(np.asarray(value, dtype=float))
    return number if np.isfinite(number) else None
