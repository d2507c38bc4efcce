"""What was known of customers before a campaign, and whether they answered: the rows a response model learns from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from regulars.core.contract import CUSTOMERS
from regulars.measures import holdout, sampling, time
from regulars.measures.money import DECIMALS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset

MOST_ROWS = 60_000
"""Contacts of one campaign that are learnt from at most, chosen by a hash of the customer's id."""
_MOST_CATEGORIES = 30
_PAST = ("visit_day_count", "active_days", "tenure_days", "recency_days", "revenue_total")
_NUMBERS = ("age", "income")
_WORDS = ("gender", "age_band", "income_band", "generation")
_ANSWERS = ("earlier_answers", "earlier_contacts")
_FIRST_DAY = date(1970, 1, 1)


@dataclass(frozen=True)
class Known:
    """What can be known of customers before a campaign.

    Args:
        numbers: Columns with numbers.
        words: Columns with text.
        has_past: Whether purchases before the campaign are among them.
        view: One row per customer, with the profile.
    """

    numbers: tuple[str, ...]
    words: tuple[str, ...]
    has_past: bool
    view: ir.Table

    @property
    def names(self) -> tuple[str, ...]:
        """All columns."""
        return (*self.numbers, *self.words)


def known(data: Dataset, is_dated: bool, is_ordered: bool) -> Known:
    """What these data tell of customers before a campaign.

    The profile is taken as it is today. Purchases are counted up to the day before each campaign, where campaigns have
    a day; spend that has no dates is used only where there are no orders at all.

    Args:
        data: Has the customer view.
        is_dated: Whether every campaign has a day.
        is_ordered: Whether the order of the campaigns is known, so that earlier answers are.
    """
    view = data.customers
    kept = [view.customer_key, view.customer_id]
    numbers = [name for name in _NUMBERS if name in view.columns]
    words = [name for name in _WORDS if name in view.columns]
    own = data.table("customers").schema() if "customers" in data.tables else {}
    named = {*CUSTOMERS.names, *_PAST}
    for name, kind in own.items():
        if name in view.columns and name not in named:
            numbers += [name] if kind.is_numeric() else []
            words += [name] if kind.is_string() else []
    columns: dict[str, ir.Value] = {name: view[name].cast("float64") for name in numbers}
    columns |= {name: view[name].cast("string") for name in words}
    if "joined_on" in view.columns:
        columns["joined_on"] = time.days_between(view.joined_on, _FIRST_DAY).cast("float64") * -1.0
        numbers.append("joined_on")
    profile = view.select(*kept, **columns)
    no_days = data.summaries.missing("customer_days")
    if no_days and not data.summaries.missing("customer_categories"):
        profile, spent = _with_spend(data, profile)
        numbers += spent
    has_past = not no_days and is_dated
    numbers += list(_PAST) if has_past else []
    numbers += list(_ANSWERS) if is_ordered else []
    return Known(tuple(numbers), tuple(words), has_past, profile)


def _with_spend(data: Dataset, profile: ir.Table) -> tuple[ir.Table, list[str]]:
    """The profile with a column per category, the largest first."""
    rows = data.summary("customer_categories")
    totals = rows.group_by("category").aggregate(total=rows.revenue.sum().round(DECIMALS))
    ranked = totals.order_by(totals.total.desc(), totals.category).limit(_MOST_CATEGORIES)
    names = data.collect(ranked, _MOST_CATEGORIES)["category"].to_pylist()
    columns = {f"spend on {name}": rows.revenue.sum(where=rows.category == name).cast("float64") for name in names}
    wide = rows.group_by("customer_key").aggregate(**columns)
    joined = profile.left_join(wide, "customer_key").drop("customer_key_right")
    return joined, list(columns)


def rows_before(data: Dataset, what: Known, contacts: ir.Table, day: date | None) -> ir.Table:
    """One row per contact of a campaign with what was known on the day before it, ordered by customer.

    Args:
        data: Has the days with a sale.
        what: The features.
        contacts: Rows with `customer_id`, `responded`, and the earlier answers where they are known.
        day: Of the campaign; None where it has none.
    """
    rows = contacts.join(what.view, "customer_id")
    if what.has_past:
        assert day is not None  # noqa: S101  there is a past only where every campaign has a day
        split = day - timedelta(days=1)
        past = holdout.histories(data.customer_days, split, split).select("customer_key", *_PAST)
        rows = rows.left_join(past, "customer_key").drop("customer_key_right")
    answers = [name for name in ("responded", *_ANSWERS) if name in rows.columns]
    numbers = {name: rows[name].cast("float64") for name in what.numbers}
    chosen = rows.select("customer_id", *[name for name in answers if name not in numbers], *what.words, **numbers)
    return chosen.order_by("customer_id")


def collect(data: Dataset, query: ir.Table, count: int) -> Mapping[str, Any]:
    """The rows as arrays, at most about `MOST_ROWS` of them."""
    chosen = sampling.sample(query, MOST_ROWS / max(count, 1)) if count > MOST_ROWS else query
    table = data.collect(chosen.order_by("customer_id"), 2 * MOST_ROWS)
    return {name: table[name].to_numpy() for name in table.column_names}


def together(parts: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """The rows of several campaigns as one."""
    import numpy as np

    return {name: np.concatenate([part[name] for part in parts]) for name in names}


def rows_now(data: Dataset, what: Known, customers: ir.Table, day: date | None) -> ir.Table:
    """One row per customer with what is known today, for a campaign that is still to come.

    Args:
        data: Has the days with a sale.
        what: The features.
        customers: The profile of `Known.view`, with the earlier answers where they are known.
        day: Today; None where the data have no dates.
    """
    rows = customers
    if what.has_past:
        assert day is not None  # noqa: S101  there is a past only where there are dates
        past = holdout.histories(data.customer_days, day, day).select("customer_key", *_PAST)
        rows = rows.left_join(past, "customer_key").drop("customer_key_right")
    numbers = {name: rows[name].cast("float64") for name in what.numbers}
    return rows.select("customer_id", *what.words, **numbers).order_by("customer_id")
