"""Sales per day as a product of effects: level × weekday × event, with errors that know that days hang together.

A quasi-Poisson regression: the logarithm of the mean is linear, the variance is proportional to the mean, by a factor
that the data tell. It takes days without a sale as they are, and money as well as counts. Days near each other are
alike for reasons that no column names (weather, a competitor's offer), so the covariance is that of the same estimate
under the autocorrelation which the residuals show, instead of under independence.

Sources: McCullagh & Nelder (1989), Generalized Linear Models, 2nd ed., chapter 9 (quasi-likelihood, dispersion); Zeger
(1988), Biometrika 75, pp. 621-629 (regression for a time series of counts, covariance with a working correlation).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from regulars.errors import FitError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

LONGEST_LAG = 28
_ROUNDS = 60
_TOLERANCE = 1e-9
_STEEPEST = 30.0
_IDENTIFIED = 1e-6
_WELL_CONDITIONED = 1e9


@dataclass(frozen=True)
class LogLinear:
    """A fitted regression.

    Attributes:
        coefficients: One per column of the design, on the log scale.
        covariance: Of the coefficients.
        is_told: Whether the data tell a coefficient; where its column is a mixture of others they do not.
        dispersion: Variance ÷ mean.
        autocorrelation: Of the Pearson residuals at lags 1, 2 …
        freedom: Observations less coefficients.
    """

    coefficients: Floats
    covariance: Floats
    is_told: NDArray[np.bool_]
    dispersion: float
    autocorrelation: Floats
    freedom: int

    def mean(self, design: ArrayLike) -> Floats:
        """The expected values for rows like those it was fitted to."""
        return np.asarray(np.exp(np.clip(np.asarray(design, dtype=float) @ self.coefficients, -_STEEPEST, _STEEPEST)))

    def contrast(self, weights: ArrayLike, level: float = 0.95) -> Contrast:
        """A weighted sum of coefficients as a factor, with its interval by Student's t.

        Args:
            weights: One per coefficient.
            level: Coverage.
        """
        from scipy.special import stdtr, stdtrit

        w = np.asarray(weights, dtype=float)
        if not np.all(self.is_told[w != 0]):
            return Contrast(float("nan"), float("nan"), float("nan"), 1.0)
        value, error = float(w @ self.coefficients), float(np.sqrt(max(w @ self.covariance @ w, 0.0)))
        half = float(stdtrit(max(self.freedom, 1), (1 + level) / 2)) * error
        p_value = 2 * float(stdtr(max(self.freedom, 1), -abs(value) / error)) if error > 0 else 1.0
        ends = np.clip([value, value - half, value + half], -_STEEPEST, _STEEPEST)
        factor, low, high = np.exp(ends).tolist()
        return Contrast(factor, low, high, p_value)


@dataclass(frozen=True)
class Contrast:
    """A factor with its interval, and the p-value of its being 1."""

    factor: float
    low: float
    high: float
    p_value: float


def fit_log_linear(values: ArrayLike, design: ArrayLike, places: ArrayLike, lags: int = LONGEST_LAG) -> LogLinear:
    """Fit by iteratively reweighted least squares.

    Args:
        values: What was observed; below 0 counts as 0.
        design: One row per observation.
        places: Where each observation stands in time (a day number, ascending), so that gaps are known as gaps.
        lags: How far autocorrelation is looked for; 0 takes the observations as independent.

    Raises:
        FitError: There are no more observations than columns, or nothing above 0.

    Two kinds of day, of mean 10 and 20, twice as many on the second:

    >>> fit = fit_log_linear([9, 11, 18, 22], [[1, 0], [1, 0], [1, 1], [1, 1]], [0, 1, 2, 3], lags=0)
    >>> round(fit.contrast([0, 1]).factor, 6)
    2.0
    """
    y = np.maximum(np.asarray(values, dtype=float), 0.0)
    x = np.asarray(design, dtype=float)
    if len(y) <= x.shape[1]:
        raise FitError(f"{len(y)} observations are too few for {x.shape[1]} effects", mend="take a longer history")
    if not (y > 0).any():
        raise FitError("there is nothing above 0 to fit", mend="check the measure")
    mean = np.maximum(y, y[y > 0].mean() / 10)
    coefficients = np.zeros(x.shape[1])
    deviance = np.inf
    for _ in range(_ROUNDS):
        slope = np.log(mean) + (y - mean) / mean
        root = np.sqrt(mean)
        coefficients = _solve(x * root[:, None], slope * root)
        mean = np.exp(np.clip(x @ coefficients, -_STEEPEST, _STEEPEST))
        before, deviance = deviance, _deviance(y, mean)
        if abs(before - deviance) <= _TOLERANCE * (abs(deviance) + _TOLERANCE):
            break
    information = (x * mean[:, None]).T @ x
    inverse = np.linalg.pinv(information, rcond=1e-12, hermitian=True)
    told = _told(x * np.sqrt(mean)[:, None])
    freedom = len(y) - int(np.linalg.matrix_rank(information, hermitian=True))
    residuals = (y - mean) / np.sqrt(mean)
    dispersion = float((residuals**2).sum()) / max(freedom, 1)
    row = np.asarray(places, dtype=int) - int(np.min(np.asarray(places)))
    correlation = autocorrelation(residuals, row, lags)
    middle = dispersion * _spread(x * np.sqrt(mean)[:, None], row, correlation)
    covariance = inverse @ middle @ inverse
    return LogLinear(coefficients, (covariance + covariance.T) / 2, told, dispersion, correlation, freedom)


def _solve(x: Floats, y: Floats) -> Floats:
    """Least squares by the normal equations, which is enough for columns of zeros and ones; else by singular values."""
    gram = x.T @ x
    try:
        if np.linalg.cond(gram) < _WELL_CONDITIONED:
            return np.asarray(np.linalg.solve(gram, x.T @ y), dtype=float)
    except np.linalg.LinAlgError:
        pass
    return np.asarray(np.linalg.lstsq(x, y, rcond=1e-10)[0])


def autocorrelation(residuals: Floats, row: NDArray[Any], lags: int) -> Floats:
    """Autocorrelation at lags 1 to `lags`, tapered (Bartlett) and never below 0, of values with gaps.

    Negative ones would make intervals narrower than independence does; they are taken as none.
    """
    size = int(row.max()) + 1
    lags = max(min(lags, size // 8), 0)
    whole = np.zeros(size)
    whole[row] = residuals
    there = np.zeros(size)
    there[row] = 1.0
    variance = float((residuals**2).mean())
    if variance <= 0:
        return np.zeros(lags)
    found = [
        (whole[lag:] * whole[:-lag]).sum() / max(float((there[lag:] * there[:-lag]).sum()), 1.0) / variance
        for lag in range(1, lags + 1)
    ]
    taper = 1 - np.arange(1, lags + 1) / (lags + 1)
    return np.clip(np.array(found), 0.0, 1.0) * taper if lags else np.zeros(0)


def _spread(scaled: Floats, row: NDArray[Any], correlation: Floats) -> Floats:
    """X' V½ R V½ X for rows at the given places, R the banded matrix of autocorrelations."""
    whole = np.zeros((int(row.max()) + 1, scaled.shape[1]))
    whole[row] = scaled
    total = whole.T @ whole
    for lag, weight in enumerate(correlation, start=1):
        if weight > 0:
            cross = whole[lag:].T @ whole[:-lag]
            total += weight * (cross + cross.T)
    return np.asarray(total)


def _told(scaled: Floats) -> NDArray[np.bool_]:
    """Columns that are no mixture of the columns before or after them."""
    gram = scaled.T @ scaled
    norms = np.diag(gram)
    scale = np.sqrt(np.where(norms > 0, norms, 1.0))
    values, vectors = np.linalg.eigh(gram / np.outer(scale, scale))
    null = vectors[:, values < _IDENTIFIED]
    return np.asarray((norms > 0) & ((null**2).sum(axis=1) < _IDENTIFIED))


def _deviance(y: Floats, mean: Floats) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(y > 0, y * np.log(np.where(y > 0, y, 1.0) / mean), 0.0) - (y - mean)
    return float(2 * parts.sum())
