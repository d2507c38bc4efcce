"""Behaviour within whole half-years, quarters or years: one row per customer and window, and the moves between them.

Or the standing at the end of each: what was known of a customer's whole history then.

Rows of a day are known at the end of that day, so that a window's rows are what was known at the window's end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from regulars.measures import time
from regulars.measures.money import DECIMALS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

NEW, BACK, SILENT = "new customer", "back after a pause", "silent"
"""Where those come from who were in no segment, and where those go who buy nothing in the next window."""
STANDING = ("order_count", "recency_days", "active_days", "tenure_days", "revenue_per_order")
"""The features of the customer view that are known of a customer's whole history at the end of each window."""
_SLACK_DAYS = 10
"""A window counts as whole where so few days of it are missing at the edge of the data."""
_SUMS = ("order_count", "revenue", "list_amount", "discount", "quantity")
_COUNTS = ("evening_order_count", "campaign_order_count", "online_order_count")


@dataclass(frozen=True)
class Window:
    """A span of whole calendar months.

    Args:
        label: As in "2024 H1".
        first: Its first day.
        last: Its last day.
    """

    label: str
    first: date
    last: date


def windows(first: date, last: date, months: int) -> tuple[Window, ...]:
    """The whole windows between two dates, in order.

    Args:
        first: First day of the data.
        last: Last day of the data.
        months: 3, 6 or 12.

    >>> [one.label for one in windows(date(2023, 1, 3), date(2024, 7, 30), 6)]
    ['2023 H1', '2023 H2', '2024 H1']
    """
    found = []
    for number in range(first.year * 12 // months, (last.year + 1) * 12 // months):
        start = date(number * months // 12, number * months % 12 + 1, 1)
        after = (number + 1) * months
        end = date(after // 12, after % 12 + 1, 1) - timedelta(days=1)
        if start >= first - timedelta(days=_SLACK_DAYS) and end <= last + timedelta(days=_SLACK_DAYS):
            found.append(Window(_label(start, months), start, end))
    return tuple(found)


def without(spans: Sequence[Window], excluded: Sequence[tuple[date, date]]) -> tuple[Window, ...]:
    """The windows of which no more than a few days are excluded: a half-year with a lockdown is not like the others.

    >>> halves = windows(date(2020, 1, 1), date(2021, 12, 31), 6)
    >>> [one.label for one in without(halves, [(date(2020, 12, 1), date(2021, 1, 31))])]
    ['2020 H1', '2021 H2']
    """

    def excluded_days(one: Window) -> int:
        return sum(max((min(end, one.last) - max(start, one.first)).days + 1, 0) for start, end in excluded)

    return tuple(one for one in spans if excluded_days(one) <= _SLACK_DAYS)


def turns(spans: Sequence[Window]) -> tuple[int, ...]:
    """The places of the windows that are followed by the next one without a gap.

    >>> turns(windows(date(2023, 1, 1), date(2024, 12, 31), 6))
    (0, 1, 2)
    """
    later = enumerate(pairwise(spans))
    return tuple(place for place, (one, other) in later if other.first == one.last + timedelta(days=1))


def trailing(last: date, months: int) -> Window:
    """The span of that many months up to a day.

    >>> trailing(date(2023, 12, 31), 6).first
    datetime.date(2023, 7, 1)
    """
    from calendar import monthrange

    number = last.year * 12 + last.month - 1 - months
    year, month = number // 12, number % 12 + 1
    start = date(year, month, min(last.day, monthrange(year, month)[1])) + timedelta(days=1)
    return Window(f"{months} months to {last:%Y-%m-%d}", start, last)


def _label(start: date, months: int) -> str:
    part = {12: "", 6: f" H{(start.month - 1) // 6 + 1}", 3: f" Q{(start.month - 1) // 3 + 1}"}[months]
    return f"{start.year}{part}"


def with_online(days: ir.Table, orders: ir.Table, online: Sequence[str]) -> ir.Table:
    """The customer days with their orders through an online channel, where orders have a channel.

    Args:
        days: `customer_days`.
        orders: `orders`.
        online: Names of the online channels.
    """
    if "channel" not in orders.columns:
        return days
    names = [name.casefold() for name in online]
    sales = orders.filter(orders.is_sale)
    is_online = sales.channel.lower().isin(names).fill_null(False).cast("int64")
    counts = sales.mutate(online=is_online).group_by(online_key=sales.customer_key, online_day=sales.ordered_at.date())
    counts = counts.aggregate(online_order_count=lambda t: t.online.sum())
    joined = days.left_join(counts, (days.customer_key == counts.online_key) & (days.day == counts.online_day))
    return joined.drop("online_key", "online_day")


def behaviour(days: ir.Table, customers: ir.Table, spans: Sequence[Window]) -> ir.Table:
    """One row per customer and window with an order, with the features of the customer view counted within it.

    Args:
        days: `customer_days`.
        customers: `customer_key`, `customer_id` and `first_ordered_on`.
        spans: The windows; they do not overlap.

    Returns:
        `customer_key`, `own_id` (the user's), `customer_id` (unique: id and window), `window` (its place), the
        features, `tenure_days` at the window's end and `previous_order_count` (orders in the window before, null
        where that window is not among the spans).
    """
    import ibis

    inside_of = [(days.day >= one.first) & (days.day <= one.last) for one in spans]
    place = ibis.cases(*[(inside, ibis.literal(number, "int64")) for number, inside in enumerate(inside_of)])
    last = ibis.cases(*[(days.day <= one.last, ibis.literal(one.last, "date")) for one in spans])
    inside = days.mutate(window=place, window_last=last).filter(lambda t: t.window.notnull())
    have = set(days.columns)
    sums = {
        f"sum_{name}": inside[name].cast("float64").sum().round(DECIMALS) for name in (*_SUMS, *_COUNTS) if name in have
    }
    rows = inside.group_by("customer_key", "window", "window_last").aggregate(
        last_day=inside.day.max(), first_day=inside.day.min(),
        weekend=time.is_weekend(inside.day).ifelse(inside.order_count, 0).cast("float64").sum(), **sums,
    )  # fmt: skip
    known = customers.select("customer_key", "customer_id", "first_ordered_on")
    rows = rows.join(known, "customer_key")
    rows = rows.select(
        customer_key=rows.customer_key, own_id=rows.customer_id,
        customer_id=rows.customer_id.cast("string") + " " + rows.window.cast("string"), window=rows.window,
        order_count=rows.sum_order_count.cast("int64"),
        recency_days=time.days_between(rows.last_day, rows.window_last),
        tenure_days=time.days_between(rows.first_ordered_on, rows.window_last),
        first_ordered_on=rows.first_ordered_on, **_ratios(rows),
    )  # fmt: skip
    before = rows.select(
        customer_key=rows.customer_key, window=(rows.window + 1).cast("int64"), previous_order_count=rows.order_count
    )
    rows = rows.left_join(before, ["customer_key", "window"]).drop("customer_key_right", "window_right")
    is_known = rows.window.isin([place + 1 for place in turns(spans)])
    known_count = rows.previous_order_count.fill_null(0)
    return rows.mutate(previous_order_count=ibis.ifelse(is_known, known_count, ibis.null("int64")))


def standing(days: ir.Table, customers: ir.Table, spans: Sequence[Window]) -> ir.Table:
    """One row per customer and window from that of the first order on, with the whole history up to the window's end.

    Args:
        days: `customer_days`.
        customers: `customer_key`, `customer_id` and `first_ordered_on`.
        spans: The windows.

    Returns:
        `customer_key`, `own_id` (the user's), `customer_id` (unique: id and window), `window` (its place),
        `first_ordered_on`, the features of coming and going as the customer view has them, and `revenue_total`, which
        is that of the window alone.
    """
    import ibis

    has_money = "revenue" in days.columns
    known = customers.select("customer_key", "customer_id", "first_ordered_on")
    parts = []
    for number, one in enumerate(spans):
        so_far = days.filter(days.day <= one.last)
        sums = {"orders": so_far.order_count.sum().cast("int64"), "last_day": so_far.day.max()}
        if has_money:
            money = so_far.revenue.cast("float64").fill_null(0.0)
            sums |= {
                "money": money.sum().round(DECIMALS),
                "money_inside": ibis.ifelse(so_far.day >= one.first, money, 0.0).sum().round(DECIMALS),
            }
        rows = so_far.group_by("customer_key").aggregate(**sums).join(known, "customer_key")
        end = ibis.literal(one.last, "date")
        found = {"revenue_total": rows.money_inside} if has_money else {}
        if has_money:
            found["revenue_per_order"] = rows.money / rows.orders.cast("float64").nullif(0.0)
        rows = rows.filter(rows.orders > 0).select(
            customer_key=rows.customer_key, own_id=rows.customer_id,
            customer_id=rows.customer_id.cast("string") + f" {number}", window=ibis.literal(number, "int64"),
            order_count=rows.orders, recency_days=time.days_between(rows.last_day, end),
            active_days=time.days_between(rows.first_ordered_on, rows.last_day),
            tenure_days=time.days_between(rows.first_ordered_on, end), first_ordered_on=rows.first_ordered_on, **found,
        )  # fmt: skip
        parts.append(rows)
    return ibis.union(*parts)


def _ratios(rows: ir.Table) -> dict[str, ir.Value]:
    ratios = {
        "revenue_per_order": ("sum_revenue", "sum_order_count"),
        "items_per_order": ("sum_quantity", "sum_order_count"),
        "revenue_per_item": ("sum_revenue", "sum_quantity"),
        "discount_share": ("sum_discount", "sum_list_amount"),
        "campaign_share": ("sum_campaign_order_count", "sum_order_count"),
        "weekend_share": ("weekend", "sum_order_count"),
        "evening_share": ("sum_evening_order_count", "sum_order_count"),
        "online_share": ("sum_online_order_count", "sum_order_count"),
    }
    have = set(rows.columns)
    found = {name: rows[one] / rows[other].nullif(0.0) for name, (one, other) in ratios.items() if {one, other} <= have}
    return found | ({"revenue_total": rows.sum_revenue} if "sum_revenue" in have else {})


def moves(assigned: ir.Table, spans: Sequence[Window]) -> ir.Table:
    """One row per customer and turn from one window to the next: `turn`, `source`, `target`, orders and money of both.

    Args:
        assigned: Rows of `behaviour` with `segment`.
        spans: The windows.
    """
    import ibis

    has_money = "revenue_total" in assigned.columns
    money = assigned.revenue_total.cast("float64") if has_money else ibis.literal(0.0)
    now = assigned.select(
        "customer_key", "own_id", "window", "segment", "first_ordered_on", "order_count", money=money.fill_null(0.0)
    )
    later = now.select(
        later_key=now.customer_key, later_window=(now.window - 1).cast("int64"), later=now.segment,
        later_money=now.money, later_orders=now.order_count,
    )  # fmt: skip
    stayed = now.filter(now.window < len(spans) - 1)
    stayed = stayed.left_join(
        later, (stayed.customer_key == later.later_key) & (stayed.window == later.later_window)
    )  # fmt: skip
    stayed = stayed.select(
        customer_key=stayed.customer_key, own_id=stayed.own_id, turn=stayed.window.cast("int64"), source=stayed.segment,
        target=stayed.later.fill_null(SILENT), money_before=stayed.money, money_after=stayed.later_money.fill_null(0.0),
        orders_before=stayed.order_count, orders_after=stayed.later_orders.fill_null(0),
    )  # fmt: skip
    before = now.select(before_key=now.customer_key, before_window=(now.window + 1).cast("int64"))
    came = now.filter(now.window > 0)
    came = came.anti_join(before, (came.customer_key == before.before_key) & (came.window == before.before_window))
    starts = ibis.cases(*[(came.window == number, ibis.literal(one.first, "date")) for number, one in enumerate(spans)])
    came = came.select(
        customer_key=came.customer_key, own_id=came.own_id, turn=(came.window - 1).cast("int64"),
        source=ibis.ifelse(came.first_ordered_on >= starts, NEW, BACK), target=came.segment,
        money_before=ibis.literal(0.0), money_after=came.money, orders_before=ibis.literal(0, "int64"),
        orders_after=came.order_count,
    )  # fmt: skip
    every = ibis.union(stayed, came)
    return every.filter(every.turn.isin(turns(spans)))


def counted(moved: ir.Table) -> ir.Table:
    """Customers and money of each move in each turn."""
    counts = moved.group_by("turn", "source", "target").aggregate(
        customers=moved.count().cast("int64"),
        money_before=moved.money_before.sum().round(DECIMALS),
        money_after=moved.money_after.sum().round(DECIMALS),
    )
    return counts.order_by("turn", "source", "target")
