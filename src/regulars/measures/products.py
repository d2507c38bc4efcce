"""What is sold: sums per product and category, the weeks after a release, and the factors of revenue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.measures import time
from regulars.measures.money import DECIMALS

if TYPE_CHECKING:
    from datetime import date

    import ibis.expr.types as ir

WEEKS = 12
"""So many weeks after a release are followed."""
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
FACTORS = ("customers", "orders per customer", "items per order", "price per item")


def described(items: ir.Table, products: ir.Table | None) -> ir.Table:
    """The items with `category`, `released_on` and `month` (of the year), as far as the data give them."""
    import ibis

    if products is not None:
        told = [name for name in ("category", "released_on") if name in products.columns]
        rows = items.left_join(products.select("product_id", *told), "product_id").drop("product_id_right")
    else:
        rows = items
    month = rows.ordered_at.month()
    return rows.mutate(month=ibis.cases(*[(month == place, name) for place, name in enumerate(MONTHS, start=1)]))


def by_product(items: ir.Table, as_of: date, days: int) -> ir.Table:
    """One row per product: orders, customers, quantity, revenue, first and last sale, and orders of the last days.

    `late_orders` and `earlier_orders` are those of the last so many days and of as many before.
    """
    import ibis

    age = time.days_between(items.ordered_at.date(), ibis.literal(as_of, "date"))
    sums = {name: items[name].sum().round(DECIMALS) for name in ("quantity", "revenue") if name in items.columns}
    released = {"released_on": items.released_on.max()} if "released_on" in items.columns else {}
    rows = items.group_by("product_id").aggregate(
        orders=items.order_id.nunique().cast("int64"), customers=items.customer_key.nunique().cast("int64"), **sums,
        **released, first_on=items.ordered_at.date().min(), last_on=items.ordered_at.date().max(),
        late_orders=(age < days).cast("int64").sum().cast("int64"),
        earlier_orders=((age >= days) & (age < 2 * days)).cast("int64").sum().cast("int64"),
    )  # fmt: skip
    return rows.order_by(rows.orders.desc(), rows.product_id)


def by_week_after_release(items: ir.Table, as_of: date) -> ir.Table:
    """One row per product and whole week since its release: `orders`; of products whose weeks are all over.

    A product without a recorded release, or first sold before it, is left out.
    """
    import ibis

    rows = items.filter(items.released_on.notnull())
    week = time.days_between(rows.released_on, rows.ordered_at.date()) // 7
    known = time.days_between(rows.released_on, ibis.literal(as_of, "date")) >= 7 * WEEKS
    rows = rows.mutate(week=week.cast("int64")).filter(known & (week >= 0) & (week < WEEKS))
    return rows.group_by("product_id", "week").aggregate(orders=rows.count().cast("int64"))


def periods_of(orders: ir.Table, as_of: date, days: int) -> ir.Table:
    """One row per period (0: the last so many days, 1: as many before): customers, orders, items and revenue."""
    import ibis

    age = time.days_between(orders.ordered_at.date(), ibis.literal(as_of, "date"))
    rows = orders.mutate(period=(age // days).cast("int64")).filter((age >= 0) & (age < 2 * days))
    rows = rows.mutate(items=rows.quantity.cast("float64") if "quantity" in rows.columns else ibis.literal(1.0))
    return rows.group_by("period").aggregate(
        customers=rows.customer_key.nunique().cast("int64"), orders=rows.count().cast("int64"),
        items=rows["items"].sum().round(DECIMALS), revenue=rows.revenue.sum().round(DECIMALS),
    )  # fmt: skip
