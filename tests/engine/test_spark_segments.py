"""Every customer's segment, computed by both engines: the same leaf of the same tree, near a boundary and beyond it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from regulars import pipeline
from regulars.core.config import EngineSettings
from regulars.demo.health.world import HealthWorld
from regulars.measures import segments
from regulars.models.clusters import Tree, find_centres, learn_preparation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

    from regulars.engine.spark import SparkEngine

FEATURES = ("order_count", "recency_days", "revenue_per_order", "items_per_order", "weekend_share")
"""A count, days, money that is missing for some, a mean and a share."""


@pytest.fixture(scope="module")
def customers(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    """Customers of the demo world, some thousands."""
    folder = tmp_path_factory.mktemp("health")
    HealthWorld().write(folder, rows=14_000)
    data = pipeline.load(folder / "regulars.toml")
    view = data.customers.select("customer_key", "customer_id", *FEATURES).order_by("customer_id")
    rows = data.collect(view, 10_000)
    data.engine.close()
    return rows


def arrays(rows: pa.Table) -> dict[str, Any]:
    return {name: rows[name].cast(pa.float64()).to_numpy(zero_copy_only=False) for name in FEATURES}


@pytest.fixture(scope="module")
def tree(customers: pa.Table) -> Tree:
    """Four segments, the largest parted again by a preparation of its own, and a leaf for extremes."""
    buyers = customers.filter(pc.greater(customers["order_count"], 0))
    values, orders = arrays(buyers), arrays(buyers)["order_count"]
    preparation = learn_preparation(values, orders, shares=("weekend_share",))
    matrix, _ = preparation.prepare(values, orders)
    centres = find_centres(matrix, 4, seed=7)
    plain = Tree(preparation, tuple(map(tuple, centres.tolist())), (None,) * 4)
    inside = plain.assign(values, orders) == 0
    own = {name: column[inside] for name, column in values.items()}
    inner = learn_preparation(own, orders[inside])
    parts = find_centres(inner.prepare(own, orders[inside])[0], 3, seed=7)
    branch = Tree(inner, tuple(map(tuple, parts.tolist())), (None,) * 3)
    return Tree(preparation, plain.centres, (branch, None, None, None), has_extremes=True)


@pytest.fixture(scope="module")
def spark_engine(spark: SparkSession) -> Iterator[SparkEngine]:
    from regulars.engine.spark import SparkEngine

    with SparkEngine(EngineSettings(kind="spark"), spark) as opened:
        yield opened  # type: ignore[misc]


def test_both_engines_and_the_arrays_assign_every_customer_alike(
    customers: pa.Table, tree: Tree, spark_engine: SparkEngine
) -> None:
    from regulars.engine.duckdb import DuckdbEngine

    names = [f"leaf {number}" for number in range(tree.leaf_count)]
    found = []
    with DuckdbEngine(EngineSettings(threads=1, memory="1GB")) as duckdb:
        for engine in (duckdb, spark_engine):
            rows = segments.with_segment(engine.bring(customers, "to_assign"), tree, names)
            told = engine.collect(rows.select("customer_id", "segment").order_by("customer_id"), 10_000)
            found.append(dict(zip(told["customer_id"].to_pylist(), told["segment"].to_pylist(), strict=True)))
    assert found[0] == found[1]
    values = arrays(customers)
    orders = np.nan_to_num(values["order_count"])
    leaves = tree.assign(values, np.maximum(orders, 1))
    ids = customers["customer_id"].to_pylist()
    expected = {one: names[leaf] if bought else None for one, leaf, bought in zip(ids, leaves, orders > 0, strict=True)}
    assert found[0] == expected
    assert len(ids) > 2_000
    assert set(found[0].values()) >= set(names)  # every leaf, the parts of the parted one and the extremes among them
