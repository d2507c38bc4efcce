"""Members of a referral network and their purchases, as the small model and the tables need them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.measures import periods
from regulars.measures.money import DECIMALS

if TYPE_CHECKING:
    import ibis.expr.types as ir

MEASURES = ("revenue", "is_active")
"""What is added up along the lines."""


def members(tree: ir.Table, customers: ir.Table, active_days: int) -> ir.Table:
    """One row per member of the network.

    The columns of the summary `referral_tree`, what the member bought (`revenue`, 0 without), whether
    the last order lies at most `active_days` back (`is_active`, 0 or 1), and `began_on`: the day of the referral, else
    of the registration, else of the first order.
    """
    import ibis

    have = set(customers.columns)
    nothing = ibis.literal(0.0)
    view = customers.select(
        "customer_key",
        revenue=customers.revenue_total.cast("float64") if "revenue_total" in have else nothing,
        is_active=(customers.recency_days <= active_days).cast("int64") if "recency_days" in have else ibis.literal(0),
        registered_on=customers.joined_on.cast("date") if "joined_on" in have else ibis.null("date"),
        first_on=customers.first_ordered_on.cast("date") if "first_ordered_on" in have else ibis.null("date"),
    )
    joined = tree.left_join(view, "customer_key").drop("customer_key_right")
    brought = [joined.brought_on.cast("date")] if "brought_on" in tree.columns else []
    rows = joined.mutate(
        revenue=joined.revenue.fill_null(0.0).round(DECIMALS),
        is_active=joined.is_active.fill_null(0).cast("int64"),
        began_on=ibis.coalesce(*brought, joined.registered_on, joined.first_on),
    )
    return rows.drop("registered_on", "first_on")


def growth(customers: ir.Table) -> ir.Table:
    """New customers by month: `month` (number), `customers`, and `sponsored`, those whom a member brought.

    A customer begins with the registration, else with the first order; the network tells who was brought.
    """
    import ibis

    days = [customers[name].cast("date") for name in ("joined_on", "first_ordered_on") if name in customers.columns]
    began = ibis.coalesce(*days) if len(days) > 1 else days[0]
    rows = customers.mutate(began=began, brought=(customers.referral_generation > 0).fill_null(False))
    rows = rows.filter(rows.began.notnull())
    counted = rows.group_by(month=periods.number(rows.began, "month")).aggregate(
        customers=rows.count().cast("int64"), sponsored=rows.brought.cast("int64").sum().cast("int64")
    )
    return counted.order_by("month")


def totals(customers: ir.Table) -> ir.Table:
    """One row: what all customers brought, and how many there are."""
    import ibis

    revenue = (
        customers.revenue_total.cast("float64").sum() if "revenue_total" in customers.columns else ibis.literal(0.0)
    )
    return customers.aggregate(
        customers=customers.count().cast("int64"), revenue=revenue.fill_null(0.0).round(DECIMALS)
    )
