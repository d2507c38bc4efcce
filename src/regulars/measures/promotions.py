"""Promotions as sums over sales: which orders used one, who responds how often, and who came back after one.

An order used a promotion where it names a campaign or was sold below list value. Nothing here says what a promotion
brought about: who uses one differs from who does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.measures import time
from regulars.measures.money import DECIMALS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    import ibis.expr.types as ir

NONE = "no promotion"
ANY = "any promotion"
PLAIN_DISCOUNT = "discount without campaign"
NO_KIND = "campaign"
"""The kind of a campaign for which the data have none."""
CLASSES = ("only with promotion", "repeatedly", "once among others", "a single order, with promotion", "never")
"""How a customer responds to promotions; the classes exclude one another."""
RETURN_DAYS = (30, 60, 90)
ORDER_NUMBERS = ((1, "1st"), (2, "2nd"), (3, "3rd"), (5, "4th–5th"), (9, "6th–9th"))
LATEST_NUMBER = "10th and later"
TIED_SHARE = 0.8
"""A campaign belongs to a product, or to releases, where so much of its use lies there."""
NEW_DAYS = 28
"""A product counts as new for so long after its release."""


def can_tell(columns: Sequence[str]) -> bool:
    """Whether orders say if a promotion was used.

    >>> can_tell(["order_id", "discount"]), can_tell(["order_id"])
    (True, False)
    """
    return "campaign_id" in columns or "discount" in columns


def with_promotion(sales: ir.Table, campaigns: ir.Table | None, costs: ir.Table | None = None) -> ir.Table:
    """The sales with `promotion` (its kind), `is_promoted`, and `order_number` (the customer's how-manieth order).

    Args:
        sales: Orders that count as sales.
        campaigns: Gives the kind of a campaign.
        costs: `order_id` and `cost`, where the products' costs are known: adds `profit`.
    """
    import ibis

    kind: ir.Value = ibis.null("string")
    if "campaign_id" in sales.columns:
        if campaigns is not None and "kind" in campaigns.columns:
            kinds = campaigns.select(kind_of=campaigns.campaign_id, promotion_kind=campaigns.kind)
            sales = sales.left_join(kinds, sales.campaign_id == kinds.kind_of).drop("kind_of")
            kind = ibis.ifelse(sales.campaign_id.notnull(), sales.promotion_kind.nullif("").fill_null(NO_KIND), kind)
        else:
            kind = ibis.ifelse(sales.campaign_id.notnull(), NO_KIND, kind)
    if "discount" in sales.columns:
        kind = ibis.coalesce(kind, ibis.ifelse(sales.discount > 0, PLAIN_DISCOUNT, ibis.null("string")))
    rows = sales.mutate(promotion=kind.fill_null(NONE))
    if "promotion_kind" in rows.columns:
        rows = rows.drop("promotion_kind")
    place = ["ordered_at", *(["order_id"] if "order_id" in rows.columns else []), "promotion"]
    in_order = ibis.window(group_by=rows.customer_key, order_by=[rows[name] for name in place])
    rows = rows.mutate(
        is_promoted=rows.promotion != NONE, order_number=(ibis.row_number().over(in_order) + 1).cast("int64")
    )
    if costs is not None:
        rows = rows.left_join(costs, "order_id").drop("order_id_right")
        rows = rows.mutate(profit=(rows.revenue - rows.cost).round(DECIMALS)).drop("cost")
    return rows


def order_costs(order_items: ir.Table, products: ir.Table) -> ir.Table:
    """What the items of an order cost the company; missing where the cost of one is not known."""
    costs = products.select("product_id", unit_cost=products.cost)
    items = order_items.left_join(costs, "product_id")
    cost = (items.quantity * items.unit_cost).sum().round(DECIMALS)
    return items.group_by("order_id").aggregate(cost=items.unit_cost.isnull().any().ifelse(None, cost))


def number_band(rows: ir.Table) -> ir.Table:
    """The rows with `order_band`, the customer's how-manieth order it is."""
    import ibis

    bands = [(rows.order_number <= last, label) for last, label in ORDER_NUMBERS]
    return rows.mutate(order_band=ibis.cases(*bands, else_=LATEST_NUMBER))


def responders(rows: ir.Table) -> ir.Table:
    """One row per customer: `orders`, `promoted_orders`, `revenue`, `discount`, `last_on`, `response` (its class)."""
    import ibis

    promoted = rows.is_promoted.cast("int64")
    money = {name: rows[name].sum().round(DECIMALS) for name in ("revenue", "discount") if name in rows.columns}
    each = rows.group_by("customer_key").aggregate(
        orders=rows.count().cast("int64"), promoted_orders=promoted.sum().cast("int64"),
        last_on=rows.ordered_at.date().max(), **money,
    )  # fmt: skip
    every = each.promoted_orders == each.orders
    only, repeatedly, once, single, never = CLASSES
    response = ibis.cases(
        (each.promoted_orders == 0, never), (every & (each.orders == 1), single), (every, only),
        (each.promoted_orders == 1, once), else_=repeatedly,
    )  # fmt: skip
    return each.mutate(
        response=response,
        never_responds=each.promoted_orders == 0, only_with_promotion=every & (each.orders > 1),
        responds_repeatedly=each.promoted_orders > 1,
    )  # fmt: skip


def by_class(each: ir.Table) -> ir.Table:
    """One row per class of response: customers, orders, promoted orders, revenue and discount."""
    sums = {name: each[name].sum().round(DECIMALS) for name in ("revenue", "discount") if name in each.columns}
    return each.group_by("response").aggregate(
        customers=each.count().cast("int64"), orders=each.orders.sum().cast("int64"),
        promoted_orders=each.promoted_orders.sum().cast("int64"), **sums,
    )  # fmt: skip


def customers_by_kind(rows: ir.Table) -> ir.Table:
    """One row per kind: customers with at least one such order."""
    return rows.group_by("promotion").aggregate(customers=rows.customer_key.nunique().cast("int64"))


def returns(rows: ir.Table, customer_days: ir.Table, as_of: date) -> ir.Table:
    """Who came back on a later day after the first order, by the promotion of that order.

    One row per promotion: for each number of days, `eligible_…` (customers whose time is over) and `returned_…`.
    """
    import ibis

    firsts = rows.filter(rows.order_number == 1).select("customer_key", "promotion", first=rows.ordered_at.date())
    days = firsts.join(customer_days.select("customer_key", "day"), "customer_key")
    each = days.group_by("customer_key", "promotion", "first").aggregate(
        second=days.day.min(where=days.day > days.first)
    )
    known = time.days_between(each.first, ibis.literal(as_of, "date"))
    gap = time.days_between(each.first, each.second)
    counts = {}
    for limit in RETURN_DAYS:
        whole = known >= limit
        counts[f"eligible_{limit}"] = whole.cast("int64").sum().cast("int64")
        counts[f"returned_{limit}"] = (whole & (gap <= limit).fill_null(False)).cast("int64").sum().cast("int64")
    return each.group_by("promotion").aggregate(**counts)


def reach(rows: ir.Table, products: ir.Table | None) -> ir.Table:
    """One row per campaign: orders, products, the share of its first product and that of new products.

    `usual_new_share` is the share of new products among orders without a promotion on the same days: a campaign that
    merely ran when much was new is not one of releases.
    """
    import ibis

    if products is not None and "released_on" in products.columns:
        dates = products.select("product_id", "released_on")
        rows = rows.left_join(dates, "product_id").drop("product_id_right")
        age = time.days_between(rows.released_on, rows.ordered_at.date())
        fresh = age.between(0, NEW_DAYS - 1).fill_null(False).cast("float64")
    else:
        fresh = ibis.null("float64")
    rows = rows.mutate(is_new=fresh, day=rows.ordered_at.date())
    plain = rows.filter(rows.promotion == NONE)
    usual = plain.group_by("day").aggregate(usual=plain.is_new.mean().round(9))
    used = rows.filter(rows.campaign_id.notnull()).left_join(usual, "day").drop("day_right")
    each = used.group_by("campaign_id", "promotion", "product_id").aggregate(
        orders=used.count(), fresh=used.is_new.sum(), usual=used.usual.sum().round(9),
        compared=used.usual.count(),
    )  # fmt: skip
    totals = each.group_by("campaign_id", "promotion").aggregate(
        orders=each.orders.sum().cast("int64"), products=each.count().cast("int64"),
        top_product_share=(each.orders.max() / each.orders.sum()).round(9),
        new_product_share=(each.fresh.sum() / each.orders.sum()).round(9),
        usual_new_share=each.usual.sum().round(9) / each.compared.sum().nullif(0),
    )  # fmt: skip
    return totals.order_by(totals.orders.desc(), totals.campaign_id)


def with_tie(rows: ir.Table, ties: Mapping[str, Sequence[object]]) -> ir.Table:
    """The promoted orders with `tie`: what their campaign belongs to."""
    import ibis

    promoted = rows.filter(rows.campaign_id.notnull())
    branches = [(promoted.campaign_id.isin(list(ids)), label) for label, ids in ties.items() if ids]
    return promoted.mutate(tie=ibis.cases(*branches, else_="too few orders to tell"))


def members(each: ir.Table, customers: ir.Table, response: str, as_of: date) -> ir.Table:
    """Customers of one class of response as members of an audience; the score is what they brought."""
    import ibis

    ids = customers.select("customer_key", "customer_id")
    chosen = each.filter(each.response == response).join(ids, "customer_key")
    silent = time.days_between(chosen.last_on, ibis.literal(as_of, "date"))
    revenue = chosen.revenue if "revenue" in chosen.columns else ibis.literal(0.0)
    several = ibis.literal("all ") + chosen.orders.cast("string") + " orders with a promotion, the last "
    words = ibis.ifelse(chosen.orders == 1, "a single order, with a promotion, ", several)
    rows = chosen.select(
        customer_id=chosen.customer_id,
        reason=words + silent.cast("string") + " days ago",
        score=revenue.cast("float64").fill_null(0.0).round(2),
        orders=chosen.orders, recency_days=silent,
    )  # fmt: skip
    return rows.order_by(rows.score.desc(), rows.customer_id)
