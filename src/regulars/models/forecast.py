"""Forecasts of a series by several methods that compete on later periods they have not seen.

Rolling origins: the series is cut at several days, each method forecasts what follows from what came before, and the
lowest mean absolute scaled error over all cuts wins (MASE: Hyndman & Koehler (2006), International Journal of
Forecasting 22, pp. 679-688). Closed days are zero by rule, named periods are taken off before and put on after, gaps
are filled for the methods and never scored.

Intervals are as wide as the errors of the same tests were (split conformal, scaled: Lei, G'Sell, Rinaldo, Tibshirani &
Wasserman (2018), Journal of the American Statistical Association 113, section 5.2), and their coverage is told by
leaving out each cut in turn: never from errors that had set the width.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from regulars.errors import FitError
from regulars.models.events import event_effects
from regulars.models.smoothing import repeat_last, season_and_level, seasonal_regression

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.int64]
    Marks = NDArray[np.bool_]

NAIVE = "seasonal naive"
LEVEL = "season and level"
REGRESSION = "seasonal regression"
YEARLY = "seasonal regression with the year"
THETA, ETS, MSTL = "AutoTheta", "AutoETS", "MSTL and ETS"
MEAN = "mean of the models"
_LONGEST_PERIOD = 24
_CLOSED_SHARE = 0.8
_FEWEST_HOLIDAYS = 2
_SURE = 0.01
_FEWEST_OCCURRENCES = 2
_LONGEST_SEASONS = 104


@dataclass(frozen=True)
class Times:
    """What is known of each place in time, also of those ahead.

    Attributes:
        phase: Place in the season (weekday, month of the year), for past and future.
        period: Length of the season.
        year: Steps of a year; 0 where the year's season is the season.
        is_open: Which past places count.
        is_closed: Which past places are closed by rule (zero, not a gap).
        closed_phases: Phases that are always closed.
        is_holiday: Public holidays, past and future.
        known_closed: Days that the calendar says are closed, past and future.
        months: Calendar month of each place, past and future; only needed beside `events`.
        events: By name, the places of named periods, past and future.
    """

    phase: Places
    period: int
    year: float
    is_open: Marks
    is_closed: Marks
    closed_phases: tuple[int, ...] = ()
    is_holiday: Marks | None = None
    known_closed: Marks | None = None
    months: Places | None = None
    events: Mapping[str, Places] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many past places there are."""
        return len(self.is_open)


@dataclass(frozen=True)
class Prepared:
    """A past made ready for the methods: events taken off, gaps filled.

    Attributes:
        values: Series × time.
        counted: Places that were observed and open.
        factors: Of the events, ahead.
        is_closed: Places ahead that are zero by rule.
    """

    values: Floats
    counted: Marks
    factors: Floats
    is_closed: Marks


def closed_ahead(times: Times, cut: int, horizon: int) -> Marks:
    """Places after a cut that are closed by rule: closed phases, and holidays if the past ones mostly were.

    A holiday rule rests on holidays before the cut only, at least two of them.
    """
    ahead = slice(cut, cut + horizon)
    closed: Marks = np.isin(times.phase[ahead], times.closed_phases)
    if times.known_closed is not None:
        closed = closed | times.known_closed[ahead]
    if times.is_holiday is None:
        return closed
    usual = ~np.isin(times.phase[:cut], times.closed_phases)
    seen = times.is_holiday[:cut] & usual & (times.is_open[:cut] | times.is_closed[:cut])
    share = times.is_closed[:cut][seen].mean() if seen.sum() >= _FEWEST_HOLIDAYS else 0.0
    return np.asarray(closed | times.is_holiday[ahead] if share >= _CLOSED_SHARE else closed)


def event_factors(values: Floats, times: Times, cut: int, horizon: int) -> Floats:
    """The factor of named periods on each place, past and ahead, told by what came before a cut.

    Only what came at least twice before and differs at the 1 % level counts; else the factor is 1.
    """
    factors = np.ones(cut + horizon)
    if not times.events or times.months is None:
        return factors
    past = {name: places[places < cut] for name, places in times.events.items()}
    past = {name: places for name, places in past.items() if _occurrences(places) >= _FEWEST_OCCURRENCES}
    if not past:
        return factors
    found = event_effects(values[:cut], times.is_open[:cut], times.months[:cut], times.phase[:cut], past)
    for one in found:
        if not one.why_not and one.p_value < _SURE:
            places = times.events[one.name]
            factors[places[places < cut + horizon]] *= np.clip(one.factor, 0.1, 10.0)
    return factors


def _occurrences(places: Places) -> int:
    """How many times something took place: runs of places that follow one another."""
    return int((np.diff(places) > 1).sum()) + 1 if len(places) else 0


def prepare(values: Floats, times: Times, cut: int, horizon: int) -> Prepared:
    """The past of several series before a cut, made ready; the events are judged on their sum.

    Args:
        values: Series × time.
        times: What is known of the places.
        cut: How many places are the past.
        horizon: How many places are forecast.
    """
    past = values[:, :cut]
    factors = event_factors(past.sum(axis=0), times, cut, horizon)
    counted = times.is_open[:cut]
    clean = np.where(counted, past / factors[:cut], np.nan)
    always = np.isin(times.phase[:cut], times.closed_phases)
    clean = np.where(always & ~counted, 0.0, clean)
    return Prepared(_filled(clean, times.period), counted, factors[cut:], closed_ahead(times, cut, horizon))


def _filled(values: Floats, period: int) -> Floats:
    """Gaps filled with the mean of the nearest seasons before and after that have the place."""
    missing = np.isnan(values[0])
    if not missing.any():
        return values
    size = values.shape[1]
    filled = values.copy()
    for place in np.flatnonzero(missing).tolist():
        before = next((one for one in range(place - period, -1, -period) if not missing[one]), None)
        after = next((one for one in range(place + period, size, period) if not missing[one]), None)
        near = [one for one in (before, after) if one is not None]
        filled[:, place] = values[:, near].mean(axis=1) if near else np.nanmean(values, axis=1)
    return filled


# -- the methods ---------------------------------------------------------------------------------------


def methods(times: Times, with_extra: bool) -> dict[str, Callable[[Prepared, int, int], Floats]]:
    """What competes, the simplest first; those of statsforecast only with the extra.

    Args:
        times: What is known of the places.
        with_extra: Whether statsforecast is installed.
    """
    found: dict[str, Callable[[Prepared, int, int], Floats]] = {
        NAIVE: lambda past, _, horizon: repeat_last(past.values, times.period, horizon),
        LEVEL: lambda past, cut, horizon: season_and_level(
            past.values, past.counted, times.phase[: cut + horizon], times.period, horizon
        ),
        REGRESSION: lambda past, cut, horizon: _regress(past, times, cut, horizon, 0.0),
    }
    if times.year and times.size >= 2 * times.year:
        found[YEARLY] = lambda past, cut, horizon: _regress(past, times, cut, horizon, times.year)
    if with_extra:
        found |= {name: _outside(name, times.period) for name in (MSTL, THETA, ETS)}
    return found


def _regress(past: Prepared, times: Times, cut: int, horizon: int, year: float) -> Floats:
    if year and cut < 1.5 * year:
        raise FitError("under a year and a half of history", mend="take a longer history")
    phase = times.phase[: cut + horizon]
    return np.stack([seasonal_regression(row, past.counted, phase, times.period, year, horizon) for row in past.values])


def _outside(name: str, period: int) -> Callable[[Prepared, int, int], Floats]:
    """A method of statsforecast, series by series, on the last 104 seasons: older ones cost more than they tell.

    A season longer than the method takes is left to the others.
    """
    season = period if period <= _LONGEST_PERIOD else 1

    def forecast(past: Prepared, _: int, horizon: int) -> Floats:
        from statsforecast import models

        def model() -> Any:
            if name == THETA:
                return models.AutoTheta(season_length=season)
            if name == ETS or season == 1:
                return models.AutoETS(season_length=season)
            return models.MSTL(season_length=[season], trend_forecaster=models.AutoETS(model="ZZN"))

        rows = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for row in past.values:
                try:
                    recent = np.ascontiguousarray(row[-_LONGEST_SEASONS * max(season, 1) :])
                    rows.append(np.asarray(model().forecast(recent, horizon)["mean"], dtype=float))
                except (ValueError, ZeroDivisionError, np.linalg.LinAlgError) as error:
                    raise FitError(f"{name} cannot be fitted: {error}") from error
        return np.stack(rows)

    return forecast


def forecast_from(method: Callable[[Prepared, int, int], Floats], past: Prepared, cut: int, horizon: int) -> Floats:
    """What a method says, events put on again, closed places zero, nothing below zero.

    Raises:
        FitError: The method gives no number.
    """
    told = method(past, cut, horizon) * past.factors[None, :]
    if not np.isfinite(told).all():
        raise FitError("the forecast is no number")
    return np.asarray(np.where(past.is_closed[None, :], 0.0, np.maximum(told, 0.0)))


# -- the competition -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Score:
    """How one method did.

    Attributes:
        method: Its name.
        mase: Mean absolute error ÷ that of the seasonal naive forecast one season ahead within the past; mean of the
            cuts.
        by_cut: The same for each cut.
        bias: Sum foretold ÷ sum that came − 1, over all cuts.
    """

    method: str
    mase: float
    by_cut: tuple[float, ...]
    bias: float


@dataclass(frozen=True)
class Competition:
    """What the methods did at all cuts.

    Attributes:
        scores: The simplest method first.
        winner: The lowest mean MASE.
        cuts: Places at which the series was cut.
        horizon: Steps ahead.
        predicted: Of the winner: cut × step.
        actual: Cut × step; NaN where nothing was observed.
        failed: Methods that could not be fitted, and why.
    """

    scores: tuple[Score, ...]
    winner: str
    cuts: tuple[int, ...]
    horizon: int
    predicted: Floats
    actual: Floats
    failed: Mapping[str, str] = field(default_factory=dict)

    def score(self, method: str) -> Score:
        """The score of a method by name."""
        return next(one for one in self.scores if one.method == method)


def cuts_of(size: int, horizon: int, origins: int, least: int) -> tuple[int, ...]:
    """Where to cut: the last `horizon` places, those before them, and so on, as long as `least` places stay before.

    >>> cuts_of(100, 10, 3, 50)
    (70, 80, 90)
    """
    found = [size - horizon * back for back in range(1, origins + 1) if size - horizon * back >= least]
    return tuple(reversed(found))


def compete(values: Floats, times: Times, cuts: Sequence[int], horizon: int, with_extra: bool) -> Competition:
    """All methods at all cuts of one series.

    Raises:
        FitError: No cut is possible, or nothing can be scored.
    """
    if not cuts:
        raise FitError("the history is too short to be tested on a part of itself", mend="take a longer history")
    entrants = methods(times, with_extra)
    actual = np.stack([np.where(_scored(times, cut, horizon), values[cut : cut + horizon], np.nan) for cut in cuts])
    pasts = [prepare(values[None, :], times, cut, horizon) for cut in cuts]
    told: dict[str, Floats] = {}
    failed: dict[str, str] = {}
    for name, method in entrants.items():
        try:
            told[name] = np.concatenate(
                [forecast_from(method, past, cut, horizon) for past, cut in zip(pasts, cuts, strict=True)]
            )
        except FitError as error:
            failed[name] = error.message
    models = [told[name] for name in told if name != NAIVE]
    if len(models) > 1:
        told[MEAN] = np.mean(models, axis=0)
    scale = np.array([_naive_error(values, times, cut) for cut in cuts])
    scores = tuple(_score(name, one, actual, scale) for name, one in told.items())
    if not scores or not np.isfinite([one.mase for one in scores]).any():
        raise FitError("there is nothing to score", mend="take a longer history")
    winner = min(scores, key=lambda one: (not np.isfinite(one.mase), round(one.mase, 9)))
    return Competition(scores, winner.method, tuple(cuts), horizon, told[winner.method], actual, failed)


def predict(values: Floats, times: Times, method: str, horizon: int, with_extra: bool) -> Floats:
    """The forecast of one series by a method, the mean of those that can be fitted where that is it.

    Raises:
        FitError: It cannot be fitted.
    """
    past = prepare(values[None, :], times, times.size, horizon)
    entrants = methods(times, with_extra)
    if method != MEAN:
        return np.asarray(forecast_from(entrants[method], past, times.size, horizon)[0])
    rows = []
    for name, one in entrants.items():
        if name != NAIVE:
            try:
                rows.append(forecast_from(one, past, times.size, horizon)[0])
            except FitError:
                continue
    if not rows:
        raise FitError("no method can be fitted")
    return np.asarray(np.mean(rows, axis=0))


def _scored(times: Times, cut: int, horizon: int) -> Marks:
    """Places that are scored: observed, or closed by rule; never gaps."""
    return np.asarray(times.is_open | times.is_closed)[cut : cut + horizon]


def _naive_error(values: Floats, times: Times, cut: int) -> float:
    known = (times.is_open | times.is_closed)[:cut]
    both = known[times.period :] & known[: -times.period]
    error = np.abs(values[times.period : cut] - values[: cut - times.period])[both]
    return float(error.mean()) if len(error) and error.mean() > 0 else float("nan")


def _score(name: str, told: Floats, actual: Floats, scale: Floats) -> Score:
    known = ~np.isnan(actual)
    error = np.where(known, np.abs(told - np.nan_to_num(actual)), 0.0)
    each = error.sum(axis=1) / np.maximum(known.sum(axis=1), 1) / scale
    came = float(np.nansum(actual))
    bias = float(told[known].sum() / came - 1) if came > 0 else float("nan")
    return Score(name, float(np.nanmean(each)) if np.isfinite(each).any() else float("nan"), tuple(each.tolist()), bias)
