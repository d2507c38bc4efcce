"""The calendar of purchases: which days have some, which could have, and which lie far from all others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from regulars.measures.time import months_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

STRAY_DAYS = 180
STRAY_TIMES = 20
STRAY_SHARE = 0.001
"""Strays lie this many days, and this many usual gaps, from the others and have at most this share of the rows."""
CLOSED_SHARE = 0.05
MIN_WEEKS = 4
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class PurchaseDays:
    """The days with purchases, and what is known of the others.

    Args:
        rows: Rows by day, in the order of the days; at least one.
        excluded: Periods, first and last day, in which none are expected.
    """

    rows: Mapping[date, int]
    excluded: tuple[tuple[date, date], ...] = ()

    @cached_property
    def first(self) -> date:
        """The first day with a purchase."""
        return min(self.rows)

    @cached_property
    def last(self) -> date:
        """The last day with a purchase."""
        return max(self.rows)

    @cached_property
    def months(self) -> list[date]:
        """Every month from the first to the last."""
        return months_of(self.first, self.last)

    @cached_property
    def missing_months(self) -> list[date]:
        """Those of the months that have no purchase."""
        return [month for month in self.months if month not in self._months_with]

    @cached_property
    def unexplained_months(self) -> list[date]:
        """Those of the missing months that do not lie within excluded periods."""
        expected = {day.replace(day=1) for day in self._between(self.first, self.last)}
        return [month for month in self.missing_months if month in expected]

    @cached_property
    def _months_with(self) -> set[date]:
        return {day.replace(day=1) for day in self.rows}

    @cached_property
    def closed_weekdays(self) -> tuple[int, ...]:
        """Weekdays with hardly ever a purchase, where most other days have one; Monday is 0."""
        days = [day for day in self._between(self.first, self.last) if day.replace(day=1) in self._months_with]
        by_weekday = [[day for day in days if day.weekday() == weekday] for weekday in range(7)]
        closed = tuple(weekday for weekday in range(7) if self._is_closed(by_weekday[weekday]))
        others = [day for day in days if day.weekday() not in closed]
        return closed if sum(day in self.rows for day in others) > len(others) / 2 else ()

    def _is_closed(self, days: Sequence[date]) -> bool:
        return len(days) >= MIN_WEEKS and sum(day in self.rows for day in days) <= CLOSED_SHARE * len(days)

    @cached_property
    def open_days(self) -> list[date]:
        """Days on which purchases are to be expected: no closed weekday, not excluded, in no missing month."""
        return self.open_between(self.first, self.last)

    def open_between(self, start: date, end: date) -> list[date]:
        """The open days of a period, which may reach beyond the first and the last purchase."""
        return [
            day
            for day in self._between(start, end)
            if day.weekday() not in self.closed_weekdays and day.replace(day=1) in self._months_with
        ]

    @cached_property
    def missing_days(self) -> list[date]:
        """Open days without a purchase."""
        return [day for day in self.open_days if day not in self.rows]

    def _between(self, start: date, end: date) -> list[date]:
        """The days of a period that are not excluded."""
        days = (start + place * _DAY for place in range((end - start).days + 1))
        return [day for day in days if not any(first <= day <= last for first, last in self.excluded)]


def without_strays(rows: Mapping[date, int]) -> tuple[dict[date, int], dict[date, int]]:
    """The days with purchases, parted into those that belong together and the few that lie far from them.

    Args:
        rows: Rows by day, in the order of the days.

    >>> days = {date(2024, 1, 1) + timedelta(days=place): 5 for place in range(30)}
    >>> without_strays({**days, date(2099, 1, 1): 1})[1]
    {datetime.date(2099, 1, 1): 1}
    """
    days = list(rows)
    gaps = [(after - before).days for before, after in pairwise(days)]
    if not gaps:
        return dict(rows), {}
    far = max(STRAY_DAYS, STRAY_TIMES * median(gaps))
    blocks = [[days[0]]]
    for day, gap in zip(days[1:], gaps, strict=True):
        if gap >= far:
            blocks.append([])
        blocks[-1].append(day)
    sizes = [sum(rows[day] for day in block) for block in blocks]
    most = max(1.0, STRAY_SHARE * sum(sizes))
    few = [block for block, size in zip(blocks, sizes, strict=True) if size <= most and size < max(sizes)]
    strays = {day for block in few for day in block}
    return {day: rows[day] for day in days if day not in strays}, {day: rows[day] for day in days if day in strays}


def runs(days: Sequence[date], open_days: Sequence[date]) -> list[tuple[date, date]]:
    """Days as unbroken runs, first and last; only open days between them break a run.

    >>> week = [date(2024, 1, day) for day in (1, 2, 3, 8, 9)]
    >>> runs([date(2024, 1, 2), date(2024, 1, 3), date(2024, 1, 8)], week)
    [(datetime.date(2024, 1, 2), datetime.date(2024, 1, 8))]
    """
    wanted = set(days)
    found: list[tuple[date, date]] = []
    goes_on = False
    for day in open_days:
        if day in wanted:
            found = [*found[:-1], (found[-1][0], day)] if goes_on else [*found, (day, day)]
        goes_on = day in wanted
    return found
