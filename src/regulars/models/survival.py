"""How long until something happens, where for many it has not happened yet.

Whoever has not come back by today may still do so; leaving them out, or counting them as never, both mislead. The
Kaplan–Meier estimate uses what is known of them: that it had not happened up to their last day of observation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from regulars.errors import FitError
from regulars.models.fits import normal_quantile
from regulars.models.intervals import steady

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Survival:
    """The share to whom it has happened, by time; arrays of equal length, one entry per distinct time.

    Attributes:
        time: Distinct times, rising.
        at_risk: Observed just before that time without its having happened.
        events: To how many it happened then.
        happened: Share to whom it has happened by then, 0-1.
        low: Lower end of the interval of `happened`; NaN before the first event.
        high: Upper end.
    """

    time: Floats
    at_risk: Floats
    events: Floats
    happened: Floats
    low: Floats
    high: Floats

    def at(self, time: float) -> tuple[float, float, float, float]:
        """Share to whom it has happened by a time, the ends of its interval, and how many were observed so long."""
        place = int(np.searchsorted(self.time, time, side="right")) - 1
        if place < 0:
            return 0.0, float("nan"), float("nan"), float(self.at_risk[0])
        later = self.at_risk[np.searchsorted(self.time, time, side="left") :]
        observed = float(later[0]) if later.size else 0.0
        return float(self.happened[place]), float(self.low[place]), float(self.high[place]), observed


def fit_survival(time: ArrayLike, events: ArrayLike, censored: ArrayLike, level: float = 0.95) -> Survival:
    """The Kaplan–Meier estimate from counts.

    Source: Kaplan & Meier (1958), Journal of the American Statistical Association 53, pp. 457-481; the interval is
    Greenwood's variance on the scale of log(−log S) (Kalbfleisch & Prentice 1980), which keeps it within 0-1.

    Args:
        time: Time of each row; may repeat.
        events: To how many it happened at that time.
        censored: Of how many it is known only that it had not happened up to and including that time.
        level: Coverage of the interval, 0-1.

    Raises:
        FitError: There is nobody, or a count is negative.

    Example:
        >>> fit = fit_survival([1, 2, 3], [1, 1, 0], [0, 1, 1])
        >>> fit.happened.tolist(), fit.at_risk.tolist()
        ([0.25, 0.5, 0.5], [4.0, 3.0, 1.0])
    """
    when, hit, left = (np.asarray(column, dtype=np.float64) for column in (time, events, censored))
    if not (hit.sum() + left.sum() > 0 and (hit >= 0).all() and (left >= 0).all()):
        raise FitError("A survival curve needs at least one observation, and counts of 0 or more.")
    times, group = np.unique(when, return_inverse=True)
    happened = np.bincount(group, hit).astype(np.float64)
    gone = np.bincount(group, hit + left).astype(np.float64)
    at_risk = gone[::-1].cumsum()[::-1]
    stays = 1 - happened / at_risk
    survival = np.cumprod(stays)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(np.where(happened > 0, happened / (at_risk * (at_risk - happened)), 0.0))
        log_survival = np.log(survival)
        half = normal_quantile(level) * np.sqrt(greenwood) / np.abs(log_survival)
        inner = (survival > 0) & (survival < 1)
        low = np.where(inner, 1 - survival ** np.exp(-half), np.nan)
        high = np.where(inner, 1 - survival ** np.exp(half), np.nan)
    return Survival(times, at_risk, happened, steady(1 - survival), steady(low), steady(high))


def weighted_quantiles(values: ArrayLike, weight: ArrayLike, shares: ArrayLike) -> Floats:
    """Lower quantiles of values that stand for many: the least value with at least that share at or below it.

    Example:
        >>> weighted_quantiles([1, 2, 9], [3, 1, 4], [0.25, 0.5, 0.75]).tolist()
        [1.0, 2.0, 9.0]
    """
    number, count = np.asarray(values, dtype=np.float64), np.asarray(weight, dtype=np.float64)
    order = np.argsort(number, kind="stable")
    reached = np.cumsum(count[order])
    wanted = np.asarray(shares, dtype=np.float64) * reached[-1]
    places = np.searchsorted(reached, wanted - 1e-9 * reached[-1])
    return np.asarray(number[order][np.minimum(places, number.size - 1)])
