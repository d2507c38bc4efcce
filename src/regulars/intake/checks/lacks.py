"""What the data lack for the questions people ask, and what to map so that they can be answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regulars.intake.checks.bad_rows import PURCHASES, Check
from regulars.measures import money

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from regulars.core.quality import CheckResult
    from regulars.intake.checks.bad_rows import Context


@dataclass(frozen=True)
class Lack:
    """Something the data may lack.

    Args:
        check: Name of the check.
        meaning: What it looks for, in a line.
        table: The table it belongs to.
        column: The column, or "".
        is_there: Whether the data have it.
        what: What is not known, to stand after "the data do not say".
        question: The question that cannot be answered.
        change: What to map.
    """

    check: str
    meaning: str
    table: str
    column: str
    is_there: Callable[[Context], bool]
    what: str
    question: str
    change: str


def _has_purchases(context: Context) -> bool:
    return bool(context.purchases)


def _of_purchases(is_there: Callable[[Context], bool]) -> Callable[[Context], bool]:
    """Asked only where there are purchases: that there are none is a lack of its own."""
    return lambda context: not context.purchases or is_there(context)


def _columns(context: Context) -> set[str]:
    """The columns that purchases have."""
    return {column for name in PURCHASES if name in context.rows for column in context.rows[name].columns}


def _on_purchases(*columns: str) -> Callable[[Context], bool]:
    return _of_purchases(lambda context: bool(_columns(context).intersection(columns)))


def _on_customers(*columns: str) -> Callable[[Context], bool]:
    return lambda context: any(context.has("customers", column) for column in columns)


def _has_money(context: Context) -> bool:
    tables = [name for name in PURCHASES if name in context.rows]
    return not tables or any(money.which(set(context.rows[name].columns)) for name in tables)


def _has_price(context: Context) -> bool:
    """Whether a product's price is known: of the line, or of an order for one product."""
    if "product_id" not in _columns(context):
        return True
    name = "lines" if "lines" in context.rows else "orders"
    return any(context.has(name, column) for column in ("unit_price", "amount", "paid"))


def _has_cost(context: Context) -> bool:
    return context.has("products", "cost")


def _has_category(context: Context) -> bool:
    return context.has("products", "category") or "category_spend" in context.rows


def _has_campaigns(context: Context) -> bool:
    return "campaign_id" in _columns(context) or "contacts" in context.rows


def _has_sponsors(context: Context) -> bool:
    return "referrals" in context.rows or context.has("customers", "sponsor_id")


def _has_time_of_day(context: Context) -> bool:
    name = context.purchases
    if not name or not context.has(name, "ordered_at"):
        return True
    at = context.rows[name].ordered_at
    is_timed = at != at.cast("date").cast("timestamp")
    return bool(context.first(context.rows[name].aggregate(timed=is_timed.sum()))["timed"])


LACKS = (
    Lack(
        "lacks_purchases", "no purchases", "lines", "", _has_purchases,
        "who bought when", "which customers come back, and what are they worth?",
        "map [tables.lines] or [tables.orders]",
    ),
    Lack(
        "lacks_money", "purchases without money", "lines", "amount", _has_money,
        "what was paid", "what is the revenue, and who brings it?",
        "map amount, paid, or unit_price and quantity",
    ),
    Lack(
        "lacks_product", "purchases without products", "lines", "product_id", _on_purchases("product_id"),
        "what was bought", "what is bought together, and what to recommend?",
        "map product_id under [tables.lines]",
    ),
    Lack(
        "lacks_price", "products without a price", "lines", "unit_price", _has_price,
        "what each product costs", "who buys the dear products, and what does each one bring?",
        "map unit_price under [tables.lines]",
    ),
    Lack(
        "lacks_cost", "products without a cost", "products", "cost", _of_purchases(_has_cost),
        "what each product costs the company", "which customers and products earn a profit?",
        "map cost under [tables.products]",
    ),
    Lack(
        "lacks_category", "products without a category", "products", "category", _of_purchases(_has_category),
        "what kind of thing was bought", "which categories bring customers back, and who buys across several?",
        "map category under [tables.products]",
    ),
    Lack(
        "lacks_campaigns", "no campaigns", "contacts", "campaign_id", _has_campaigns,
        "who was reached by which campaign", "which campaigns work?",
        "map [tables.contacts], or campaign_id on the purchases",
    ),
    Lack(
        "lacks_discount", "purchases without discounts", "lines", "discount", _on_purchases("discount"),
        "what was bought at a discount", "who buys only at a discount?",
        "map discount on the purchases",
    ),
    Lack(
        "lacks_profile", "customers without age and gender", "customers", "",
        _on_customers("gender", "birth_date", "birth_year", "age", "age_band"),
        "how old the customers are, or their gender", "who are the customers?",
        "map gender and birth_date under [tables.customers]",
    ),
    Lack(
        "lacks_registration", "customers without a registration date", "customers", "joined_on",
        _on_customers("joined_on"),
        "when customers registered", "how many who register ever buy, and how soon?",
        "map joined_on under [tables.customers]",
    ),
    Lack(
        "lacks_sponsors", "no referrals", "referrals", "sponsor_id", _has_sponsors,
        "who brought whom", "which customers bring others, and are those worth more?",
        "map [tables.referrals], or sponsor_id under [tables.customers]",
    ),
    Lack(
        "lacks_device", "purchases without a device or channel", "lines", "device_id",
        _on_purchases("device_id", "channel"),
        "on which device or channel was bought", "who buys online, and on which device?",
        "map device_id or channel on the purchases",
    ),
    Lack(
        "lacks_status", "purchases without a status", "lines", "status_id", _on_purchases("status_id"),
        "which attempts failed", "how many attempts fail? (every order counts as a sale)",
        "map status_id and [tables.statuses]",
    ),
    Lack(
        "lacks_time_of_day", "purchases dated by day alone", "lines", "ordered_at", _has_time_of_day,
        "at what hour was bought", "who buys in the evening?",
        "map a column with date and time to ordered_at",
    ),
)  # fmt: skip
"""Everything that is looked for, in the order in which it is told."""


def _lacks(context: Context) -> Iterator[CheckResult]:
    for lack in LACKS:
        if context.wants(lack.check) and not lack.is_there(context):
            table = context.purchases if lack.table == "lines" and context.purchases else lack.table
            yield context.result(
                lack.check, table, lack.column, 0, 0,
                f"the data do not say {lack.what}, so they cannot answer: {lack.question}",
                severity="note", done="what needs it is left out", change=lack.change,
            )  # fmt: skip


CHECKS = (Check({lack.check: lack.meaning for lack in LACKS}, _lacks),)
