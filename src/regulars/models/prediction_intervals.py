"""Intervals of forecasts that are as wide as the errors of the tests were, and what they would have covered.

Split conformal with a scale (Lei, G'Sell, Rinaldo, Tibshirani & Wasserman (2018), Journal of the American Statistical
Association 113, section 5.2): the error of a forecast ÷ its scale is a score, and an interval reaches as far as the
(1 + 1/n)·level quantile of the scores. The scale is the forecast itself or its square root, whichever gives the
narrower intervals. Where errors of one time say little of those of another, the reach is widened until each cut, left
out of setting it, is covered as often as the level says; both the factor and the coverage are told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEVELS = (0.8, 0.95)
_FLOOR = 0.1
_FEW = 40
_POWERS = (1.0, 0.5)
_WIDENINGS = tuple(1 + 0.05 * step for step in range(21))


@dataclass(frozen=True)
class Widths:
    """How far intervals reach.

    Attributes:
        power: Of the forecast, which gives the scale.
        typical: The mean forecast of an open place, below a tenth of which the scale does not fall.
        reach: By level, in scales.
        coverage: By level, the share covered when each cut in turn was left out of setting the width.
        widened: By level, the factor by which the conformal reach was widened so that this share meets the level.
        scored: How many forecasts were scored.
    """

    power: float
    typical: float
    reach: Mapping[float, float]
    coverage: Mapping[float, float]
    widened: Mapping[float, float]
    scored: int

    def interval(self, told: Floats, level: float) -> tuple[Floats, Floats]:
        """Lower and upper ends; where the forecast is zero by rule both are zero."""
        half = self.reach[level] * _scale(told, self.power, self.typical)
        half = np.where(told > 0, half, 0.0)
        return np.maximum(told - half, 0.0), told + half


def fit_widths(told: Floats, actual: Floats) -> Widths:
    """Widths from what was foretold and what came.

    Args:
        told: Cut × step; zero by rule where closed.
        actual: Cut × step; NaN where nothing was observed.

    A hundred errors from 1 to 100 around 1000: 95 % reach to the 96th of them.

    >>> came = np.full((10, 10), 1000.0) + np.arange(1, 101).reshape(10, 10).T
    >>> low, high = fit_widths(np.full((10, 10), 1000.0), came).interval(np.array([1000.0]), 0.95)
    >>> high.round(6).tolist()
    [1096.0]
    """
    known = ~np.isnan(actual) & ((told > 0) | (np.nan_to_num(actual) > 0))
    typical = float(told[told > 0].mean()) if (told > 0).any() else 1.0
    best: Widths | None = None
    for power in _POWERS:
        scores = np.abs(told - np.nan_to_num(actual)) / _scale(told, power, typical)
        widened = {level: _needed(scores, known, level) for level in LEVELS}
        reach = {level: _quantile(scores[known], level) * widened[level] for level in LEVELS}
        coverage = {level: _left_out(scores, known, level, widened[level]) for level in LEVELS}
        one = Widths(power, typical, reach, coverage, widened, int(known.sum()))
        if best is None or _mean_width(one, told[known]) < _mean_width(best, told[known]):
            best = one
    assert best is not None  # noqa: S101  there is at least one power
    return best


def block_sums(told: Floats, actual: Floats, length: int) -> tuple[Floats, Floats]:
    """Sums over as many steps, one after the other within each cut, of what was foretold and of what came.

    Args:
        told: Cut × step.
        actual: Cut × step; a block with a step that was not observed is NaN.
        length: Steps of a sum.

    >>> block_sums(np.ones((1, 5)), np.full((1, 5), 2.0), 2)[1].tolist()
    [[4.0, 4.0]]
    """
    blocks = told.shape[1] // length
    shape = (len(told), blocks, length)
    return (
        told[:, : blocks * length].reshape(shape).sum(axis=2),
        actual[:, : blocks * length].reshape(shape).sum(axis=2),
    )


def sum_interval(told: Floats, actual: Floats, forecast: float, level: float) -> tuple[float, float]:
    """The interval of a sum over several steps, from the errors of like sums in the tests, on the log scale.

    Sums of one cut are not independent, so Student's t has one degree of freedom less than there are cuts; the spread
    is taken around no error, since a few tests are too few to correct a bias by.

    Args:
        told: What was foretold of like sums: cut × block.
        actual: What came; NaN where it was not observed.
        forecast: The sum to tell.
        level: Coverage.

    Fewer than two cuts, or a sum of nothing among them, give no interval (NaN).
    """
    from scipy.special import stdtrit

    known = ~np.isnan(actual)
    cuts = int(known.any(axis=1).sum())
    if cuts < 2 or forecast <= 0 or (told[known] <= 0).any() or (actual[known] <= 0).any():
        return float("nan"), float("nan")
    error = np.log(actual[known] / told[known])
    half = float(stdtrit(cuts - 1, (1 + level) / 2)) * float(np.sqrt((error**2).mean())) * np.sqrt(1 + 1 / cuts)
    return float(forecast * np.exp(-half)), float(forecast * np.exp(half))


def _scale(told: Floats, power: float, typical: float) -> Floats:
    floor = _FLOOR * typical
    return np.asarray(np.maximum(told, floor) ** power * typical ** (1 - power))


def _mean_width(widths: Widths, told: Floats) -> float:
    return widths.reach[LEVELS[-1]] * float(_scale(told, widths.power, widths.typical).mean()) if len(told) else 0.0


def _quantile(scores: Floats, level: float) -> float:
    """The conformal quantile; of few scores at least what a normal distribution of their size would reach."""
    from scipy.special import ndtri

    if not len(scores):
        return float("nan")
    ordered = np.sort(scores)
    rank = int(np.ceil((len(ordered) + 1) * level)) - 1
    found = float(ordered[min(rank, len(ordered) - 1)])
    if len(ordered) < _FEW:
        found = max(found, float(ndtri((1 + level) / 2)) * float(np.sqrt((scores**2).mean())))
    return found


def _needed(scores: Floats, known: NDArray[np.bool_], level: float) -> float:
    """The least widening, in steps of 5 %, at which cuts left out are covered as often as the level says; at most 2."""
    for factor in _WIDENINGS:
        if not _left_out(scores, known, level, factor) < level:
            return factor
    return _WIDENINGS[-1]


def _left_out(scores: Floats, known: NDArray[np.bool_], level: float, factor: float) -> float:
    """The share covered, each cut judged by the width that the others set."""
    covered = count = 0
    for cut in range(len(scores)):
        others = np.delete(scores, cut, axis=0)[np.delete(known, cut, axis=0)]
        if len(others) and known[cut].any():
            covered += int((scores[cut][known[cut]] <= factor * _quantile(others, level)).sum())
            count += int(known[cut].sum())
    return covered / count if count else float("nan")
