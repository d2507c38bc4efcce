"""Contracts and memberships as sums: how many had run so long, and how many of them had ended.

A contract runs from `joined_on` to `left_on`; one without an end, or with an end in the future, still runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.measures import time

if TYPE_CHECKING:
    from datetime import date

    import ibis.expr.types as ir


def contracts(customers: ir.Table, as_of: date) -> ir.Table:
    """The customers whose contract had begun by `as_of`, with `days` it has run and whether it `has_ended`.

    Contracts that end before they begin are left out; a check tells them.
    """
    import ibis

    now = ibis.literal(as_of, "date")
    begun = customers.filter(customers.joined_on.notnull() & (customers.joined_on.cast("date") <= now))
    ended = (begun.left_on.notnull() & (begun.left_on.cast("date") <= now)).fill_null(False)
    last = ibis.ifelse(ended, begun.left_on.cast("date"), now)
    each = begun.mutate(days=time.days_between(begun.joined_on.cast("date"), last), has_ended=ended)
    return each.filter(each.days >= 0)


def counted(contracts: ir.Table) -> ir.Table:
    """One row per `group` and length in `days`: contracts that `ended` then, and that `run` so long by now."""
    each = contracts.group_by("group", "days").aggregate(
        ended=contracts.has_ended.cast("int64").sum().cast("int64"),
        running=(~contracts.has_ended).cast("int64").sum().cast("int64"),
    )
    return each.order_by("group", "days")
