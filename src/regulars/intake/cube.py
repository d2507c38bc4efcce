"""The cube: what the dashboard filters, written once at the end of a run.

Three tables: the customer view (one row per customer), the orders with their labels (one row per order, for the
customer's own page and for counting distinct customers), and the days (sums of sales per day and combination of labels,
small enough to be added up again at every click).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.measures import dimensions
from regulars.measures.money import DECIMALS

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset

CUSTOMER_LABELS = ("segment", "rfm_segment")
"""Labels of a customer that the dashboard filters by, where the view has them."""
ORDER_LABELS = {"channel": ("channel", "platform"), "store": ("store",), "campaign": ("campaign_kind",)}
"""Labels of an order that it filters by, and the dimensions that may fill each: the first that the data have."""
MOST_LABELS = 40
"""The labels with the most orders keep their name; the rest are `OTHERS`, so that the days stay few."""
OTHERS = "all others"
NO_CAMPAIGN = "no campaign"
SUMS = ("revenue", "discount", "list_amount")


def cube_tables(data: Dataset) -> dict[str, ir.Table]:
    """The tables of the cube by name; only `customers` where the data have no dated purchases.

    >>> sorted(ORDER_LABELS)
    ['campaign', 'channel', 'store']
    """
    tables = {"customers": data.customers}
    if data.summaries.missing("orders") or "ordered_at" not in data.orders.columns:
        return tables
    orders = data.persist(_orders(data), "cube_orders")
    return tables | {"orders": orders, "days": _days(orders)}


def _orders(data: Dataset) -> ir.Table:
    """One row per order with a customer: the day, the sums, and the labels of order and customer."""
    orders = data.orders
    orders = orders.filter(orders.customer_key.notnull())
    labels: list[str] = []
    for name, candidates in ORDER_LABELS.items():
        found = [one for one in dimensions.available(data, "order") if one.name in candidates]
        found.sort(key=lambda one: candidates.index(one.name))
        if found:
            orders = dimensions.labelled(data, orders, found[0], f"label_{name}")
            labels.append(name)
    view = data.customers
    about = [name for name in CUSTOMER_LABELS if name in view.columns]
    looked_up = view.select(
        _view_key=view.customer_key,
        **{f"label_{name}": view[name].cast("string").fill_null(dimensions.UNKNOWN) for name in about},
        **({"_first": view.first_ordered_on} if "first_ordered_on" in view.columns else {}),
    )
    orders = orders.join(looked_up, orders.customer_key == looked_up._view_key)
    columns = {
        "customer_key": orders.customer_key,
        "day": orders.ordered_at.date(),
        "is_sale": orders.is_sale,
        **({"first_day": orders._first} if "_first" in orders.columns else {}),
        **{name: orders[name] for name in (*SUMS, "quantity") if name in orders.columns},
        **{name: orders[f"label_{name}"] for name in about},
        **{name: _label(orders, name) for name in labels},
        **{name: orders[name].cast("string") for name in ("order_id", "product_id") if name in orders.columns},
    }
    rows = orders.select(**columns)
    for name in labels:
        rows = _fewest(rows, name)
    return rows


def _label(orders: ir.Table, name: str) -> ir.Value:
    """The label of an order; one outside every campaign says so instead of "unknown"."""
    label = orders[f"label_{name}"]
    if name == "campaign" and "campaign_id" in orders.columns:
        return orders.campaign_id.isnull().ifelse(NO_CAMPAIGN, label)
    return label


def _fewest(rows: ir.Table, name: str) -> ir.Table:
    """The rows with at most `MOST_LABELS` labels in a column: those of the most orders, and one for the others."""
    import ibis

    counted = rows.group_by(name).aggregate(orders=rows.count())
    most = counted.order_by(ibis.desc("orders"), name).limit(MOST_LABELS).select(_kept=name)
    joined = rows.left_join(most, rows[name] == most._kept)
    return joined.mutate(**{name: joined._kept.fill_null(OTHERS)}).drop("_kept")


def _days(orders: ir.Table) -> ir.Table:
    """One row per day and combination of labels with a sale: orders and sums of money."""
    sales = orders.filter(orders.is_sale)
    labels = [name for name in (*CUSTOMER_LABELS, *ORDER_LABELS) if name in orders.columns]
    sums = {name: sales[name].sum().round(DECIMALS) for name in SUMS if name in orders.columns}
    return sales.group_by("day", *labels).aggregate(orders=sales.count().cast("int64"), **sums)
