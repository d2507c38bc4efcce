"""What is said of the years: how each went, fairly where days are left out of one."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from regulars.core.result import Evidence, Finding
from regulars.core.units import write
from regulars.measures import periods
from regulars.measures.seasonality_tables import UNITS
from regulars.measures.trading import OPEN

if TYPE_CHECKING:
    from regulars.measures.trading import Trading

_LEAST_DAYS = 180
"""A year with fewer open days is not compared: it has not seen all seasons."""
_MOST_YEARS = 6


def by_year(days: Trading, currency: str) -> list[Finding]:
    """One sentence for all years: what an open day of each brought, and the change from year to year.

    Args:
        days: The days of the company.
        currency: Of the money.
    """
    import numpy as np

    measure = "revenue" if "revenue" in days.values and days.values["revenue"].sum() > 0 else "orders"
    years = np.array([day.year for day in days.days])
    is_open = days.state == OPEN
    told = [int(year) for year in np.unique(years) if int((is_open & (years == year)).sum()) >= _LEAST_DAYS]
    told = told[-_MOST_YEARS:]
    if len(told) < 2:
        return []
    level = {year: float(days.values[measure][is_open & (years == year)].mean()) for year in told}
    if min(level.values()) <= 0:
        return []
    unit = UNITS[measure]
    words = [f"{write(level[told[0]], unit, currency)} in {told[0]}"]
    for before, year in pairwise(told):
        ratio = write(level[year] / level[before] - 1, "change_share")
        words.append(f"{write(level[year], unit, currency)} in {year} ({ratio})")
    left = [periods.label(one, "month") for one in days.cover.numbers("month") if _is_left_out(days, one)]
    without = f"; left out, closed or without data: {', '.join(left)}" if left else ""
    last = told[-1]
    change = level[last] / level[told[-2]] - 1
    return [
        Finding(
            "seasonality.years",
            f"{measure.capitalize()} of an open day, year by year: {', '.join(words)}{without}.",
            change, "change_share", int(days.values["orders"][is_open].sum()),
            Evidence("years", f"year = {last}"), n_unit="orders",
            is_good=change > 0 if change else None,
        )
    ]  # fmt: skip


def _is_left_out(days: Trading, month: int) -> bool:
    """Whether no day of a month counts."""
    first, last = (days.place(day) for day in (periods.start_of(month, "month"), periods.end_of(month, "month")))
    states = days.state[max(first, 0) : last + 1]
    return bool(len(states)) and not bool((states == OPEN).any())
