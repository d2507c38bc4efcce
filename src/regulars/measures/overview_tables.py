"""The tables of the overview: all data, month by month, a period beside others; and profiles where nothing was sold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regulars.measures import periods
from regulars.measures.tables import Columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis.expr.types as ir

    from regulars.core.result import Table
    from regulars.measures.key_figures import Figure
    from regulars.measures.periods import Coverage
    from regulars.models.changes import Change

    Source = tuple[ir.Expr, ...]


def totals(base: Mapping[str, float], share: tuple[float, float], source: Source) -> Table:
    """One row: the whole data. `share` is the interval of the share of customers with two orders or more."""
    columns = Columns()
    customers, orders = base["customers"], base["orders"]
    columns.add("customers", [int(customers)], "customers", "Customers with at least one sale.")
    columns.add("repeat_customers", [int(base["repeat_customers"])], "customers", "Those with two sales or more.")
    columns.add("repeat_customer_share", [base["repeat_customers"] / customers], "share", "Their share.")
    columns.add_interval("repeat_customer_share", [share[0]], [share[1]], "share")
    columns.add("orders", [int(orders)], "orders", "Orders that count as sales.")
    columns.add("orders_per_customer", [orders / customers], "", "Orders ÷ customers.")
    if "items" in base:
        columns.add("items", [base["items"]], "items", "Items sold.")
    if "revenue" in base:
        columns.add("revenue", [base["revenue"]], "money", "Money from sales.")
        columns.add("revenue_per_order", [base["revenue"] / orders], "money", "Revenue ÷ orders.")
        columns.add("revenue_per_customer", [base["revenue"] / customers], "money", "Revenue ÷ customers.")
    if "attempts" in base:
        columns.add("attempts", [int(base["attempts"])], "orders", "Attempts to buy, sales and others.")
        columns.add("success_share", [base["successes"] / base["attempts"]], "share", "Sales ÷ attempts.")
    if "failed_revenue" in base:
        columns.add("failed_revenue", [base["failed_revenue"]], "money", "What the failed attempts would have added.")
    return columns.table("whole", "The whole data", source=source, note="Totals are exact counts.")


def monthly(values: Mapping[str, Any], told: Sequence[Figure], cover: Coverage, source: Source) -> Table:
    """One row per month from the first sale to the last; a month without any sale is missing, not zero.

    Args:
        values: Per month, an array each: `customers`, `new_customers`, the totals, and attempts where they are known.
        told: The figures that the data can tell.
        cover: Says which months are whole.
        source: The queries.
    """
    import numpy as np

    numbers = cover.numbers("month")
    missing = set(cover.without_sales("month"))
    known = np.array([number not in missing for number in numbers])
    why = [cover.why_not_whole(number, "month") for number in numbers]

    def shown(name: str) -> Any:
        return np.where(known, values[name], np.nan)

    def counts(name: str) -> list[int | None]:
        return [int(value) if there else None for value, there in zip(values[name], known, strict=True)]

    columns = Columns()
    columns.add("month", [periods.start_of(number, "month") for number in numbers], "month")
    columns.add("orders", counts("order_count"), "orders", "Orders that count as sales.")
    columns.add("customers", counts("customers"), "customers", "Customers who bought in the month.")
    columns.add("new_customers", counts("new_customers"), "customers", "Customers who bought for the first time.")
    returning = values["customers"] - values["new_customers"]
    columns.add(
        "returning_customer_share", _ratio(returning, shown("customers")), "share",
        "Customers who had bought before ÷ customers who bought.",
    )  # fmt: skip
    columns.add(
        "customers_to_date", np.cumsum(values["new_customers"]).astype(int), "customers",
        "Customers who had bought by the end of the month.",
    )  # fmt: skip
    for figure in told:
        if figure.name == "orders":
            continue
        above = shown(figure.above)
        value = _ratio(above, values[figure.below]) if figure.below else above
        columns.add(figure.name, value, figure.unit, figure.meaning)
    if "attempts" in values:
        columns.add("attempts", counts("attempts"), "orders", "Attempts to buy, sales and others.")
        share = _ratio(shown("successes"), values["attempts"])
        columns.add("success_share", share, "share", "Attempts that became sales ÷ attempts.")
    if "failed_revenue" in values:
        columns.add("failed_revenue", shown("failed_revenue"), "money", "What the failed attempts would have added.")
    columns.add("is_partial", [bool(one) for one in why], "", "The data do not cover the month whole.", "not complete")
    columns.add("coverage", [one or "whole" for one in why], "text", "What the data lack of the month.")
    return columns.table("monthly", "Month by month", source=source, dimensions=("month",))


def _ratio(above: Any, below: Any) -> Any:
    """One array over another; NaN where there is nothing to divide by."""
    import numpy as np

    return np.asarray(above, dtype=float) / np.where(np.asarray(below) == 0, np.nan, below)


def compared(rows: Sequence[Mapping[str, Any]], figures: Sequence[Figure], source: Source) -> Table:
    """One row per period: the last whole one first, then those it is compared with.

    Args:
        rows: Per period `period` and `role` in words, and a value per figure.
        figures: The figures, in order.
        source: The queries.
    """
    columns = Columns()
    columns.add("role", [row["role"] for row in rows], "text", "Which period it is.", "which")
    columns.add("period", [row["period"] for row in rows], "text")
    for figure in figures:
        values = [row[figure.name] for row in rows]
        is_count = figure.kind == "count" and figure.unit in ("customers", "orders")
        columns.add(figure.name, [int(one) for one in values] if is_count else values, figure.unit, figure.meaning)
    return columns.table("key_figures", "Key figures of the last whole period", source=source)


def changed(rows: Sequence[tuple[Figure, str, Change]], source: Source) -> Table:
    """One row per key figure and period it is compared with: the change and how well it is known."""
    columns = Columns()
    columns.add("figure", [figure.name.replace("_", " ") for figure, _, _ in rows], "text")
    columns.add("against", [against for _, against, _ in rows], "text", "What it is compared with.")
    for is_points, name, unit in ((False, "change", "change_share"), (True, "change_points", "change_points")):
        words = "in percentage points, for shares" if is_points else "as a share of the earlier value"
        parts = [change if change.is_points is is_points else None for _, _, change in rows]
        columns.add(name, [one.value if one else None for one in parts], unit, f"Change {words}.")  # type: ignore[arg-type]
        low, high = ([getattr(one, end) if one else None for one in parts] for end in ("low", "high"))
        columns.add_interval(name, low, high, unit)  # type: ignore[arg-type]
    kinds = ["exact count" if change.p_value is None else "estimate" for _, _, change in rows]
    columns.add("known", kinds, "text", "A count is exact; a ratio would vary with the customers who happen to come.")
    return columns.table(
        "changes", "How the key figures changed", source=source,
        note="Intervals take customers as drawn by chance and the two periods as independent.",
    )  # fmt: skip


# -- data without orders -------------------------------------------------------------------------------


def traits(count: int, known: Mapping[str, int], source: Source) -> Table:
    """One row per column of the customers table: of how many customers it is known."""
    names = [name for name in known if name != "customer_id"]
    columns = Columns()
    columns.add("column", names, "name")
    columns.add("customers", [known[name] for name in names], "customers", "Customers for whom it is known.")
    columns.add("known_share", [known[name] / count for name in names], "share", "Their share of all customers.")
    return columns.table("traits", "What is known of the customers", source=source)


def categories(rows: Sequence[Mapping[str, Any]], customers: int, low: Any, high: Any, source: Source) -> Table:
    """One row per category, the largest first: who spends on it, and what a customer spends, with its interval."""
    whole = sum(row["amount"] for row in rows)
    columns = Columns()
    columns.add("category", [row["category"] for row in rows], "text")
    columns.add("customers", [row["customers"] for row in rows], "customers", "Customers who spent on it.")
    columns.add("amount", [row["amount"] for row in rows], "money", "Spent on it.")
    columns.add("amount_share", [row["amount"] / whole if whole > 0 else None for row in rows], "share", "Its share.")
    columns.add("mean_amount", [row["amount"] / customers for row in rows], "money", "Spent per customer, all counted.")
    columns.add_interval("mean_amount", low, high, "money")
    return columns.table(
        "category_spend", "Spend by category", source=source, dimensions=("category",), measures=("customers", "amount")
    )


def campaigns(rows: Sequence[Mapping[str, Any]], low: Any, high: Any, source: Source) -> Table:
    """One row per campaign: contacts, and responses with the interval of their share where they are known."""
    columns = Columns()
    columns.add("campaign", [row["campaign"] for row in rows], "text")
    columns.add("contacts", [row["contacts"] for row in rows], "count")
    columns.add("customers", [row["customers"] for row in rows], "customers", "Different customers contacted.")
    if rows and "responses" in rows[0]:
        columns.add("responses", [row["responses"] for row in rows], "count")
        shares = [row["responses"] / row["contacts"] for row in rows]
        columns.add("response_share", shares, "share", "Responses ÷ contacts.")
        columns.add_interval("response_share", low, high, "share")
    if rows and "response_value" in rows[0]:
        columns.add("response_value", [row["response_value"] for row in rows], "money", "What responses brought.")
    return columns.table(
        "campaigns", "Responses by campaign", source=source, dimensions=("campaign",), measures=("contacts",)
    )
