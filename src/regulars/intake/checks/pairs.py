"""Giant purchases that were taken back: an extreme row and its opposite, of the same customer.

Where the opposite is set aside, as cancellations usually are, the revenue holds money that was never earned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regulars.core.units import write
from regulars.intake.checks.bad_rows import as_example, number, some
from regulars.measures import money

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import ibis.expr.types as ir

    from regulars.core.quality import CheckResult
    from regulars.intake.checks.bad_rows import Context

MAX_PAIRS = 1000
PROBLEM_SHARE = 0.01
"""Pairs worth more than this share of the revenue are a problem."""
SAME_AMOUNT = 0.005
_SHOWN = ("_source", "_row", "order_id", "customer_id", "product_id", "ordered_at")
_SIZES = ("_quantity", "_amount")


def find(context: Context, table: str, least: Mapping[str, float]) -> Iterator[CheckResult]:
    """Extreme purchases whose opposite is among the rows of the same customer, accepted or set aside.

    The opposite has the same product and minus the quantity, or minus the amount.

    Args:
        context: The data.
        table: `lines` or `orders`.
        least: From which number on a column is extreme.
    """
    import ibis

    if not context.wants("cancelling_pairs"):
        return
    accepted = _sized(context, context.tables[table].numbered, is_aside=False)
    aside = _sized(context, context.tables[table].aside, is_aside=True)
    limits = {"_quantity": least.get("quantity"), "_amount": least.get("amount", least.get("paid"))}
    others = accepted.union(aside)
    is_extreme, is_opposite = ibis.literal(False), ibis.literal(False)
    for size, limit in limits.items():
        if size in accepted.columns:
            is_opposite = is_opposite | (others[size] < 0)
            is_extreme = is_extreme | (accepted[size] >= limit) if limit is not None else is_extreme
    opposites = others.filter(is_opposite).rename(lambda column: f"{column}_opposite")
    joined = accepted.filter(is_extreme).join(opposites, [("customer_id", "customer_id_opposite")])
    pairs = joined.filter(_cancel_out(joined)).order_by("_source", "_row", "_row_opposite")
    rows = context.fetch(pairs, MAX_PAIRS)
    once = list({(row["_source"], row["_row"]): row for row in reversed(rows)}.values())[::-1]
    if once:
        yield _told(context, table, pairs, once)


def _sized(context: Context, rows: ir.Table, *, is_aside: bool) -> ir.Table:
    """What tells a purchase and its opposite: who, what, how many, how much."""
    import ibis

    amount = money.amount(rows)
    amount = rows.paid if amount is None and "paid" in rows.columns else amount
    revenue = context.revenue(rows)
    return rows.select(
        *[name for name in _SHOWN if name in rows.columns],
        **({"_quantity": rows.quantity.cast("float64")} if "quantity" in rows.columns else {}),
        **({"_amount": amount} if amount is not None else {}),
        _worth=revenue if revenue is not None else ibis.literal(0.0),
        _is_aside=ibis.literal(is_aside),
    )


def _cancel_out(joined: ir.Table) -> ir.BooleanValue:
    import ibis

    matches = ibis.literal(False)
    if "_amount" in joined.columns:
        difference = joined["_amount"] + joined["_amount_opposite"]
        matches = matches | ((difference.abs() < SAME_AMOUNT) & (joined["_amount"] > 0))
    if {"_quantity", "product_id"} <= set(joined.columns):
        is_same = joined["product_id"] == joined["product_id_opposite"]
        matches = matches | (is_same & (joined["_quantity"] == -joined["_quantity_opposite"]))
    return matches.fill_null(False)


def _told(context: Context, table: str, pairs: ir.Table, rows: Sequence[Mapping[str, Any]]) -> CheckResult:
    numbered = context.tables[table].numbered
    revenue = context.revenue(numbered)
    sums = {} if revenue is None else {"revenue": revenue.sum()}
    counted = context.first(numbered.aggregate(rows=numbered.count(), **sums))
    overstated = sum(row["_worth"] or 0.0 for row in rows if row["_is_aside_opposite"])
    share = overstated / counted["revenue"] if counted.get("revenue") else 0.0
    key = "order_id" if "order_id" in rows[0] else "_row"
    names = list(dict.fromkeys(str(row[key]) for row in rows))
    consequence = "both count, so the sums are right, and averages and largest orders are not"
    if any(row["_is_aside_opposite"] for row in rows):
        consequence = "their cancellations are set aside, they are not"
    if overstated:
        wrong = f"{context.write_money(overstated)} ({write(share, 'share')})"
        consequence = f"their cancellations are set aside, so {wrong} of the revenue was given back"
    is_one = len(rows) == 1
    return context.result(
        "cancelling_pairs", table, "quantity" if "_quantity" in rows[0] else "amount", len(rows), counted["rows"],
        f"{number(len(rows))} extreme {'purchase was' if is_one else 'purchases were'} taken back by the same customer "
        f"({'order' if key == 'order_id' else 'row'} {some(names)}); {consequence}",
        bad=pairs, severity="problem" if abs(share) > PROBLEM_SHARE else "warning",
        examples=tuple(_example(row) for row in rows[:3]),
        change=f"exclude = ['order_id in {', '.join(names)}'] under [tables.{table}] sets them aside too"
        if key == "order_id" else "",
    )  # fmt: skip


def _example(row: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    named = {"_row": "taken back in row", "order_id": "taken back by", "ordered_at": "taken back at"}
    opposite = {words: row[f"{name}_opposite"] for name, words in named.items() if f"{name}_opposite" in row}
    return as_example({name: row[name] for name in (*_SHOWN, *_SIZES) if name in row} | opposite)
