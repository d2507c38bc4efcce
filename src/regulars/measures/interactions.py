"""Who bought what, and when: the summaries that recommendations are made of.

Time is cut into stages, so that one pass serves the model of today and the two earlier ones that it is judged by: what
was known up to the first cut, up to the second, and up to the end. A count of an earlier time is the sum of the stages
up to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from math import log
from typing import TYPE_CHECKING

from regulars.measures.items import MOST_ITEMS, bought
from regulars.measures.money import DECIMALS

if TYPE_CHECKING:
    import ibis.expr.types as ir

HALF_LIVES = (90, 180)
"""Half-lives, in days, of what a customer bought."""
WINDOWS = (14, 28, 60)
"""Lengths, in days, over which an item's popularity is counted."""
LARGEST_HISTORY = 1500
"""Items of a customer beyond which the customer is left out of the pair counts: a reseller, not a taste."""


@dataclass(frozen=True)
class Cuts:
    """The days at which time is cut: the end of each stage. The last is the end of the data."""

    ends: tuple[date, ...]

    @classmethod
    def before(cls, end: date, days: int, tests: int = 2) -> Cuts:
        """The end of the data, and before it so many test periods of so many days.

        >>> [f"{one:%m-%d}" for one in Cuts.before(date(2024, 3, 31), 28).ends]
        ['02-04', '03-03', '03-31']
        """
        return cls(tuple(end - timedelta(days=days * back) for back in range(tests, -1, -1)))

    @property
    def last(self) -> int:
        """Number of the last stage."""
        return len(self.ends) - 1


TEST_DAYS = 28
"""Length of each of the two test periods at the end of the data."""


def usual_cuts(end: date) -> Cuts:
    """Two test periods before the end of the data: one to choose on, one to judge on.

    >>> usual_cuts(date(2024, 3, 31)).ends[0]
    datetime.date(2024, 2, 4)
    """
    return Cuts.before(end, TEST_DAYS)


def customer_items(order_items: ir.Table, cuts: Cuts) -> ir.Table:
    """One row per customer and item.

    `orders_0`, `orders_1` …: orders with it in each stage; `decayed_90_0` …: the same, an order counting half after so
    many days before the end; `first_stage`: the stage of the first of them.

    Args:
        order_items: One row per order and product, with `ordered_at`.
        cuts: When stages end.
    """
    import ibis

    rows = bought(order_items)
    rows = rows.select("customer_key", "product_id", day=rows.ordered_at.date())
    rows = rows.filter(rows.day <= ibis.literal(cuts.ends[-1], "date"))
    age = ibis.literal(cuts.ends[-1], "date").delta(rows.day, unit="day").cast("float64")
    rows = rows.mutate(
        stage=_stage(rows, cuts), **{f"weight_{half}": (age * (-log(2) / half)).exp() for half in HALF_LIVES}
    )
    sums: dict[str, ir.Value] = {}
    for stage in range(len(cuts.ends)):
        inside = rows.stage == stage
        sums[f"orders_{stage}"] = inside.cast("int64").sum().cast("int64")
        for half in HALF_LIVES:
            sums[f"decayed_{half}_{stage}"] = rows[f"weight_{half}"].sum(where=inside).fill_null(0.0).round(9)
    return rows.group_by("customer_key", "product_id").aggregate(first_stage=rows.stage.min().cast("int32"), **sums)


def _stage(rows: ir.Table, cuts: Cuts) -> ir.Value:
    import ibis

    branches = [(rows.day <= ibis.literal(end, "date"), ibis.literal(stage)) for stage, end in enumerate(cuts.ends)]
    return ibis.cases(*branches, else_=ibis.literal(cuts.last)).cast("int32")


def item_stages(order_items: ir.Table, interactions: ir.Table, cuts: Cuts) -> ir.Table:
    """One row per item.

    `item_key` (by id), `product_id`; for each stage `buyers_0` … (customers up to its end), `rank_0` … (by buyers), and
    `popularity_28_0` … (orders in the days before its end); `orders`, `first_day`, `last_day`, and `price` where there
    is money.

    Args:
        order_items: One row per order and product, with `ordered_at`.
        interactions: As `customer_items` gives.
        cuts: When stages end.
    """
    import ibis

    stages = range(len(cuts.ends))
    buyers = interactions.group_by("product_id").aggregate(
        **{f"buyers_{one}": (interactions.first_stage <= one).cast("int64").sum().cast("int64") for one in stages}
    )
    rows = bought(order_items)
    rows = rows.mutate(day=rows.ordered_at.date())
    sums: dict[str, ir.Value] = {
        "orders": rows.count().cast("int64"), "first_day": rows.day.min(), "last_day": rows.day.max(),
    }  # fmt: skip
    if "revenue" in rows.columns:
        # the sum is rounded, not the quotient: a tie would fall on either side by the order of adding
        sums["price"] = rows.revenue.sum().round(DECIMALS) / rows.quantity.sum().cast("float64").nullif(0.0)
    for stage, end in enumerate(cuts.ends):
        for window in WINDOWS:
            since, until = ibis.literal(end - timedelta(days=window), "date"), ibis.literal(end, "date")
            inside = (rows.day > since) & (rows.day <= until)
            sums[f"popularity_{window}_{stage}"] = inside.cast("int64").sum().cast("int64")
    dated = rows.group_by("product_id").aggregate(**sums).rename(_item="product_id")
    each = buyers.inner_join(dated, buyers.product_id == dated._item).drop("_item")
    ranks = {
        f"rank_{stage}": ibis.row_number()
        .over(order_by=[each[f"buyers_{stage}"].desc(), each.product_id])
        .cast("int64")
        for stage in stages
    }
    return each.mutate(**ranks, item_key=ibis.row_number().over(order_by=each.product_id).cast("int32"))


def modelled(items: ir.Table) -> ir.Table:
    """The items that a model of any stage holds: at each, the `MOST_ITEMS` with the most buyers.

    Args:
        items: As `item_stages` gives.
    """
    import ibis

    stages = [name.removeprefix("rank_") for name in items.columns if name.startswith("rank_")]
    return items.filter(
        ibis.or_(*[(items[f"rank_{one}"] < MOST_ITEMS) & (items[f"buyers_{one}"] > 0) for one in stages])
    )


def histories(interactions: ir.Table, items: ir.Table) -> ir.Table:
    """One row per customer and item of the models: `customer_key`, `item_key`, `first_stage`.

    Args:
        interactions: As `customer_items` gives.
        items: As `modelled` gives.
    """
    keys = items.select("item_key", _item=items.product_id)
    rows = interactions.inner_join(keys, interactions.product_id == keys._item)
    return rows.select("customer_key", "item_key", "first_stage")


def history_sizes(held: ir.Table) -> ir.Table:
    """One row: customers, those with more than `LARGEST_HISTORY` items, and the pairs of items of the others."""
    each = held.group_by("customer_key").aggregate(items=held.count().cast("int64"))
    small = each["items"] <= LARGEST_HISTORY
    return each.aggregate(
        customers=each.count().cast("int64"),
        large=(~small).cast("int64").sum().cast("int64"),
        pairs=(each["items"] * (each["items"] - 1) / 2).sum(where=small).fill_null(0.0).cast("int64"),
    )


def without_large(held: ir.Table) -> ir.Table:
    """The histories of customers with at most `LARGEST_HISTORY` items."""
    each = held.group_by("customer_key").aggregate(items=held.count().cast("int64"))
    large = each.filter(each["items"] > LARGEST_HISTORY).select("customer_key")
    return held.anti_join(large, "customer_key")


def again(interactions: ir.Table, items: ir.Table, half_life: int, power: float, places: int) -> ir.Table:
    """What each customer is likeliest to buy again: `customer_key`, `rank` (from 1), `product_id`, `score`.

    The customer's own rate (decayed orders) × a power of the item's present popularity; items nobody bought of late are
    left out.

    Args:
        interactions: As `customer_items` gives.
        items: `product_id` and `popularity` of every item (orders of late), those beyond the models included; with
            `category`, each category is told once.
        half_life: One of `HALF_LIVES`, or 0 for none.
        power: Of the popularity.
        places: How many for each customer.
    """
    import ibis

    stages = [name for name in interactions.columns if name.startswith("orders_")]
    prefix = f"decayed_{half_life}_" if half_life else "orders_"
    own = sum((interactions[f"{prefix}{stage}"] for stage in range(1, len(stages))), interactions[f"{prefix}0"])
    rows = interactions.select("customer_key", "product_id", own=own.cast("float64"))
    known = items.filter(items.popularity > 0).rename(_item="product_id")
    rows = rows.inner_join(known, rows.product_id == known._item)
    popular = rows.popularity.cast("float64")
    rows = rows.mutate(score=(rows.own * popular.pow(ibis.literal(power, "float64"))).round(9))
    # ties, which are many, by popularity and then by the id
    order = [rows.score.desc(), rows.popularity.desc(), rows.product_id]
    if "category" in rows.columns:
        kind = rows.category.fill_null(rows.product_id.cast("string"))  # what has none is told whatever else is
        rows = rows.mutate(_kind=kind, _has=rows.category.notnull())
        order = [rows.score.desc(), rows.popularity.desc(), rows.product_id]
        within = ibis.row_number().over(group_by=[rows.customer_key, rows._has, rows._kind], order_by=order)
        rows = rows.mutate(_within=within).filter(lambda t: t._within == 0)
        order = [rows.score.desc(), rows.popularity.desc(), rows.product_id]
    place = ibis.row_number().over(group_by=rows.customer_key, order_by=order)
    ranked = rows.mutate(rank=(place + 1).cast("int32"))
    return ranked.filter(ranked["rank"] <= places).select("customer_key", "rank", "product_id", "score")
