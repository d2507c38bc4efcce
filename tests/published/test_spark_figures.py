"""Online Retail on Spark gives the figures that are known of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from regulars import pipeline
from regulars.core.analysis import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

    from regulars.core.dataset import Dataset

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "online-retail" / "regulars.toml"
RETENTION = [36.61, 32.32, 38.42, 36.27, 39.77, 36.27, 34.92, 35.37, 39.55, 37.40, 50.28, 26.55]
COHORT_SIZES = [885, 417, 380, 452, 300, 284, 242, 188, 169, 299, 358, 323, 41]

COMPILED = {"spark.sql.codegen.wholeStage": "true", "spark.sql.codegen.factoryMode": "FALLBACK"}
"""Half a million lines are worth compiling queries for; the tests' session does without."""


@pytest.fixture(scope="module")
def online_retail(datasets: Path, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dataset]:
    """The lines alone, as the example reads them."""
    from regulars.engine.spark import SparkEngine

    lines, found, _ = EXAMPLE.read_text(encoding="utf-8").partition("[tables.customers]")
    assert found
    settings = tmp_path_factory.mktemp("online-retail") / "regulars.toml"
    settings.write_text(lines, encoding="utf-8")
    registry = Registry.discover()
    read = pipeline.read_settings(settings, None, datasets / "online_retail", registry)
    with SparkEngine(read.engine, spark) as engine:
        for name, value in COMPILED.items():
            engine.session.conf.set(name, value)
        yield pipeline.load_all(read, engine, registry, lambda _: None).data


def test_valid_sales(online_retail: Dataset) -> None:
    lines = online_retail.quality.account("lines")
    assert (lines.read, lines.accepted + lines.repaired, lines.set_aside) == (541_909, 397_884, 144_025)
    view = online_retail.customers
    buyers = view.filter(view.order_count > 0)
    sums = buyers.aggregate(
        customers=buyers.count(), orders=buyers.order_count.sum(), revenue=buyers.revenue_total.sum()
    )
    found = online_retail.collect(sums, 1).to_pylist()[0]
    assert (found["customers"], found["orders"]) == (4338, 18_532)
    assert found["revenue"] == pytest.approx(8_911_407.904, abs=1e-3)


def test_cohorts(online_retail: Dataset) -> None:
    cohorts = online_retail.registry.make("cohorts", {"by": ("first_order",)})
    rows = cohorts.run(online_retail).table("retention").to_arrow().to_pylist()
    sizes = {str(row["cohort"])[:7]: row["customers"] for row in rows}
    assert [sizes[month] for month in sorted(sizes)] == COHORT_SIZES
    first = sorted((row for row in rows if str(row["cohort"])[:7] == "2010-12"), key=lambda row: row["period_index"])
    assert [round(100 * row["retention_share"], 2) for row in first if row["period_index"] > 0] == RETENTION
