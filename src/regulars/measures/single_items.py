"""Customers who have bought a single item: who they are, what is next, and what they bought later."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir

ARMS = ("own offer", "popular offer", "no offer")
"""Arms of the trial, a third each, by a hash of the customer's own id."""


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
    """One row: single buyers up to a stage, those who bought another item after it, and those who bought an offer.

    Args:
        singles: As `single_buyers` gives.
        customer_items: As `measures.interactions.customer_items` gives.
        offers: `for_item`, `offer` and `kind` ("own" or "popular"), ids as text.
        stage: The stage.
    """
    others = customer_items.view().filter(lambda t: t.first_stage > stage)  # joined to what comes of the same rows
    others = others.select(_customer=others.customer_key, later=others.product_id.cast("string"))
    rows = singles.inner_join(others, [("customer_key", "_customer")])
    rows = rows.select("customer_key", "later", first=rows.product_id.cast("string")).view()
    met = rows.left_join(offers, [("first", "for_item"), ("later", "offer")])
    each = met.group_by("customer_key").aggregate(
        own=(met.kind == "own").fill_null(False).max(), popular=(met.kind == "popular").fill_null(False).max()
    )
    return each.aggregate(
        returned=each.count().cast("int64"),
        own=each.own.cast("int64").sum().cast("int64"), popular=each.popular.cast("int64").sum().cast("int64"),
    )  # fmt: skip


def in_arms(customers: ir.Table, salt: str) -> ir.Table:
    """The customers with their `arm`: a third each by the hash of a salt and their id, the same on every engine."""
    import ibis

    digest = (ibis.literal(salt) + customers.customer_id.cast("string")).hexdigest("md5").substr(0, 6)
    arm = ibis.cases((digest < "555555", ARMS[0]), (digest < "aaaaaa", ARMS[1]), else_=ARMS[2])
    return customers.mutate(arm=arm)
