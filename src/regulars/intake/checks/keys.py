"""Checks of order ids: one id that stands with several customers, on several days, or in several rows of `orders`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.intake.checks.bad_rows import Check, in_all, number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from regulars.core.quality import CheckResult
    from regulars.intake.checks.bad_rows import Context


def _split_orders(context: Context) -> Iterator[CheckResult]:
    """Orders whose lines do not agree on the customer or the day."""
    if not context.has_key("lines", "order_id"):
        return
    rows = context.rows["lines"].filter(lambda t: t.order_id.notnull())
    ends = {"first_customer": rows.customer_id.min(), "last_customer": rows.customer_id.max()}
    if "ordered_at" in rows.columns:
        ends |= {"first_at": rows.ordered_at.min(), "last_at": rows.ordered_at.max()}
    orders = rows.group_by("order_id").aggregate(**ends)
    customers = orders.filter(orders.first_customer != orders.last_customer)
    counts = {"orders": orders.count(), "customers": (orders.first_customer != orders.last_customer).sum()}
    if "first_at" in ends:
        is_split = orders.first_at.cast("date") != orders.last_at.cast("date")
        counts["days"] = is_split.sum()
    found = context.first(orders.aggregate(**counts))
    of, change = found["orders"], "map a column that tells these orders apart to order_id"
    if found["customers"]:
        yield context.result(
            "order_with_several_customers", "lines", "customer_id", found["customers"], of,
            f"the lines of an order are of several customers in {in_all(found['customers'], of, 'orders')}",
            bad=customers, unit="orders", done="counted for the customer with the least id", change=change,
        )  # fmt: skip
    if found.get("days"):
        yield context.result(
            "order_on_several_days", "lines", "ordered_at", found["days"], of,
            f"the lines of an order are of several days in {in_all(found['days'], of, 'orders')}",
            bad=orders.filter(is_split), unit="orders", done="counted on the first day", change=change, severity="note",
        )  # fmt: skip


def _repeated_orders(context: Context) -> Iterator[CheckResult]:
    if not context.has_key("orders", "order_id"):
        return
    rows = context.rows["orders"].filter(lambda t: t.order_id.notnull())
    ids = rows.group_by("order_id").aggregate(rows=rows.count())
    repeated = ids.filter(ids.rows > 1)
    found = context.first(repeated.aggregate(ids=repeated.count(), rows=repeated.rows.sum()))
    if found["ids"]:
        account = context.tables["orders"].account
        of = account.accepted + account.repaired
        yield context.result(
            "repeated_order", "orders", "order_id", found["rows"], of,
            f"the same order id stands in several rows: {number(found['ids'])} ids in {in_all(found['rows'], of)}",
            bad=repeated, done="each row is kept as an order of its own",
            change="map the table as [tables.lines], if its rows are the products of an order",
        )  # fmt: skip


CHECKS = (
    Check(
        {
            "order_with_several_customers": "order ids that stand with several customers",
            "order_on_several_days": "order ids that stand on several days",
        },
        _split_orders,
    ),
    Check({"repeated_order": "order ids that stand in several rows of `orders`"}, _repeated_orders),
)
