"""Forecasts: rules by hand, tests that see no later day, intervals that hold, parts that add up."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from regulars.errors import FitError
from regulars.models import forecast as model
from regulars.models.group_forecast import forecast_groups
from regulars.models.prediction_intervals import fit_widths, sum_interval
from regulars.models.reconcile import add_up
from regulars.models.smoothing import season_and_level, seasonal_ratios, seasonal_regression, smooth_level

if TYPE_CHECKING:
    from pathlib import Path

WEEK = np.array([1.0, 0.8, 0.9, 1.0, 1.3, 1.6, 0.4])


def times_of(size: int, ahead: int = 60, **more: Any) -> model.Times:
    never = np.zeros(size, dtype=bool)
    places = np.arange(size + ahead)
    return model.Times(
        phase=places % 7, period=7, year=365.25, is_open=~never, is_closed=never, months=places // 30, **more
    )


def drawn(size: int, seed: int = 1, level: float = 100.0) -> np.ndarray:
    """Weeks of a shop, its level wandering slowly."""
    rng = np.random.default_rng(seed)
    wander = np.exp(np.cumsum(rng.normal(0, 0.01, size)))
    return rng.poisson(level * wander * WEEK[np.arange(size) % 7]).astype(float)


def test_ratios_and_level_by_hand() -> None:
    values = np.tile([2.0, 1.0, 3.0], 20)[None, :]
    factors = seasonal_ratios(values, np.ones(60, dtype=bool), np.arange(60) % 3, 3)
    assert factors[0] == pytest.approx([1.0, 0.5, 1.5], abs=0.03)
    ahead = season_and_level(values, np.ones(60, dtype=bool), np.arange(66) % 3, 3, 6)
    assert ahead[0] == pytest.approx([2, 1, 3, 2, 1, 3], rel=0.03)


def test_a_level_steps_over_gaps_and_follows_a_trend() -> None:
    line = np.arange(1.0, 101.0)
    line[40:50] = np.nan
    ahead = smooth_level(line[None, :], 3)[0]
    assert ahead == pytest.approx([101, 102, 103], rel=0.01)


def test_a_regression_finds_the_season_of_the_year() -> None:
    day = np.arange(1095 + 60)
    truth = 100 * np.exp(0.4 * np.sin(2 * np.pi * day / 365.25)) * WEEK[day % 7]
    values = np.random.default_rng(2).poisson(truth[:1095]).astype(float)
    told = seasonal_regression(values, np.ones(1095, dtype=bool), day % 7, 7, 365.25, 60)
    assert np.abs(told / truth[1095:] - 1).mean() < 0.05
    plain = seasonal_regression(values, np.ones(1095, dtype=bool), day % 7, 7, 0.0, 60)
    assert np.abs(plain / truth[1095:] - 1).mean() > 1.5 * np.abs(told / truth[1095:] - 1).mean()


def test_closed_days_ahead_are_zero_by_rule() -> None:
    closed = np.zeros(140, dtype=bool)
    closed[5::7] = True
    holiday = np.zeros(200, dtype=bool)
    holiday[[20, 50, 150]] = True
    closed[[20, 50]] = True
    times = replace(times_of(140), is_open=~closed, is_closed=closed, closed_phases=(5,), is_holiday=holiday)
    ahead = model.closed_ahead(times, 140, 28)
    assert np.flatnonzero(ahead).tolist() == [5, 10, 12, 19, 26]  # the fifth of every week, and the holiday
    values = np.where(closed, 0.0, drawn(140))
    told = model.predict(values, times, model.LEVEL, 28, with_extra=False)
    assert (told[ahead] == 0).all()
    assert (told[~ahead] > 0).all()
    opened = replace(times, is_closed=closed & (np.arange(140) % 7 == 5), is_open=~closed | holiday[:140])
    assert not model.closed_ahead(opened, 140, 28)[10]  # open on past holidays


def test_an_event_counts_ahead_when_it_came_twice() -> None:
    once = {"fair": np.array([100, 101, 102, 310, 311, 312])}
    values = drawn(300)
    values[100:103] *= 2
    assert (model.event_factors(values, times_of(300, events=once), 300, 28) == 1).all()
    twice = {"fair": np.array([100, 101, 102, 200, 201, 202, 310, 311, 312])}
    values[200:203] *= 2
    factors = model.event_factors(values, times_of(300, events=twice), 300, 28)
    assert factors[310] == pytest.approx(2.0, rel=0.25)
    assert factors[305] == 1.0


def test_a_cut_sees_nothing_of_what_comes_after() -> None:
    values = drawn(300)
    times = times_of(300, events={"fair": np.array([60, 61, 120, 121, 290, 291])})
    changed = values.copy()
    changed[200:] = 1e6
    one = model.compete(values, times, (200,), 28, with_extra=False)
    other = model.compete(changed, times, (200,), 28, with_extra=False)
    assert one.score(model.LEVEL).by_cut != other.score(model.LEVEL).by_cut  # what came differs
    told = [model.prepare(series[None, :], times, 200, 28) for series in (values, changed)]
    assert (told[0].values == told[1].values).all()
    assert (told[0].factors == told[1].factors).all()


def test_the_winner_beats_the_naive_and_its_intervals_hold_later() -> None:
    held = count = 0
    for seed in range(12):
        values = drawn(420, seed)
        times = times_of(392)
        cuts = model.cuts_of(392, 28, 5, 56)
        judged = model.compete(values[:392], times, cuts, 28, with_extra=False)
        assert judged.score(judged.winner).mase < judged.score(model.NAIVE).mase
        told = model.predict(values[:392], times, judged.winner, 28, with_extra=False)
        low, high = fit_widths(judged.predicted, judged.actual).interval(told, 0.95)
        held += int(((low <= values[392:]) & (values[392:] <= high)).sum())
        count += 28
    assert 0.90 <= held / count <= 0.995


def test_a_short_history_is_refused() -> None:
    assert model.cuts_of(60, 28, 5, 56) == ()
    with pytest.raises(FitError, match="too short"):
        model.compete(drawn(60), times_of(60), (), 28, with_extra=False)


def test_a_sum_has_no_interval_without_tests() -> None:
    low, high = sum_interval(np.ones((1, 2)), np.ones((1, 2)), 5.0, 0.95)
    assert np.isnan(low)
    assert np.isnan(high)
    low, high = sum_interval(np.full((5, 1), 10.0), np.array([[9.0], [11], [10], [9.5], [10.5]]), 100.0, 0.95)
    assert 75 < low < 100 < high < 130


@given(
    parts=arrays(np.float64, (4, 3), elements=st.floats(0, 1e6)),
    whole=arrays(np.float64, 3, elements=st.floats(0, 1e6)),
    variances=arrays(np.float64, 4, elements=st.floats(0, 1e6)),
)
@settings(max_examples=100, deadline=None)
def test_parts_add_up_and_are_never_negative(parts: Any, whole: Any, variances: Any) -> None:
    told = add_up(parts, whole, variances)
    assert (told >= 0).all()
    assert told.sum(axis=0) == pytest.approx(whole, rel=1e-9, abs=1e-6)


def test_groups_add_up_in_the_tests_and_ahead_and_are_no_worse() -> None:
    rng = np.random.default_rng(9)
    level = np.array([60.0, 30.0, 9.0, 1.0])
    day = np.arange(420)
    values = rng.poisson(level[:, None] * WEEK[day % 7]).astype(float)
    times = times_of(420)
    whole = values.sum(axis=0)
    cuts = model.cuts_of(420, 28, 3, 56)
    judged = model.compete(whole, times, cuts, 28, with_extra=False)
    ahead = model.predict(whole, times, judged.winner, 28, with_extra=False)
    found = forecast_groups(values, times, cuts, 28, judged.predicted, ahead)
    assert found.ahead.sum(axis=0) == pytest.approx(ahead)
    assert found.at_cuts.sum(axis=1) == pytest.approx(judged.predicted)
    assert (found.ahead >= 0).all()
    assert (found.error <= found.naive_error).all()
    assert found.ahead.sum(axis=1) / ahead.sum() == pytest.approx(level / level.sum(), abs=0.02)


@pytest.mark.parametrize(("name", "least_mase"), [("air_passengers", 1.0), ("retail_sales", 0.6)])
def test_monthly_series_are_foretold_with_their_errors(datasets: Path, name: str, least_mase: float) -> None:
    """A year ahead, five times; the base install alone."""
    text = (datasets / "monthly_series" / f"example_{name}.csv").read_text(encoding="utf-8").splitlines()[1:]
    values = np.array([float(line.split(",")[1]) for line in text if line])
    size, first = len(values), int(text[0].split("-")[1]) - 1
    never = np.zeros(size, dtype=bool)
    times = model.Times((np.arange(size + 12) + first) % 12, 12, 0.0, ~never, never)
    judged = model.compete(values, times, model.cuts_of(size, 12, 5, 36), 12, with_extra=False)
    best, naive = judged.score(judged.winner), judged.score(model.NAIVE)
    assert best.mase < least_mase
    assert best.mase < naive.mase
    assert 0.90 <= fit_widths(judged.predicted, judged.actual).coverage[0.95] <= 1.0
