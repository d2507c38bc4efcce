"""Who customers are: the dimensions of people, income in quarters, and staying as expected of a tenure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.measures import dimensions, stats
from regulars.measures.dimensions import Dimension

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis.expr.types as ir

PEOPLE = ("generation", "age_group", "age_band", "gender", "income_band", "city", "country")
"""Dimensions that say who customers are."""
INCOME = "income_quarter"
INCOME_WORDS = ("lowest quarter", "second quarter", "third quarter", "highest quarter")
DAYS_PER_MONTH = 30.4375
DAYS_PER_BAND = 183
"""Customers are compared with others known for as long, in half-years."""


def income_cuts(customers: ir.Table, count: int) -> ir.Value:
    """Cut points of the known incomes between quarters of the customers; `count` incomes are known."""
    known = customers.filter(customers.income.notnull())
    return stats.cut_points(known.income, count, len(INCOME_WORDS))


def income_quarters(cuts: Sequence[float]) -> Dimension:
    """Income in quarters of the customers, as a dimension."""

    def label(rows: ir.Table) -> ir.Value:
        import ibis

        branches = [(rows.income <= cut, word) for cut, word in zip(cuts, INCOME_WORDS, strict=False)]
        return ibis.ifelse(rows.income.isnull(), ibis.null("string"), ibis.cases(*branches, else_=INCOME_WORDS[-1]))

    return Dimension(INCOME, "income", "customer", ("income",), label, INCOME_WORDS)


def tenure_band(rows: ir.Table) -> ir.Value:
    """Half-years since the first order."""
    return (rows.tenure_days.cast("int64") // DAYS_PER_BAND).cast("int64")


def months_known(rows: ir.Table) -> ir.Value:
    """Months since the first order, at least one."""
    import ibis

    return ibis.greatest(rows.tenure_days.cast("float64") / DAYS_PER_MONTH, 1.0)


def is_staying(rows: ir.Table, window_days: int) -> ir.Value:
    """Whether the last order is no longer ago than the window; 1 or 0."""
    return (rows.recency_days <= window_days).cast("int64")


def staying_by_tenure(customers: ir.Table, window_days: int) -> ir.Table:
    """How many of those known for as long are staying."""
    rows = customers.mutate(band=tenure_band(customers), staying=is_staying(customers, window_days))
    return rows.group_by("band").aggregate(
        customers=rows.count().cast("int64"), staying=rows.staying.sum().cast("int64")
    )


def expected_staying(rows: ir.Table, shares: Mapping[int, float]) -> ir.Value:
    """The share of those known for as long who stay, as what is expected of a customer."""
    import ibis

    band = tenure_band(rows)
    return ibis.cases(*[(band == number, share) for number, share in sorted(shares.items())], else_=0.0)


def pairs(people: Sequence[Dimension]) -> list[Dimension]:
    """Age by income and gender by age, where they are known: what one hides of the other."""
    by_name = {one.name: one for one in people}
    age = by_name.get("age_group", by_name.get("age_band"))
    income = by_name.get(INCOME, by_name.get("income_band"))
    wanted = ((age, income), (by_name.get("gender"), age))
    return [dimensions.crossed(one, other) for one, other in wanted if one is not None and other is not None]
