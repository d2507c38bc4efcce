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
PAST = "_past"
"""Ending of the same columns as they were known `BEFORE_DAYS` earlier."""


def around(days: ir.Table, view: ir.Table, contacted: ir.Table, first: date, last: date) -> ir.Table:
    """One row per customer known before a campaign: `is_contacted`, `during` (money a day), and `FEATURES`.

    What was bought in the days before is `spend_28`. The features ending in `_past` are those known `BEFORE_DAYS`
    earlier, and `was_known` says who was a customer then: the same comparison where nothing can have happened.

    Args:
        days: `customer_days`.
        view: The customer view.
        contacted: `customer_id` of those contacted.
        first: First day of the campaign.
        last: Last day of it.
    """
    import ibis

    def bought(start: date, end: date, value: ir.NumericValue) -> ir.NumericValue:
        inside = (days.day >= ibis.literal(start, "date")) & (days.day <= ibis.literal(end, "date"))
        return inside.ifelse(value.cast("float64"), 0.0).sum().round(DECIMALS)

    def known(start: date, suffix: str) -> dict[str, ir.Value]:
        end, visits = start - timedelta(days=1), days.order_count.cast("float64").clip(upper=1.0)
        found: dict[str, ir.Value] = {}
        for length in (BEFORE_DAYS, LONG_BEFORE_DAYS):
            begin = start - timedelta(days=length)
            found[f"spend_{length}{suffix}"] = bought(begin, end, days.revenue) / float(length)
            found[f"days_{length}{suffix}"] = bought(begin, end, visits)
        return found

    past = first - timedelta(days=BEFORE_DAYS)
    sums = days.group_by("customer_key").aggregate(
        during=bought(first, last, days.revenue) / float((last - first).days + 1),
        **known(first, ""),
        **known(past, PAST),
        known_from=days.day.min(),
    )
    sums = sums.filter(sums.known_from < ibis.literal(first, "date"))
    sums = sums.mutate(was_known=sums.known_from < ibis.literal(past, "date")).drop("known_from")
    own = sums.join(view.select("customer_key", "customer_id"), "customer_key")
    marked = contacted.select("customer_id").distinct().mutate(_is=ibis.literal(True))
    both = own.left_join(marked, "customer_id").drop("customer_id_right")
    return both.mutate(is_contacted=both._is.fill_null(False)).drop("_is", "customer_key")
