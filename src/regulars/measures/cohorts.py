"""Cohorts as sums: who was active in which period, what they brought, and what their first purchase was like.

A customer's periods fit into one integer, a bit each (a mask), so that counting who was active in every period takes
one row per customer instead of one per customer and period. Beyond 62 periods those rows are counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.measures import periods, stats
from regulars.measures.money import DECIMALS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

    from regulars.measures.periods import Grain

MASK_PERIODS = 62
"""So many periods fit into a signed 64-bit integer with a bit to spare."""

UNKNOWN = "unknown"
OTHERS = "others"
NO_CAMPAIGN = "no campaign"


def masks(customer_days: ir.Table, grain: Grain, origin: int, count: int) -> ir.Table:
    """One row per customer: `customer_key`, `cohort` (the first period) and `mask`.

    Bit k of the mask stands for a sale in the period origin + k.

    Raises:
        ValueError: There are more than 62 periods.
    """
    import ibis

    if count > MASK_PERIODS:
        raise ValueError(f"{count} periods do not fit into a mask of {MASK_PERIODS}")
    period = periods.number(customer_days.day, grain)
    one = ibis.literal(1, "int8").cast("int64")
    days = customer_days.select(
        "customer_key", period=period, bit=(one << (period - origin).cast("int32")).cast("int64")
    )
    return days.group_by("customer_key").aggregate(cohort=days.period.min(), mask=days.bit.bit_or())


def month_masks(customer_days: ir.Table) -> ir.Table:
    """One row per customer: `customer_key`, `cohort` (month of the first sale) and `mask`.

    Bit k of the mask stands for a sale k months after the first month of the data. Months from the 62nd on have no bit:
    the masks are whole only where the data span no more.
    """
    import ibis

    days = customer_days.select("customer_key", period=periods.number(customer_days.day, "month"))
    place = (days.period - days.period.min().as_scalar()).cast("int32")
    one = ibis.literal(1, "int8").cast("int64")
    has_bit = place < MASK_PERIODS
    bit = ibis.ifelse(has_bit, (one << ibis.ifelse(has_bit, place, 0)).cast("int64"), ibis.literal(0, "int64"))
    days = days.mutate(bit=bit)
    return days.group_by("customer_key").aggregate(cohort=days.period.min(), mask=days.bit.bit_or())


def active_by_mask(customers: ir.Table, by: Sequence[str], count: int) -> ir.Table:
    """One row per combination of the columns `by`: `customers`, and in `active_k` those with a sale in period k."""
    counts = customers.group_by(*by, "mask").aggregate(customers=customers.count())
    active = {
        f"active_{place}": (counts.customers * ((counts.mask >> place) & 1)).sum().cast("int64")
        for place in range(count)
    }
    return counts.group_by(*by).aggregate(customers=counts.customers.sum().cast("int64"), **active)


def active_by_row(customer_days: ir.Table, customers: ir.Table, by: Sequence[str], grain: Grain) -> ir.Table:
    """The same for any number of periods, one row per combination and `period`: `active`."""
    days = customer_days.select("customer_key", period=periods.number(customer_days.day, grain))
    rows = days.distinct().join(customers.select("customer_key", *by), "customer_key")
    return rows.group_by(*by, "period").aggregate(active=rows.count())


def revenue_by_period(customer_days: ir.Table, customers: ir.Table, by: Sequence[str], grain: Grain) -> ir.Table:
    """One row per combination of the columns `by` and `period`: `revenue`."""
    days = customer_days.select("customer_key", "revenue", period=periods.number(customer_days.day, grain))
    rows = days.join(customers.select("customer_key", *by), "customer_key")
    return rows.group_by(*by, "period").aggregate(revenue=rows.revenue.sum().round(DECIMALS))


def cohorts(customers: ir.Table, grain: Grain) -> ir.Table:
    """One row per buyer: `customer_key` and `cohort`, the period of the first order."""
    buyers = customers.filter(customers.first_ordered_on.notnull())
    return buyers.select("customer_key", cohort=periods.number(buyers.first_ordered_on, grain))


# -- the first purchase --------------------------------------------------------------------------------


def first_orders(orders: ir.Table) -> ir.Table:
    """The sales of each customer's first purchase: the orders at the first instant, nearly always one."""
    sales = orders.filter(orders.is_sale)
    wanted = ("customer_key", "order_id", "channel", "device_id", "campaign_id", "revenue")
    firsts = sales.group_by("customer_key").aggregate(first_ordered_at=sales.ordered_at.min())
    rows = sales.join(firsts, ["customer_key", sales.ordered_at == firsts.first_ordered_at])
    return rows.select(*[name for name in wanted if name in sales.columns])


def first_purchases(orders: ir.Table, devices: ir.Table | None, campaigns: ir.Table | None) -> ir.Table | None:
    """One row per buyer with what the orders tell of the first purchase; None where they tell nothing.

    Columns, as far as they can be told: `first_channel` (the channel, else the platform of the device),
    `first_campaign_kind` and `first_order_revenue`. Of several orders at the same instant the least name stands.
    """
    import ibis

    rows = first_orders(orders)
    values: dict[str, ir.Value] = {}
    if "campaign_id" in rows.columns:
        if campaigns is not None and "kind" in campaigns.columns:
            rows = rows.left_join(campaigns.select("campaign_id", "kind"), "campaign_id").drop("campaign_id_right")
            kind = rows.kind.cast("string").fill_null(UNKNOWN)
        else:
            kind = ibis.literal("with a campaign")
        is_used = rows.campaign_id.notnull()
        rows = rows.mutate(first_campaign_kind=ibis.ifelse(is_used, kind, NO_CAMPAIGN))
    if "channel" in rows.columns:
        rows = rows.mutate(first_channel=rows.channel.cast("string"))
    elif "device_id" in rows.columns and devices is not None and "platform" in devices.columns:
        rows = rows.left_join(devices.select("device_id", "platform"), "device_id").drop("device_id_right")
        rows = rows.mutate(first_channel=rows.platform.cast("string"))
    for name in ("first_channel", "first_campaign_kind"):
        if name in rows.columns:
            values[name] = rows[name].min().fill_null(UNKNOWN)
    if "revenue" in rows.columns:
        values["first_order_revenue"] = rows.revenue.sum().fill_null(0.0).round(DECIMALS)
    return rows.group_by("customer_key").aggregate(**values) if values else None


def first_category(firsts: ir.Table, order_items: ir.Table, products: ir.Table) -> ir.Table:
    """Per customer the category that most of the first purchase went into; the least name where several tie."""
    measure = "revenue" if "revenue" in order_items.columns else "quantity"
    items = order_items.select("order_id", "product_id", value=order_items[measure])
    rows = items.join(firsts.select("order_id", "customer_key"), "order_id")
    rows = rows.left_join(products.select("product_id", "category"), "product_id")
    rows = rows.mutate(category=rows.category.cast("string").fill_null(UNKNOWN))
    sums = rows.group_by("customer_key", "category").aggregate(value=rows.value.sum().round(DECIMALS))
    most = sums.group_by("customer_key").aggregate(most=sums.value.max())
    top = sums.join(most, ["customer_key", sums.value == most.most])
    return top.group_by("customer_key").aggregate(first_category=top.category.min())


def size_cuts(purchases: ir.Table, count: int, bands: int) -> ir.ArrayValue:
    """Exact cut points of the revenue of first purchases."""
    return stats.cut_points(purchases.first_order_revenue, count, bands)


def size_band(revenue: ir.NumericValue, cuts: Sequence[float], names: Sequence[str]) -> ir.StringValue:
    """The name of the band that a first purchase lies in; cut points are different and rise."""
    import ibis

    upper = [(revenue <= cut, name) for cut, name in zip(cuts, names, strict=False)]
    return ibis.cases(*upper, else_=names[-1]) if upper else ibis.literal(names[-1])


def with_others(values: ir.StringValue, kept: Sequence[str]) -> ir.StringValue:
    """The value where it is one of those kept, else "others"."""
    import ibis

    return ibis.ifelse(values.isin(list(kept)), values, OTHERS)
