"""Money, defined once: what a row's list value, discount and revenue are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir

DECIMALS = 4
"""Sums of money are rounded here, so that the order in which an engine adds cannot show."""


def which(columns: set[str], setting: str = "") -> str:
    """Which money the columns give: `paid`, `amount_less_discount`, `amount`, or "" where they give none.

    Args:
        columns: The columns of the table of purchases.
        setting: What the user asked for; "" takes the first that there is.

    >>> which({"amount", "discount"})
    'amount_less_discount'
    >>> which({"unit_price", "quantity"}, "paid")
    ''
    """
    has_amount = "amount" in columns or {"unit_price", "quantity"} <= columns
    has = {
        "paid": "paid" in columns,
        "amount_less_discount": has_amount and "discount" in columns,
        "amount": has_amount,
    }
    if setting:
        return setting if has[setting] else ""
    return next((name for name, there in has.items() if there), "")


WORDS = {
    "paid": "what was received (paid)",
    "amount_less_discount": "list value less discount (amount − discount)",
    "amount": "list value (amount)",
    "": "no money is mapped",
}
"""What a report says the money is."""


def amount(rows: ir.Table) -> ir.FloatingValue | None:
    """List value before discount: `amount`, else quantity × unit price, else paid + discount; None without these."""
    if "amount" in rows.columns:
        return rows.amount
    if {"unit_price", "quantity"} <= set(rows.columns):
        return rows.quantity * rows.unit_price
    if {"paid", "discount"} <= set(rows.columns):
        return rows.paid + rows.discount.fill_null(0.0)
    return None


def revenue(rows: ir.Table, setting: str = "") -> ir.FloatingValue | None:
    """*The* money of a row; None where the columns give none. A missing discount counts as none."""
    kind = which(set(rows.columns), setting)
    if kind == "paid":
        return rows.paid
    value = amount(rows) if kind else None
    if value is not None and kind == "amount_less_discount":
        return value - rows.discount.fill_null(0.0)
    return value
