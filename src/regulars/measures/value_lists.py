"""Lists of customers by their value: the most valuable, and the valuable who slip away."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir

OWN_GAPS = 2.0
"""Silence of more than so many of the customer's own mean gaps is slipping, where a model tells no limit."""


def most_valuable(valued: ir.Table, cut: float, currency: str) -> ir.Table:
    """Customers with an expected value of at least the cut."""
    top = valued.filter((valued.expected_value >= cut) & (valued.expected_value > 0))
    return members(top, "expected to bring ", top.expected_value, currency)


def slipping(valued: ir.Table, cut: float, currency: str) -> ir.Table:
    """Repeat customers who brought at least the cut so far, and are silent for longer than their limit.

    The limit is that of the model, or twice their own mean gap where there is none.
    """
    import ibis

    own_limit = OWN_GAPS * valued.active_days / (valued.visit_day_count - 1).nullif(0)
    limit = ibis.coalesce(valued.silence_limit_days, own_limit)
    slips = (valued.recency_days > limit) & (valued.visit_day_count > 1)
    best = valued.filter(slips & (valued.revenue_total >= cut) & (valued.revenue_total > 0))
    return members(best, "brought ", best.revenue_total, currency)


def members(rows: ir.Table, words: str, money: ir.NumericValue, currency: str) -> ir.Table:
    """The rows as members of an audience, the highest score (that money) first."""
    amount = money.round().cast("int64").cast("string") + f" {currency}".rstrip()
    visits = rows.visit_day_count.cast("string") + (rows.visit_day_count == 1).ifelse(" visit", " visits")
    chosen = rows.select(
        customer_id=rows.customer_id,
        reason=words + amount + "; " + visits + ", the last " + rows.recency_days.cast("string") + " days ago",
        score=money,
        expected_value=rows.expected_value,
        active_probability=rows.active_probability,
        recency_days=rows.recency_days,
    )
    return chosen.order_by(chosen.score.desc(), chosen.customer_id)
