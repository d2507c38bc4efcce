from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from regulars.core.config import DatasetSettings, Settings
from regulars.core.dataset import Dataset
from regulars.intake.summaries import EngineSummaries

if TYPE_CHECKING:
    from regulars.engine.duckdb import DuckdbEngine

PRICES = {"A": 2.5, "B": 10.0, "C": 0.0, "D": 7.25}


def shop(engine: DuckdbEngine, noise: float, orders: int = 800) -> Dataset:
    """Orders with a total and a product list, drawn from known prices."""
    rng = np.random.default_rng(3)
    lines, totals = [], []
    for order in range(orders):
        basket = {name: int(rng.integers(1, 4)) for name in PRICES if rng.random() < 0.5} or {"A": 1}
        lines += [
            {"order_id": order, "customer_id": order % 50, "product_id": name, "quantity": float(count)}
            for name, count in basket.items()
        ]
        total = sum(PRICES[name] * count for name, count in basket.items()) + float(rng.normal(0, noise))
        totals.append(
            {
                "order_id": order,
                "customer_id": order % 50,
                "ordered_at": datetime(2024, 1, 1 + order % 28),
                "amount": total,
            }
        )
    tables = {
        "lines": engine.bring(pa.Table.from_pylist(lines), "lines"),
        "orders": engine.bring(pa.Table.from_pylist(totals), "orders_in"),
    }
    summaries = EngineSummaries(engine, tables, DatasetSettings(), datetime(2024, 1, 28).date())
    return Dataset(
        engine=engine,
        settings=Settings(),
        tables=tables,
        summaries=summaries,
        features=summaries.features,
        as_of=datetime(2024, 1, 28).date(),
    )


def test_prices_are_found_from_totals(engine: DuckdbEngine) -> None:
    result = shop(engine, noise=0.5).run("unit_prices")
    for row in result.table("unit_prices").to_arrow().to_pylist():
        assert row["estimated_price"] == pytest.approx(PRICES[row["product_id"]], abs=0.1)
        assert row["low"] is None or row["low"] - 0.15 <= PRICES[row["product_id"]] <= row["high"] + 0.15
    finding = result.finding("unit_prices.error")
    assert finding.grade == "modelled"
    assert finding.value < 1.0
    assert 100 < finding.n < 200  # three orders in sixteen are kept out


def test_the_question_does_not_arise_where_lines_have_prices(engine: DuckdbEngine) -> None:
    data = shop(engine, noise=0.0, orders=40)
    analysis = data.registry.make("unit_prices", {})
    assert not analysis.is_moot(data)
    data.tables["lines"] = data.tables["lines"].mutate(unit_price=1.0)
    assert analysis.is_moot(data)
