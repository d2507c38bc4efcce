"""Customers who have bought a single item: who they are, what is next, and what they bought later."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import ibis.expr.types as ir

OWN, POPULAR, NONE = "own offer", "best seller", "no offer"
ARMS = (OWN, POPULAR, NONE)
"""Arms of the trial, equally large, by a hash of the customer's own id."""
ARMS_WITHOUT_OWN = (POPULAR, NONE)
"""The same where best sellers foretold as well as own offers, so that these are not made."""


def single_buyers(customer_items: ir.Table, stage: int) -> ir.Table:
    """Customers with one item up to the end of a stage: `customer_key`, `product_id`, and `orders` of it.

    Args:
        customer_items: As `measures.interactions.customer_items` gives.
        stage: The stage.
    """
    names = [f"orders_{one}" for one in range(stage + 1)]
    orders = sum((customer_items[name] for name in names[1:]), customer_items[names[0]])
    had = customer_items.mutate(had=orders).filter(lambda t: t.had > 0)
    each = had.group_by("customer_key").aggregate(
        items=had.count(), product_id=had.product_id.min(), orders=had.had.sum().cast("int64")
    )
    return each.filter(each["items"] == 1).drop("items")


def bought_later(singles: ir.Table, customer_items: ir.Table, offers: ir.Table, stage: int) -> ir.Table:
    """One row: single buyers who bought another item after a stage, those who bought an offer, and how early it stood.

    `returned`, `own` and `popular` count customers; `gain` and `gain_squares` are the sums over them, and over their
    squares, of 1 ÷ rank of the best own offer that was bought less the same of the best sellers (0 where none was).

    Args:
        singles: As `single_buyers` gives.
        customer_items: As `measures.interactions.customer_items` gives.
        offers: `for_item`, `rank`, `offer` and `kind` ("own" or "popular"), ids as text.
        stage: The stage.
    """
    others = customer_items.view().filter(lambda t: t.first_stage > stage)  # joined to what comes of the same rows
    others = others.select(_customer=others.customer_key, later=others.product_id.cast("string"))
    rows = singles.inner_join(others, [("customer_key", "_customer")])
    rows = rows.select("customer_key", "later", first=rows.product_id.cast("string")).view()
    met = rows.left_join(offers, [("first", "for_item"), ("later", "offer")])
    each = met.group_by("customer_key").aggregate(
        own=met["rank"].min(where=met.kind == "own"), popular=met["rank"].min(where=met.kind == "popular")
    )
    early = {name: (1.0 / each[name].cast("float64")).fill_null(0.0) for name in ("own", "popular")}
    each = each.mutate(gain=early["own"] - early["popular"])
    return each.aggregate(
        returned=each.count().cast("int64"),
        own=each.own.notnull().cast("int64").sum().cast("int64"),
        popular=each.popular.notnull().cast("int64").sum().cast("int64"),
        gain=each.gain.sum().round(6), gain_squares=(each.gain * each.gain).sum().round(6),
    )  # fmt: skip


def in_arms(customers: ir.Table, salt: str, arms: Sequence[str] = ARMS) -> ir.Table:
    """The customers with their `arm`, all equally large, by the hash of a salt and their id: the same on every engine.

    Args:
        customers: With `customer_id`.
        salt: Parts one drawing from another.
        arms: Their names.
    """
    import ibis

    digest = (ibis.literal(salt) + customers.customer_id.cast("string")).hexdigest("md5").substr(0, 6)
    ends = [f"{16**6 * place // len(arms):06x}" for place in range(1, len(arms))]
    arm = ibis.cases(*[(digest < end, name) for end, name in zip(ends, arms, strict=False)], else_=arms[-1])
    return customers.mutate(arm=arm)


def money_and_items(days: ir.Table, as_of: date) -> ir.Table:
    """`money` and `items` of all customers in the year up to a day, in one row."""
    import ibis

    since = ibis.literal(as_of - timedelta(days=365), "date")
    items = days.quantity.sum().cast("float64") if "quantity" in days.columns else ibis.null("float64")
    return days.filter(days.day > since).aggregate(money=days.revenue.sum().round(4), items=items)
