"""Checks that look at one row at a time, and at a column as a whole: amounts, dates, orders against profiles."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from regulars.core.units import write
from regulars.intake.checks.bad_rows import PURCHASES, Check, RowCheck, as_text, count_rows, number
from regulars.measures import money

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import ibis.expr.types as ir

    from regulars.core.quality import CheckResult
    from regulars.intake.checks.bad_rows import Context

EARLIEST = date(1990, 1, 1)
"""No customer data that anyone analyses are older; earlier dates are stand-ins such as 1970-01-01."""
HALF_A_CENT = 0.005 + 1e-9
PAID_TOLERANCE_SHARE = 0.01
MIN_ROWS = 10
"""A column of fewer rows than this may well have one value only."""

_AMOUNTS = {"unit_price": "unit price", "amount": "amount", "paid": "amount paid"}
_NAMES = {"unit_price": "price", "amount": "amount", "paid": "paid"}
_EVENTS = {"lines": "ordered_at", "orders": "ordered_at", "contacts": "sent_at", "responses": "responded_at"}


def _rows(context: Context) -> Iterator[CheckResult]:
    for name, table in context.tables.items():
        rows = table.numbered
        checks = [*_dates(context, name, rows), *_ends(rows)]
        if name in PURCHASES:
            checks += [*_quantities(rows), *_amounts(rows), *_discounts(rows), *_payments(rows)]
        worth = context.revenue(rows) if name in PURCHASES else None
        results, counted = count_rows(context, name, rows, checks, _spans(context, name), worth)
        yield from results
        yield from _flat_columns(context, name, counted)


# -- conditions on one row --------------------------------------------------------------------------


def _quantities(rows: ir.Table) -> Iterator[RowCheck]:
    if "quantity" not in rows.columns:
        return
    yield RowCheck(
        "negative_quantity", "quantity", rows.quantity < 0, "the quantity is below zero", "quantity < 0",
        ": returns or corrections, which lower the sums",
    )  # fmt: skip
    yield RowCheck("zero_quantity", "quantity", rows.quantity == 0, "the quantity is zero", "quantity = 0")


def _amounts(rows: ir.Table) -> Iterator[RowCheck]:
    for column, words in _AMOUNTS.items():
        if column not in rows.columns:
            continue
        after = "" if column == "unit_price" else ": refunds, which lower the revenue"
        zero = ": gifts, samples or errors" if column == "unit_price" else ": they bring no money"
        name, value = _NAMES[column], rows[column]
        yield RowCheck(f"negative_{name}", column, value < 0, f"the {words} is below zero", f"{column} < 0", after)
        yield RowCheck(
            f"zero_{name}", column, value == 0, f"the {words} is zero", f"{column} = 0", zero,
            "warning" if column == "unit_price" else "note",
        )  # fmt: skip


def _discounts(rows: ir.Table) -> Iterator[RowCheck]:
    if "discount" not in rows.columns:
        return
    yield RowCheck(
        "negative_discount", "discount", rows.discount < 0, "the discount is below zero", "discount < 0",
        ": a discount is what was taken off, so these raise the price",
    )  # fmt: skip
    amount = money.amount(rows)
    if amount is not None:
        is_more = (rows.discount > amount + HALF_A_CENT) & (amount > 0)
        yield RowCheck("discount_over_amount", "discount", is_more, "the discount is larger than the amount")


def _payments(rows: ir.Table) -> Iterator[RowCheck]:
    import ibis

    amount = money.amount(rows)
    if amount is None or not {"paid", "discount"} <= set(rows.columns):
        return
    due = amount - rows.discount.fill_null(0.0)
    tolerance = ibis.greatest(ibis.literal(HALF_A_CENT), due.abs() * PAID_TOLERANCE_SHARE)
    yield RowCheck(
        "paid_contradicts_amount", "paid", (rows.paid - due).abs() > tolerance,
        "paid is not amount − discount", after=": the setting money decides which of them counts",
    )  # fmt: skip


def _dates(context: Context, name: str, rows: ir.Table) -> Iterator[RowCheck]:
    """Dates after "now", and dates too early to be true."""
    import ibis

    columns = [column for column in (_EVENTS.get(name, ""), "joined_on") if column in rows.columns]
    for column in columns:
        day = rows[column].cast("date")
        if context.as_of is not None:
            as_of = write(context.as_of, "date")
            is_event = column != "joined_on"
            yield RowCheck(
                "future_dates", column, day > ibis.literal(context.as_of, "date"), f"{column} is after {as_of} (as_of)",
                done="kept out of every figure until then" if name in PURCHASES else "kept",
                severity="warning" if is_event else "note",
            )  # fmt: skip
        yield RowCheck(
            "dates_before_1990", column, day < ibis.literal(EARLIEST, "date"), f"{column} is before 1990",
            f"{column} < {EARLIEST:%Y-%m-%d}", ": a stand-in for a date that is not known", "problem",
        )  # fmt: skip


def _ends(rows: ir.Table) -> Iterator[RowCheck]:
    if {"starts_on", "ends_on"} <= set(rows.columns):
        yield RowCheck("ends_before_start", "ends_on", rows.ends_on < rows.starts_on, "the end is before the start")
    if {"joined_on", "left_on"} <= set(rows.columns):
        yield RowCheck(
            "left_before_joining", "left_on", rows.left_on < rows.joined_on, "the customer left before joining"
        )


# -- columns as a whole -----------------------------------------------------------------------------


def _spans(context: Context, name: str) -> dict[str, ir.Scalar]:
    """The least and the largest value of every column, and how many there are."""
    if not (context.wants("constant_column") or context.wants("empty_column")):
        return {}
    rows, survey = context.tables[name].numbered, context.tables[name].survey
    key = survey.contract.key if not survey.contract.is_event else ()
    spans: dict[str, ir.Scalar] = {}
    for column in rows.columns:
        if not column.startswith("_") and column not in key and column not in survey.row_numbered:
            value = rows[column]
            spans |= {f"least {column}": value.min(), f"most {column}": value.max(), f"filled {column}": value.count()}
    return spans


def _flat_columns(context: Context, name: str, counted: Mapping[str, Any]) -> Iterator[CheckResult]:
    """Columns that hold one value only, or none at all."""
    rows = counted.get("rows", 0)
    if rows < MIN_ROWS:
        return
    for key, filled in counted.items():
        column = key.removeprefix("filled ")
        if column == key:
            continue
        bad = context.tables[name].numbered
        if filled == 0:
            yield context.result(
                "empty_column", name, column, rows, rows, f"{column} is empty in all {number(rows)} rows",
                bad=bad.filter(bad[column].isnull()), examples=(), change="map another column, or leave it out",
            )  # fmt: skip
        elif filled == rows and counted[f"least {column}"] == counted[f"most {column}"]:
            value = as_text(counted[f"least {column}"])
            yield context.result(
                "constant_column", name, column, rows, rows,
                f"{column} is '{value}' in all {number(rows)} rows, so nothing can be told from it",
                bad=bad.filter(bad[column].notnull()), examples=(), severity="note", change="leave it out",
            )  # fmt: skip


# -- orders against profiles ------------------------------------------------------------------------


def _against_profiles(context: Context) -> Iterator[CheckResult]:
    """Orders that are older than their customer's registration or their product's release."""
    for name in PURCHASES:
        if context.has(name, "ordered_at", "customer_id") and context.has("customers", "joined_on"):
            yield from _earlier_than(
                context, name, "customers", "customer_id", "joined_on",
                "order_before_joining", "the order is older than the customer's registration",
            )  # fmt: skip
        if context.has(name, "ordered_at", "product_id") and context.has("products", "released_on"):
            yield from _earlier_than(
                context, name, "products", "product_id", "released_on",
                "order_before_release", "the order is older than the product's release",
            )  # fmt: skip


def _earlier_than(
    context: Context, name: str, profile: str, key: str, since: str, check: str, words: str
) -> list[CheckResult]:
    profiles = context.rows[profile]
    profiles = profiles.filter(profiles[since].notnull()).select(key, since)
    rows = context.tables[name].numbered
    if since in rows.columns:
        rows = rows.drop(since)
    known = rows.join(profiles, key)
    is_earlier = known.ordered_at.cast("date") < known[since].cast("date")
    after = f": either {since} or the order's date is wrong"
    return count_rows(
        context, name, known, [RowCheck(check, since, is_earlier, words, after=after)], worth=context.revenue(known)
    )[0]


CHECKS = (
    Check(
        {
            "negative_quantity": "quantities below zero",
            "zero_quantity": "quantities of zero",
            "negative_price": "unit prices below zero",
            "zero_price": "unit prices of zero",
            "negative_amount": "amounts below zero: refunds",
            "zero_amount": "amounts of zero",
            "negative_paid": "payments below zero: refunds",
            "zero_paid": "payments of zero",
            "negative_discount": "discounts below zero",
            "discount_over_amount": "discounts larger than the amount",
            "paid_contradicts_amount": "paid that is not amount − discount, beyond half a cent and 1 %",
            "future_dates": "orders, contacts and registrations after as_of",
            "dates_before_1990": "orders, contacts and registrations too early to be true",
            "ends_before_start": "campaigns and named periods that end before they start",
            "left_before_joining": "contracts and memberships that end before they start",
            "constant_column": "columns that hold one value only",
            "empty_column": "mapped columns that hold nothing",
        },
        _rows,
    ),
    Check(
        {
            "order_before_joining": "orders older than their customer's registration",
            "order_before_release": "orders older than their product's release",
        },
        _against_profiles,
    ),
)
