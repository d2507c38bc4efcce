"""Regression of sales per day: worked by hand, against a known covariance, and in its coverage."""

from __future__ import annotations

import numpy as np
import pytest

from regulars.errors import FitError
from regulars.models.log_linear import autocorrelation, fit_log_linear


def test_group_means_are_found_with_their_error() -> None:
    """Means 10 and 20, three days each: the error of log(20 ÷ 10) is √(φ/30 + φ/60)."""
    values = [9.0, 10, 11, 18, 20, 22]
    design = [[1, 0], [1, 0], [1, 0], [1, 1], [1, 1], [1, 1]]
    fit = fit_log_linear(values, design, range(6), lags=0)
    dispersion = (1 / 10 + 1 / 10 + 4 / 20 + 4 / 20) / 4
    assert fit.dispersion == pytest.approx(dispersion)
    found = fit.contrast([0, 1])
    assert found.factor == pytest.approx(2.0)
    error = np.log(found.high / found.factor) / 2.776445  # Student's t, 4 degrees of freedom
    assert error == pytest.approx(np.sqrt(dispersion * (1 / 30 + 1 / 60)), rel=1e-5)


def test_a_mixture_of_columns_is_not_told() -> None:
    design = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1], [1, 0, 1], [1, 0, 1]])
    fit = fit_log_linear([2.0, 3, 4, 5, 6], design, range(5), lags=0)
    assert not fit.is_told.any()
    assert np.isnan(fit.contrast([0, 1, 0]).factor)
    assert fit.mean(design)[:2] == pytest.approx([2.5, 2.5])  # what is expected is told all the same


def test_too_little_is_refused() -> None:
    with pytest.raises(FitError, match="too few"):
        fit_log_linear([1.0], [[1.0]], [0])
    with pytest.raises(FitError, match="nothing above 0"):
        fit_log_linear([0.0, 0.0], [[1.0], [1.0]], [0, 1])


def test_autocorrelation_knows_gaps() -> None:
    values = np.array([1.0, -1.0] * 20)
    row = np.arange(0, 80, 2)  # every other day: neighbours are two days apart
    found = autocorrelation(values, row, 4)
    assert found[0] == 0.0  # no pair is one day apart
    assert found[1] == 0.0  # two apart they alternate: negative counts as none
    assert found[3] == pytest.approx(1 - 4 / 5)  # four apart they agree, tapered


def test_intervals_cover_under_autocorrelation() -> None:
    """A window of seven days in a series with memory: the 95 % interval covers no effect in 90 to 99 % of draws."""
    rng = np.random.default_rng(4)
    covered = naive = 0
    for _ in range(200):
        noise = np.zeros(180)
        for day in range(1, 180):
            noise[day] = 0.5 * noise[day - 1] + rng.normal(0, 0.15)
        values = rng.poisson(60 * np.exp(noise)).astype(float)
        marks = np.zeros(180)
        marks[90:97] = 1
        design = np.stack([np.ones(180), marks], axis=1)
        found = fit_log_linear(values, design, np.arange(180)).contrast([0, 1])
        alone = fit_log_linear(values, design, np.arange(180), lags=0).contrast([0, 1])
        covered += found.low <= 1 <= found.high
        naive += alone.low <= 1 <= alone.high
    assert 0.88 <= covered / 200 <= 0.99
    assert naive < covered  # days taken as independent would cover less
