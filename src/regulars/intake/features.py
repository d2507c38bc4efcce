"""The features of the customer view, each declared once: name, unit, meaning, formula, and the sums it is made from.

A feature whose sums the data give is computed, all of them in one projection. The list is what `regulars list
--features` prints and the data dictionary of the report.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regulars.core.analysis import Feature
from regulars.measures import money, time

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    import ibis.expr.types as ir

    from regulars.core.units import Unit


@dataclass(frozen=True)
class Declared:
    """A feature and how it is computed; `made_from` names columns of the joined sums."""

    feature: Feature
    made_from: tuple[str, ...]
    formula: Callable[[ir.Table, date | None], ir.Value]


def _declare(
    name: str,
    unit: Unit,
    meaning: str,
    formula: str,
    made_from: str,
    compute: Callable[[ir.Table, date | None], ir.Value],
) -> Declared:
    return Declared(Feature(name, unit, meaning, formula), tuple(made_from.split()), compute)


def _over(above: str, below: str) -> Callable[[ir.Table, date | None], ir.Value]:
    """One sum over another; null where there is nothing to divide by."""
    return lambda t, _: t[above] / t[below].nullif(0)


def _price_quartile(rank: int) -> Declared:
    """Share of quantity in one quartile of list prices, from the running quantities."""
    upper, lower = f"quantity_to_price_quartile_{rank}", f"quantity_to_price_quartile_{rank - 1}"

    def compute(t: ir.Table, _: date | None) -> ir.Value:
        top = t.quantity if rank == 4 else t[upper]
        bottom = 0.0 if rank == 1 else t[lower]
        return (top - bottom) / t.quantity.nullif(0)

    words = ("lowest", "second", "third", "highest")[rank - 1]
    needs = " ".join(["quantity", *([upper] if rank < 4 else []), *([lower] if rank > 1 else [])])
    return _declare(
        f"price_quartile_{rank}_share",
        "share",
        f"share of items in the {words} quarter of list prices",
        f"quantity in price quartile {rank} ÷ quantity",
        needs,
        compute,
    )


def _date(day: date | None) -> ir.DateScalar:
    import ibis

    return ibis.literal(day, "date")


def _yearly(t: ir.Table, day: date | None) -> ir.Value:
    """Revenue a year at the customer's own past rate; the first month counts as a month."""
    import ibis

    tenure = ibis.greatest(time.days_between(t.first_ordered_on, _date(day)), 30)
    return t.revenue / tenure * 365


DECLARED: tuple[Declared, ...] = (
    _declare(
        "order_count",
        "orders",
        "orders that count as sales",
        "count of sales",
        "order_count",
        lambda t, _: t.order_count,
    ),
    _declare(
        "revenue_total",
        "money",
        "revenue from the customer",
        "sum of revenue",
        "revenue",
        lambda t, _: t.revenue.round(money.DECIMALS),
    ),
    _declare("quantity_total", "items", "items bought", "sum of quantity", "quantity", lambda t, _: t.quantity),
    _declare(
        "discount_total",
        "money",
        "discount received",
        "sum of discount",
        "discount",
        lambda t, _: t.discount.round(money.DECIMALS),
    ),
    _declare(
        "first_ordered_on",
        "date",
        "day of the first order",
        "earliest day with a sale",
        "first_ordered_on",
        lambda t, _: t.first_ordered_on,
    ),
    _declare(
        "last_ordered_on",
        "date",
        "day of the last order",
        "latest day with a sale",
        "last_ordered_on",
        lambda t, _: t.last_ordered_on,
    ),
    _declare(
        "visit_day_count",
        "count",
        "days with at least one order",
        "count of days with a sale",
        "visit_day_count",
        lambda t, _: t.visit_day_count,
    ),
    _declare(
        "recency_days",
        "days",
        "days since the last order",
        "as of − last order",
        "last_ordered_on",
        lambda t, day: time.days_between(t.last_ordered_on, _date(day)),
    ),
    _declare(
        "tenure_days",
        "days",
        "days since the first order",
        "as of − first order",
        "first_ordered_on",
        lambda t, day: time.days_between(t.first_ordered_on, _date(day)),
    ),
    _declare(
        "active_days",
        "days",
        "days from the first order to the last",
        "last order − first order",
        "first_ordered_on last_ordered_on",
        lambda t, _: time.days_between(t.first_ordered_on, t.last_ordered_on),
    ),
    _declare(
        "mean_gap_days",
        "days",
        "mean time between visits; missing for a single visit",
        "active days ÷ (days with an order − 1)",
        "first_ordered_on last_ordered_on visit_day_count",
        lambda t, _: time.days_between(t.first_ordered_on, t.last_ordered_on) / (t.visit_day_count - 1).nullif(0),
    ),
    _declare(
        "revenue_per_item",
        "money",
        "basket size: revenue per item",
        "revenue ÷ quantity",
        "revenue quantity",
        _over("revenue", "quantity"),
    ),
    _declare(
        "revenue_per_order",
        "money",
        "order size: revenue per order",
        "revenue ÷ orders",
        "revenue order_count",
        _over("revenue", "order_count"),
    ),
    _declare(
        "items_per_order",
        "items",
        "visit size: items per order",
        "quantity ÷ orders",
        "quantity order_count",
        _over("quantity", "order_count"),
    ),
    _declare(
        "simple_lifetime_value",
        "money",
        "what a year brings at the customer's own past rate; a rule of thumb, not a forecast",
        "revenue ÷ (days since the first order, at least 30) × 365",
        "revenue first_ordered_on",
        _yearly,
    ),
    *(_price_quartile(rank) for rank in (1, 2, 3, 4)),
    _declare(
        "store_count",
        "count",
        "different stores bought in",
        "distinct store_id",
        "store_count",
        lambda t, _: t.store_count,
    ),
    _declare(
        "online_share",
        "share",
        "share of orders through an online channel",
        "online orders ÷ orders",
        "online_order_count order_count",
        _over("online_order_count", "order_count"),
    ),
    _declare(
        "campaign_share",
        "share",
        "share of orders with a campaign",
        "orders with a campaign ÷ orders",
        "campaign_order_count order_count",
        _over("campaign_order_count", "order_count"),
    ),
    _declare(
        "discounted_order_share",
        "share",
        "share of orders with a discount",
        "orders with a discount ÷ orders",
        "discounted_order_count order_count",
        _over("discounted_order_count", "order_count"),
    ),
    _declare(
        "discount_share",
        "share",
        "discount as a share of list value: deal-proneness",
        "discount ÷ list value",
        "discount list_amount",
        _over("discount", "list_amount"),
    ),
    _declare(
        "weekend_share",
        "share",
        "share of orders on Saturday or Sunday",
        "weekend orders ÷ orders",
        "weekend_order_count order_count",
        _over("weekend_order_count", "order_count"),
    ),
    _declare(
        "evening_share",
        "share",
        "share of orders in the evening (the hour is a setting)",
        "evening orders ÷ orders",
        "evening_order_count order_count",
        _over("evening_order_count", "order_count"),
    ),
    _declare(
        "failed_attempt_count",
        "count",
        "attempts that did not become a sale",
        "count of attempts − sales",
        "failed_attempt_count",
        lambda t, _: t.failed_attempt_count,
    ),
    _declare(
        "category_count",
        "count",
        "different categories bought",
        "distinct categories",
        "category_count",
        lambda t, _: t.category_count,
    ),
    _declare(
        "category_entropy",
        "score",
        "variety: entropy over categories, 0 where all is in one",
        "−Σ p ln p over the shares p of the categories",
        "category_entropy",
        lambda t, _: t.category_entropy,
    ),
    _declare(
        "category_spend_total",
        "money",
        "spend over all categories",
        "sum of category spend",
        "category_spend_total",
        lambda t, _: t.category_spend_total,
    ),
    _declare(
        "sponsored_count",
        "customers",
        "members the customer brought",
        "count of referrals",
        "sponsored_count",
        lambda t, _: t.sponsored_count,
    ),
    _declare(
        "downline_count",
        "customers",
        "members below the customer: those brought, those they brought, and so on",
        "count of all below in the network of referrals",
        "downline_count",
        lambda t, _: t.downline_count,
    ),
    _declare(
        "referral_generation",
        "count",
        "sponsors above the customer; 0 for a member nobody brought, missing outside the network",
        "count of sponsors up to the top of the line",
        "referral_generation",
        lambda t, _: t.referral_generation,
    ),
)
"""Every feature computed from sums, in the order of the view."""

COUNTS = ("order_count", "visit_day_count", "sponsored_count", "downline_count", "failed_attempt_count")
"""Zero, not missing, for a customer without purchases."""
