"""What was known of customers on an earlier day, and what they bought after it: the table every back-test stands on.

It is one pass over the days with a sale, so nothing of the later period can reach the earlier one. It tells what the
customer view of that day tells (`data.at(day)`) in the columns given here.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from regulars.measures import time
from regulars.measures.money import DECIMALS

if TYPE_CHECKING:
    import ibis.expr.types as ir

SHORTEST_DAYS = 28
"""A period shorter than this tests nothing."""


def split_day(first: date, last: date, horizon_days: int, test_days: int = 0) -> date | None:
    """The last day of the earlier period; None where the history is too short to be parted.

    Args:
        first: The first day with a sale.
        last: The day to which the data are known.
        horizon_days: How far the prediction looks; the later period is at most so long.
        test_days: Length of the later period; 0: a third of the history.

    >>> split_day(date(2020, 1, 1), date(2020, 12, 31), 365)
    datetime.date(2020, 9, 1)
    >>> split_day(date(2020, 1, 1), date(2020, 2, 1), 365) is None
    True
    """
    span = (last - first).days
    length = test_days or min(horizon_days, span // 3)
    if length < SHORTEST_DAYS or span - length < SHORTEST_DAYS:
        return None
    return last - timedelta(days=length)


def histories(customer_days: ir.Table, split: date, end: date) -> ir.Table:
    """One row per customer who had bought by the day `split`.

    As known then: `visit_day_count`, `active_days`, `tenure_days`, `recency_days`, `order_count` and `revenue_total`.
    After it, up to the day `end`: `later_visits`, `later_orders`, and `later_revenue`.
    """
    import ibis

    until = customer_days.filter(customer_days.day <= ibis.literal(end, "date"))
    past = until.day <= ibis.literal(split, "date")
    revenue = until.revenue if "revenue" in until.columns else ibis.literal(0.0)
    revenue = revenue.cast("float64").fill_null(0.0)
    each = until.group_by("customer_key").aggregate(
        first=until.day.min(),
        last=until.day.max(where=past),
        visit_day_count=past.cast("int32").sum().cast("int64"),
        order_count=until.order_count.sum(where=past).fill_null(0).cast("int64"),
        revenue_total=revenue.sum(where=past).fill_null(0.0).round(DECIMALS),
        later_visits=(~past).cast("int32").sum().cast("int64"),
        later_orders=until.order_count.sum(where=~past).fill_null(0).cast("int64"),
        later_revenue=revenue.sum(where=~past).fill_null(0.0).round(DECIMALS),
    )
    each = each.filter(each.visit_day_count > 0)
    return each.mutate(
        active_days=time.days_between(each.first, each.last),
        tenure_days=time.days_between(each.first, split),
        recency_days=time.days_between(each.last, split),
    ).drop("first", "last")
