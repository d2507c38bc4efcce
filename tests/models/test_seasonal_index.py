"""Indices of months, weekdays and groups: by hand, recovered, and silent where there is nothing."""

from __future__ import annotations

import numpy as np
import pytest

from regulars.errors import FitError
from regulars.models.seasonal_index import month_indices, months_of_one_year, relative_indices
from regulars.models.weekdays import fit_weekdays, hour_shares

SEASON = np.array([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1.4, 1.42])


def test_planted_months_are_found_beside_a_trend() -> None:
    rng = np.random.default_rng(2)
    numbers = np.arange(24_000, 24_048)
    totals = 1000 * SEASON[numbers % 12] * np.exp(0.02 * np.arange(48)) * rng.normal(1, 0.02, 48)
    found = month_indices(totals, numbers)
    run = found.run_of(1)
    assert [int(found.months[place]) for place in run] == [10, 11]
    value, low, high = found.interval(run)
    assert low < np.mean([1.4, 1.42]) / SEASON.mean() < high
    assert value == pytest.approx(1.41 / SEASON.mean(), rel=0.02)
    assert found.run_of(-1) == [] or found.index[found.run_of(-1)].max() < 1


def test_no_season_is_told_where_none_is() -> None:
    rng = np.random.default_rng(3)
    told = 0
    for _ in range(40):
        totals = 1000 * rng.normal(1, 0.1, 36)
        found = month_indices(totals, np.arange(24_000, 24_036))
        told += bool(found.run_of(1)) or bool(found.run_of(-1))
    assert told <= 6  # about 5 % each way


def test_a_missing_month_of_year_or_a_short_history_is_refused() -> None:
    with pytest.raises(FitError, match="too few"):
        month_indices(np.ones(20), np.arange(20))
    with pytest.raises(FitError, match="too few"):
        month_indices(np.ones(22), np.array([one for one in range(24) if one % 12 != 3]))


def test_one_year_is_compared_as_it_was() -> None:
    day = np.arange(360)
    months, weekdays = 24_000 + day // 30, day % 7
    values = np.where(months == 24_011, 30.0, 10.0)
    found = months_of_one_year(values, day >= 0, months, weekdays, np.arange(24_000, 24_012))
    assert not found.is_season
    assert found.index[-1] == pytest.approx(30 / (140 / 12))
    assert found.interval([0])[0] == pytest.approx(10 / (140 / 12))


def test_busiest_weekdays_and_their_share() -> None:
    rng = np.random.default_rng(5)
    day = np.arange(364)
    level = np.array([1.0, 0.9, 1.0, 1.5, 1.8, 2.4, 1.9])
    values = rng.poisson(100 * level[day % 7]).astype(float)
    found = fit_weekdays(values, day >= 0, day // 28, day % 7)
    assert found.busiest() == [3, 4, 5, 6]
    share, low, high = found.share_of([3, 4, 5, 6])
    assert low < level[3:].sum() / level.sum() < high
    assert share == pytest.approx(level[3:].sum() / level.sum(), abs=0.01)
    ends = found.interval()
    assert ((ends[0] < found.index) & (found.index < ends[1])).all()


def test_equal_weekdays_have_no_busiest() -> None:
    values = np.random.default_rng(6).poisson(80, 364).astype(float)
    day = np.arange(364)
    assert fit_weekdays(values, day >= 0, day // 28, day % 7).busiest() == []


def test_hours_take_the_day_as_the_unit() -> None:
    counts = np.zeros((40, 24))
    counts[::2, 12] = 10  # whole days at noon, whole days at one
    counts[1::2, 13] = 10
    share, low, high = hour_shares(counts)
    assert share[12] == 0.5
    assert high[12] - low[12] > 0.25  # 400 independent orders would give 0.1


def test_a_group_is_judged_against_all_and_growth_is_no_season() -> None:
    rng = np.random.default_rng(7)
    months = np.arange(48)
    growing = 200 * np.exp(0.03 * months)
    steady = np.full(48, 1000.0)
    sold = rng.poisson(np.stack([growing, steady])).astype(float)
    plain = relative_indices(sold, months % 12, months // 12)
    assert np.abs(plain.index[0] - 1).max() < 0.25
    sold[0] = rng.poisson(growing * np.where(months % 12 == 11, 2.0, 1.0))
    found = relative_indices(sold, months % 12, months // 12)
    assert found.p_value[0].argmin() == 11
    assert found.is_steady[0, 11]
    assert found.low[0, 11] > 1.3
