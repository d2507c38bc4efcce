"""Weekdays against the average open day, the busiest of them together, and hours as shares of the orders."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from regulars.errors import FitError
from regulars.models.events import base_design
from regulars.models.intervals import ratio_interval, steady
from regulars.models.log_linear import LogLinear, fit_log_linear

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.int64]

_WEEK = 7
_LONGEST_RUN = 4
_FEWEST_DAYS = 21


@dataclass(frozen=True)
class Weekdays:
    """The weekdays on which anything is sold.

    Attributes:
        weekday: 0 for Monday, ascending.
        index: Sales of the weekday ÷ those of the mean open day of a week, levels of the months taken off.
        fit: The regression behind it.
        rows: For each weekday, its logarithm as weights of the regression's coefficients.
    """

    weekday: Places
    index: Floats
    fit: LogLinear
    rows: Floats

    @property
    def share(self) -> Floats:
        """Share of a whole week."""
        return np.asarray(self.index / self.index.sum())

    def interval(self) -> tuple[Floats, Floats]:
        """The 95 % interval of the index."""
        found = [self.fit.contrast(row - self.share @ self.rows) for row in self.rows]
        low = np.array([one.low / one.factor for one in found])
        high = np.array([one.high / one.factor for one in found])
        return self.index * low, self.index * high

    def is_busier(self, one: int, other: int) -> bool:
        """Whether a weekday (by its place) is busier than another beyond chance, all pairs compared (Bonferroni)."""
        found = self.fit.contrast(self.rows[one] - self.rows[other])
        pairs = len(self.index) * (len(self.index) - 1) / 2
        return bool(found.factor > 1 and found.p_value * pairs < 0.05)

    def busiest(self) -> list[int]:
        """The longest run of at most four weekdays, each busier than every day outside it; places, or none."""
        best: list[int] = []
        size = len(self.index)
        for length in range(1, min(_LONGEST_RUN, size - 1) + 1):
            for start in range(size):
                run = [(start + step) % size for step in range(length)]
                if any((self.weekday[b] - self.weekday[a]) % _WEEK != 1 for a, b in pairwise(run)):
                    continue
                others = [place for place in range(size) if place not in run]
                if all(self.is_busier(one, other) for one in run for other in others):
                    best = run
        return best

    def share_of(self, run: list[int]) -> tuple[float, float, float]:
        """The share of a week that some weekdays bring, with its 95 % interval, on the scale of odds."""
        within = np.isin(np.arange(len(self.index)), run)
        share = float(self.share[within].sum())
        weights = np.where(within, self.share / share, -self.share / (1 - share))
        found = self.fit.contrast(weights @ self.rows)
        odds = share / (1 - share) * np.array([found.low, found.high]) / found.factor
        low, high = steady(odds / (1 + odds)).tolist()
        return share, min(low, share), max(high, share)


def fit_weekdays(values: Floats, is_open: NDArray[np.bool_], months: Places, weekdays: Places) -> Weekdays:
    """The weekdays of a series of days.

    Args:
        values: Sales per day.
        is_open: Which days count.
        months: Number of each day's month.
        weekdays: Weekday of each day.

    Raises:
        FitError: There are too few days, or all are of one weekday.

    Saturdays (5) sell twice what other days do:

    >>> day = np.arange(84)
    >>> sold = np.where(day % 7 == 5, 20.0, 10.0)
    >>> round(float(fit_weekdays(sold, day >= 0, day // 28, day % 7).index[5]), 6)
    1.75
    """
    sold = np.bincount(months - months.min(), weights=np.where(is_open, values, 0.0))
    kept = np.flatnonzero(is_open & (sold > 0)[months - months.min()])
    kinds = np.unique(weekdays[kept])
    if len(kept) < _FEWEST_DAYS or len(kinds) < 2:
        raise FitError(f"{len(kept)} open days are too few", mend="take a longer history")
    base = base_design(months[kept], weekdays[kept])
    fit = fit_log_linear(values[kept], base, kept)
    rows = np.zeros((len(kinds), base.shape[1]))
    rows[:-1, base.shape[1] - len(kinds) + 1 :] = np.eye(len(kinds) - 1)
    rows[-1, base.shape[1] - len(kinds) + 1 :] = -1.0
    levels = np.exp(rows @ fit.coefficients)
    return Weekdays(kinds, levels / levels.mean(), fit, rows)


def hour_shares(counts: Floats) -> tuple[Floats, Floats, Floats]:
    """The share of each hour with its 95 % interval; the day is the independent unit, not the order.

    Args:
        counts: Day × hour: orders.

    >>> share, low, high = hour_shares(np.array([[1.0, 3.0], [2.0, 2.0], [1.0, 3.0]]))
    >>> share.round(3).tolist()
    [0.333, 0.667]
    """
    totals = counts.sum(axis=1)
    count, total = counts[totals > 0], totals[totals > 0]
    hours = counts.shape[1]

    def repeated(value: Any) -> Floats:
        return np.full(hours, float(value))

    low, high = ratio_interval(
        count.sum(axis=0), repeated(total.sum()), (count**2).sum(axis=0), repeated((total**2).sum()),
        (count * total[:, None]).sum(axis=0), repeated(len(total)),
    )  # fmt: skip
    share = count.sum(axis=0) / max(float(total.sum()), 1.0)
    return share, np.clip(low, 0.0, share), np.clip(high, share, 1.0)
