"""Tables about promotions, from counted numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from regulars.measures.promotions import ANY, CLASSES, NONE, RETURN_DAYS, TIED_SHARE
from regulars.measures.tables import Columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis.expr.types as ir

    from regulars.core.result import Table
    from regulars.methods.breakdown import BreakDown

TIES = ("of one product", "of new releases", "general")
TOO_FEW = "too few orders to tell"
ALL_SALES = "all sales"
ASSUMED_MARGINS = (0.2, 0.3, 0.4, 0.5)
"""Shown where no margin is known."""


def kinds(
    use: BreakDown, customers: Mapping[str, int], totals: Mapping[str, Any], least: int, source: tuple[ir.Expr, ...]
) -> Table:
    """One row per kind of promotion: its share of the orders (interval by customer) and of the customers."""
    from regulars.models import intervals

    shares = use.rows("everything")[0]
    names = list(customers)
    counts = [customers[name] for name in names]
    told = [totals["customers"] >= least for _ in names]
    low, high = intervals.share_interval(counts, [totals["customers"]] * len(names))
    columns = Columns()
    columns.add("promotion", names, "text", "Kind of promotion.")
    columns.add("orders", [int(shares[f"kind_{place}_orders"]) for place in range(len(names))], "orders")
    columns.add("order_share", [shares[f"kind_{place}"] for place in range(len(names))], "share", "Of all sales.")
    columns.add_interval(
        "order_share",
        [shares[f"kind_{place}_low"] for place in range(len(names))],
        [shares[f"kind_{place}_high"] for place in range(len(names))],
        "share",
    )
    columns.add("customers", counts, "customers", "Customers with at least one such order.")
    portion = [count / totals["customers"] if fine else None for count, fine in zip(counts, told, strict=True)]
    columns.add("customer_share", portion, "share", "Of all buyers; a customer may use several kinds.")
    columns.add_interval(
        "customer_share",
        [float(end) if fine else None for end, fine in zip(low, told, strict=True)],
        [float(end) if fine else None for end, fine in zip(high, told, strict=True)],
        "share",
    )
    return columns.table(
        "kinds", "Use of promotions by kind", source=source, dimensions=("promotion",), measures=("orders",)
    )


def use_by_year(use: BreakDown, names: Sequence[str]) -> Table:
    """One row per year and kind of promotion: share of the year's orders, and whether the year differs."""
    rows = [
        (row, name, f"kind_{place}" if name else "promoted")
        for row in use.rows("year")
        for place, name in [(-1, ""), *enumerate(names)]
        if name != NONE
    ]
    columns = Columns()
    columns.add("year", [row["group"] for row, _, _ in rows], "text")
    columns.add("promotion", [name or ANY for _, name, _ in rows], "text", "Kind of promotion.")
    columns.add("year_orders", [row["orders"] for row, _, _ in rows], "orders", "All sales of the year.")
    columns.add("order_share", [row[key] for row, _, key in rows], "share", "Of the sales of the year.")
    columns.add_interval(
        "order_share", [row[f"{key}_low"] for row, _, key in rows], [row[f"{key}_high"] for row, _, key in rows],
        "share",
    )  # fmt: skip
    columns.add(
        "differs", [row[f"{key}_differs"] for row, _, key in rows], "",
        "Against the other years together: 1 above, −1 below, 0 not beyond chance.",
    )  # fmt: skip
    return columns.table(
        "use_by_year", "Use of promotions by year", source=use.table.source, dimensions=("year", "promotion"),
        note=f"{use.comparisons} differences were judged; those marked keep the share of false ones under 5 %.",
    )  # fmt: skip


TOPICS = (
    ("sales", "What an order brings, by promotion", ("revenue", "revenue_per_order")),
    ("discounts", "What is taken off the price, by promotion", ("discount", "discount_per_order", "discount_share")),
    ("profits", "What remains after the cost of what was sold, by promotion", ("profit_per_order", "margin_share")),
    ("first_orders", "Orders that are the customer's first, by promotion", ("first_order_share",)),
)
"""The money of promotions in tables that can be read: name, title, figures."""
_FURTHER = ("low", "high", "differs")


def topics(money: BreakDown) -> list[Table]:
    """The money of promotions, a table for each topic: one row per kind of promotion and complexity of the offer."""
    import pyarrow.compute as pc

    whole = money.table.to_arrow()
    rows = whole.filter(pc.invert(pc.match_substring(whole["dimension"], "×")))
    found = []
    for name, title, figures in TOPICS:
        told = [one for figure in figures for one in (figure, *(f"{figure}_{end}" for end in _FURTHER))]
        told = [one for one in told if one in rows.column_names]
        if not told:
            continue
        names = ["dimension", "group", "customers", "orders", *told]
        found.append(
            replace(
                money.table, name=name, title=title, data=rows.select(names),
                columns=tuple(money.table.info(one) for one in names), is_shown=True,
                measures=tuple(one for one in money.table.measures if one in names),
            )
        )  # fmt: skip
    return found


def classes(rows: Mapping[str, Mapping[str, Any]], customers: int, least: int, query: ir.Table) -> Table:
    """One row per class of response: customers with their share, orders, and what they brought."""
    from regulars.models import intervals

    names = [name for name in CLASSES if name in rows]
    counts = [rows[name]["customers"] for name in names]
    low, high = intervals.share_interval(counts, [customers] * len(counts))
    fine = customers >= least
    columns = Columns()
    columns.add("response", names, "text", "How the customer responds to promotions.")
    columns.add("customers", counts, "customers")
    columns.add("customer_share", [count / customers if fine else None for count in counts], "share", "Of all buyers.")
    columns.add_interval(
        "customer_share", [float(end) if fine else None for end in low], [float(end) if fine else None for end in high],
        "share",
    )  # fmt: skip
    columns.add("orders", [rows[name]["orders"] for name in names], "orders")
    columns.add("promoted_orders", [rows[name]["promoted_orders"] for name in names], "orders", "With a promotion.")
    measures = ["customers", "orders", "promoted_orders"]
    for name, meaning in (("revenue", "What they paid."), ("discount", "What was taken off.")):
        if names and name in rows[names[0]]:
            columns.add(name, [rows[one][name] for one in names], "money", meaning)
            measures.append(name)
    return columns.table(
        "responses", "How customers respond to promotions", source=(query,), dimensions=("response",),
        measures=tuple(measures),
    )  # fmt: skip


def returns(rows: Sequence[Mapping[str, Any]], least: int, query: ir.Table) -> Table:
    """One row per kind and window: who came back after a first order with it, beside those won without."""
    from regulars.models import intervals

    each = [(row, days) for row in rows for days in RETURN_DAYS]
    without: Mapping[str, Any] = next((row for row in rows if row["promotion"] == NONE), {})
    columns = Columns()
    columns.add("won_with", [row["promotion"] for row, _ in each], "text", "Promotion of the first order.")
    columns.add("within_days", [days for _, days in each], "days", "After the day of the first order.")
    eligible = [row[f"eligible_{days}"] for row, days in each]
    returned = [row[f"returned_{days}"] for row, days in each]
    columns.add("customers", eligible, "customers", "Customers whose window ends within the data.")
    columns.add("returned", returned, "customers", "Of them, with another sale on a later day within the window.")
    fine = [count >= least for count in eligible]
    share = [one / count if ok else None for one, count, ok in zip(returned, eligible, fine, strict=True)]
    low, high = intervals.share_interval(returned, eligible)
    columns.add("return_share", share, "share")
    columns.add_interval(
        "return_share",
        [float(end) if ok else None for end, ok in zip(low, fine, strict=True)],
        [float(end) if ok else None for end, ok in zip(high, fine, strict=True)],
        "share",
    )
    beside = _beside(each, without, least)
    columns.add("difference", [one[0] for one in beside], "change_points", "Against those won without a promotion.")
    columns.add_interval("difference", [one[1] for one in beside], [one[2] for one in beside], "change_points")
    columns.add("differs", [one[3] for one in beside], "", "1 above, −1 below, 0 not beyond chance.")
    judged = sum(one[3] is not None for one in beside)
    return columns.table(
        "returns", "Who comes back, by the promotion they were won with", source=(query,),
        dimensions=("won_with", "within_days"), measures=("customers", "returned"),
        note=f"{judged} differences were judged; those marked keep the share of false ones under 5 %. Each kind also "
        "attracts buyers of another kind, so that a difference is not the effect of the promotion.",
    )  # fmt: skip


def _beside(
    each: Sequence[tuple[Mapping[str, Any], int]], without: Mapping[str, Any], least: int
) -> list[tuple[float | None, float | None, float | None, float | None]]:
    """Difference from those won without a promotion, its interval, and its sign where beyond chance."""
    import numpy as np

    from regulars.models import intervals

    compared = {}
    for place, (row, days) in enumerate(each):
        ours = (row[f"returned_{days}"], row[f"eligible_{days}"])
        theirs = (without.get(f"returned_{days}", 0), without.get(f"eligible_{days}", 0))
        if row["promotion"] == NONE or min(ours[1], theirs[1]) < least:
            continue
        low, high = (float(end) for end in intervals.share_difference_interval(*ours, *theirs))
        p_value = float(intervals.share_difference_p_value(*ours, *theirs))
        compared[place] = (ours[0] / ours[1] - theirs[0] / theirs[1], low, high, p_value)
    adjusted = intervals.adjusted_p_values([one[3] for one in compared.values()])
    judged = zip(compared.items(), adjusted, strict=True)
    signs = {place: float(np.sign(one[0])) if p < 0.05 else 0.0 for (place, one), p in judged}
    nothing = (None, None, None, None)
    return [(*compared[place][:3], signs[place]) if place in compared else nothing for place in range(len(each))]


def tie(row: Mapping[str, Any], fewest: int) -> str:
    """What a campaign belongs to, by where its use lies.

    It is one of releases where most of its use lies on new products, and clearly more than without a promotion on the
    same days (the 99.9 % interval of its share excludes the usual one).

    >>> row = {"orders": 50, "products": 4, "top_product_share": 0.3, "new_product_share": 0.9}
    >>> tie({**row, "usual_new_share": 0.5}, 10), tie({**row, "usual_new_share": 0.9}, 10)
    ('of new releases', 'general')
    """
    from regulars.models import intervals

    if row["orders"] < fewest:
        return TOO_FEW
    if row["top_product_share"] >= TIED_SHARE:
        return TIES[0]
    new, usual = row["new_product_share"], row["usual_new_share"]
    if new is None or usual is None or new < TIED_SHARE:
        return TIES[2]
    low, _ = intervals.share_interval(round(new * row["orders"]), row["orders"], 0.999)
    return TIES[1] if float(low) > usual else TIES[2]


def campaigns(rows: Sequence[Mapping[str, Any]], query: ir.Table) -> Table:
    """One row per campaign: how much it was used, and what it belongs to."""
    columns = Columns()
    columns.add("campaign_id", [str(row["campaign_id"]) for row in rows], "id")
    columns.add("promotion", [row["promotion"] for row in rows], "text", "Kind of promotion.")
    columns.add("orders", [row["orders"] for row in rows], "orders")
    columns.add("products", [row["products"] for row in rows], "count", "Different products bought with it.")
    columns.add("top_product_share", [row["top_product_share"] for row in rows], "share", "Of the most bought one.")
    columns.add("new_product_share", [row["new_product_share"] for row in rows], "share", "Of products just released.")
    columns.add(
        "usual_new_share", [row["usual_new_share"] for row in rows], "share",
        "Of products just released among orders without a promotion on the same days.",
    )  # fmt: skip
    columns.add("belongs_to", [row["tie"] for row in rows], "text")
    return columns.table(
        "campaigns", "Campaigns and what they belong to", source=(query,), dimensions=("promotion", "belongs_to"),
        measures=("orders",), is_shown=False,
    )  # fmt: skip


def break_even(money: BreakDown, margin: float) -> Table:
    """One row per kind and margin: how much of its use must be additional, so that it costs nothing.

    With discount share d of list value and margin share m, a promoted order earns m − d instead of m. If a share x of
    the promoted orders would not have been placed without it, profit is the same where m − d = (1 − x) · m, so
    x = d ÷ m; 1 or more: it loses money on every order.
    """
    rows = [row for row in money.rows("promotion") if row["group"] != NONE and row.get("discount_share")]
    each = [(row, one) for row in rows for one in ((margin,) if margin else ASSUMED_MARGINS)]

    def over(column: str) -> list[float]:
        return [row[column] / share for row, share in each]

    columns = Columns()
    columns.add("promotion", [row["group"] for row, _ in each], "text", "Kind of promotion.")
    columns.add("margin_share", [share for _, share in each], "share", "Margin on list value, before the discount.")
    columns.add("discount_share", [row["discount_share"] for row, _ in each], "share", "Discount ÷ list value.")
    columns.add(
        "break_even_share", over("discount_share") if each else [], "share",
        "Share of its orders that must be additional for the same profit; 100 % or more: it cannot pay.",
    )  # fmt: skip
    columns.add_interval("break_even_share", over("discount_share_low"), over("discount_share_high"), "share")
    return columns.table(
        "break_even", "How much of a promotion's use must be additional for it to pay", source=money.table.source,
        dimensions=("promotion",),
        note="Arithmetic, not a measurement: whether orders are additional is what an experiment tells."
        + ("" if margin else " No margin is known, so several are shown; set [promotions] margin_share."),
    )  # fmt: skip
