"""Customers whose segment is certain, with all but a few of their orders left out: how often would they be misplaced?

Certain are those with many orders in several windows and the same segment in each. Of such a window the first n orders
in the order of a hash are kept, and its features are counted from them alone, as if the customer had bought n times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.measures import windows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

    from regulars.measures.windows import Window

LEVELS = 8
"""Numbers of orders, from 1, at which misplacement is looked at; who has more is taken as rightly placed."""
CERTAIN_ORDERS = 5
"""Orders in a window from which its segment counts as evidence of what kind of customer it is."""
CERTAIN_WINDOWS = 3
"""Such windows, all in the same segment, that make a customer a reference."""
_KEPT_SHARE = 0.5
"""At most so much of a window's orders is kept: what is left would otherwise be the window itself."""


def level(order_count: ir.Value) -> ir.Value:
    """The place of a number of orders among the levels, from 0; the last is that of all who have more."""
    import ibis

    return (ibis.least(order_count, LEVELS + 1) - 1).cast("int64")


def certain(assigned: ir.Table, spans: int) -> ir.Table:
    """Every window of the customers whose segment is certain: the rows, with `certain`, the segment.

    Args:
        assigned: Rows of `windows.behaviour` with `segment`.
        spans: How many windows there are.
    """
    solid = assigned.filter(assigned.order_count >= CERTAIN_ORDERS)
    kinds = solid.group_by(certain_key=solid.customer_key).aggregate(
        kinds=solid.segment.nunique(), windows=solid.count(), certain=solid.segment.max()
    )
    kinds = kinds.filter((kinds.kinds == 1) & (kinds.windows >= min(CERTAIN_WINDOWS, spans)))
    found = assigned.join(kinds, assigned.customer_key == kinds.certain_key)
    return found.select("customer_key", "own_id", "window", "certain", "order_count", "first_ordered_on")


def occurring(rows: ir.Table) -> ir.Table:
    """Windows of each segment (`certain`) with each number of orders up to the last level."""
    few = rows.filter(rows.order_count <= LEVELS)
    counts = few.group_by("certain", "order_count").aggregate(windows=few.count().cast("int64"))
    return counts.order_by("certain", "order_count")


def thinned(days: ir.Table, chosen: ir.Table, spans: Sequence[Window]) -> ir.Table:
    """The features of each chosen window from 1, 2 … of its orders, as `windows.behaviour` counts them.

    Args:
        days: `customer_days`.
        chosen: Rows of `certain` with many orders.
        spans: The windows.

    Returns:
        The rows of `behaviour`, with `certain`, the segment. Their `order_count` is the number of orders kept; where
        a day holds several orders some numbers are missing.
    """
    import ibis

    # each number is cast, not what is unnested: Spark takes no expression around that
    counts = ibis.array([ibis.literal(count, "int64") for count in range(1, LEVELS + 1)])
    tries = chosen.mutate(orders=counts.unnest())
    tries = tries.filter(tries.order_count * _KEPT_SHARE >= tries.orders)
    own, orders = tries.own_id.cast("string"), tries.orders.cast("string")
    tries = tries.select(
        tried_key=own + " " + orders + " " + tries.window.cast("string"), tried_id=own + " " + orders, own=own,
        chosen_key=tries.customer_key, chosen_window=tries.window, orders=tries.orders, certain=tries.certain,
        first_ordered_on=tries.first_ordered_on,
    )  # fmt: skip
    place = ibis.cases(
        *[((days.day >= one.first) & (days.day <= one.last), number) for number, one in enumerate(spans)]
    )
    inside = days.mutate(day_window=place.cast("int64")).filter(lambda t: t.day_window.notnull())
    rows = inside.join(tries, (inside.customer_key == tries.chosen_key) & (inside.day_window == tries.chosen_window))
    rows = rows.mutate(hashed=(rows.own + "|" + rows.day.cast("string")).hexdigest("md5"))
    earlier = ibis.cumulative_window(group_by="tried_key", order_by=["hashed", "day"])
    rows = rows.mutate(kept_so_far=rows.order_count.cast("int64").sum().over(earlier))
    rows = rows.filter(rows.kept_so_far <= rows.orders).mutate(customer_key=rows.tried_key)
    people = tries.select(
        customer_key=tries.tried_key, customer_id=tries.tried_id, first_ordered_on=tries.first_ordered_on
    )  # fmt: skip
    found = windows.behaviour(rows.select(*days.columns), people, spans)
    labels = tries.select("tried_key", "orders", "certain")
    found = found.join(labels, (found.customer_key == labels.tried_key) & (found.order_count == labels.orders))
    return found.drop("tried_key", "orders")
