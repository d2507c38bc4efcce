"""What a named period does to sales, against what its month and weekday would have given.

Sales of a day = level of its calendar month × weekday × event. A level of its own for every month takes any trend and
any season with it, and leaves the event what differs within the month; so an event is judged against days of the same
weekday of the same months. An event that fills its months leaves nothing to compare with, and is not told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from regulars.errors import FitError
from regulars.models.log_linear import LogLinear, fit_log_linear

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.int64]

_FEWEST_MONTH_DAYS = 10
"""Open days that a month must have to count."""
_FEWEST_PLAIN_DAYS = 5
"""Open days without this event that its month must have."""


@dataclass(frozen=True)
class Effect:
    """What one event does.

    Attributes:
        name: Of the event.
        factor: Sales on its days ÷ what month and weekday would have given; NaN where it cannot be told.
        low: Lower end of the 95 % interval.
        high: Upper end.
        p_value: Of no effect; NaN where it cannot be told.
        day_count: Open days it rests on.
        observed: What was sold on them.
        expected: What month and weekday would have given.
        why_not: Why it cannot be told; "" where it can.
    """

    name: str
    factor: float
    low: float
    high: float
    p_value: float
    day_count: int
    observed: float
    expected: float
    why_not: str = ""


def base_design(months: Places, weekdays: Places) -> Floats:
    """A level for every month, and weekdays against their mean."""
    levels = (months[:, None] == np.unique(months)[None, :]).astype(float)
    kinds = np.unique(weekdays)
    days = (weekdays[:, None] == kinds[None, :-1]).astype(float) - (weekdays == kinds[-1]).astype(float)[:, None]
    return np.concatenate([levels, days], axis=1)


def event_effects(
    values: Floats, is_open: NDArray[np.bool_], months: Places, weekdays: Places, events: Mapping[str, Places]
) -> list[Effect]:
    """The effects of several events, each cleared of the others.

    Args:
        values: Sales per day.
        is_open: Which days count.
        months: Number of each day's calendar month.
        weekdays: Weekday of each day.
        events: By name, the places of an event's days.

    Returns:
        One effect per event, in their order.
    """
    sizes = np.bincount(months[is_open] - months.min(), minlength=int(np.ptp(months)) + 1)
    sold = np.bincount(months[is_open] - months.min(), weights=values[is_open], minlength=len(sizes))
    counted = is_open & ((sizes >= _FEWEST_MONTH_DAYS) & (sold > 0))[months - months.min()]
    reasons = {name: _why_not(values, counted, months, places) for name, places in events.items()}
    for name, why in reasons.items():
        if why and len(events[name]):  # such days are no baseline for others
            counted[events[name]] = False
    told = [name for name, why in reasons.items() if not why]
    marks = np.zeros((len(values), len(told)))
    for column, name in enumerate(told):
        marks[events[name], column] = 1.0
    kept = np.flatnonzero(counted)
    base = base_design(months[kept], weekdays[kept]) if len(kept) else np.zeros((0, 0))
    try:
        fit = fit_log_linear(values[kept], np.concatenate([base, marks[kept]], axis=1), kept)
    except FitError as error:
        return [_untold(name, reasons[name] or error.message) for name in events]
    mean = fit.mean(np.concatenate([base, marks[kept]], axis=1))
    return [
        _effect(name, fit, base.shape[1] + told.index(name), marks[kept], mean, values[kept], told)
        if name in told
        else _untold(name, reasons[name])
        for name in events
    ]


def _effect(
    name: str, fit: LogLinear, column: int, marks: Floats, mean: Floats, values: Floats, told: Sequence[str]
) -> Effect:
    weights = np.zeros(len(fit.coefficients))
    weights[column] = 1.0
    found = fit.contrast(weights)
    within = marks[:, told.index(name)] > 0
    if not np.isfinite(found.factor):
        return _untold(name, "it cannot be told apart from another event", int(within.sum()))
    return Effect(
        name, found.factor, found.low, found.high, found.p_value, int(within.sum()), float(values[within].sum()),
        float((mean[within] / found.factor).sum()),
    )  # fmt: skip


def _why_not(values: Floats, counted: NDArray[np.bool_], months: Places, places: Places) -> str:
    """Why an event cannot be told; "" where it can."""
    there = places[counted[places]] if len(places) else places
    if not len(there):
        return "no open day in the data"
    if not values[there].sum() > 0:
        return "nothing was sold on its days"
    event = np.zeros(len(values), dtype=bool)
    event[places] = True
    plain = [int((counted & ~event & (months == month)).sum()) for month in np.unique(months[there])]
    if max(plain) < _FEWEST_PLAIN_DAYS:
        return "it fills its months, and leaves no days to compare with"
    return ""


def _untold(name: str, why: str, day_count: int = 0) -> Effect:
    nothing = float("nan")
    return Effect(name, nothing, nothing, nothing, nothing, day_count, 0.0, 0.0, why)
