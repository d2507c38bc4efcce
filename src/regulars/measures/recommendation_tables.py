"""The tables of the recommendations: how the methods did, what goes to whom, what sells, and the map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regulars.measures.tables import Columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

    from regulars.core.result import Table
    from regulars.core.units import Unit

NEW, AGAIN = "first purchases", "repeat purchases"
"""The two kinds of offer."""
_WRITTEN = 12
"""Items of the map that are written beside their dots, unless several have as many customers."""


def judged_table(rows: Sequence[dict[str, Any]], source: tuple[ir.Table, ...], note: str) -> Table:
    """One row per kind of offer and method; `rows` as the analysis judged them."""
    columns = Columns()

    def add(name: str, unit: Any, meaning: str, title: str = "") -> None:
        columns.add(name, [row.get(name) for row in rows], unit, meaning, title)

    add("kind", "text", "First purchases of an item, or repeat purchases.")
    add("method", "text", "")
    add("is_used", "", "", "used")
    add("customers", "customers", "Customers who bought such an item in the test period.")
    for name, meaning in (
        ("recall", "Of the items they bought, the share among ten offers."),
        ("ndcg", "The same with early places counting more, beside the best order."),
    ):
        unit: Unit = "share" if name == "recall" else "score"
        add(name, unit, meaning, "nDCG@10" if name == "ndcg" else "share found among ten")
        columns.add_interval(
            name, [row.get(f"{name}_low") for row in rows], [row.get(f"{name}_high") for row in rows], unit
        )
    add("hit_share", "share", "Customers who bought at least one of the ten.")
    add("beside_simple", "text", "nDCG beside the simplest rule, on the same customers.")
    add("coverage", "share", "Items of the model that are offered to anyone.")
    add("popularity", "share", "Mean popularity of the offers as a percentile: near 100 %, only what sells.")
    return columns.table("judged", "How well offers met what was bought later", source=source, note=note)


def popular_table(what: str, rows: Sequence[dict[str, Any]], names: dict[str, str], source: ir.Table) -> Table:
    """What is offered to customers of whom nothing is known."""
    columns = Columns()
    columns.add("group", [row["group"] for row in rows], "text", what)
    columns.add("rank", [row["rank"] for row in rows], "", "1 is on most orders.")
    columns.add("product_id", [row["product_id"] for row in rows], "id")
    columns.add("item", [names.get(row["product_id"], row["product_id"]) for row in rows], "text")
    columns.add("orders", [row["orders"] for row in rows], "orders", "Orders with it in the last 60 days.")
    return columns.table(
        "popular", "What sells: offers for customers of whom nothing is known", source=(source,), dimensions=("group",)
    )


def neighbours_table(rows: Sequence[tuple[str, str, str, str, float]], source: tuple[ir.Table, ...]) -> Table:
    """Items beside the items that most of their customers also have."""
    columns = Columns()
    for place, (name, unit) in enumerate(
        (("product_id", "id"), ("item", "text"), ("neighbour_id", "id"), ("neighbour", "text"), ("similarity", "score"))
    ):
        columns.add(name, [row[place] for row in rows], unit)  # type: ignore[arg-type]
    return columns.table("neighbours", "Items and those nearest to them", source=source, is_shown=False)


def map_table(rows: Sequence[dict[str, Any]], source: tuple[ir.Table, ...]) -> Table:
    """Items and customers in one map; the items with the most customers are written beside their dots."""
    most = sorted((row["customers"] for row in rows if row["what"] == "item"), reverse=True)[:_WRITTEN]
    is_written = [row["what"] == "item" and bool(most) and row["customers"] >= most[-1] for row in rows]
    columns = Columns()
    columns.add("what", [row["what"] for row in rows], "text", "An item, or a customer at the middle of their items.")
    columns.add("name", [row["name"] for row in rows], "text")
    columns.add("customers", [row["customers"] for row in rows], "customers", "Customers who have the item.")
    columns.add("label", [row["name"] if told else None for row, told in zip(rows, is_written, strict=True)], "text")
    columns.add("x", [row["x"] for row in rows], "", "Place; only nearness has a meaning.")
    columns.add("y", [row["y"] for row in rows], "", "Place; only nearness has a meaning.")
    return columns.table("map", "Items with the same customers lie together", source=source, is_shown=False)
