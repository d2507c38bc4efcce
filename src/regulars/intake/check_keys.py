"""Checks of keys: rows that repeat, orders that contradict themselves, and ids that stand for something they are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.core.units import write
from regulars.intake.bad_rows import Check, as_example, in_all, number, some, worth_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    import ibis.expr.types as ir

    from regulars.core.quality import CheckResult
    from regulars.intake.bad_rows import Context

UNREPEATED = ("_row", "_problem", "_part")
"""Columns of the source that say nothing of what a row is about."""
CANCELLED_ID = r"^[A-Za-z]+[-_ ]?[0-9]+$"
MAX_LETTER_SHARE = 0.2
MAX_CODE_SHARE = 0.1
MIN_CUSTOMERS = 100
STAND_IN_SHARE = 0.02
STAND_IN_TIMES = 8
"""An id with more rows than this share, and this many times those of the tenth busiest customer, is no person."""


# -- rows that repeat -------------------------------------------------------------------------------


def _repeated_rows(context: Context) -> Iterator[CheckResult]:
    """Exact repeats within one file, of the rows as they stood there, before anything was set aside."""
    for name, table in context.tables.items():
        if not table.survey.contract.is_event or table.survey.settings.duplicates == "drop" or not table.account.read:
            continue
        raw = table.survey.rows
        content = [column for column in raw.columns if column not in UNREPEATED]
        groups = raw.group_by(content).aggregate(_row=raw["_row"].min(), _surplus=raw.count() - 1)
        groups = groups.filter(groups["_surplus"] > 0)
        kept = groups.join(table.numbered.select("_source", "_row", **_worth(context, table.numbered)), ["_source", "_row"])
        found = context.first(groups.aggregate(rows=groups["_surplus"].sum()))
        rows, of = int(found["rows"] or 0), table.account.read
        if not rows:
            sentence = f"no row of {name} repeats another row of the same file exactly"
            yield context.result(
                "repeated_rows", name, "", 0, of, sentence, bad=groups, severity="note", done="nothing to do"
            )
            continue
        counted = context.first(
            kept.aggregate(rows=kept["_surplus"].sum(), worth=(kept["_surplus"] * kept["_worth"]).sum())
        )
        worth = worth_words(context, counted["worth"])
        repeats = f"{in_all(rows, of)} repeat another row of the same file exactly"
        yield context.result(
            "repeated_rows", name, "", rows, of,
            f"{repeats}; {number(counted['rows'] or 0)} of them are in use{worth}",
            bad=groups, done="kept: real purchases repeat", change=f'duplicates = "drop" under [tables.{name}] keeps one of each',
        )  # fmt: skip


def _worth(context: Context, rows: ir.Table) -> dict[str, ir.Value]:
    import ibis

    worth = context.revenue(rows)
    return {"_worth": worth if worth is not None else ibis.literal(0.0)}


# -- orders that contradict themselves --------------------------------------------------------------


def _order_ids(context: Context) -> Iterator[CheckResult]:
    if context.has_key("lines", "order_id"):
        yield from _split_orders(context)
    if context.has_key("orders", "order_id"):
        rows = context.rows["orders"]
        ids = rows.filter(rows.order_id.notnull()).group_by("order_id").aggregate(rows=rows.count())
        repeated = ids.filter(ids.rows > 1)
        found = context.first(repeated.aggregate(ids=repeated.count(), rows=repeated.rows.sum()))
        if found["ids"]:
            of = context.tables["orders"].account
            total = of.accepted + of.repaired
            yield context.result(
                "repeated_order", "orders", "order_id", found["rows"], total,
                f"{number(found['ids'])} order ids stand in several rows, {number(found['rows'])} in all, "
                "where one order has one row",
                bad=repeated, done="each row is kept as an order of its own",
                change='map the table as [tables.lines], if its rows are the products of an order',
            )  # fmt: skip


def _split_orders(context: Context) -> Iterator[CheckResult]:
    rows = context.rows["lines"]
    days = {"first_at": rows.ordered_at.min(), "last_at": rows.ordered_at.max()} if "ordered_at" in rows.columns else {}
    who = {"first_customer": rows.customer_id.min(), "last_customer": rows.customer_id.max()}
    orders = rows.filter(rows.order_id.notnull()).group_by("order_id").aggregate(**who, **days)
    conditions = {"order_with_several_customers": orders.first_customer != orders.last_customer}
    if days:
        conditions["order_on_several_days"] = orders.first_at.cast("date") != orders.last_at.cast("date")
    sums = {check: condition.sum() for check, condition in conditions.items()}
    found = context.first(orders.aggregate(orders=orders.count(), **sums))
    words = {
        "order_with_several_customers": "have lines of several customers; each is counted for the one with the least id",
        "order_on_several_days": "have lines of several days; each is counted on the first",
    }
    for check, condition in conditions.items():
        if found[check]:
            yield context.result(
                check, "lines", "customer_id" if "customers" in check else "ordered_at", found[check], found["orders"],
                f"{in_all(found[check], found['orders'], 'orders')} {words[check]}",
                bad=orders.filter(condition), unit="orders", done="counted as one order",
                change="map a column that tells these orders apart to order_id",
                severity="warning" if "customers" in check else "note",
            )  # fmt: skip


# -- ids that stand for something else --------------------------------------------------------------


def _cancellations(context: Context) -> Iterator[CheckResult]:
    """Order ids that begin with a letter where nearly all are digits: usually cancellations."""
    for name in ("lines", "orders"):
        if not context.has_key(name, "order_id") or not context.rows[name].order_id.type().is_string():
            continue
        rows = context.tables[name].numbered
        starts = rows.group_by(start=rows.order_id.left(1).upper()).aggregate(rows=rows.count())
        counts = {row["start"]: row["rows"] for row in context.fetch(starts.order_by(starts.rows.desc(), "start"), 1000)}
        total = sum(counts.values())
        letters = {start: count for start, count in counts.items() if start and "A" <= start <= "Z"}
        digits = sum(count for start, count in counts.items() if start and "0" <= start <= "9")
        if not letters or sum(letters.values()) > MAX_LETTER_SHARE * total or digits < total / 2:
            continue
        bad = rows.filter(rows.order_id.re_search(CANCELLED_ID))
        worth = context.revenue(bad)
        negative = bad.quantity < 0 if "quantity" in bad.columns else None
        found = context.first(
            bad.aggregate(
                rows=bad.count(),
                **({"worth": worth.sum()} if worth is not None else {}),
                **({"negative": negative.sum()} if negative is not None else {}),
            )
        )
        if not found["rows"]:
            continue
        listed = some([f"{start}: {number(count)}" for start, count in letters.items()])
        evidence = f"; {number(found['negative'])} of them have a quantity below zero" if found.get("negative") else ""
        rules = ", ".join(f"'order_id starts with {start}'" for start in letters)
        yield context.result(
            "cancellations", name, "order_id", found["rows"], total,
            f"the order id is a letter and digits ({listed}), where most are digits only, in {in_all(found['rows'], total)}"
            f"{worth_words(context, found.get('worth'))}{evidence}: cancellations or corrections",
            bad=bad, change=f"exclude = [{rules}] under [tables.{name}] sets them aside",
        )  # fmt: skip


def _codes(context: Context) -> Iterator[CheckResult]:
    """Product ids without a digit where nearly all have one: postage, fees, manual entries."""
    for name in ("lines", "orders"):
        if not context.has_key(name, "product_id") or not context.rows[name].product_id.type().is_string():
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
                rows=products.rows.sum(),
                code_rows=products.rows.sum(where=is_code),
                **({"worth": products.worth.sum(where=is_code)} if sums else {}),
            )
        )
        if not found["codes"] or found["codes"] > MAX_CODE_SHARE * found["products"]:
            continue
        codes = products.filter(is_code)
        top = context.fetch(codes.order_by(codes.rows.desc(), "product_id"), 50)
        listed = some([f"{row['product_id']} ({number(row['rows'])})" for row in top])
        names = ", ".join(row["product_id"] for row in top[:12])
        yield context.result(
            "codes_without_digits", name, "product_id", int(found["code_rows"]), int(found["rows"]),
            f"{number(found['codes'])} of {number(found['products'])} product ids have no digit and may be no products: "
            f"{listed}; they are {in_all(int(found['code_rows']), int(found['rows']))}{worth_words(context, found.get('worth'))}",
            bad=codes, examples=tuple(as_example(row) for row in top[:3]),
            change=f"exclude = ['product_id in {names}'] under [tables.{name}] sets them aside",
        )  # fmt: skip


def _stand_in_customer(context: Context) -> Iterator[CheckResult]:
    """One id with a far too large share of the purchases: "unknown", the till, a test account."""
    name = context.purchases
    if not name or not context.has_key(name, "customer_id"):
        return
    rows = context.rows[name]
    customers = rows.group_by("customer_id").aggregate(rows=rows.count())
    top = context.fetch(customers.order_by(customers.rows.desc(), "customer_id"), 10)
    found = context.first(customers.aggregate(customers=customers.count(), rows=customers.rows.sum()))
    if found["customers"] < MIN_CUSTOMERS:
        return
    least = max(STAND_IN_SHARE * found["rows"], STAND_IN_TIMES * top[-1]["rows"])
    suspects = [row for row in top if row["rows"] > least]
    if suspects:
        ids = [str(row["customer_id"]) for row in suspects]
        taken = sum(row["rows"] for row in suspects)
        share = write(taken / found["rows"], "share")
        yield context.result(
            "stand_in_customer", name, "customer_id", taken, found["rows"],
            f"the customer id {some(ids)} has {share} of all rows, {number(suspects[0]['rows'] / top[-1]['rows'])} times as "
            "many as the tenth busiest customer: it may stand for customers who are not known",
            bad=rows.filter(rows.customer_id.isin([row["customer_id"] for row in suspects])),
            change=f"exclude = ['customer_id in {', '.join(ids)}'] under [tables.{name}] sets it aside",
        )  # fmt: skip


CHECKS = (
    Check({"repeated_rows": "rows that repeat another row of the same file exactly"}, _repeated_rows),
    Check(
        {
            "order_with_several_customers": "order ids that stand with several customers",
            "order_on_several_days": "order ids that stand on several days",
            "repeated_order": "order ids that stand in several rows of `orders`",
        },
        _order_ids,
    ),
    Check({"cancellations": "order ids of a letter and digits, where most are digits only"}, _cancellations),
    Check({"codes_without_digits": "product ids without a digit, where nearly all have one"}, _codes),
    Check({"stand_in_customer": "one customer id with far too large a share of the purchases"}, _stand_in_customer),
)
