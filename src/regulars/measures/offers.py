"""What customers want: spend by category and group, and the category most bought by those alike that one lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.measures.money import DECIMALS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

OTHERS = "all others"


def spend(categories: ir.Table, kept: Sequence[str]) -> ir.Table:
    """One row per customer: `total` and `spend_0`, `spend_1` … on the kept categories; only who spent above nothing.

    Args:
        categories: One row per customer and category, with `revenue` or `quantity`.
        kept: The categories, in the order of their numbers.
    """
    value = categories.revenue if "revenue" in categories.columns else categories.quantity
    rows = categories.mutate(value=value.cast("float64")).filter(value > 0)
    columns = {
        f"spend_{place}": rows["value"].sum(where=rows.category == name).fill_null(0.0).round(DECIMALS)
        for place, name in enumerate(kept)
    }
    return rows.group_by("customer_key").aggregate(total=rows["value"].sum().round(DECIMALS), **columns)


def totals(categories: ir.Table) -> ir.Table:
    """One row per category: buyers and value, the largest first."""
    value = categories.revenue if "revenue" in categories.columns else categories.quantity
    rows = categories.mutate(value=value.cast("float64")).filter(value > 0)
    found = rows.group_by("category").aggregate(
        buyers=rows.count().cast("int64"), value=rows["value"].sum().round(DECIMALS)
    )
    return found.order_by(found.value.desc(), found.category)


def together(wide: ir.Table, count: int) -> ir.Table:
    """One row: `both_i_j`, how many customers spent on both of two categories (i = j: on the one)."""
    bought = {place: wide[f"spend_{place}"] > 0 for place in range(count)}
    pairs = {
        f"both_{one}_{other}": (bought[one] & bought[other]).cast("int64").sum().cast("int64")
        for one in range(count)
        for other in range(one, count)
    }
    return wide.aggregate(customers=wide.count().cast("int64"), **pairs)


def next_category(
    wide: ir.Table, names: Sequence[str], chance: Sequence[Sequence[float]], base: Sequence[float]
) -> ir.Table:
    """The category that a customer has not bought and is likeliest to want, with the chance as its score.

    The chance of category j is the mean of P(j | i) over the categories i that the customer has bought; who has bought
    none of the kept ones gets the share of all buyers.

    Args:
        wide: The rows of `spend`.
        names: The categories.
        chance: P(j | i) as `chance[i][j]`.
        base: Share of the customers who bought j.
    """
    import ibis

    count = len(names)
    has = {place: (wide[f"spend_{place}"] > 0).cast("float64") for place in range(count)}
    owned = has[0]
    for place in range(1, count):
        owned = owned + has[place]
    scores = {}
    for place in range(count):
        total = has[0] * float(chance[0][place])
        for other in range(1, count):
            total = total + has[other] * float(chance[other][place])
        wanted = ibis.ifelse(owned > 0, total / ibis.greatest(owned, ibis.literal(1.0)), float(base[place]))
        scores[f"score_{place}"] = ibis.ifelse(has[place] > 0, -1.0, wanted).round(6)
    rows = wide.mutate(owned=owned.cast("int64"), **scores)
    best = rows.score_0 if count == 1 else ibis.greatest(*[rows[f"score_{place}"] for place in range(count)])
    rows = rows.mutate(best=best)
    branches = [(rows[f"score_{place}"] == rows.best, name) for place, name in enumerate(names)]
    return rows.mutate(next_category=ibis.cases(*branches)).filter(rows.best > 0)


def members(chosen: ir.Table, customers: ir.Table) -> ir.Table:
    """The rows of `next_category` as members of an audience."""
    import ibis

    rows = chosen.join(customers.select("customer_key", "customer_id"), "customer_key")
    found = rows.select(
        customer_id=rows.customer_id,
        reason=ibis.literal("offer ") + rows.next_category + ": not bought yet, and bought by "
        + (100 * rows.best).round().cast("int64").cast("string") + " % of those who buy the same",
        score=rows.best, next_category=rows.next_category, categories=rows.owned,
    )  # fmt: skip
    return found.order_by(found.score.desc(), found.customer_id)
