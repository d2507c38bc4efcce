"""Forecasts of the parts of a whole (categories, stores, segments), which add up to the forecast of the whole.

Each part takes the method that did best for it on the cuts of the whole: the seasonal naive forecast, its own season
and level, or its recent share of the whole's forecast. Then all parts are moved to add up, the unsure ones more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from regulars.models.forecast import LEVEL, NAIVE, forecast_from, methods, prepare
from regulars.models.reconcile import add_up

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from regulars.models.forecast import Prepared, Times

    Floats = NDArray[np.float64]

SHARE = "share of the whole"
_SHARE_SEASONS = 8


@dataclass(frozen=True)
class GroupForecasts:
    """What is foretold of each part.

    Attributes:
        ahead: Part × step; adds up to the whole at every step.
        at_cuts: Cut × part × step; the same for the tests.
        actual: Cut × part × step; NaN where nothing was observed.
        method: Of each part, before it was made to add up.
        error: Mean absolute error of each part in the tests, as it is told (adding up).
        naive_error: The same for the seasonal naive forecast.
    """

    ahead: Floats
    at_cuts: Floats
    actual: Floats
    method: tuple[str, ...]
    error: Floats
    naive_error: Floats


def forecast_groups(
    values: Floats, times: Times, cuts: Sequence[int], horizon: int, whole_at_cuts: Floats, whole_ahead: Floats
) -> GroupForecasts:
    """The parts, each by its best method, made to add up.

    Args:
        values: Part × time.
        times: What is known of the places.
        cuts: Where the tests cut.
        horizon: Steps ahead.
        whole_at_cuts: What was foretold of the whole in the tests: cut × step.
        whole_ahead: What is foretold of it now.
    """
    entrants = {name: one for name, one in methods(times, with_extra=False).items() if name in (NAIVE, LEVEL)}
    told = {name: [] for name in (*entrants, SHARE)}  # type: dict[str, list[Floats]]
    for place, cut in enumerate(cuts):
        past = prepare(values, times, cut, horizon)
        for name, rows in _by_method(entrants, past, cut, horizon, whole_at_cuts[place], times.period).items():
            told[name].append(rows)
    stacked = {name: np.stack(rows) for name, rows in told.items()}
    scored = np.stack([(times.is_open | times.is_closed)[cut : cut + horizon] for cut in cuts])
    actual = np.stack([values[:, cut : cut + horizon] for cut in cuts])
    actual = np.where(scored[:, None, :], actual, np.nan)
    errors = {name: np.nanmean(np.abs(rows - actual), axis=(0, 2)) for name, rows in stacked.items()}
    names = list(errors)
    best = np.stack([errors[name] for name in names]).round(12).argmin(axis=0)
    parts = np.arange(len(values))
    at_cuts = np.stack([stacked[name] for name in names])[best, :, parts, :].transpose(1, 0, 2)
    variance = np.nanmean((at_cuts - actual) ** 2, axis=(0, 2))
    now = _by_method(
        entrants, prepare(values, times, times.size, horizon), times.size, horizon, whole_ahead, times.period
    )
    ahead = np.stack([now[name] for name in names])[best, parts, :]
    adding = np.stack([add_up(rows, whole, variance) for rows, whole in zip(at_cuts, whole_at_cuts, strict=True)])
    return GroupForecasts(
        add_up(ahead, whole_ahead, variance), adding, actual, tuple(names[one] for one in best),
        np.nanmean(np.abs(adding - actual), axis=(0, 2)), errors[NAIVE],
    )  # fmt: skip


def _by_method(
    entrants: dict[str, Callable[[Prepared, int, int], Floats]], past: Prepared, cut: int, horizon: int, whole: Floats,
    period: int,
) -> dict[str, Floats]:  # fmt: skip
    """Part × step, by method."""
    found = {name: forecast_from(method, past, cut, horizon) for name, method in entrants.items()}
    recent = past.values[:, -_SHARE_SEASONS * period :].sum(axis=1)
    share = recent / recent.sum() if recent.sum() > 0 else np.full(len(recent), 1 / len(recent))
    found[SHARE] = share[:, None] * whole[None, :]
    return found
