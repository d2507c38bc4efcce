"""Trend, season and remainder: parts add up, planted parts come back, gaps stay gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from regulars.models.seasonal import decompose, loess

if TYPE_CHECKING:
    from pathlib import Path


def test_a_line_is_its_own_loess() -> None:
    line = 3.0 + 0.5 * np.arange(40)
    assert loess(line, np.ones(40), 9) == pytest.approx(line)
    weights = np.ones(40)
    weights[10:20] = 0  # a gap is bridged, whatever stands in it
    assert loess(np.where(weights > 0, line, 1e6), weights, 9) == pytest.approx(line)


def test_planted_parts_come_back_and_add_up() -> None:
    day = np.arange(1095)
    week = np.array([-0.2, -0.1, 0, 0, 0.1, 0.4, -0.2])[day % 7]
    year = 0.3 * np.sin(2 * np.pi * day / 365)
    values = 4 + 0.0004 * day + week + year + np.random.default_rng(1).normal(0, 0.05, 1095)
    values[400:430] = np.nan
    found = decompose(values, (7, 365))
    assert np.abs(found.seasons[7] - week).max() < 0.08
    assert np.abs(found.seasons[365] - year).max() < 0.06
    parts = found.trend + found.seasons[7] + found.seasons[365] + found.remainder
    known = ~np.isnan(values)
    assert parts[known] == pytest.approx(values[known])
    assert np.isnan(found.remainder[400:430]).all()
    assert np.isfinite(found.trend).all()
    assert found.strength[7] > 0.9


def test_too_short_for_a_season_gives_none() -> None:
    found = decompose(np.arange(10.0), (7, 365))
    assert not found.seasons
    assert found.trend == pytest.approx(np.arange(10.0))


def test_agrees_with_statsmodels_on_air_passengers(datasets: Path) -> None:
    seasonal = pytest.importorskip("statsmodels.tsa.seasonal", reason="statsmodels comes with the extra")
    text = (datasets / "monthly_series" / "example_air_passengers.csv").read_text(encoding="utf-8")
    values = np.log([float(line.split(",")[1]) for line in text.splitlines()[1:] if line])
    ours = decompose(values, (12,))
    theirs = seasonal.STL(values, period=12, seasonal=11, robust=True).fit()
    assert np.abs(ours.trend - theirs.trend).max() < 0.02
    assert np.abs(ours.seasons[12] - theirs.seasonal).max() < 0.03
