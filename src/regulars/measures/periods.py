"""Calendar periods and how far the data cover them, so that a half month is never taken for a fall.

A period is a number (weeks, months, quarters or years since a fixed origin), so that "the period before" is minus one
and the engine and Python count alike. `Coverage` says of each period whether the data hold the whole of it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from regulars.measures import time
from regulars.measures.money import DECIMALS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import ibis.expr.types as ir
    import numpy as np
    from numpy.typing import NDArray

Grain = Literal["week", "month", "quarter", "year"]
PER_YEAR: dict[str, int] = {"month": 12, "quarter": 4, "year": 1}
"""Periods of a year; weeks do not divide one."""

_FIRST_MONDAY = date(1900, 1, 1)
_MONTHS: dict[str, int] = {"month": 1, "quarter": 3, "year": 12}
_LONGEST_PAUSE_DAYS = 3
_USUAL_SHARE = 0.95


def number(day: ir.DateValue, grain: Grain) -> ir.IntegerValue:
    """The period of a day, as `number_of` counts it, for the engine."""
    if grain == "week":
        import ibis

        return (time.days_between(ibis.literal(_FIRST_MONDAY, "date"), day) // 7).cast("int64")
    months = time.month_number(day)
    return months if grain == "month" else (months // _MONTHS[grain]).cast("int64")


def number_of(day: date, grain: Grain) -> int:
    """The period of a day: months, quarters or years since the year 0, or weeks (Monday to Sunday) since 1900.

    >>> number_of(date(2011, 2, 1), "month") - number_of(date(2010, 12, 31), "month")
    2
    """
    if grain == "week":
        return (day - _FIRST_MONDAY).days // 7
    return (day.year * 12 + day.month - 1) // _MONTHS[grain]


def start_of(number: int, grain: Grain) -> date:
    """First day of a period.

    >>> start_of(number_of(date(2011, 11, 30), "quarter"), "quarter")
    datetime.date(2011, 10, 1)
    """
    if grain == "week":
        return _FIRST_MONDAY + timedelta(days=7 * number)
    months = number * _MONTHS[grain]
    return date(months // 12, months % 12 + 1, 1)


def end_of(number: int, grain: Grain) -> date:
    """Last day of a period."""
    return start_of(number + 1, grain) - timedelta(days=1)


def label(number: int, grain: Grain) -> str:
    """A period as a person writes it.

    >>> label(number_of(date(2011, 11, 30), "quarter"), "quarter")
    'October–December 2011'
    """
    start, end = start_of(number, grain), end_of(number, grain)
    if grain == "week":
        return f"the week of {start:%Y-%m-%d}"
    if grain == "year":
        return str(start.year)
    if grain == "quarter":
        return f"{_MONTH_NAMES[start.month - 1]}–{_MONTH_NAMES[end.month - 1]} {start.year}"
    return f"{_MONTH_NAMES[start.month - 1]} {start.year}"


_MONTH_NAMES = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def fold(days: Iterable[date], values: Iterable[float | None], numbers: range, grain: Grain) -> NDArray[np.float64]:
    """Values by day added up by period; days outside the periods are left out, missing values count as nothing.

    >>> january, month = number_of(date(2020, 1, 1), "month"), "month"
    >>> fold([date(2020, 1, 5), date(2020, 1, 6)], [2.0, None], range(january, january + 2), month).tolist()
    [2.0, 0.0]
    """
    import numpy as np

    sums = np.zeros(len(numbers))
    for day, value in zip(days, values, strict=True):
        number = number_of(day, grain)
        if number in numbers and value is not None:
            sums[number - numbers[0]] += value
    return sums.round(DECIMALS)


@dataclass(frozen=True)
class Coverage:
    """Which periods the data cover whole.

    Args:
        days: Days with at least one sale, ascending.
        known_to: The day to which the data are known.
        pause_days: Days without a sale that are usual here: so many at an edge do not make a period partial.
        excluded: Periods that the settings leave out, as (first day, last day).
    """

    days: tuple[date, ...]
    known_to: date
    pause_days: int
    excluded: tuple[tuple[date, date], ...] = ()

    @property
    def first(self) -> date:
        """The first day with a sale."""
        return self.days[0]

    @property
    def last(self) -> date:
        """The last day with a sale."""
        return self.days[-1]

    def why_not_whole(self, number: int, grain: Grain) -> str:
        """What a period lacks, in words; "" where the data cover it whole."""
        start, end = start_of(number, grain), end_of(number, grain)
        if any(start <= last and first <= end for first, last in self.excluded):
            return "left out by exclude_periods"
        if end < self.first or start > self.known_to:
            return "outside the data"
        if not self._has_sale(start, end):
            return "no sale: taken as missing"
        if self.first > start + timedelta(days=self.pause_days):
            return f"begins on {self.first:%Y-%m-%d}"
        if end > self._whole_to():
            return f"ends on {self.known_to:%Y-%m-%d}"
        return ""

    def is_whole(self, number: int, grain: Grain) -> bool:
        """Whether the data cover a period whole."""
        return not self.why_not_whole(number, grain)

    def numbers(self, grain: Grain) -> range:
        """The periods from the first sale to the last."""
        return range(number_of(self.first, grain), number_of(self.last, grain) + 1)

    def last_whole(self, grain: Grain) -> int | None:
        """The last period that the data cover whole, or None."""
        return next((one for one in reversed(self.numbers(grain)) if self.is_whole(one, grain)), None)

    def without_sales(self, grain: Grain) -> list[int]:
        """The periods between the first and the last sale that have none at all."""
        return [one for one in self.numbers(grain) if not self._has_sale(start_of(one, grain), end_of(one, grain))]

    def _has_sale(self, start: date, end: date) -> bool:
        return bisect_left(self.days, start) < bisect_right(self.days, end)

    def _whole_to(self) -> date:
        """Where the data end with the last sale, the days after it may be the usual pause; a later end was told."""
        pause = self.pause_days if self.known_to <= self.last else 0
        return self.known_to + timedelta(days=pause)


def coverage(days: Iterable[date], known_to: date | None, excluded: Sequence[tuple[date, date]] = ()) -> Coverage:
    """The coverage of data with sales on these days.

    The usual pause is the 95th percentile of the days without a sale between two days with one, at most three: a shop
    that is closed on Sundays has a whole month though its last day is a Sunday.

    Args:
        days: Days with at least one sale; at least one.
        known_to: The day to which the data are known; None: the last sale.
        excluded: Periods to leave out, as (first day, last day).

    >>> january = coverage([date(2020, 1, day) for day in range(1, 10)], None)
    >>> january.why_not_whole(number_of(date(2020, 1, 1), "month"), "month")
    'ends on 2020-01-09'
    """
    ordered = tuple(sorted(set(days)))
    pauses = sorted((later - earlier).days - 1 for earlier, later in pairwise(ordered))
    usual = pauses[int(_USUAL_SHARE * (len(pauses) - 1))] if pauses else 0
    last = ordered[-1]
    return Coverage(
        ordered, max(known_to, last) if known_to else last, min(usual, _LONGEST_PAUSE_DAYS), tuple(excluded)
    )
