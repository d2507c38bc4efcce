"""A contact plan as expressions: who may be contacted, what a contact should bring, whom it reaches, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from regulars.measures import sampling
from regulars.measures.money import DECIMALS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

WIN_BACK, SECOND, LOYAL, OTHER = "win back", "second purchase", "reward the loyal", "best contact"
PLANS = (WIN_BACK, SECOND, LOYAL, OTHER)
PURPOSE = "campaign plan"
"""The hold-out group is drawn by the customers' own ids under this word, the same on every engine and in every run."""
_SNAP_DAYS = 10
_GAIN_DECIMALS = 9
"""Finer than money, since a fit's last digits must not decide which way a gain is rounded; equal ones stay equal."""
_LEAST_PROBABILITY = 0.01
_GAPS = 3.0
"""Silence of so many own gaps counts as long, where no model tells."""


@dataclass(frozen=True)
class Costs:
    """What a contact costs and what an answer is worth.

    Args:
        contact: Cost of one contact.
        margin: Share of revenue that is profit.
        responses: Share who answer, by plan: assumed, where no experiment tells.
    """

    contact: float
    margin: float
    responses: dict[str, float]


@dataclass(frozen=True)
class Occasion:
    """A day ahead that contacts are timed to."""

    name: str
    day: date


def allowed(
    view: ir.Table, contacts: ir.Table | None, as_of: date, rest_days: int, excluding: Sequence[str]
) -> ir.Table:
    """The customers who may be contacted: contactable, not excluded, and left in peace for long enough.

    Args:
        view: The customer view.
        contacts: The contacts so far, with `sent_at`; None where that is not known.
        as_of: Today.
        rest_days: Who was contacted within so many days is left out; 0 for nobody.
        excluding: Columns of the view that keep a customer out where they are true.
    """
    import ibis

    rows = view
    if "contactable" in view.columns:
        rows = rows.filter(rows.contactable.fill_null(True))
    for name in excluding:
        rows = rows.filter(~rows[name].cast("boolean").fill_null(False))
    if contacts is not None and rest_days > 0:
        since = ibis.literal(as_of - timedelta(days=rest_days), "date")
        until = ibis.literal(as_of, "date")
        sent = contacts.sent_at.date()
        recent = contacts.filter((sent > since) & (sent <= until)).select("customer_id").distinct()
        rows = rows.anti_join(recent, "customer_id")
    return rows


def with_plan(rows: ir.Table) -> ir.Table:
    """The customers with `plan`: the ready-made plan that fits, else "best contact".

    Win back: bought on two days or more and silent for longer than their limit. Second purchase: bought on one day.
    Reward the loyal: bought on three days or more, and in rhythm.
    """
    import ibis

    columns = set(rows.columns)
    if not {"visit_day_count", "recency_days"} <= columns:
        return rows.mutate(plan=ibis.literal(OTHER))
    limit = ibis.null("float64")
    if "mean_gap_days" in columns:
        limit = _GAPS * rows.mean_gap_days.cast("float64")
    if "silence_limit_days" in columns:
        limit = rows.silence_limit_days.cast("float64").fill_null(limit)
    silence = rows.recency_days.cast("float64")
    plan = ibis.cases(
        ((rows.visit_day_count >= 2) & (silence > limit), WIN_BACK),
        (rows.visit_day_count == 1, SECOND),
        ((rows.visit_day_count >= 3) & (silence <= limit), LOYAL),
        else_=OTHER,
    )
    return rows.mutate(plan=plan)


def with_profit(rows: ir.Table, costs: Costs, uplift: str, best: str) -> ir.Table:
    """The customers with `gain` (before cost), `profit` (after it) and `offer`.

    Args:
        rows: Customers with `plan`.
        costs: Costs and assumed responses.
        uplift: Column with what the best contact adds in money; "" where no experiment tells, so that the assumed share
            of answers counts: one more order of usual size, or for a win-back the value of the customer kept.
        best: Column with the best contact; "" where there is none.
    """
    import ibis

    if uplift:
        gain = costs.margin * rows[uplift].cast("float64").fill_null(0.0)
    else:
        order = ibis.literal(0.0)
        if "revenue_per_order" in rows.columns:
            order = rows.revenue_per_order.cast("float64").fill_null(0.0).clip(lower=0.0) * costs.margin
        back = order
        if {"expected_value", "active_probability"} <= set(rows.columns):
            chance = rows.active_probability.cast("float64")
            kept = ibis.ifelse(
                chance >= _LEAST_PROBABILITY,
                rows.expected_value.cast("float64") / chance.nullif(0.0) * (1 - chance),
                ibis.null("float64"),
            )
            back = ibis.greatest(kept.fill_null(0.0), order)
        share = ibis.cases(*((rows.plan == name, value) for name, value in costs.responses.items()), else_=0.0)
        gain = share * ibis.ifelse(rows.plan == WIN_BACK, back, order)
    offer = rows[best].fill_null("") if best else rows.plan
    rows = rows.mutate(gain=gain.round(_GAIN_DECIMALS), offer=offer)
    return rows.mutate(profit=(rows.gain - costs.contact).round(_GAIN_DECIMALS))


def with_time(
    rows: ir.Table, as_of: date, occasions: Sequence[Occasion], lead_days: int, horizon_days: int
) -> ir.Table:
    """The customers with `send_on` and `occasion`.

    A contact goes out some days before the customer's next visit is due by their own rhythm; where an occasion lies
    near, some days before that; at the soonest tomorrow, at the latest at the end of the horizon.
    """
    import ibis

    today = ibis.literal(datetime.combine(as_of, time()), "timestamp")
    ahead = ibis.literal(1, "int64")
    if {"mean_gap_days", "recency_days"} <= set(rows.columns):
        due = (rows.mean_gap_days.cast("float64") - rows.recency_days.cast("float64")).floor() - lead_days
        ahead = due.fill_null(1.0).clip(lower=1.0, upper=float(horizon_days)).cast("int64")
    days = [max((one.day - as_of).days - lead_days, 1) for one in occasions]
    near = [((ahead - day).abs() <= _SNAP_DAYS, day, one.name) for one, day in zip(occasions, days, strict=True)]
    rows = rows.mutate(ahead=ahead)
    if near:
        rows = rows.mutate(
            ahead=ibis.cases(*((who, ibis.literal(day, "int64")) for who, day, _ in near), else_=ahead),
            occasion=ibis.cases(*((who, name) for who, _, name in near), else_="own rhythm"),
        )
    else:
        rows = rows.mutate(occasion=ibis.literal("own rhythm"))
    return rows.mutate(send_on=(today + rows.ahead.as_interval("D")).date()).drop("ahead")


def paying(rows: ir.Table, holdout_share: float) -> ir.Table:
    """Those whom a contact should pay for, with `is_held_out` and their `place`: 0 for the most profitable."""
    import ibis

    worth = rows.filter(rows.profit > 0)
    worth = worth.mutate(is_held_out=sampling.is_drawn(worth, holdout_share, PURPOSE))
    order = [worth.profit.desc(), worth.customer_id]
    place = ibis.row_number().over(ibis.window(group_by=worth.is_held_out, order_by=order)).cast("int64")
    return worth.mutate(place=place)


def within(rows: ir.Table, most: int) -> ir.Table:
    """So many contacts, the most profitable first, and the hold-out group drawn among customers like them.

    Args:
        rows: As `paying` gives them.
        most: Contacts that the budget allows.
    """
    contacted = rows.filter(~rows.is_held_out & (rows.place < most))
    least = contacted.aggregate(least=contacted.profit.min())
    held = rows.filter(rows.is_held_out).cross_join(least).filter(lambda t: t.profit >= t.least).drop("least")
    return contacted.union(held.select(*contacted.columns))


def by_plan(rows: ir.Table, contact_cost: float) -> ir.Table:
    """One row per plan and offer: customers contacted and held out, cost, gain and profit of those contacted."""
    sent = ~rows.is_held_out
    return (
        rows.group_by("plan", "offer")
        .aggregate(
            contacted=rows.count(where=sent).cast("int64"),
            held_out=rows.count(where=rows.is_held_out).cast("int64"),
            cost=(rows.count(where=sent).cast("float64") * contact_cost).round(DECIMALS),
            gain=sent.ifelse(rows.gain, 0.0).sum().round(DECIMALS),
            profit=sent.ifelse(rows.profit, 0.0).sum().round(DECIMALS),
        )
        .order_by("plan", "offer")
    )


def by_depth(rows: ir.Table, steps: Sequence[int]) -> ir.Table:
    """One row with the expected profit of so many contacts each, the most profitable first: `profit_i`."""
    free = rows.filter(~rows.is_held_out)
    return free.aggregate(
        **{
            f"profit_{place}": (free.place < most).ifelse(free.profit, 0.0).sum().fill_null(0.0).round(DECIMALS)
            for place, most in enumerate(steps)
        },
        paying=free.count().cast("int64"),
    )


def rival(rows: ir.Table, value: str, most: int, holdout_share: float) -> ir.Table:
    """What as many contacts bring where the largest of another column come first; by lot where `value` is "".

    Args:
        rows: Customers with `profit`; those who are held out cannot be reached by this rule either.
        value: The column.
        most: Contacts.
        holdout_share: As `paying` has it.
    """
    import ibis

    rows = rows.filter(~sampling.is_drawn(rows, holdout_share, PURPOSE))
    digest = rows.customer_id.cast("string").concat("|lot").hexdigest("md5")
    order = [rows[value].cast("float64").fill_null(0.0).desc(), rows.customer_id] if value else [digest]
    placed = rows.mutate(_place=ibis.row_number().over(order_by=order).cast("int64"))
    taken = placed.filter(placed._place < most)
    return taken.aggregate(profit=taken.profit.sum().fill_null(0.0).round(DECIMALS))
