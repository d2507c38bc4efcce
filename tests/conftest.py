"""What the tests share: the real data sets, read in place, an open engine, and runs for the dashboard."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

    from regulars.engine.duckdb import DuckdbEngine

DATASETS = Path(__file__).parent.parent.parent / "shared" / "datasets"


@pytest.hookimpl(tryfirst=True)  # before the groups are told to the processes
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs Spark runs in one process: a session, and data loaded on both engines, cost much."""
    for item in items:
        if "spark" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("spark"))


@pytest.fixture(scope="session")
def datasets() -> Path:
    """The folder of real data sets."""
    if not DATASETS.is_dir():
        pytest.skip("the real data sets (../shared/datasets) are not here")
    return DATASETS


@pytest.fixture
def engine() -> Iterator[DuckdbEngine]:
    """An open DuckDB engine of small means."""
    from regulars.core.config import EngineSettings
    from regulars.engine.duckdb import DuckdbEngine

    with DuckdbEngine(EngineSettings(memory="2GB", threads=2)) as opened:
        yield opened  # type: ignore[misc]


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """Spark on this machine, small and without compiling each query, which at this size costs more than it saves."""
    pytest.importorskip("pyspark", reason='pyspark is not installed: pip install "regulars[spark]"')
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, and there is no `java`")
    from pyspark.sql import SparkSession

    options = {
        "spark.ui.enabled": "false",
        "spark.log.level": "OFF",
        "spark.driver.memory": "2g",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    }
    builder = SparkSession.builder.appName("tests").master("local[2]")
    for key, value in options.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.fixture(scope="session")
def cinema_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of a small cinema, with an earlier one beside it."""
    from regulars import pipeline

    folder = tmp_path_factory.mktemp("cinema")
    path = pipeline.make_demo("cinema", folder / "cinema", 3000, 7)
    done = pipeline.run(pipeline.read_settings(path), folder / "runs", only=DASHBOARD_ANALYSES).folder
    _write_earlier(done)
    return done


DASHBOARD_ANALYSES = ("overview", "cohorts", "lifetime_value", "churn", "rfm")
"""Enough to have every kind of card."""


def _write_earlier(run: Path) -> None:
    """The findings of a run half a year before: each value a tenth smaller, its interval with it."""
    earlier = run.parent / f"2022-06-30-{run.name[-8:]}"
    earlier.mkdir()
    content = json.loads((run / "findings.json").read_text(encoding="utf-8"))
    content["run"] |= {"run_id": earlier.name, "as_of": "2022-06-30"}
    for one in content["findings"]:
        one["value"] *= 0.9
        one["interval"] = one["interval"] and [0.9 * end for end in one["interval"]]
    (earlier / "findings.json").write_text(json.dumps(content), encoding="utf-8")


HOSTILE = (
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "it's \"quoted\" & 'done'",
    "\u202eעברית שלום",
    "🦄🎟️ très",
    "=HYPERLINK(0)",
    "Deluxe " * 1500,
)
"""Names that must be shown as they are and do nothing."""


@pytest.fixture(scope="session")
def hostile_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of a company whose stores, channels, products, customers and promotions have hostile names."""
    import csv

    from regulars import pipeline

    folder = tmp_path_factory.mktemp("hostile")
    with (folder / "orders.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["order", "who", "at", "what", "where", "how", "promo", "paid"])
        for number in range(600):
            who = f"{HOSTILE[number % 6]}-{number % 97}"
            at = f"{2023 + number % 2}-{1 + number % 12:02d}-{1 + number % 27:02d}"
            name = HOSTILE[number % len(HOSTILE)]
            rows.writerow([f"o{number}", who, at, name, name, HOSTILE[number % 5], f"p{number % 3}", 5 + number % 40])
    with (folder / "promos.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["promo", "kind"], *([f"p{place}", HOSTILE[place]] for place in range(3))])
    (folder / "regulars.toml").write_text(
        '[dataset]\nname = "<b>Shop</b> & Söhne"\ncurrency = "EUR"\n'
        '[tables.orders]\nsource = "orders.csv"\ncolumns = { order_id = "order", customer_id = "who", '
        'ordered_at = "at", product_id = "what", store_id = "where", channel = "how", campaign_id = "promo", '
        'paid = "paid" }\n'
        '[tables.campaigns]\nsource = "promos.csv"\ncolumns = { campaign_id = "promo", kind = "kind" }\n',
        encoding="utf-8",
    )
    settings = pipeline.read_settings(folder / "regulars.toml")
    return pipeline.run(settings, folder / "runs", only=DASHBOARD_ANALYSES).folder
