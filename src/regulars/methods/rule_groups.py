"""Rules by segment, store and season: how sure a rule is in each group, and whether a group differs beyond chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regulars.measures import dimensions as dims
from regulars.measures import items
from regulars.measures.basket_tables import groups_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Table
    from regulars.measures.dimensions import Dimension

SEASON = dims.Dimension(
    "season", "quarter of the year", "order", ("ordered_at",),
    lambda rows: rows.ordered_at.quarter().cast("string"), ("1", "2", "3", "4"),
)  # fmt: skip
"""The quarter in which it was bought, "1" to "4"."""
_NAMES = ("segment", "rfm_segment", "store", "channel")
_MOST_GROUPS = 12
_MOST_ROWS = 100_000
_FALSE_DISCOVERIES = 0.05


def dimensions_of(data: Dataset) -> tuple[Dimension, ...]:
    """The dimensions that rules are told by, of those that the data have."""
    found = [one for one in dims.available(data, "customer", "order") if one.name in _NAMES]
    if any(one.name == "segment" for one in found):
        found = [one for one in found if one.name != "rfm_segment"]
    return (*found, SEASON) if "ordered_at" in data.orders.columns else tuple(found)


def rules_by_group(data: Dataset, laid_out: ir.Table, rules: ir.Table, names: Sequence[str]) -> Table | None:
    """The rules by every dimension there is, corrected for everything compared; None where there is none.

    Args:
        data: Gives the labels.
        laid_out: As `measures.items.baskets` gives.
        rules: `rule` (its number), `antecedent` and `consequent`.
        names: How each rule is written, by its number.
    """
    import numpy as np

    from regulars.models import intervals

    flagged = data.persist(items.rule_rows(laid_out, rules), "baskets__rule_rows")
    found: list[dict[str, Any]] = []
    queries = []
    for dimension in dimensions_of(data):
        query = _query(data, flagged, dimension)
        rows = data.collect(query, _MOST_ROWS).to_pylist()
        queries.append(query)
        found += _folded(rows, dimension)
    if not found:
        return None
    both, orders = (np.array([row[name] for row in found], dtype=float) for name in ("both", "orders"))
    all_both, all_orders = (np.array([row[f"all_{name}"] for row in found], dtype=float) for name in ("both", "orders"))
    enough = orders >= data.min_customers
    low, high = intervals.share_interval(both, orders)
    p = intervals.share_difference_p_value(both, orders, all_both - both, all_orders - orders)
    judged = enough & (all_orders - orders >= data.min_customers)
    adjusted = np.full(len(found), np.nan)
    adjusted[judged] = intervals.adjusted_p_values(p[judged])
    rest = (all_both - both) / np.where(all_orders > orders, all_orders - orders, np.nan)
    sign = np.where(adjusted < _FALSE_DISCOVERIES, np.sign(both / orders - rest), np.where(judged, 0.0, np.nan))
    for place, row in enumerate(found):
        row["rule"] = names[row["rule"]]
        values = {"share": both[place] / orders[place], "low": low[place], "high": high[place]}
        row.update(values if enough[place] else dict.fromkeys(values, np.nan))
        row["differs"] = sign[place]
    note = (
        f"{int(judged.sum()):,} differences from the rest were judged; those marked keep the share of false ones under "
        f"{100 * _FALSE_DISCOVERIES:g} %. Under {data.min_customers} orders no figure is told."
    )
    return groups_table(found, tuple(queries), note)


def _query(data: Dataset, flagged: ir.Table, dimension: Dimension) -> ir.Table:
    rows = flagged
    if dimension.grain == "order":
        orders = data.orders
        needs = [need.rpartition(".")[2] for need in dimension.needs]
        kept = orders.select(_order=orders.order_id, **{need: orders[need] for need in needs})
        rows = flagged.inner_join(kept, flagged.order_id == kept._order).drop("_order")
        rows = rows.mutate(group=dimension.label(rows).cast("string").nullif("").fill_null(dims.UNKNOWN))
    else:
        rows = dims.labelled(data, rows, dimension)
    return rows.group_by("rule", "group").aggregate(
        orders=rows.count().cast("int64"), both=rows.has_both.sum().cast("int64")
    )


def _folded(rows: list[dict[str, Any]], dimension: Dimension) -> list[dict[str, Any]]:
    """The groups with the most orders, in their natural order, rule by rule; what is left over is added up."""
    sizes: dict[str, int] = {}
    for row in rows:
        sizes[row["group"]] = sizes.get(row["group"], 0) + row["orders"]
    places = {label: place for place, label in enumerate(dimension.order)}
    largest = sorted(sizes, key=lambda group: (-sizes[group], group))[:_MOST_GROUPS]
    order = {
        group: place
        for place, group in enumerate(sorted(largest, key=lambda one: (places.get(one, 99), -sizes[one], one)))
    }
    merged: dict[tuple[int, str], dict[str, Any]] = {}
    for row in rows:
        group = row["group"] if row["group"] in order else "all others"
        entry = merged.setdefault(
            (row["rule"], group),
            {"rule": row["rule"], "dimension": dimension.title, "group": group, "orders": 0, "both": 0},
        )
        entry["orders"] += row["orders"]
        entry["both"] += row["both"]
    found = [merged[key] for key in sorted(merged, key=lambda key: (key[0], order.get(key[1], 99), key[1]))]
    for row in found:
        same = [one for one in found if one["rule"] == row["rule"]]
        row["all_orders"], row["all_both"] = sum(one["orders"] for one in same), sum(one["both"] for one in same)
    return found
