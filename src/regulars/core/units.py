"""Units, and how a value of each is written for a person.

A unit travels with every value (finding, table column, feature), so that report, dashboard and terminal write it alike:
shares as percentages with one decimal, money with its currency, a missing value as a dash and never as 0.
"""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Literal

Unit = Literal[
    "", "text", "name", "id", "count", "customers", "contacts", "orders", "items", "money", "share", "change_share",
    "change_points", "days", "years", "per_month", "ratio", "score", "date", "instant", "month",
]  # fmt: skip
"""What a value is counted in; `change_share` is a relative change (+2.1 %), `change_points` one in points. A `name` is
that of a column (a dimension, a feature, an outcome): programs keep it as it is, people read it with blanks."""

MISSING = "–"
_SYMBOLS = {"GBP": "£", "USD": "$", "EUR": "€", "JPY": "¥", "INR": "₹"}
_LETTERS = {"rfm": "RFM", "os": "OS"}
"""Words of names that are said letter by letter."""
_WHOLE = {"count", "customers", "contacts", "orders", "items"}
_NOUNS = {
    "customers": "customer", "contacts": "contact", "orders": "order", "items": "item",
    "rows": "row", "values": "value", "cells": "cell",
}  # fmt: skip
UNIT_WORDS: dict[str, str] = {
    "share": "%", "change_share": "%", "change_points": "pp",
    "days": "days", "years": "years", "per_month": "per month",
}  # fmt: skip
"""Short unit names for table headers; units that need no word are absent."""


def name_words(name: str) -> str:
    """The name of a column as a person reads it.

    >>> name_words("rfm_segment"), name_words("recency_days")
    ('RFM segment', 'recency days')
    """
    return " ".join(_LETTERS.get(word, word) for word in name.split("_"))


def write(value: object, unit: str = "", currency: str = "") -> str:
    """A value as a person reads it.

    >>> write(0.8644, "share"), write(-0.021, "change_points"), write(None, "money")
    ('86.4 %', '−2.1 pp', '–')
    >>> write(8911407.904, "money", "GBP"), write(4338, "customers"), write(3.5, "days")
    ('£8,911,407.90', '4,338', '3.5')
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m" if unit == "month" else "%Y-%m-%d" if unit == "date" else "%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.strftime("%Y-%m" if unit == "month" else "%Y-%m-%d")
    if unit == "name":
        return name_words(str(value))
    if unit in ("text", "id") or not isinstance(value, int | float):
        return str(value)
    return _write_number(value, unit, currency).replace("-", "−")


def _write_number(value: float, unit: str, currency: str) -> str:
    if unit == "share":
        return f"{100 * value:,.1f} %"
    if unit == "change_share":
        return f"{100 * value:+,.1f} %"
    if unit == "change_points":
        return f"{100 * value:+,.1f} pp"
    if unit == "money":
        return _write_money(value, currency)
    if unit in _WHOLE:
        return f"{value:,.0f}"
    if isinstance(value, int) or float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.{1 if abs(value) >= 100 or unit in ('days', 'years') else 2 if abs(value) >= 1 else 3}f}"


def _write_money(value: float, currency: str) -> str:
    symbol = _SYMBOLS.get(currency)
    sign = "-" if value < 0 else ""
    number = f"{abs(value):,.2f}"
    if symbol:
        return f"{sign}{symbol}{number}"
    return f"{sign}{number} {currency}".rstrip()


def write_count(value: float, unit: str) -> str:
    """A count with its noun in the right number.

    >>> write_count(1, "customers"), write_count(2340, "rows")
    ('1 customer', '2,340 rows')
    """
    noun = _NOUNS.get(unit, unit) if value == 1 else unit
    return f"{value:,.0f} {noun}".replace("-", "−").rstrip()


def write_interval(low: float, high: float, unit: str = "", currency: str = "") -> str:
    """An interval as a person reads it, the unit said once where it is a percentage.

    >>> write_interval(0.36, 0.462, "share"), write_interval(0.07, 0.083, "change_points")
    ('36.0–46.2 %', '+7.0 to +8.3 pp')
    """
    lower, upper = write(low, unit, currency), write(high, unit, currency)
    separator = " to " if set("−+") & set(lower + upper) else "–"
    for suffix in (" %", " pp"):
        if lower.endswith(suffix) and upper.endswith(suffix):
            return f"{lower.removesuffix(suffix)}{separator}{upper}"
    return f"{lower}{separator}{upper}"
