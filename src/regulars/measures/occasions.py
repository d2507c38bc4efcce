"""Named periods: public holidays, the user's own, releases, campaigns; as windows of days under one name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HOLIDAY, RELEASE, CAMPAIGN = "holiday", "release", "campaign"
CLOSED_KINDS = ("closed", "closure")
"""A calendar row of such a kind names days on which the company is closed: zero by rule, in the past and ahead."""
EXCLUDED_KINDS = ("lockdown", "missing")
"""A calendar row of such a kind is a period that is kept out of trends, like `exclude_periods`."""
_STAND_INS = ("observed", "substitute", "day off", "in lieu")


@dataclass(frozen=True)
class Window:
    """One occurrence of something that has a name.

    Args:
        name: What it is; occurrences of one name are judged together.
        kind: `holiday`, `release`, `campaign`, or the kind the calendar gives.
        first: Its first day.
        last: Its last day.
    """

    name: str
    kind: str
    first: date
    last: date

    @property
    def length(self) -> int:
        """Days."""
        return (self.last - self.first).days + 1


def holiday_windows(named: Mapping[date, str]) -> list[Window]:
    """Public holidays as windows: days that follow one another are one, under the names of its proper holidays.

    >>> names = {date(2022, 12, 25): "Christmas Day", date(2022, 12, 26): "Boxing Day; Christmas Day (observed)"}
    >>> [(one.name, one.length) for one in holiday_windows(names)]
    [('Boxing Day, Christmas Day', 2)]
    """
    windows = []
    for days in _runs(sorted(named)):
        names = [name.strip() for day in days for name in named[day].split(";")]
        proper = [name for name in names if not any(word in name.lower() for word in _STAND_INS)]
        plain = sorted({name.partition(" (")[0] for name in proper or names})
        kept = [name for name in plain if not any(other != name and other in name for other in plain)]
        windows.append(Window(", ".join(kept), HOLIDAY, days[0], days[-1]))
    return windows


def release_windows(days: Sequence[date], name: str, length: int) -> list[Window]:
    """The first days after each release; releases so near that their windows meet are one window.

    >>> [one.length for one in release_windows([date(2022, 1, 1), date(2022, 1, 8)], "new films", 14)]
    [21]
    """
    covered = sorted({day + timedelta(days=more) for day in days for more in range(length)})
    return [Window(name, RELEASE, run[0], run[-1]) for run in _runs(covered)]


def _runs(days: Sequence[date]) -> list[list[date]]:
    """Days that follow one another, together."""
    if not days:
        return []
    runs = [[days[0]]]
    for before, day in pairwise(days):
        if (day - before).days == 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs
