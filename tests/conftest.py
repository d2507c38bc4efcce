"""What the tests share: the real data sets, read in place, and an open engine."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

    from regulars.engine.duckdb import DuckdbEngine

DATASETS = Path(__file__).parent.parent.parent / "shared" / "datasets"


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
