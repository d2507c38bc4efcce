"""Who is in the customer view, and what stands beside whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from regulars import pipeline
from regulars.engine import kept_tables

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = """
[dataset]
name = "Shop"
currency = "EUR"
[tables.lines]
source = "lines.csv"
columns = { order_id = "id", customer_id = "who", ordered_at = "at", amount = "amount", product_id = "what", store_id = "where" }
[tables.customers]
source = "customers.csv"
columns = { customer_id = "who", city = "city" }
[tables.products]
source = "products.csv"
columns = { product_id = "what", category = "kind" }
"""  # noqa: E501
LINES = """id,who,at,amount,what,where
1,ann,2024-01-05,10,tea,north
1,ann,2024-01-05,5,jam,north
2,ann,2024-03-05,7,tea,south
3,bob,2024-02-01,4,jam,north
"""
CUSTOMERS = """who,city,category_count,store_count
ann,Ulm,70,71
cid,Bonn,80,81
"""


@pytest.mark.parametrize("share_in_memory", [0, 1])
def test_whoever_bought_or_has_a_profile_is_one_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share_in_memory: float
) -> None:
    monkeypatch.setattr(kept_tables, "SHARE_IN_MEMORY", share_in_memory)
    for name, text in (
        ("regulars.toml", SETTINGS), ("lines.csv", LINES), ("customers.csv", CUSTOMERS),
        ("products.csv", "what,kind\ntea,drinks\njam,spreads\n"),
    ):  # fmt: skip
        (tmp_path / name).write_text(text, encoding="utf-8")
    data = pipeline.load(tmp_path / "regulars.toml")
    view = data.customers.select(
        "customer_id", "order_count", "revenue_total", "store_count", "category_count", "city", "recency_days"
    ).order_by("customer_id")
    rows = [tuple(row.values()) for row in data.collect(view).to_pylist()]
    kept = data.engine.backend.list_tables()
    data.engine.close()
    # the traits named like computed features are not taken for them, not even where nothing is computed
    assert rows == [
        ("ann", 2, 22.0, 2, 2, "Ulm", 0),
        ("bob", 1, 4.0, 1, 1, None, 33),
        ("cid", 0, None, None, None, "Bonn", None),
    ]
    assert not [name for name in kept if name.startswith("customers__")]
