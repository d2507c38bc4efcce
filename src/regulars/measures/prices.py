"""The equations from which unit prices are estimated, where only order totals and product lists are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir

TEST_DIGITS = "012"
"""Orders whose id hashes to one of these first digits (3 in 16) are kept out of the fit."""


@dataclass(frozen=True)
class PriceEquations:
    """Expressions over the orders that hold only products of the list.

    `pairs`: product_id, other_id, quantity_product (Σ q_i q_j). `moments`: product_id, quantity_total (Σ q_i ×
        total), orders.
    `totals`: one row with orders, total_square, quantity_total (Σ over orders of quantity × total), quantity_square.
    """

    pairs: ir.Table
    moments: ir.Table
    totals: ir.Table


def is_test(order_id: ir.Value) -> ir.BooleanValue:
    """Whether an order is kept out of the fit: the same orders on every engine."""
    digest = order_id.cast("string").hexdigest("md5")
    return digest.substr(0, 1).isin(list(TEST_DIGITS))


def priced_items(items: ir.Table, orders: ir.Table, total: str) -> ir.Table:
    """One row per product on an order with a total: `order_id`, `product_id`, `quantity`, `total`, `is_test`."""
    known = orders.filter(orders[total].notnull() & orders.is_sale).select("order_id", total=orders[total])
    rows = items.filter(items.quantity > 0).select("order_id", "product_id", "quantity").join(known, "order_id")
    return rows.mutate(is_test=is_test(rows.order_id))


def equations(rows: ir.Table) -> PriceEquations:
    """The normal equations of the rows of `priced_items`."""
    other = rows.view()
    paired = rows.join(other, rows.order_id == other.order_id).select(
        product_id=rows.product_id, other_id=other.product_id, product=rows.quantity * other.quantity
    )
    orders = rows.group_by("order_id").aggregate(total=rows.total.max(), quantity=rows.quantity.sum())
    return PriceEquations(
        pairs=paired.group_by("product_id", "other_id").aggregate(quantity_product=paired["product"].sum()),
        moments=rows.group_by("product_id").aggregate(
            quantity_total=(rows.quantity * rows.total).sum(), orders=rows.count()
        ),
        totals=orders.aggregate(
            orders=orders.count(),
            total_square=(orders.total * orders.total).sum(),
            quantity_total=(orders.quantity * orders.total).sum(),
            quantity_square=(orders.quantity * orders.quantity).sum(),
        ),
    )


def estimate_error(rows: ir.Table, prices: ir.Table, simple_price: float) -> ir.Table:
    """One row: mean absolute error per order of the estimated prices and of one average price for everything."""
    priced = rows.join(prices, "product_id")
    orders = priced.group_by("order_id").aggregate(
        total=priced.total.max(), estimate=(priced.quantity * priced.price).sum(), quantity=priced.quantity.sum()
    )
    return orders.aggregate(
        orders=orders.count(),
        error=(orders.total - orders.estimate).abs().mean(),
        simple_error=(orders.total - orders.quantity * simple_price).abs().mean(),
        mean_total=orders.total.mean(),
    )
