"""The tables of the baskets: rules with their figures, the network, sizes of baskets, and rules by group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regulars.measures.tables import Columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis.expr.types as ir

    from regulars.core.result import Table
    from regulars.models.baskets import Rules

SIZE_BANDS = ((1, "1"), (2, "2"), (3, "3"), (5, "4–5"), (10, "6–10"), (20, "11–20"), (50, "21–50"))
"""Baskets of at most so many items, and what the band is called; beyond the last "over 50"."""


def words(rules: Rules, place: int, names: Mapping[int, str]) -> str:
    """A rule as it is written: what is there, an arrow, what then is there more often."""
    return f"{antecedent_words(rules, place, names)} → {names[int(rules.consequents[place])]}"


def antecedent_words(rules: Rules, place: int, names: Mapping[int, str]) -> str:
    """What must be there."""
    return " + ".join(names[item] for item in rules.antecedents[place])


def rules_table(
    rules: Rules, names: Mapping[int, str], ids: Mapping[int, str], item_value: Mapping[int, float],
    item_margin: Mapping[int, float], is_told: Any, name: str, title: str, **more: Any,
) -> Table:  # fmt: skip
    """One row per rule.

    Args:
        rules: In the order they are told.
        names: Name of every item key.
        ids: The user's own id of every item key.
        item_value: Mean revenue per order that holds the item; empty where there is no money.
        item_margin: The same less cost; empty where no cost is known.
        is_told: For every rule, whether it is beyond chance and says more than a shorter one.
        name: Name of the table.
        title: Title of the table.
        **more: Further arguments of the table.
    """
    import numpy as np

    places = range(len(rules))
    low, high = rules.confidence_interval()
    columns = Columns()
    columns.add("rule", [words(rules, place, names) for place in places], "text", "If → then more often.")
    columns.add("antecedent", [" + ".join(ids[i] for i in rules.antecedents[k]) for k in places], "text", "Item ids.")
    columns.add("consequent", [ids[int(one)] for one in rules.consequents], "text", "Item id.")
    columns.add("item_count", [len(one) + 1 for one in rules.antecedents], "items", "Items of the rule.")
    columns.add("orders", rules.counts, "orders", "Orders with all items of the rule.")
    columns.add("antecedent_orders", rules.antecedent_counts, "orders", "Orders with the antecedent.")
    columns.add("support", rules.support, "share", "Share of all orders with all items of the rule.")
    columns.add("confidence", rules.confidence, "share", "Of orders with the antecedent, those with the consequent.")
    columns.add_interval("confidence", low, high, "share")
    columns.add("usual_share", rules.consequent_counts / rules.basket_count, "share", "Consequent in all orders.")
    columns.add("extra_orders", np.round(rules.extra_baskets, 6), "orders", "Orders with both beyond chance.")
    if item_value:
        for column, worth, meaning in (
            ("extra_value", item_value, "revenue"), ("extra_margin", item_margin, "margin (revenue less cost)"),
        ):  # fmt: skip
            if worth:
                each = np.array([worth.get(int(one), 0.0) for one in rules.consequents])
                columns.add(
                    column, np.round(rules.extra_baskets * each, 4), "money",
                    f"Orders beyond chance × mean {meaning} of the consequent on an order.",
                )  # fmt: skip
        columns.add("revenue", rules.revenue, "money", "Revenue of the rule's items on the orders with all of them.")
    columns.add("lift", rules.lift, "ratio", "Confidence ÷ usual share.")
    columns.add("leverage", rules.leverage, "share", "Support less the support by chance.")
    columns.add("conviction", rules.conviction, "ratio", "How much less often the rule fails than by chance.")
    columns.add("zhang", rules.zhang, "score", "−1 never together, 0 by chance, 1 always together.")
    columns.add("p_value", rules.p_values, "score", "Fisher's exact test, corrected for all rules looked at.")
    columns.add("is_told", np.asarray(is_told, dtype=bool), "", "Beyond chance, and no shorter rule says the same.")
    return columns.table(name, title, **more)


def steps_table(found: int, beyond_chance: int, told: int, compared: int, source: tuple[ir.Table, ...]) -> Table:
    """How many rules were looked at, and how many were left after each step."""
    columns = Columns()
    columns.add(
        "step",
        [
            "looked at", "at the least support and confidence", "of those, beyond chance",
            "of those, no shorter rule says the same",
        ],
        "text",
    )  # fmt: skip
    columns.add("rules", [compared, found, beyond_chance, told], "count")
    return columns.table("steps", "From what could be to what is told", source=source)


def sizes_table(rows: Sequence[Mapping[str, Any]], source: ir.Table) -> Table:
    """Orders by how many different items they hold."""
    bands: dict[str, dict[str, float]] = {}
    for row in sorted(rows, key=lambda one: one["items"]):
        label = next((label for upper, label in SIZE_BANDS if row["items"] <= upper), "over 50")
        band = bands.setdefault(label, {"orders": 0, "revenue": 0.0})
        band["orders"] += row["orders"]
        band["revenue"] += row.get("revenue") or 0.0
    total = sum(band["orders"] for band in bands.values())
    columns = Columns()
    columns.add("items", list(bands), "text", "Different items on the order.")
    columns.add("orders", [int(band["orders"]) for band in bands.values()], "orders")
    columns.add("order_share", [band["orders"] / total for band in bands.values()], "share", "Of all orders.")
    if rows and "revenue" in rows[0]:
        columns.add("revenue", [round(band["revenue"], 4) for band in bands.values()], "money")
    return columns.table("sizes", "How many items an order holds", source=(source,), dimensions=("items",))


def network_table(
    nodes: Sequence[int], places: Any, links: Sequence[tuple[int, int, float]], names: Mapping[int, str],
    orders: Mapping[int, int], source: tuple[ir.Table, ...],
) -> Table:  # fmt: skip
    """Items and the links between them, with the coordinates a model computed.

    Args:
        nodes: Item keys.
        places: Coordinates of the nodes.
        links: Two node numbers and the orders beyond chance.
        names: Name of every item key.
        orders: Orders with each item.
        source: The queries behind it.
    """
    columns = Columns()
    none, blank = [None] * len(nodes), [None] * len(links)
    columns.add("item", [names[one] for one in nodes] + blank, "text", "The item; empty for a link.")
    columns.add("orders", [orders[one] for one in nodes] + [round(one[2]) for one in links], "orders",
                "Of an item: orders with it; of a link: orders with both beyond chance.")  # fmt: skip
    for name, axis in (("x", 0), ("y", 1)):
        ends = [float(places[one[0]][axis]) for one in links]
        columns.add(name, [float(place[axis]) for place in places] + ends, "", "Place in the picture.")
    for name, axis in (("x2", 0), ("y2", 1)):
        columns.add(name, none + [float(places[one[1]][axis]) for one in links], "", "Other end of a link.")
    return columns.table("network", "Items that share orders beyond chance", source=source, is_shown=False)


def groups_table(rows: Sequence[Mapping[str, Any]], source: tuple[ir.Table, ...], note: str) -> Table:
    """One row per rule, dimension and group."""
    columns = Columns()
    columns.add("rule", [row["rule"] for row in rows], "text")
    columns.add("dimension", [row["dimension"] for row in rows], "name")
    columns.add("group", [row["group"] for row in rows], "text")
    columns.add("orders", [row["orders"] for row in rows], "orders", "Orders with the antecedent.")
    columns.add("both", [row["both"] for row in rows], "orders", "Of those, with the consequent too.")
    columns.add("confidence", [row["share"] for row in rows], "share", "Both ÷ orders with the antecedent.")
    columns.add_interval("confidence", [row["low"] for row in rows], [row["high"] for row in rows], "share")
    columns.add("differs", [row["differs"] for row in rows], "",
                "Against all other groups together: 1 above, −1 below, 0 not beyond chance.")  # fmt: skip
    return columns.table(
        "by_group", "The top rules by segment, store and season", source=source, dimensions=("dimension", "group"),
        measures=("orders", "both"), note=note,
    )  # fmt: skip
