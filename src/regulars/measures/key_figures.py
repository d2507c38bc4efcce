"""The key figures of a business, each defined once: totals of a period, and ratios with what their intervals need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from regulars.measures import periods, stats
from regulars.measures.money import DECIMALS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import ibis.expr.types as ir

    from regulars.core.units import Unit
    from regulars.measures.periods import Grain

SUMS = ("order_count", "revenue", "quantity", "discount", "list_amount")
"""What is added up of `customer_days`, as far as it is there."""

CUSTOMERS = "customers"


@dataclass(frozen=True)
class Figure:
    """A key figure: a total, or the ratio of two.

    `above` and `below` name columns of `customer_days` or counts; a total has no `below`. `kind` says how its change is
    told: a count is exact, a ratio is one of sums over customers, `points` is such a ratio that is a share, `share` one
    of counts.
    """

    name: str
    unit: Unit
    meaning: str
    above: str
    below: str = ""
    kind: Literal["count", "ratio", "points", "share"] = "count"


PEOPLE = (
    Figure("customers", "customers", "Customers who bought.", CUSTOMERS),
    Figure("new_customers", "customers", "Customers who bought for the first time.", "new_customers"),
)
TOTALS = (
    Figure("orders", "orders", "Orders that count as sales.", "order_count"),
    Figure("revenue", "money", "Money from sales.", "revenue"),
    Figure("items", "items", "Items sold.", "quantity"),
    Figure("discount", "money", "What was taken off the list value.", "discount"),
)
RATIOS = (
    Figure("revenue_per_order", "money", "Revenue ÷ orders.", "revenue", "order_count", "ratio"),
    Figure("orders_per_customer", "", "Orders ÷ customers who bought.", "order_count", CUSTOMERS, "ratio"),
    Figure("revenue_per_customer", "money", "Revenue ÷ customers who bought.", "revenue", CUSTOMERS, "ratio"),
    Figure("items_per_order", "", "Items ÷ orders.", "quantity", "order_count", "ratio"),
    Figure("discount_share", "share", "Discount ÷ list value.", "discount", "list_amount", "points"),
)
SHARES = (
    Figure(
        "returning_customer_share", "share", "Customers who had bought before ÷ customers who bought.",
        "returning_customers", CUSTOMERS, "share",
    ),
    Figure("success_share", "share", "Attempts that became sales ÷ attempts.", "successes", "attempts", "share"),
)  # fmt: skip


def told(figures: Sequence[Figure], sums: Collection[str]) -> list[Figure]:
    """Those of the figures that these sums can tell.

    >>> [one.name for one in told(RATIOS, {"order_count"})]
    ['orders_per_customer']
    """
    have = {*sums, CUSTOMERS, "new_customers", "returning_customers", ""}
    return [one for one in figures if one.above in have and one.below in have]


def by_day(customer_days: ir.Table) -> ir.Table:
    """One row per day with a sale: the sums, and in `priced` the rows that have any revenue."""
    sums = {name: customer_days[name].sum() for name in SUMS if name in customer_days.columns}
    priced = {"priced": customer_days.revenue.count()} if "revenue" in sums else {}
    return customer_days.group_by("day").aggregate(
        **{name: value.cast("float64").round(DECIMALS) for name, value in sums.items()}, **priced
    )


def new_by_day(customers: ir.Table) -> ir.Table:
    """One row per day: `day`, and the customers who bought for the first time."""
    buyers = customers.filter(customers.first_ordered_on.notnull())
    return buyers.group_by(day=buyers.first_ordered_on).aggregate(new_customers=buyers.count())


def attempts_by_day(orders: ir.Table) -> ir.Table:
    """One row per day: attempts, successes, and what the failed attempts would have added to revenue."""
    return orders.group_by(day=orders.ordered_at.date()).aggregate(**_attempts(orders))


def attempts(orders: ir.Table) -> ir.Table:
    """The same in one row for the whole data."""
    return orders.aggregate(**_attempts(orders))


def _attempts(orders: ir.Table) -> dict[str, ir.Value]:
    sums: dict[str, ir.Value] = {"attempts": orders.count(), "successes": orders.is_sale.cast("int32").sum()}
    if "revenue" in orders.columns:
        sums["failed_revenue"] = orders.revenue.sum(where=~orders.is_sale).fill_null(0.0).round(DECIMALS)
    return sums


def sums_of_periods(customer_days: ir.Table, grain: Grain, numbers: Sequence[int]) -> ir.Table:
    """One row per period: customers who bought, and the sums that ratios over customers and their errors are made of.

    Columns: `period`, `customers`; for each sum its total and its `_squares`, and `<above>_by_<below>` for each ratio.
    """
    names = [name for name in SUMS if name in customer_days.columns]
    days = customer_days.mutate(period=periods.number(customer_days.day, grain))
    days = days.filter(days.period.isin(list(numbers)))
    each = days.group_by("period", "customer_key").aggregate(
        **{name: days[name].sum().cast("float64").fill_null(0.0) for name in names}
    )
    sums: dict[str, ir.Value] = {CUSTOMERS: each.count()}
    for name in names:
        sums |= stats.moments(name, each[name])
    for ratio in told(RATIOS, names):
        if ratio.below != CUSTOMERS:
            sums[f"{ratio.above}_by_{ratio.below}"] = stats.product(each[ratio.above], each[ratio.below])
    return each.group_by("period").aggregate(**sums)


def whole_base(customers: ir.Table) -> ir.Table:
    """One row: customers, buyers, those with two orders or more, and their sums."""
    again = customers.order_count >= 2
    sums: dict[str, ir.Value] = {
        "known_customers": customers.count(),
        "customers": (customers.order_count > 0).cast("int32").sum(),
        "repeat_customers": again.cast("int32").sum(),
        "orders": customers.order_count.sum(),
    }
    if "revenue_total" in customers.columns:
        sums["revenue"] = customers.revenue_total.sum().round(DECIMALS)
        sums["repeat_revenue"] = customers.revenue_total.sum(where=again).round(DECIMALS)
    if "quantity_total" in customers.columns:
        sums["items"] = customers.quantity_total.sum()
    return customers.aggregate(**sums)


# -- data without orders -------------------------------------------------------------------------------


def known_traits(profiles: ir.Table) -> ir.Table:
    """One row: of how many customers each column of the customers table is known."""
    return profiles.aggregate(**{name: profiles[name].count() for name in profiles.columns})


def spend_by_category(spend: ir.Table) -> ir.Table:
    """One row per category: customers who spent on it, what they spent, and the sum of the squares."""
    each = spend.group_by("category", "customer_key").aggregate(amount=spend.revenue.sum().fill_null(0.0))
    return each.group_by("category").aggregate(
        customers=(each.amount > 0).cast("int32").sum(), **stats.moments("amount", each.amount)
    )


def responses_by_campaign(contacts: ir.Table, campaigns: ir.Table | None) -> ir.Table:
    """One row per campaign: contacts, and where it is known responses and what they brought."""
    sums: dict[str, ir.Value] = {"contacts": contacts.count(), "customers": contacts.customer_id.nunique()}
    if "responded" in contacts.columns:
        sums["responses"] = contacts.responded.fill_null(False).cast("int32").sum()
    if "response_value" in contacts.columns:
        sums["response_value"] = contacts.response_value.sum().round(DECIMALS)
    if "campaign_id" not in contacts.columns:
        return contacts.aggregate(**sums)
    rows = contacts.group_by("campaign_id").aggregate(**sums)
    if campaigns is None or "name" not in campaigns.columns:
        return rows
    return rows.left_join(campaigns.select("campaign_id", "name"), "campaign_id").drop("campaign_id_right")
