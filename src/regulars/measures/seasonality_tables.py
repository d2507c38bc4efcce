"""The tables of seasonality: years, months, the months of the year, weekdays, hours, and the parts of the series."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from regulars.measures import periods
from regulars.measures.dimensions import WEEKDAYS
from regulars.measures.seasonality import MONTHS
from regulars.measures.tables import Columns
from regulars.measures.trading import OPEN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis.expr.types as ir

    from regulars.core.result import Table
    from regulars.core.units import Unit
    from regulars.measures.periods import Grain
    from regulars.measures.trading import Trading

    Source = tuple[ir.Expr, ...]

UNITS: Mapping[str, Unit] = {"orders": "orders", "revenue": "money", "customers": "customers"}
_LEAST_WEEK_DAYS = 4
_STATES = ("open", "closed", "left out", "not over")


def by_period(days: Trading, grain: Grain, name: str, title: str) -> Table:
    """One row per year, month or week: what was sold, and whether the data cover it whole."""
    import numpy as np

    numbers = days.cover.numbers(grain)
    dates = days.days
    why = [days.cover.why_not_whole(number, grain) for number in numbers]
    missing = set(days.cover.without_sales(grain))
    place = np.array([periods.number_of(day, grain) - numbers[0] for day in dates])
    inside = place < len(numbers)
    columns = Columns()
    starts = [periods.start_of(number, grain) for number in numbers]
    if grain == "year":
        columns.add("year", [str(start.year) for start in starts], "text")
    else:
        columns.add(grain, starts, "month" if grain == "month" else "date")
    opened = np.bincount(place[inside], weights=(days.state == OPEN)[inside], minlength=len(numbers))
    columns.add("open_days", opened.astype(int), "count", "Days that count.")
    for measure in ("orders", "revenue"):
        if measure in days.values:
            sums = np.bincount(place[inside], weights=days.values[measure][inside], minlength=len(numbers)).round(4)
            sums[[number in missing for number in numbers]] = np.nan
            columns.add(measure, sums, UNITS[measure])
            changes = [
                sums[at] / sums[at - 1] - 1 if at and not why[at] and not why[at - 1] and sums[at - 1] > 0 else None
                for at in range(len(numbers))
            ]
            columns.add(
                f"{measure}_change", changes, "change_share", f"Against the {grain} before, where both are whole."
            )
            per_day = np.where(opened > 0, sums / np.maximum(opened, 1), np.nan).round(4)
            columns.add(f"{measure}_per_open_day", per_day, UNITS[measure], "÷ the days that count.")
    columns.add("is_partial", [bool(one) for one in why], "", f"The data do not cover the whole {grain}.")
    columns.add("why_not_whole", why, "text")
    return columns.table(name, title, source=days.queries, note="Totals are exact counts.")


def months_of_year(found: Mapping[str, Any], source: Source) -> Table:
    """One row per measure and month of the year: the index with its interval."""
    rows = [(measure, place, one) for measure, one in found.items() for place in range(len(one.months))]
    ends = [one.interval([place]) for _, place, one in rows]
    columns = Columns()
    columns.add("measure", [measure for measure, *_ in rows], "text")
    columns.add("month", [MONTHS[one.months[place]] for _, place, one in rows], "text")
    columns.add("against_average", [end[0] - 1 for end in ends], "change_share", "Against the average month of a year.")
    columns.add_interval("against_average", [e[1] - 1 for e in ends], [e[2] - 1 for e in ends], "change_share")
    columns.add(
        "years", [int(one.years[place]) for _, place, one in rows], "count", "Years in which it was seen whole."
    )
    beyond = [bool(one.p_value[place] < 0.05) for _, place, one in rows]
    columns.add("is_beyond_chance", beyond, "", "After the correction for the number of months.")
    note = (
        "The spread of the same month over the years, beside a trend, makes the intervals."
        if all(one.is_season for one in found.values())
        else "Less than two whole years: what the months were is told, with the spread of their days; whether it comes "
        "back cannot be."
    )
    return columns.table("months_of_year", "Months against the average month", source=source, note=note)


def weekdays(found: Mapping[str, Any], closed: Sequence[int], source: Source) -> Table:
    """One row per measure and weekday."""
    import numpy as np

    ends = [one.interval() for one in found.values()]
    columns = Columns()
    columns.add("measure", [measure for measure, one in found.items() for _ in one.weekday], "text")
    columns.add("weekday", [WEEKDAYS[day] for one in found.values() for day in one.weekday], "text")
    columns.add("share", np.concatenate([one.share for one in found.values()]), "share", "Of a whole week.")
    off = np.concatenate([one.index for one in found.values()]) - 1
    columns.add("against_average", off, "change_share", "Against the average open day of a week.")
    low, high = (np.concatenate([end[side] for end in ends]) - 1 for side in (0, 1))
    columns.add_interval("against_average", low, high, "change_share")
    note = "Levels of the months are taken off, so that a weekday is not judged by the months it fell in."
    if closed:
        note += f" Closed: {', '.join(WEEKDAYS[one] for one in closed)}."
    return columns.table("weekdays", "Weekdays against the average day", source=source, note=note)


def hours(shares: Any, low: Any, high: Any, counts: Sequence[int], source: Source) -> Table:
    """One row per hour of the day."""
    used = [hour for hour, count in enumerate(counts) if count]
    shown = slice(used[0], used[-1] + 1)
    columns = Columns()
    columns.add("hour", [f"{hour:02d}" for hour in range(24)][shown], "text", "Hour of the order, local time.")
    columns.add("orders", counts[shown], "orders")
    columns.add("share", shares[shown], "share", "Of all orders.")
    columns.add_interval("share", low[shown], high[shown], "share")
    return columns.table(
        "hours", "Orders by hour", source=source, dimensions=("hour",), measures=("orders",),
        note="Intervals by day: orders of one day are not independent of each other.",
    )  # fmt: skip


def weekday_hours(counts: Any, open_days: Sequence[int], source: Source) -> Table:
    """One row per weekday and hour with any order: orders per open day."""
    used = [hour for hour in range(24) if counts[:, hour].sum() > 0]
    hours_shown = range(used[0], used[-1] + 1) if used else range(0)
    rows = [(day, hour) for day in range(7) if open_days[day] for hour in hours_shown]
    columns = Columns()
    columns.add("weekday", [WEEKDAYS[day] for day, _ in rows], "text")
    columns.add("hour", [f"{hour:02d}" for _, hour in rows], "text")
    columns.add("orders", [int(counts[day, hour]) for day, hour in rows], "orders")
    columns.add("orders_per_day", [round(counts[day, hour] / open_days[day], 3) for day, hour in rows], "",
                "Orders ÷ open days of that weekday.")  # fmt: skip
    return columns.table(
        "weekday_hours",
        "Orders by weekday and hour",
        source=source,
        dimensions=("weekday", "hour"),
        measures=("orders",),
    )


def decomposition(days: Trading, measure: str, parts: Mapping[str, Any]) -> Table:
    """One row per week and part: the mean of an open day as it was, its trend, and trend with the year's season."""
    import numpy as np

    start = days.first - timedelta(days=days.first.weekday())
    week = np.array([(day - start).days // 7 for day in days.days])
    is_open = days.is_open
    count = np.bincount(week, weights=is_open)
    columns = Columns()
    weeks = [start + timedelta(days=7 * one) for one in range(len(count))]
    columns.add("week", weeks * len(parts), "date", "Its Monday.")
    columns.add("part", [name for name in parts for _ in weeks], "text")
    sums = [np.bincount(week, weights=np.where(is_open, values, 0.0)) for values in parts.values()]
    means = np.concatenate([one / np.maximum(count, 1) for one in sums]).round(4)
    shown = np.where(np.tile(count >= _LEAST_WEEK_DAYS, len(sums)), means, np.nan)
    columns.add("per_day", shown, UNITS[measure], f"{measure.capitalize()} of an open day, mean.")
    return columns.table(
        "decomposition", "Trend, season and what was", source=days.queries, dimensions=("part",), is_shown=False,
        note="Weeks with fewer than four open days are left empty.",
    )  # fmt: skip


def daily(days: Trading, measure: str, parts: Mapping[str, Any]) -> Table:
    """One row per day: what it is, what was sold, and its trend, season and remainder as factors."""
    columns = Columns()
    columns.add("day", days.days, "date")
    columns.add("state", [_STATES[one] for one in days.state], "text", "Open days count; the others are left as gaps.")
    columns.add(measure, days.values[measure].round(4), UNITS[measure])
    for name, values in parts.items():
        unit: Unit = UNITS[measure] if name == "trend" else "ratio"
        columns.add(
            name, values.round(6), unit, "Level of an open day." if name == "trend" else "A factor on the trend."
        )
    return columns.table(
        "daily", "Every day as trend × seasons × remainder", source=days.queries, is_shown=False,
    )  # fmt: skip
