"""Members who have brought nobody yet, what is known of them, and who brought a first member after a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import ibis.expr.types as ir

FEATURES: Mapping[str, str] = {
    "orders_log": "orders so far (logarithm)",
    "revenue_log": "revenue so far (logarithm)",
    "recency_log": "days since the last order (logarithm)",
    "tenure_log": "days since the first order (logarithm)",
    "is_sponsored": "whether a member brought them",
}
"""What the model reads, and in words."""


def candidates(customers: ir.Table) -> ir.Table:
    """Customers with an order who have brought nobody: `customer_key`, `customer_id` and the features."""
    import ibis

    view = customers.filter((customers.order_count > 0) & (customers.sponsored_count.fill_null(0) == 0))
    has_network = "referral_generation" in view.columns
    brought = (view.referral_generation > 0).fill_null(False).cast("float64") if has_network else ibis.literal(0.0)
    return view.select(
        "customer_key", "customer_id",
        orders_log=_log(view.order_count), revenue_log=_log(view.revenue_total),
        recency_log=_log(view.recency_days), tenure_log=_log(view.tenure_days), is_sponsored=brought,
    )  # fmt: skip


def _log(value: ir.NumericValue) -> ir.NumericValue:
    """ln(1 + x) of what is at least 0; refunds and missing values count as 0."""
    import ibis

    return (ibis.greatest(value.cast("float64").fill_null(0.0), ibis.literal(0.0)) + 1.0).ln().round(9)


def becoming(customers: ir.Table, tree: ir.Table, day: date, until: date) -> ir.Table:
    """The candidates as known on a day, and whether they brought somebody after it: `becomes_sponsor`, 0 or 1.

    Args:
        customers: The customer view of that day.
        tree: The network of today.
        day: The day.
        until: Last day of the window after it.
    """
    import ibis

    brought = tree.brought_on.cast("date")
    links = tree.filter(
        tree.sponsor_key.notnull() & (brought > ibis.literal(day, "date")) & (brought <= ibis.literal(until, "date"))
    )
    sponsors = links.select(brought_by="sponsor_key").distinct()
    rows = candidates(customers)
    return rows.mutate(becomes_sponsor=rows.customer_key.isin(sponsors.brought_by).cast("int64"))


def scored(rows: ir.Table, winner: str, intercept: float, weights: Mapping[str, float], model: str) -> ir.Table:
    """The candidates with `score`: the model's probability, or what the rule that won ranks by."""
    import ibis

    if winner != model:
        return rows.mutate(score=rows.orders_log if winner == "most orders" else -rows.recency_log)
    odds: ir.Value = ibis.literal(intercept)
    for name, weight in weights.items():
        odds = odds + rows[name] * ibis.literal(weight)
    return rows.mutate(score=(1.0 / ((-odds).exp() + 1.0)).round(9))


def listed(scored: ir.Table, count: int) -> ir.Table:
    """The candidates with the highest scores, as an audience; ties go to the smaller key."""
    import ibis

    best = scored.order_by(ibis.desc("score"), "customer_key").limit(count)
    return best.select("customer_id", reason=ibis.literal("likely to bring a first member"), score=best.score)


def rising(tree: ir.Table, split: date, window_days: int) -> ir.Table:
    """Sponsors who brought two or more since the split, and more than in the window before it, as an audience."""
    import ibis

    days = tree.filter(tree.sponsor_key.notnull() & tree.brought_on.notnull())
    since = days.brought_on.cast("date").delta(ibis.literal(split, "date"), unit="day").cast("int64")
    counted = days.mutate(since=since)
    each = counted.group_by("sponsor_key").aggregate(
        lately=(counted.since > 0).cast("int64").sum().cast("int64"),
        before=((counted.since <= 0) & (counted.since > -window_days)).cast("int64").sum().cast("int64"),
    )
    found = each.filter((each.lately >= 2) & (each.lately > each.before))
    people = tree.select(person_key="customer_key", customer_id="customer_id")
    joined = found.inner_join(people, found.sponsor_key == people.person_key)
    reason = (
        ibis.literal("brought ") + joined.lately.cast("string") + " members lately, against "
        + joined.before.cast("string") + f" in the {window_days} days before"
    )  # fmt: skip
    return joined.select(joined.customer_id, reason=reason, score=joined.lately)
