"""Association rules on the published month of a grocer: the counts and lifts that other programs print."""

from __future__ import annotations

import csv
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from regulars.analyses.baskets import Baskets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from regulars.core.dataset import Dataset

BASKETS = 9835


def as_lines(baskets: dict[tuple[str, str], set[str]], dates: dict[tuple[str, str], datetime]) -> pa.Table:
    rows = [(key, item) for key, items in baskets.items() for item in sorted(items)]
    return pa.table(
        {
            "order_id": [" ".join(key) for key, _ in rows],
            "customer_id": [key[0] for key, _ in rows],
            "ordered_at": pa.array([dates[key] for key, _ in rows], pa.timestamp("us")),
            "product_id": [item for _, item in rows],
            "quantity": np.ones(len(rows)),
        }
    )


@pytest.fixture(scope="module")
def groceries(datasets: Path) -> Iterator[Dataset]:
    from tests.analyses.conftest import dataset_of

    from regulars.core.config import EngineSettings
    from regulars.engine.duckdb import DuckdbEngine

    text = (datasets / "groceries" / "groceries_arules.csv").read_text(encoding="utf-8")
    baskets = {
        (f"b{number}", ""): {item.strip() for item in line.split(",") if item.strip()}
        for number, line in enumerate(text.splitlines())
    }
    dates = dict.fromkeys(baskets, datetime(2020, 1, 1))
    with DuckdbEngine(EngineSettings(threads=1, memory="2GB")) as engine:
        yield dataset_of(engine, {"lines": as_lines(baskets, dates)})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("support", "confidence", "rules", "top", "lift"),
    [
        (0.001, 0.5, 5668, ("Instant food products + soda", "hamburger meat"), 18.99565),
        (0.001, 0.8, 410, ("liquor + red/blush wine", "bottled beer"), 11.23527),
        (0.006, 0.25, 463, ("herbs", "root vegetables"), 3.956477),
        (0.01, 0.5, 15, ("citrus fruit + root vegetables", "other vegetables"), 3.029608),
    ],
)
def test_published_counts_and_top_lifts(
    groceries: Dataset, support: float, confidence: float, rules: int, top: tuple[str, str], lift: float
) -> None:
    result = Baskets(support=support, confidence=confidence, longest=10).run(groceries)
    steps = {row["step"]: row["rules"] for row in result.table("steps").to_arrow().to_pylist()}
    assert steps["at the least support and confidence"] == rules
    rows = result.table("all_rules").to_arrow().to_pylist()
    assert len(rows) == rules
    best = max(rows, key=lambda row: row["lift"])
    assert best["lift"] == pytest.approx(lift, abs=5e-6 * max(1, lift / 10))
    assert (" + ".join(sorted(best["antecedent"].split(" + "))), best["consequent"]) == top
    told = [row for row in rows if row["is_told"]]
    assert 0 < len(told) < rules
    assert all(row["p_value"] < 0.05 for row in told)


def test_items_drawn_at_random_give_no_strong_rule(datasets: Path) -> None:
    from tests.analyses.conftest import dataset_of

    from regulars.core.config import EngineSettings
    from regulars.engine.duckdb import DuckdbEngine

    baskets: dict[tuple[str, str], set[str]] = {}
    dates: dict[tuple[str, str], datetime] = {}
    with (datasets / "groceries" / "Groceries_dataset.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            key = (row["Member_number"], row["Date"])
            baskets.setdefault(key, set()).add(row["itemDescription"].strip())
            dates[key] = datetime.strptime(row["Date"], "%d-%m-%Y")
    with DuckdbEngine(EngineSettings(threads=1, memory="2GB")) as engine:
        data: Any = dataset_of(engine, {"lines": as_lines(baskets, dates)})
        result = Baskets().run(data)
        rows = result.table("rules").to_arrow().to_pylist()
        assert not [row for row in rows if row["confidence"] >= 0.25 or row["lift"] >= 2]
        assert not Baskets(confidence=0.5).run(data).table("all_rules").to_arrow().num_rows
