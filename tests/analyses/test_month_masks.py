"""The shared masks of months: what they hold, and that they are made once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MakeDataset = Callable[..., Any]


def test_masks_by_hand(make_dataset: MakeDataset) -> None:
    """Bit k is a sale k months after the first month of all; months from the 62nd on have none."""
    rows = [("a", "2019-11-30"), ("a", "2019-11-02"), ("a", "2020-01-01"), ("b", "2019-12-31"), ("b", "2025-01-05")]
    orders = [{"customer_id": name, "ordered_at": day, "amount": 1.0} for name, day in rows]
    data = make_dataset({"orders": orders})
    masks = data.summary("month_masks").join(data.customers.select("customer_key", "customer_id"), "customer_key")
    found = {row["customer_id"]: row for row in data.collect(masks).to_pylist()}
    assert found["a"]["mask"] == 0b101
    assert found["a"]["cohort"] == 2019 * 12 + 10
    assert found["b"]["mask"] == 0b10  # January 2025 is 62 months later
    assert found["b"]["cohort"] == 2019 * 12 + 11


def test_masks_are_made_once_and_not_without_dates(make_dataset: MakeDataset) -> None:
    data = make_dataset({"orders": [{"customer_id": "a", "ordered_at": "2020-01-01", "amount": 1.0}]})
    assert data.summary("month_masks") is data.summary("month_masks")
    undated = make_dataset({"orders": [{"customer_id": "a", "amount": 1.0}]})
    assert undated.summaries.missing("month_masks") == "map ordered_at, the date of the purchase"
