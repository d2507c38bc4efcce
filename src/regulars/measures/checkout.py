"""Attempts to buy and how they end: occasions that failed, what came back, and who did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.measures import time
from regulars.measures.money import DECIMALS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import ibis.expr.types as ir

HOURS_BACK = (1, 24, 168)
"""An occasion that failed counts as recovered by a sale within so many hours."""
DAY = 24
SUCCESS = "success"
FATES = ("succeeded", "failed, then paid the same day", "failed")
_SECONDS = 3600


def with_status(orders: ir.Table, statuses: ir.Table) -> ir.Table:
    """The attempts with `status` (its words) and `error_group` (`success` where the attempt became a sale)."""
    import ibis

    words = statuses.status_id.cast("string")
    if "description" in statuses.columns:
        words = words + ": " + statuses.description.fill_null("")
    group = statuses.error_group if "error_group" in statuses.columns else ibis.null("string")
    told = statuses.select("status_id", status=words, told_group=group.cast("string"))
    rows = orders.left_join(told, "status_id").drop("status_id_right")
    rows = rows.mutate(status=rows.status.fill_null(rows.status_id.cast("string")).fill_null("unknown"))
    failed = rows.told_group.nullif("").fill_null("unknown")
    return rows.mutate(error_group=ibis.ifelse(rows.is_sale, SUCCESS, failed)).drop("told_group")


def _value(rows: ir.Table) -> ir.Value:
    import ibis

    return rows.revenue.cast("float64").fill_null(0.0) if "revenue" in rows.columns else ibis.literal(0.0)


def occasions(attempts: ir.Table) -> ir.Table:
    """One row per customer and day with a failed attempt: the first failure, what was at stake, and the next sale.

    `value` is the largest failed attempt of the day, so that trying again does not count twice. `hours` is the time
    from the first failure to the customer's next sale (missing where none came); labels are those of the first failure.
    """
    import ibis

    failed = attempts.filter(~attempts.is_sale).mutate(day=attempts.ordered_at.date())
    failed = failed.mutate(worth=_value(failed), at=failed.ordered_at.epoch_seconds())
    place = [failed.ordered_at, *([failed.order_id] if "order_id" in failed.columns else []), failed.status]
    by_day = ibis.window(group_by=[failed.customer_key, failed.day])
    failed = failed.mutate(
        place=ibis.row_number().over(ibis.window(group_by=[failed.customer_key, failed.day], order_by=place)),
        value=failed.worth.max().over(by_day).round(DECIMALS),
    )
    first = failed.filter(failed.place == 0).drop("place", "worth")
    sales = attempts.filter(attempts.is_sale)
    sales = sales.select("customer_key", sold=sales.ordered_at.epoch_seconds())
    paired = first.select("customer_key", "day", "at").left_join(sales, "customer_key")
    after = paired.sold.min(where=paired.sold >= paired["at"])
    nexts = paired.group_by("customer_key", "day", "at").aggregate(next_sale=after).drop("at")
    joined = first.left_join(nexts, ["customer_key", "day"])
    joined = joined.drop(*[name for name in joined.columns if name.endswith("_right")])
    return joined.mutate(hours=(joined.next_sale - joined["at"]) / _SECONDS).drop("next_sale", "at")


def recovered(rows: ir.Table, hours: int) -> ir.BooleanValue:
    """Whether a sale came within so many hours."""
    return (rows.hours <= hours).fill_null(False)


def whole(rows: ir.Table, as_of: date) -> ir.Table:
    """The occasions whose longest window ends within the data."""
    import ibis

    days = HOURS_BACK[-1] // DAY
    return rows.filter(time.days_between(rows.day, ibis.literal(as_of, "date")) >= days)


def first_days(attempts: ir.Table, alike: Sequence[str], as_of: date, window_days: int) -> ir.Table:
    """One row per fate of the first day and cell of alike customers: `customers`, `returned`.

    The first day is that of the first attempt. `returned` counts those with another attempt, failed or not, on a later
    day within the window; customers whose window is not over are left out.

    Args:
        attempts: Attempts with the labels of `alike`.
        alike: Columns that make customers alike, beside the quarter of the first attempt.
        as_of: The day to which the data are known.
        window_days: Length of the window.
    """
    import ibis

    rows = attempts.mutate(day=attempts.ordered_at.date())
    place = [rows.ordered_at, *([rows.order_id] if "order_id" in rows.columns else []), rows.status]
    own = ibis.window(group_by=rows.customer_key)
    rows = rows.mutate(
        place=ibis.row_number().over(ibis.window(group_by=rows.customer_key, order_by=place)),
        first_day=rows.day.min().over(own),
    )
    labels = {f"alike_{number}": rows[name].max(where=rows.place == 0) for number, name in enumerate(alike)}
    on_first = rows.day == rows.first_day
    each = rows.group_by("customer_key", "first_day").aggregate(
        sold=(rows.is_sale & on_first).any(), failed=(~rows.is_sale & on_first).any(),
        later=rows.day.min(where=~on_first), **labels,
    )  # fmt: skip
    fate = ibis.cases((each.sold & each.failed, FATES[1]), (each.sold, FATES[0]), else_=FATES[2])
    gap = time.days_between(each.first_day, each.later)
    each = each.mutate(
        fate=fate,
        quarter=(time.month_number(each.first_day) // 3).cast("int64"),
        back=(gap <= window_days).fill_null(False),
    )
    each = each.filter(time.days_between(each.first_day, ibis.literal(as_of, "date")) >= window_days)
    return each.group_by("fate", "quarter", *labels).aggregate(
        customers=each.count().cast("int64"), returned=each.back.cast("int64").sum().cast("int64")
    )


def waiting(attempts: ir.Table, customers: ir.Table, as_of: date, most_days: int) -> ir.Table:
    """Customers whose last attempt failed, lately, and who bought nothing since; the score is its worth."""
    import ibis

    rows = attempts.mutate(worth=_value(attempts))
    place = [rows.ordered_at.desc(), *([rows.order_id.desc()] if "order_id" in rows.columns else []), rows.status]
    rows = rows.mutate(place=ibis.row_number().over(ibis.window(group_by=rows.customer_key, order_by=place)))
    last = rows.filter((rows.place == 0) & ~rows.is_sale)
    last = last.join(customers.select("customer_key", "customer_id"), "customer_key")
    silent = time.days_between(last.ordered_at.date(), ibis.literal(as_of, "date"))
    last = last.mutate(silent=silent).filter(silent <= most_days)
    members = last.select(
        customer_id=last.customer_id,
        reason=ibis.literal("the last attempt failed ") + last.silent.cast("string") + " days ago (" + last.status
        + ")",
        score=last.worth.round(2), days_since=last.silent,
    )  # fmt: skip
    return members.order_by(members.score.desc(), members.customer_id)
