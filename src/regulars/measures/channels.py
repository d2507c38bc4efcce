"""Where and how people buy: labels by period, where they go missing, moves from one to the next, and what follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.measures import periods, time
from regulars.measures.dimensions import UNKNOWN, by_words
from regulars.measures.money import DECIMALS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import ibis.expr.types as ir

    from regulars.measures.periods import Grain

OTHERS = "all others"
PAYMENT_KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("wallet", ("wallet", "in app", "paypal", "apple pay", "google pay", "alipay", "venmo")),
    ("card", ("card", "visa", "mastercard", "credit", "debit")),
    ("cash", ("cash",)),
    ("bank", ("bank", "transfer", "giro", "direct")),
)
"""Kinds of payment by words in the method's name; the first that fits stands."""
NO_DEVICE, NOT_LISTED, NOT_DESCRIBED = "no device recorded", "device not in the list", "device listed without it"
NOT_RECORDED = "not recorded on the order"


def with_payment_kind(rows: ir.Table) -> ir.Table:
    """The rows with `payment_kind`: wallet, card, cash, bank, or other."""
    return rows.mutate(payment_kind=by_words(rows.payment_method, PAYMENT_KINDS, "other").fill_null(UNKNOWN))


def folded(rows: ir.Table, column: str, kept: Sequence[str]) -> ir.Table:
    """The rows with labels beyond the kept ones put together."""
    import ibis

    return rows.mutate(**{column: ibis.ifelse(rows[column].isin(list(kept)), rows[column], OTHERS)})


def label_counts(rows: ir.Table, column: str) -> ir.Table:
    """One row per label: `orders`, `customers`, first and last day."""
    return rows.group_by(label=rows[column]).aggregate(
        orders=rows.count().cast("int64"), customers=rows.customer_key.nunique().cast("int64"),
        first_on=rows.ordered_at.date().min(), last_on=rows.ordered_at.date().max(),
    )  # fmt: skip


def by_month(rows: ir.Table, column: str) -> ir.Table:
    """One row per month and label: `orders`."""
    return rows.group_by(number=time.month_number(rows.ordered_at.date()), label=rows[column]).aggregate(
        orders=rows.count().cast("int64")
    )


def with_step(rows: ir.Table, column: str, of_device: bool, devices: ir.Table | None) -> ir.Table:
    """The rows with `step`: at which step the label went missing; missing where it is known."""
    import ibis

    unknown = rows[column] == UNKNOWN
    if not of_device or devices is None:
        return rows.mutate(step=ibis.ifelse(unknown, NOT_RECORDED, ibis.null("string")))
    listed = devices.select(listed_id=devices.device_id).distinct()
    rows = rows.left_join(listed, rows.device_id == listed.listed_id)
    step = ibis.cases(
        (~(rows[column] == UNKNOWN), ibis.null("string")), (rows.device_id.isnull(), NO_DEVICE),
        (rows.listed_id.isnull(), NOT_LISTED), else_=NOT_DESCRIBED,
    )  # fmt: skip
    return rows.mutate(step=step).drop("listed_id")


def missing_by_period(rows: ir.Table, grain: Grain) -> ir.Table:
    """One row per period and step (missing where the label is known): `attempts`."""
    return rows.group_by(number=periods.number(rows.ordered_at.date(), grain), step=rows.step).aggregate(
        attempts=rows.count().cast("int64")
    )


def in_order(rows: ir.Table) -> list[ir.Value]:
    """What puts the orders of a customer into one order."""
    return [rows.ordered_at, *([rows.order_id] if "order_id" in rows.columns else [])]


def moves(sales: ir.Table, column: str) -> ir.Table:
    """One row per pair of labels of two sales of a customer in a row: `orders`, unknown labels left out."""
    import ibis

    known = sales.filter(sales[column] != UNKNOWN)
    own = ibis.window(group_by=known.customer_key, order_by=[*in_order(known), known[column]])
    steps = known.select(after=known[column], before=known[column].lag().over(own))
    steps = steps.filter(steps.before.notnull())
    return steps.group_by("before", "after").aggregate(orders=steps.count().cast("int64"))


def firsts(sales: ir.Table, columns: Sequence[str], customer_days: ir.Table, as_of: date, days: int) -> ir.Table:
    """One row per customer: labels of the first sale, `orders`, `revenue`, and whether they came back within the days.

    `is_whole` says whether the window ends within the data, `is_back` whether there was a sale on a later day in it.
    """
    import ibis

    place = ibis.row_number().over(ibis.window(group_by=sales.customer_key, order_by=[*in_order(sales), *(
        sales[name] for name in columns)]))  # fmt: skip
    numbered = sales.mutate(place=place)
    money = {"revenue": numbered.revenue.sum().round(DECIMALS)} if "revenue" in sales.columns else {}
    each = numbered.group_by("customer_key").aggregate(
        first_day=numbered.ordered_at.date().min(), orders=numbered.count().cast("int64"), **money,
        **{name: numbered[name].max(where=numbered.place == 0) for name in columns},
    )  # fmt: skip
    joined = each.select("customer_key", "first_day").join(customer_days.select("customer_key", "day"), "customer_key")
    second = joined.group_by("customer_key").aggregate(second=joined.day.min(where=joined.day > joined.first_day))
    each = each.join(second, "customer_key")
    gap = time.days_between(each.first_day, each.second)
    whole = time.days_between(each.first_day, ibis.literal(as_of, "date")) >= days
    return each.mutate(is_whole=whole, is_back=whole & (gap <= days).fill_null(False)).drop("second")
