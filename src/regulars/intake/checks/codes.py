"""Checks of ids that stand for something else than they should: cancellations, fees, customers who are not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.core.units import write
from regulars.intake.checks.bad_rows import PURCHASES, Check, as_example, in_all, number, some, worth_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    import ibis.expr.types as ir

    from regulars.core.quality import CheckResult
    from regulars.intake.checks.bad_rows import Context

CANCELLED_ID = r"^[A-Za-z]+[-_ ]?[0-9]+$"
MAX_LETTER_SHARE = 0.2
MIN_DIGIT_SHARE = 0.5
"""Order ids with a letter are cancellations only where they are few, and most others begin with a digit."""
MAX_CODE_SHARE = 0.1
"""Products without a digit in their id are codes only where they are few."""
MAX_STARTS = 1000
MIN_CUSTOMERS = 100
STAND_IN_SHARE = 0.02
STAND_IN_TIMES = 8
"""A customer with more rows than this share, and this many times those of the tenth busiest one, is no person."""


def _has_texts(context: Context, table: str, column: str) -> bool:
    return context.has_key(table, column) and context.rows[table][column].type().is_string()


# -- cancellations ----------------------------------------------------------------------------------


def _cancellations(context: Context) -> Iterator[CheckResult]:
    """Order ids of a letter and digits where nearly all are digits."""
    for name in PURCHASES:
        if not _has_texts(context, name, "order_id"):
            continue
        rows = context.tables[name].numbered
        letters = _starting_letters(context, rows)
        bad = rows.filter(rows.order_id.re_search(CANCELLED_ID))
        found = context.first(bad.aggregate(**_sums(context, bad))) if letters else {"rows": 0}
        if not found["rows"]:
            continue
        of = context.tables[name].account.accepted + context.tables[name].account.repaired
        listed = some([f"{letter}: {number(count)}" for letter, count in letters.items()])
        rows_words, negative = in_all(found["rows"], of), found.get("negative")
        evidence = f", the quantity below zero in {in_all(negative, found['rows'])}" if negative else ""
        rules = ", ".join(f"'order_id starts with {letter}'" for letter in letters)
        yield context.result(
            "cancellations", name, "order_id", found["rows"], of,
            f"the order id is a letter and digits ({listed}), where most are digits only, in {rows_words}"
            f"{worth_words(context, found.get('worth'))}{evidence}: cancellations or corrections",
            bad=bad, change=f"exclude = [{rules}] under [tables.{name}] sets them aside",
        )  # fmt: skip


def _starting_letters(context: Context, rows: ir.Table) -> dict[str, int]:
    """Letters that order ids begin with and how many rows have each; none where letters are usual."""
    starts = rows.group_by(start=rows.order_id.left(1)).aggregate(rows=rows.count())
    counts = {row["start"] or "": row["rows"] for row in context.fetch(starts.order_by(starts.rows.desc()), MAX_STARTS)}
    letters = {start: count for start, count in sorted(counts.items()) if start.isascii() and start.isalpha()}
    digits = sum(count for start, count in counts.items() if start.isascii() and start.isdigit())
    total = sum(counts.values())
    is_usual = sum(letters.values()) > MAX_LETTER_SHARE * total or digits < MIN_DIGIT_SHARE * total
    return {} if is_usual else letters


def _sums(context: Context, rows: ir.Table) -> dict[str, ir.Scalar]:
    worth = context.revenue(rows)
    return {
        "rows": rows.count(),
        **({"worth": worth.sum()} if worth is not None else {}),
        **({"negative": (rows.quantity < 0).sum()} if "quantity" in rows.columns else {}),
    }


# -- codes that are no product ----------------------------------------------------------------------


def _codes(context: Context) -> Iterator[CheckResult]:
    """Product ids without a digit where nearly all have one: postage, fees, manual entries."""
    for name in PURCHASES:
        if not _has_texts(context, name, "product_id"):
            continue
        rows = context.rows[name].filter(lambda t: t.product_id.notnull())
        worth = context.revenue(rows)
        sums = {"worth": worth.sum()} if worth is not None else {}
        products = rows.group_by("product_id").aggregate(rows=rows.count(), **sums)
        is_code = ~products.product_id.re_search("[0-9]")
        found = context.first(
            products.aggregate(
                products=products.count(),
                codes=is_code.sum(),
                of=products.rows.sum(),
                rows=products.rows.sum(where=is_code),
                **({"worth": products.worth.sum(where=is_code)} if sums else {}),
            )
        )
        if found["codes"] and found["codes"] <= MAX_CODE_SHARE * found["products"]:
            yield _told_codes(context, name, products.filter(is_code), found)


def _told_codes(context: Context, name: str, codes: ir.Table, found: dict[str, float]) -> CheckResult:
    top = context.fetch(codes.order_by(codes.rows.desc(), "product_id"), 50)
    rows, of = int(found["rows"]), int(found["of"])
    listed = some([f"{row['product_id']} ({number(row['rows'])})" for row in top])
    worth = worth_words(context, found.get("worth"))
    names = ", ".join(row["product_id"] for row in top[:12])
    return context.result(
        "codes_without_digits", name, "product_id", rows, of,
        f"the product id has no digit, and may be no product, in {in_all(rows, of)}{worth}, for "
        f"{in_all(int(found['codes']), int(found['products']), 'ids')}: {listed}",
        bad=codes, examples=tuple(as_example(row) for row in top[:3]),
        change=f"exclude = ['product_id in {names}'] under [tables.{name}] sets them aside",
    )  # fmt: skip


# -- customers who are not known --------------------------------------------------------------------


def _stand_in_customers(context: Context) -> Iterator[CheckResult]:
    """Ids with far too large a share of the purchases: "unknown", the till, a test account."""
    name = context.purchases
    if not name or not context.has_key(name, "customer_id"):
        return
    rows = context.rows[name]
    customers = rows.group_by("customer_id").aggregate(rows=rows.count())
    ranked = customers.mutate(of=customers.rows.sum().over(), customers=customers.count().over())
    top = context.fetch(ranked.order_by(ranked.rows.desc(), "customer_id"), 10)
    if not top or top[0]["customers"] < MIN_CUSTOMERS:
        return
    of = int(top[0]["of"])
    least = max(STAND_IN_SHARE * of, STAND_IN_TIMES * top[-1]["rows"])
    numbered = context.tables[name].numbered
    for row in top:
        if row["rows"] > least:
            customer, times = row["customer_id"], row["rows"] // top[-1]["rows"]
            yield context.result(
                "stand_in_customer", name, "customer_id", row["rows"], of,
                f"the customer id {customer} has {write(row['rows'] / of, 'share')} of all rows, "
                f"{number(times)} times as many as the tenth busiest: it may stand for customers who are not known",
                bad=numbered.filter(numbered.customer_id == customer),
                change=f"exclude = ['customer_id is {customer}'] under [tables.{name}] sets them aside",
            )  # fmt: skip


CHECKS = (
    Check({"cancellations": "order ids of a letter and digits, where most are digits only"}, _cancellations),
    Check({"codes_without_digits": "product ids without a digit, where nearly all have one"}, _codes),
    Check({"stand_in_customer": "a customer id with far too large a share of the purchases"}, _stand_in_customers),
)
