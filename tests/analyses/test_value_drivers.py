from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from regulars.analyses.value_drivers import ValueDrivers
from regulars.errors import DataError, SettingsError

MakeDataset = Callable[..., Any]
START = datetime(2020, 1, 1)
END = date(2020, 12, 31)


def spenders(customers: int = 300, seed: int = 4) -> pa.Table:
    """Everybody orders on the same days; customers differ in what they spend, and keep to it."""
    rng = np.random.default_rng(seed)
    spend = rng.gamma(2, 20, customers)
    rows = [
        (f"c{number:03}", START + timedelta(days=int(day)), round(float(spend[number] * rng.uniform(0.8, 1.2)), 2))
        for number in range(customers)
        for day in range(0, 360, 45)
    ]
    return pa.table(
        {
            "order_id": [f"o{number}" for number, _ in enumerate(rows)],
            "customer_id": [row[0] for row in rows],
            "ordered_at": pa.array([row[1] for row in rows], pa.timestamp("us")),
            "amount": [row[2] for row in rows],
        }
    )


def test_money_is_first_where_customers_differ_in_what_they_spend(make_dataset: MakeDataset) -> None:
    result = ValueDrivers().run(make_dataset({"orders": spenders()}, as_of=END))
    finding = result.finding("value_drivers.first")
    assert finding.sentence.startswith("Money first: it carries")
    rows = {row["driver"]: row for row in result.table("drivers").to_arrow().to_pylist()}
    assert rows["money"]["importance_share"] == finding.value
    assert sum(rows[name]["importance_share"] for name in ("recency", "frequency", "money")) == pytest.approx(1.0)
    assert rows["money"]["foretold_share"] > rows["recency"]["foretold_share"]


def test_groups_are_told_apart(make_dataset: MakeDataset) -> None:
    profiles = pa.table(
        {"customer_id": [f"c{n:03}" for n in range(300)], "gender": ["f" if n % 3 else "m" for n in range(300)]}
    )
    result = ValueDrivers().run(make_dataset({"orders": spenders(), "customers": profiles}, as_of=END))
    rows = result.table("drivers_by_group").to_arrow().to_pylist()
    sizes = {row["group"]: row["customers"] for row in rows if row["by"] == "gender"}
    assert set(sizes) == {"f", "m"}
    assert sizes["f"] > 1.5 * sizes["m"]


def test_a_later_period_is_needed(make_dataset: MakeDataset) -> None:
    with pytest.raises(DataError, match="days of history"):
        ValueDrivers(test_days=350).run(make_dataset({"orders": spenders()}, as_of=END))


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(SettingsError, match="test_days"):
        ValueDrivers(test_days=-1)
