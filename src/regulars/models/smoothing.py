"""Simple forecasts on NumPy: the last season repeated, a season times a smoothed level, a seasonal regression.

Several series go in at once (series × time), so that a hundred categories cost what a few do. Holt's damped trend:
Gardner & McKenzie (1985), Management Science 31, pp. 1237-1246; seasonal factors as ratios to a moving average: Hyndman
& Athanasopoulos (2021), Forecasting: Principles and Practice, 3rd ed., section 3.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from regulars.errors import FitError
from regulars.models.log_linear import fit_log_linear

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.int64]

_GRID = np.array(
    [
        (alpha, beta, phi)
        for alpha in (0.02, 0.05, 0.1, 0.2, 0.35, 0.6, 0.9)
        for beta, phi in ((0.0, 1.0), (0.05, 0.9), (0.2, 0.9), (0.1, 0.98))
    ]
)
"""Smoothing of the level, of the trend relative to it, and damping."""
_WAVES = 4
_BENDS_PER_YEAR = 2
_WARM_UP = 0.25
_LONG_SEASON = 12


def repeat_last(values: Floats, period: int, horizon: int) -> Floats:
    """The last whole season again and again: the seasonal naive forecast.

    >>> repeat_last(np.array([[1.0, 2, 3, 4]]), 2, 3).tolist()
    [[3.0, 4.0, 3.0]]
    """
    last = values[:, -period:]
    return last[:, np.arange(horizon) % last.shape[1]]


def smooth_level(values: Floats, horizon: int) -> Floats:
    """Holt's damped trend, its parameters the best of a grid one step ahead; NaN is stepped over.

    Args:
        values: Series × time, season taken off.
        horizon: Steps ahead.

    >>> smooth_level(np.full((1, 30), 5.0), 2).round(6).tolist()
    [[5.0, 5.0]]
    """
    alpha, beta, phi = (_GRID[:, column][None, :] for column in range(3))
    first = values[:, : max(values.shape[1] // 10, 8)]
    start = np.nanmedian(np.where(np.isnan(first).all(axis=1, keepdims=True), 0.0, first), axis=1)
    level = np.repeat(start[:, None], len(_GRID), axis=1)
    trend = np.zeros_like(level)
    loss = np.zeros_like(level)
    warm = int(values.shape[1] * _WARM_UP)
    for step in range(values.shape[1]):
        told = level + phi * trend
        error = np.where(np.isnan(values[:, step : step + 1]), 0.0, values[:, step : step + 1] - told)
        level, trend = told + alpha * error, phi * trend + alpha * beta * error
        if step >= warm:
            loss += error**2
    best = loss.argmin(axis=1)
    row = np.arange(len(values))
    damping = _GRID[best, 2][:, None]
    steps = np.arange(1, horizon + 1)[None, :]
    reach = np.where(damping < 1, damping * (1 - damping**steps) / np.where(damping < 1, 1 - damping, 1.0), steps)
    return np.asarray(np.maximum(level[row, best][:, None] + trend[row, best][:, None] * reach, 0.0))


def seasonal_ratios(values: Floats, counted: NDArray[np.bool_], phase: Places, period: int) -> Floats:
    """Factors of each phase of the season: ratios to the moving average of a whole season, per series.

    Args:
        values: Series × time.
        counted: Places that count.
        phase: Phase of each place.
        period: Length of the season.
    """
    window = np.ones(2 * period + 1 if period < _LONG_SEASON else period + 1)
    window[[0, -1]] = 0.5  # so that every phase weighs the same
    there = np.convolve(counted.astype(float), window, mode="same")
    sums = np.stack([np.convolve(np.where(counted, row, 0.0), window, mode="same") for row in values])
    level = sums / np.maximum(there, 1.0)
    factors = np.ones((len(values), period))
    for one in range(period):
        inside = counted & (phase == one)
        above, below = values[:, inside].sum(axis=1), level[:, inside].sum(axis=1)
        factors[:, one] = np.where(below > 0, above / np.where(below > 0, below, 1.0), 1.0)
    return factors


def season_and_level(values: Floats, counted: NDArray[np.bool_], phase: Places, period: int, horizon: int) -> Floats:
    """The season's ratios times a smoothed level.

    Args:
        values: Series × time.
        counted: Places that count; at others the level is stepped over.
        phase: Phase of each place, also of those ahead.
        period: Length of the season.
        horizon: Steps ahead.
    """
    size = values.shape[1]
    factors = seasonal_ratios(values, counted, phase[:size], period)
    past, ahead = factors[:, phase[:size]], factors[:, phase[size : size + horizon]]
    usable = counted[None, :] & (past > 0.02)
    adjusted = np.where(usable, values / np.where(usable, past, 1.0), np.nan)
    return np.asarray(smooth_level(adjusted, horizon) * ahead)


def seasonal_regression(
    values: Floats, counted: NDArray[np.bool_], phase: Places, period: int, year: float, horizon: int
) -> Floats:
    """Log-linear season of the week (or month) and of the year, beside a bending trend; its level smoothed on.

    The regression gives the factors of the season; the level ahead comes from what is left when they are taken off, by
    Holt's damped trend, since a regression's trend says little about the next weeks.

    Args:
        values: One series.
        counted: Places that count.
        phase: Phase of each place in the season, also of those ahead.
        period: Length of the season.
        year: Steps of a year; 0 leaves the season of the year out.
        horizon: Steps ahead.

    Raises:
        FitError: There is too little to fit.
    """
    size = len(values)
    if counted.sum() < 2 * period + 4:
        raise FitError("there is too little to fit a season", mend="take a longer history")
    place = np.arange(size + horizon)
    columns = [np.ones(size + horizon)]
    columns += [(phase == one).astype(float) for one in range(1, period) if (phase[:size][counted] == one).any()]
    season = len(columns)
    for wave in range(1, _WAVES + 1) if year else ():
        columns += [np.sin(2 * np.pi * wave * place / year), np.cos(2 * np.pi * wave * place / year)]
    season_end = len(columns)
    bend = max(int((year or size) / _BENDS_PER_YEAR), 4 * period, 8)
    for knot in range(0, size - bend // 2, bend):
        columns.append(np.maximum(place - knot, 0) / size)
    design = np.stack(columns, axis=1)
    kept = np.flatnonzero(counted)
    fit = fit_log_linear(values[kept], design[kept], kept, lags=0)
    log_season = design[:, 1:season_end] @ fit.coefficients[1:season_end] if season_end > 1 else np.zeros(len(place))
    factors = np.exp(np.clip(log_season, -10, 10))
    factors /= factors[:size][counted].mean() if season else 1.0
    adjusted = np.where(counted, values / factors[:size], np.nan)
    return np.asarray(smooth_level(adjusted[None, :], horizon)[0] * factors[size:])
