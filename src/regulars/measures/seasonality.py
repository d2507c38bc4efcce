"""Queries of seasonality: sales by group and week or month, for the seasons that groups have of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.measures import periods

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from regulars.measures.periods import Grain

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def by_group(rows: ir.Table, grain: Grain) -> ir.Table:
    """One row per group, calendar month and (for weeks) week: how many rows.

    Args:
        rows: With `group` and `ordered_at`, one per purchase.
        grain: `month`, or `week` for weeks cut at the end of a month.
    """
    day = rows.ordered_at.date()
    keys = {"month": periods.number(day, "month")}
    if grain == "week":
        keys["week"] = periods.number(day, "week")
    return rows.group_by("group", **keys).aggregate(count=rows.count().cast("int64"))


def by_group_and_weekday(rows: ir.Table) -> ir.Table:
    """One row per group, calendar month and weekday (0 for Monday): how many rows."""
    day = rows.ordered_at.date()
    keys = {"month": periods.number(day, "month"), "weekday": day.day_of_week.index().cast("int64")}
    return rows.group_by("group", **keys).aggregate(count=rows.count().cast("int64"))


def largest_groups(rows: ir.Table, most: int) -> ir.Table:
    """The groups with the most rows, by size and then name."""
    import ibis

    counted = rows.group_by("group").aggregate(count=rows.count().cast("int64"))
    return counted.order_by(ibis.desc("count"), "group").limit(most)


def named(places: list[int]) -> str:
    """Months of the year that follow one another, in words.

    >>> named([10, 11]), named([0]), named([11, 0, 1])
    ('November–December', 'January', 'December–February')
    """
    first, last = MONTHS[places[0]], MONTHS[places[-1]]
    return first if len(places) == 1 else f"{first}–{last}"
