"""Figures of groups beside the rest: value, interval, and which of them differ beyond chance.

A figure is a ratio of two sums over units (revenue ÷ orders, responses ÷ contacts). Where units come in clusters (the
orders of one customer) the sums are taken over clusters, so that the interval is not too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from regulars.models import intervals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sums:
    """Sums of one figure, one entry per group.

    Args:
        clusters: Independent units (customers).
        above: Sum of the numerator over clusters.
        below: Sum of the denominator.
        above_squares: Sum of its squares over clusters.
        below_squares: Likewise.
        products: Sum of numerator × denominator over clusters.
        is_share: Whether every cluster counts 0 or 1 out of 1.
    """

    clusters: Floats
    above: Floats
    below: Floats
    above_squares: Floats
    below_squares: Floats
    products: Floats
    is_share: bool = False


@dataclass(frozen=True)
class Judged:
    """One figure of every group; NaN where it cannot be told.

    Args:
        value: Numerator ÷ denominator.
        low: Lower end of the 95 % interval.
        high: Upper end.
        p_value: Of no difference from all other groups together; NaN where not judged.
    """

    value: Floats
    low: Floats
    high: Floats
    p_value: Floats


def judge(sums: Sums, least: int) -> Judged:
    """Value, interval and test against the rest for every group.

    Groups, or rests, of fewer than `least` clusters are not tested, and have no value.

    Source: the interval of a share is Wilson's; that of a ratio and the test are by linearisation, Cochran (1977),
    Sampling Techniques, 3rd ed., eq. 6.13; the two sides are taken as independent.

    >>> ones = np.array([60.0, 40.0]); n = np.array([100.0, 100.0])
    >>> judged = judge(Sums(n, ones, n, ones, n, ones, is_share=True), least=30)
    >>> judged.value.tolist(), judged.p_value.round(4).tolist()
    ([0.6, 0.4], [0.0047, 0.0047])
    """
    rest = _rest(sums)
    enough = sums.clusters >= least
    if sums.is_share:
        low, high = intervals.share_interval(sums.above, sums.clusters)
        p_value = intervals.share_difference_p_value(sums.above, sums.clusters, rest.above, rest.clusters)
    else:
        low, high = intervals.ratio_interval(
            sums.above, sums.below, sums.above_squares, sums.below_squares, sums.products, sums.clusters
        )  # fmt: skip
        p_value = _difference_p_value(sums, rest)
    value = intervals.steady(_divided(sums.above, sums.below))
    tested = enough & (rest.clusters >= least)
    return Judged(
        np.where(enough, value, np.nan), np.where(enough, np.fmin(low, value), np.nan),
        np.where(enough, np.fmax(high, value), np.nan), np.where(tested, p_value, np.nan),
    )  # fmt: skip


def adjust(judged: list[Judged]) -> list[Floats]:
    """The p-values of several figures together, adjusted for the number of comparisons; NaN stays NaN."""
    if not judged:
        return []
    every = np.concatenate([one.p_value for one in judged])
    known = np.isfinite(every)
    every[known] = intervals.adjusted_p_values(every[known])
    return np.split(every, np.cumsum([one.p_value.size for one in judged])[:-1])


def _rest(sums: Sums) -> Sums:
    """All other groups together, for each group."""
    fields = (sums.clusters, sums.above, sums.below, sums.above_squares, sums.below_squares, sums.products)
    clusters, above, below, above_squares, below_squares, products = (one.sum() - one for one in fields)
    return Sums(clusters, above, below, above_squares, below_squares, products, sums.is_share)


def _error(sums: Sums) -> Floats:
    return intervals.ratio_error(
        sums.above, sums.below, sums.above_squares, sums.below_squares, sums.products, sums.clusters
    )


def _difference_p_value(sums: Sums, rest: Sums) -> Floats:
    from scipy.special import ndtr

    error = np.hypot(_error(sums), _error(rest))
    distance = np.abs(_divided(sums.above, sums.below) - _divided(rest.above, rest.below))
    scale = np.maximum(np.abs(_divided(sums.above, sums.below)), np.abs(_divided(rest.above, rest.below)))
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.where(distance <= 1e-12 * scale, 0.0, distance / error)
    return np.where(np.isnan(score), np.nan, 2 * ndtr(-np.abs(score)))


def _divided(above: Floats, below: Floats) -> Floats:
    ratio: Floats = above / np.where(below == 0, np.nan, below)
    return ratio
