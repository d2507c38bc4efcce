"""The effects of named periods on the days of a company: what events tells, and what a forecast plans with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regulars.models import events as model

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from regulars.measures.occasions import Window
    from regulars.measures.trading import Trading
    from regulars.models.events import Effect

_PLACEBO_DAYS = 7
_PLACEBO_EVERY = 28
_PLACEBO_SHIFTS = (0, 7, 14, 21)


@dataclass(frozen=True)
class Placebo:
    """Windows on which nothing is known to have happened, judged in the same way.

    Args:
        count: How many.
        told: How many of them got an effect at the 5 % level.
    """

    count: int
    told: int

    @property
    def words(self) -> str:
        """What it says, in a sentence."""
        if not self.count:
            return "there are too few days without a named period to try the method on"
        share = f"{100 * self.told / self.count:.0f} %"
        return (
            f"tried on {self.count} windows of {_PLACEBO_DAYS} days without a named period: {self.told} ({share}; 5 % "
            "by chance) would have been told at the 5 % level"
        )


def by_name(windows: Sequence[Window]) -> dict[str, list[Window]]:
    """Windows under their names, in the order in which the names first come."""
    found: dict[str, list[Window]] = {}
    for window in windows:
        found.setdefault(window.name, []).append(window)
    return found


def places(windows: Sequence[Window], days: Trading, shift: tuple[int, int] | None = None) -> NDArray[np.int64]:
    """The places of the days of windows within the data.

    Args:
        windows: Of one event.
        days: The days there are.
        shift: Instead of the days themselves: so many days before (−7, −1) or after (1, 7) each window.
    """
    import numpy as np

    found: set[int] = set()
    for window in windows:
        first, last = days.place(window.first), days.place(window.last)
        if shift is not None:
            first, last = (first + shift[0], first + shift[1]) if shift[0] < 0 else (last + shift[0], last + shift[1])
        found |= set(range(max(first, 0), min(last, len(days.state) - 1) + 1))
    return np.array(sorted(found), dtype=np.int64)


def calendar(days: Trading) -> tuple[NDArray[Any], NDArray[Any]]:
    """The number of the month, and the weekday, of every day."""
    import numpy as np

    dates = days.days
    return np.array([day.year * 12 + day.month for day in dates]), np.array([day.weekday() for day in dates])


def effects(days: Trading, measure: str, events: Mapping[str, NDArray[np.int64]]) -> list[Effect]:
    """The effect of every event on a measure, each cleared of the others."""
    months, weekdays = calendar(days)
    return model.event_effects(days.values[measure], days.is_open, months, weekdays, events)


def placebo(days: Trading, measure: str, events: Mapping[str, NDArray[np.int64]]) -> Placebo:
    """The same judgement of windows that touch no event, several times over, each time one window in four weeks."""
    import numpy as np

    taken = np.zeros(len(days.state), dtype=bool)
    for one in events.values():
        taken[one] = True
    count = told = 0
    for shift in _PLACEBO_SHIFTS:
        free = {}
        for first in range(shift, len(taken) - _PLACEBO_DAYS + 1, _PLACEBO_EVERY):
            window = np.arange(first, first + _PLACEBO_DAYS)
            if not taken[window].any() and days.is_open[window].any():
                free[f"placebo {first}"] = window
        found = [one for one in effects(days, measure, {**events, **free}) if one.name in free and not one.why_not]
        count += len(found)
        told += sum(one.p_value < 0.05 for one in found)
    return Placebo(count, told)
