"""Targeted campaigns as expressions: what customers bought before and during one, and who was contacted."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from regulars.measures.money import DECIMALS

if TYPE_CHECKING:
    from datetime import date

    import ibis.expr.types as ir

BEFORE_DAYS = 28
"""The placebo and the comparison with the past look back so many days."""
LONG_BEFORE_DAYS = 84
"""Behaviour that customers are weighted by looks back so many days."""
FEATURES = ("spend_28", "spend_84", "days_28", "days_84")


def around(days: ir.Table, view: ir.Table, contacted: ir.Table, first: date, last: date) -> ir.Table:
    """One row per customer known before a campaign: `is_contacted`, `during`, `before` (money a day), and `FEATURES`.

    Args:
        days: `customer_days`.
        view: The customer view.
        contacted: `customer_id` of those contacted.
        first: First day of the campaign.
        last: Last day of it.
    """
    import ibis

    def spent(start: date, end: date, value: ir.NumericValue) -> ir.Value:
        inside = (days.day >= ibis.literal(start, "date")) & (days.day <= ibis.literal(end, "date"))
        return inside.ifelse(value.cast("float64"), 0.0).sum().round(DECIMALS)

    before, long_before = first - timedelta(days=BEFORE_DAYS), first - timedelta(days=LONG_BEFORE_DAYS)
    end = first - timedelta(days=1)
    sums = days.group_by("customer_key").aggregate(
        during=spent(first, last, days.revenue) / float((last - first).days + 1),
        spend_28=spent(before, end, days.revenue) / float(BEFORE_DAYS),
        spend_84=spent(long_before, end, days.revenue) / float(LONG_BEFORE_DAYS),
        days_28=spent(before, end, days.order_count.cast("float64").clip(upper=1.0)),
        days_84=spent(long_before, end, days.order_count.cast("float64").clip(upper=1.0)),
        known_from=days.day.min(),
    )
    known = sums.filter(sums.known_from < ibis.literal(first, "date")).drop("known_from")
    own = known.join(view.select("customer_key", "customer_id"), "customer_key")
    marked = contacted.select("customer_id").distinct().mutate(_is=ibis.literal(True))
    both = own.left_join(marked, "customer_id").drop("customer_id_right")
    return both.mutate(is_contacted=both._is.fill_null(False), before=both.spend_28).drop("_is", "customer_key")
