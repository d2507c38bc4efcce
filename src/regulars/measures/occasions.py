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

    Holidays that come apart in any year are told apart in the years in which they meet, so that each keeps its name.

    >>> names = {date(2022, 12, 25): "Christmas Day", date(2022, 12, 26): "Boxing Day; Christmas Day (observed)"}
    >>> [(one.name, one.length) for one in holiday_windows(names)]
    [('Boxing Day, Christmas Day', 2)]
    >>> names = {date(2021, 4, 21): "Kings", date(2021, 5, 1): "Labour", date(2022, 4, 30): "Kings"}
    >>> [(one.name, one.length) for one in holiday_windows(names | {date(2022, 5, 1): "Labour"})]
    [('Kings', 1), ('Labour', 1), ('Kings', 1), ('Labour', 1)]
    """
    runs = _runs(sorted(named))
    names_of = [_names_by_day(days, named) for days in runs]
    proper = [any(_proper(named[day]) for day in days) for days in runs]
    group = _always_together([set().union(*names.values()) for names in names_of], proper)
    windows = []
    for run in names_of:
        parts: list[tuple[frozenset[str], list[date]]] = []
        for day, names in run.items():
            within = frozenset().union(*(group[name] for name in names))
            if parts and parts[-1][0] == within:
                parts[-1][1].append(day)
            else:
                parts.append((within, [day]))
        windows += [Window(", ".join(sorted(names)), HOLIDAY, days[0], days[-1]) for names, days in parts]
    return windows


def _proper(names: str) -> set[str]:
    """The holidays of a day that are not only a day off in place of another."""
    each = (name.strip() for name in names.split(";"))
    return {one.partition(" (")[0] for one in each if not any(word in one.lower() for word in _STAND_INS)}


def _names_by_day(days: Sequence[date], named: Mapping[date, str]) -> dict[date, set[str]]:
    """The holidays of each day of a run; a day that stands in for one carries on what was before it."""
    of = {day: _proper(named[day]) for day in days}
    if not any(of.values()):
        of = {day: {name.strip().partition(" (")[0] for name in named[day].split(";")} for day in days}
    whole = set().union(*of.values())
    shortest = {name: min((one for one in whole if one in name), key=lambda one: (len(one), one)) for name in whole}
    last = next({shortest[name] for name in names} for names in of.values() if names)
    found = {}
    for day in days:
        last = {shortest[name] for name in of[day]} or last
        found[day] = last
    return found


def _always_together(runs: Sequence[set[str]], proper: Sequence[bool]) -> dict[str, frozenset[str]]:
    """For each holiday those that come in the same runs and in no other.

    Runs of nothing but days in place of another tell nothing of it, nor do the first and the last, which may be cut.
    """
    told = [at for at in range(len(runs)) if proper[at] and (len(runs) < 3 or 0 < at < len(runs) - 1)]
    names = set().union(*runs)
    places = {name: frozenset(at for at in told if name in runs[at]) for name in names}
    return {
        name: frozenset(other for other in names if other == name or (places[name] and places[other] == places[name]))
        for name in names
    }


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
