"""Recommendations on the last four weeks of two real shops, beside the best figures known for the same split.

The figures to meet are means over the customers who bought in the last 28 days, chosen on the 28 before. A model is
worse only where the bootstrap interval over customers lies below the figure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.analyses.conftest import dataset_of, read_online_retail

from regulars.core.config import EngineSettings
from regulars.engine.duckdb import DuckdbEngine
from regulars.methods import recommending as method
from regulars.models import recommend as model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from regulars.core.dataset import Dataset

BEST = {
    "online_retail": {"new": (0.074, 0.116), "again": (0.425, 0.461)},
    "completejourney": {"new": (0.073, 0.101), "again": (0.282, 0.590)},
}
POPULARITY = {"online_retail": (0.047, 0.082), "completejourney": (0.067, 0.092)}


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckdbEngine]:
    with DuckdbEngine(EngineSettings(threads=2, memory="4GB")) as opened:
        yield opened  # type: ignore[misc]


def shop_of(name: str, datasets: Path, engine: DuckdbEngine) -> tuple[Dataset, str]:
    if name == "online_retail":
        lines = read_online_retail(datasets / "online_retail" / "OnlineRetail.csv.gz")["valid"]
        return dataset_of(engine, {"lines": lines}), "product_id"
    folder = datasets / "completejourney"
    columns = {"basket_id": "order_id", "household_id": "customer_id", "transaction_timestamp": "ordered_at",
               "product_id": "product_id", "quantity": "quantity", "sales_value": "paid"}  # fmt: skip
    lines = pq.read_table(folder / "transactions.parquet", columns=list(columns)).rename_columns(list(columns.values()))
    at = lines["ordered_at"].cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us"))
    lines = lines.set_column(lines.column_names.index("ordered_at"), "ordered_at", at)
    types = pq.read_table(folder / "products.parquet", columns=["product_id", "product_type"])
    return dataset_of(engine, {"lines": lines, "products": types}), "product_type"


@pytest.mark.truth
@pytest.mark.parametrize("name", list(BEST))
def test_not_worse_than_the_best_known_and_better_than_what_sells(
    name: str, datasets: Path, engine: DuckdbEngine
) -> None:
    data, item = shop_of(name, datasets, engine)
    found = method.prepare(data, item)
    counts = method.count_stages(data, found, (0, 1))
    chosen_on, tested = method.find_tested(data, found, 1, 1000), method.find_tested(data, found, 2, 10_000)
    early, late = method.Models(counts[0]), method.Models(counts[1])
    blends = (*model.POPULARITY, *model.BLENDS)
    blend = blends[method.choose(blends, [method.judge_blend(found, early, chosen_on, one) for one in blends])]
    rules = (*model.OWN_ORDERS, *model.REPEATS)
    rule = rules[method.choose(rules, [method.judge_repeats(chosen_on, one) for one in rules])]
    popular: Any = method.judge_blend(found, late, tested, model.Blend(0.0, 28, 1.0))
    new, again = method.judge_blend(found, late, tested, blend), method.judge_repeats(tested, rule)
    assert popular.recall.mean() == pytest.approx(POPULARITY[name][0], abs=0.004)
    for hits, best in ((new, BEST[name]["new"]), (again, BEST[name]["again"])):
        assert model.bootstrap_mean(hits.recall, 1).high >= best[0]
        assert model.bootstrap_mean(hits.ndcg, 1).high >= best[1]
    assert model.bootstrap_mean(new.ndcg - popular.ndcg, 1).low > 0
    own = method.judge_repeats(tested, model.RepeatRule(0, 28, 0.0))
    assert model.bootstrap_mean(again.ndcg - own.ndcg, 1).high > 0
    assert model.coverage(new.offered, len(counts[1].places)) > model.coverage(popular.offered, len(counts[1].places))
