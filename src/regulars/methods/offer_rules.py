"""Rules of the business that the data give nothing to obey by: told, since the offers look as if they were kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.core.result import Caveat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from regulars.core.dataset import Dataset
    from regulars.methods.recommender import Recommender


def unmet(data: Dataset, recommender: Recommender) -> list[Caveat]:
    """What is set and cannot be obeyed, each with the table and the column that it lacks.

    Without a stock column, what nobody bought lately counts as out of stock: no warning, a note.

    Args:
        data: Has the lines and the products.
        recommender: With its rules, prices and categories.
    """
    import numpy as np

    rules, has_price = recommender.rules, bool(np.isfinite(recommender.prices).any())
    by_column = f"an item is a {recommender.item} here, and this is known of products only"
    found = []
    if rules.margin_weight and not has_price:
        found.append(_warning("margin_weight", "no price is known", "lines", ("paid", "amount", "unit_price")))
    elif rules.margin_weight and recommender.item != "product_id":
        found.append(_warning("margin_weight", by_column, "products", ("cost",)))
    elif rules.margin_weight and not _has_values(data, "cost"):
        found.append(_warning("margin_weight", "no cost is known", "products", ("cost",)))
    if rules.price_range and not has_price:
        found.append(_warning("price_range", "no price is known", "lines", ("paid", "amount", "unit_price")))
    if rules.one_per_category and not (recommender.categories >= 0).any():
        lacks = "no category is known" if recommender.item == "product_id" else by_column
        found.append(_warning("one_per_category", lacks, "products", ("category",)))
    products = data.tables.get("products")
    if rules.in_stock and (products is None or "in_stock" not in products.columns or recommender.item != "product_id"):
        found.append(
            Caveat(
                "What is in stock is not known (table products, column in_stock): items that nobody bought in the last "
                "60 days count as out of stock."
            )
        )
    return found


def _warning(setting: str, lacks: str, table: str, columns: Sequence[str]) -> Caveat:
    where = f"table {table}, column {' or '.join(columns)}"
    return Caveat(f"[recommendations] {setting} is set and not obeyed: {lacks} ({where}).", "warning")


def _has_values(data: Dataset, column: str) -> bool:
    products = data.tables.get("products")
    if products is None or column not in products.columns:
        return False
    return bool(data.collect(products[column].count(), 1)[0][0].as_py())
