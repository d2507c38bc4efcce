"""Customers counted by their history: what models of repeat orders and of spend are fitted to, and the way back.

A transaction is a day with an order (`visit_day_count`). The history is told by three columns of the customer view, so
that scores of the distinct histories go back to every customer by a join in the engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.measures.money import DECIMALS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis.expr.types as ir

KEYS = ("visit_day_count", "active_days", "tenure_days")
"""The history of a customer: days with an order, days from the first to the last, days from the first to now."""

EXACT_SPEND_CUSTOMERS = 200_000
"""Up to so many buyers are counted by their exact mean spend; above, in steps of one per cent."""

_STEPS = 100


def buyers(customers: ir.Table) -> ir.Table:
    """The customers who have bought, with `mean_spend`: revenue per day with an order, at least 0."""
    import ibis

    bought = customers.filter(customers.visit_day_count > 0)
    revenue = bought.revenue_total.fill_null(0.0) / bought.visit_day_count
    return bought.mutate(mean_spend=ibis.greatest(revenue, ibis.literal(0.0)).round(6))


def order_cells(buyers: ir.Table) -> ir.Table:
    """One row per distinct history, in order: the keys, `customers`, and their `repeat_spend`.

    Repeat spend is mean spend per visit × visits after the first.
    """
    repeat_spend = (buyers.mean_spend * (buyers.visit_day_count - 1)).sum().round(DECIMALS)
    cells = buyers.group_by(*KEYS).aggregate(customers=buyers.count(), repeat_spend=repeat_spend)
    return cells.order_by(*KEYS)


def spend_cells(buyers: ir.Table, *, is_exact: bool) -> ir.Table:
    """One row per number of visits and mean spend above 0, in order: `visits`, `mean_spend`, `customers`.

    Args:
        buyers: As `buyers` gives them.
        is_exact: Whether every mean counts apart; else those within one per cent are counted together at their mean.
    """
    spending = buyers.filter(buyers.mean_spend > 0)
    step = spending.mean_spend if is_exact else (spending.mean_spend.ln() * _STEPS).round().cast("int64")
    counted = spending.group_by(visits=spending.visit_day_count, step=step).aggregate(
        mean_spend=spending.mean_spend.mean().round(6), customers=spending.count()
    )
    return counted.order_by("visits", "step").drop("step")


def spend_by_visit(visits: ir.NumericValue, mean_spend: ir.NumericValue, p: float, q: float, v: float) -> ir.Value:
    """Expected spend per future visit under Gamma-Gamma (Fader & Hardie 2013, eq. 5): parameters p, q, v."""
    return p * (v + visits * mean_spend) / (q + p * visits - 1.0)


def with_scores(customers: ir.Table, scores: ir.Table, names: Sequence[str]) -> ir.Table:
    """The customers with the scores of their history; null for those who never bought. Same rows."""
    renamed: Mapping[str, str] = {f"{key}__score": key for key in KEYS}
    right = scores.select(*KEYS, *names).rename(renamed)
    joined = customers.left_join(right, [(key, f"{key}__score") for key in KEYS])
    return joined.drop(*renamed)
