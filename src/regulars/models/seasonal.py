"""Trend, season and remainder of a series by loess, with gaps left as gaps.

STL: Cleveland, Cleveland, McRae & Terpenning (1990), Journal of Official Statistics 6, pp. 3-73. Several seasons, each
taken off before the next is looked for: Bandara, Hyndman & Bergmeir (2021), MSTL, arXiv:2107.13462. Strength of trend
and season: Wang, Smith & Hyndman (2006), Data Mining and Knowledge Discovery 13, pp. 335-364.

Written here on NumPy because the libraries that have STL refuse series with missing days, and because the base install
has none of them: a day that is closed or not in the data carries weight 0 and nothing is made up for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

_CHUNK = 2_000_000
_INNER = 2
_ROBUST = 1
_FEWEST_CYCLES = 2
_LONG_PERIOD = 60


@dataclass(frozen=True)
class Decomposition:
    """A series as trend + seasons + remainder.

    Attributes:
        trend: At every place, also where nothing was observed.
        seasons: By period; each sums to about 0 over a period.
        remainder: What is left; NaN where nothing was observed.
        strength: By period, how much of what trend leaves the season explains, 0-1; key 0 is the trend's own.
    """

    trend: Floats
    seasons: dict[int, Floats]
    remainder: Floats
    strength: dict[int, float]


def decompose(values: ArrayLike, periods: Sequence[int], rounds: int = 2) -> Decomposition:
    """MSTL of an additive series (logarithms, for effects that multiply).

    Args:
        values: One per day or month, evenly spaced; NaN where there is none.
        periods: Lengths of the seasons, ascending; those of which the series holds less than two are left out.
        rounds: How often each season is looked for again with the others taken off.

    A level of 5 and a season of two:

    >>> found = decompose([6.0, 4.0] * 12, [2])
    >>> found.seasons[2][:2].round(6).tolist(), found.trend[:2].round(6).tolist()
    ([1.0, -1.0], [5.0, 5.0])
    """
    y = np.asarray(values, dtype=float)
    known = ~np.isnan(y)
    kept = sorted(period for period in periods if len(y) >= _FEWEST_CYCLES * period)
    seasons = {period: np.zeros(len(y)) for period in kept}
    trend = np.zeros(len(y))
    for _ in range(rounds if len(kept) > 1 else 1):
        for place, period in enumerate(kept):
            others = sum((seasons[other] for other in kept if other != period), np.zeros(len(y)))
            seasons[period], trend = stl(y - others, period, 11 + 4 * place)
    if not kept:
        trend = loess(y, known.astype(float), max(len(y) // 2, 7))
    seasonal = sum(seasons.values(), np.zeros(len(y)))
    remainder = y - trend - seasonal
    strength = {period: _strength(remainder[known], seasons[period][known]) for period in kept}
    strength[0] = _strength(remainder[known], trend[known])
    return Decomposition(trend, seasons, remainder, strength)


def stl(values: Floats, period: int, seasonal_window: int) -> tuple[Floats, Floats]:
    """Season and trend of one period.

    Args:
        values: NaN where there is none.
        period: Length of the season.
        seasonal_window: Cycles over which the season may change; a season longer than 60 places has too few cycles to
            change, and is the mean over them.
    """
    size = len(values)
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    robust = np.ones(size)
    window = _odd(1.5 * period / (1 - 1.5 / seasonal_window))
    trend, season = np.zeros(size), np.zeros(size)
    for outer in range(_ROBUST + 1):
        weights = known * robust
        for _ in range(_INNER):
            cycles = _cycles(filled - trend, weights, period, seasonal_window)
            low = loess(_moving(cycles, period), np.ones(size), _odd(period))
            season = cycles[period : period + size] - low
            trend = loess(filled - season, weights, window)
        if outer < _ROBUST:
            robust = _bisquare(np.where(known, values - trend - season, 0.0), known)
    return season, trend


def loess(values: Floats, weights: Floats, window: int, at: Floats | None = None) -> Floats:
    """Local lines through the `window` nearest places with weight, tricube in distance.

    Wide windows are evaluated at every tenth of the window and joined by lines, as STL does.

    Args:
        values: At places 0, 1, 2 …; those of weight 0 may hold anything but NaN.
        weights: At the same places.
        window: How many neighbours.
        at: Places to evaluate at; None: all.
    """
    places = np.flatnonzero(weights > 0).astype(float)
    if at is None:
        step = max(window // 10, 1)
        everywhere = np.arange(len(values), dtype=float)
        some = np.unique(np.append(everywhere[::step], len(values) - 1.0))
        return np.asarray(np.interp(everywhere, some, loess(values, weights, window, some)))
    if not len(places):
        return np.zeros(len(at))
    y, w = values[places.astype(int)], weights[places.astype(int)]
    near = min(window, len(places))
    found = np.empty(len(at))
    rows = max(_CHUNK // len(places), 1)
    for start in range(0, len(at), rows):
        offset = places[None, :] - at[start : start + rows, None]
        distance = np.abs(offset)
        reach = np.partition(distance, near - 1, axis=1)[:, near - 1]
        reach = np.maximum(reach * max(window / near, 1.0), 1.0) * (1 + 1e-9)
        kernel = w * np.clip(1 - (distance / reach[:, None]) ** 3, 0, None) ** 3
        total = kernel.sum(axis=1)
        middle, mean = (kernel * offset).sum(axis=1) / total, (kernel @ y) / total
        spread = (kernel * (offset - middle[:, None]) ** 2).sum(axis=1)
        slope = (kernel * (offset - middle[:, None])) @ y / np.where(spread > 1e-9, spread, np.inf)
        found[start : start + rows] = mean - slope * middle
    return found


def _cycles(values: Floats, weights: Floats, period: int, window: int) -> Floats:
    """The cycle-subseries (all Mondays, all Tuesdays …) smoothed, and carried on by one period at either end."""
    size = len(values)
    whole = np.empty(size + 2 * period)
    for phase in range(period):
        series, weight = values[phase::period], weights[phase::period]
        if period > _LONG_PERIOD or not weight.any():
            total = weight.sum()
            smooth = np.full(len(series) + 2, (series * weight).sum() / total if total > 0 else np.nan)
        else:
            smooth = loess(series, weight, window, np.arange(-1.0, len(series) + 1.0))
        whole[phase::period][: len(smooth)] = smooth
    if period > _LONG_PERIOD:
        return _smooth_year(whole, period)
    return np.nan_to_num(whole)


def _smooth_year(whole: Floats, period: int) -> Floats:
    """Means over few years are ragged from day to day; they are smoothed over a twelfth of the year."""
    year = whole[:period]
    three = np.concatenate([year, year, year])
    known = (~np.isnan(three)).astype(float)
    smooth = loess(np.nan_to_num(three), known, max(period // 12, 7), np.arange(float(period), 2.0 * period))
    return np.resize(smooth, len(whole))


def _moving(values: Floats, period: int) -> Floats:
    """Moving means of length `period`, `period` and 3: what repeats within a period vanishes."""
    for length in (period, period, 3):
        sums = np.cumsum(np.insert(values, 0, 0.0))
        values = (sums[length:] - sums[:-length]) / length
    return values


def _bisquare(remainder: Floats, known: NDArray[np.bool_]) -> Floats:
    reach = 6 * float(np.median(np.abs(remainder[known]))) if known.any() else 0.0
    if reach <= 1e-12:
        return np.ones(len(remainder))
    return np.asarray(np.clip(1 - (remainder / reach) ** 2, 0, None) ** 2)


def _strength(remainder: Floats, part: Floats) -> float:
    spread = float(np.var(remainder + part))
    return max(0.0, 1 - float(np.var(remainder)) / spread) if spread > 1e-18 else 0.0


def _odd(number: float) -> int:
    whole = int(np.ceil(number))
    return whole if whole % 2 else whole + 1
