"""Time, defined once: days, months, and how far one lies from another."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir


def days_between(earlier: ir.DateValue, later: ir.DateValue | date) -> ir.IntegerValue:
    """Whole days from one date to another; 0 on the same day."""
    import ibis

    end = ibis.literal(later, "date") if isinstance(later, date) else later
    return end.delta(earlier, unit="day").cast("int64")


def month_number(day: ir.DateValue) -> ir.IntegerValue:
    """Months since the year 0, so that differences are differences in months."""
    return (day.year().cast("int64") * 12 + day.month().cast("int64") - 1).cast("int64")


def month_of_number(number: ir.IntegerValue) -> ir.DateValue:
    """First day of the month that `month_number` numbered."""
    import ibis

    return ibis.date((number // 12).cast("int32"), (number % 12 + 1).cast("int32"), 1)


def is_weekend(day: ir.DateValue) -> ir.BooleanValue:
    """Saturday or Sunday."""
    return day.day_of_week.index() >= 5


def months_of(first: date, last: date) -> list[date]:
    """First days of all months from one date to another.

    >>> months_of(date(2020, 11, 15), date(2021, 1, 2))
    [datetime.date(2020, 11, 1), datetime.date(2020, 12, 1), datetime.date(2021, 1, 1)]
    """
    numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [date(number // 12, number % 12 + 1, 1) for number in numbers]
