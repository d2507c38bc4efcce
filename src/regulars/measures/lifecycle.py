"""The lifecycle of customers as sums: who is new, comes back, wakes up or sleeps, month by month.

A customer's months fit into one integer, a bit each, so that every state and every flow between two months is a
question about bits. Customers with the same months are counted once and asked together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regulars.measures import periods, sampling, time

if TYPE_CHECKING:
    import ibis.expr.types as ir

MOST_MONTHS = 62
"""So many months fit into a signed 64-bit integer with a bit to spare."""


@dataclass(frozen=True)
class Months:
    """The months that are looked at.

    Args:
        origin: Number of the first month (`periods.number_of`).
        numbers: The months with sales from there on, at most 62 months after the origin; the others are skipped, so
            that a closed month makes nobody dormant.
        patience: So many months with sales without an order make a customer dormant.
    """

    origin: int
    numbers: tuple[int, ...]
    patience: int


def masks(customer_days: ir.Table, months: Months) -> ir.Table:
    """One row per combination of `cohort` (month of the first order) and `mask`: `customers`.

    Bit k of the mask stands for a sale in the month origin + k; sales before the origin have no bit.
    """
    import ibis

    days = customer_days.select("customer_key", number=periods.number(customer_days.day, "month"))
    place = days.number - months.origin
    one = ibis.literal(1, "int8").cast("int64")
    shift = ibis.ifelse(place >= 0, place, 0).cast("int32")
    bit = ibis.ifelse(place >= 0, (one << shift).cast("int64"), ibis.literal(0, "int64"))
    days = days.mutate(bit=bit)
    return counted(days.group_by("customer_key").aggregate(cohort=days.number.min(), mask=days.bit.bit_or()))


def counted(month_masks: ir.Table) -> ir.Table:
    """The customers of each combination of `cohort` and `mask`, from one row per customer."""
    return month_masks.group_by("cohort", "mask").aggregate(customers=month_masks.count())


def last_months(customers: ir.Table) -> ir.Table:
    """One row per month of a last order: `number`, `customers`, and what they brought so far as `revenue`."""
    buyers = customers.filter(customers.last_ordered_on.notnull())
    money = {"revenue": buyers.revenue_total.sum().round(4)} if "revenue_total" in buyers.columns else {}
    return buyers.group_by(number=periods.number(buyers.last_ordered_on, "month")).aggregate(
        customers=buyers.count(), **money
    )


# -- from one purchase to the next ---------------------------------------------------------------------


def second_visits(customers: ir.Table, customer_days: ir.Table) -> ir.Table:
    """One row per number of days since the first order: `events` (a second day with an order), `censored` (none yet).

    The second day of a customer with two is the last one; only of those with more are the days themselves read.
    """
    buyers = customers.filter(customers.visit_day_count > 0)
    few = buyers.filter(buyers.visit_day_count <= 2)
    single = few.visit_day_count == 1
    told = few.select(days=single.ifelse(few.tenure_days, few.active_days), event=(~single).cast("int64"))
    many = buyers.filter(buyers.visit_day_count > 2).select("customer_key", "first_ordered_on")
    later = customer_days.select("customer_key", "day").join(many, "customer_key")
    later = later.filter(later.day > later.first_ordered_on)
    seconds = later.group_by("customer_key", "first_ordered_on").aggregate(second=later.day.min())
    counted = seconds.select(days=time.days_between(seconds.first_ordered_on, seconds.second), event=1)
    both = told.union(counted.mutate(event=counted.event.cast("int64")))
    return both.group_by("days").aggregate(
        events=both.event.sum().cast("int64"), censored=(1 - both.event).sum().cast("int64")
    )


def gaps(customers: ir.Table, customer_days: ir.Table, share: float) -> ir.Table:
    """One row per number of days between two visits in a row: `gap_days` and `visits`.

    Args:
        customers: The customer view.
        customer_days: The days with a sale.
        share: Share of the repeat customers that are read, chosen by a hash of their own id; 1 reads all.
    """
    import ibis

    repeat = customers.filter(customers.visit_day_count >= 2)
    if share < 1:
        repeat = sampling.sample(repeat, share)
    days = customer_days.select("customer_key", "day").join(repeat.select("customer_key"), "customer_key")
    before = days.day.lag().over(ibis.window(group_by=days.customer_key, order_by=days.day))
    pairs = days.mutate(before=before)
    pairs = pairs.filter(pairs.before.notnull())
    pairs = pairs.select(gap_days=time.days_between(pairs.before, pairs.day))
    return pairs.group_by("gap_days").aggregate(visits=pairs.count())


def dormant_since(number: int, months: Months) -> int:
    """The last month of an order that makes a customer dormant at the end of a month.

    >>> dormant_since(104, Months(100, (100, 101, 103, 104), patience=3))
    100
    """
    known = [one for one in months.numbers if one <= number]
    return (known[-months.patience] if len(known) >= months.patience else known[0]) - 1
