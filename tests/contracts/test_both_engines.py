"""DuckDB equals Spark: every analysis there is, over the demo world and real data, every table value by value.

A new analysis is under this test without an edit. Numbers are compared to `TOLERANCE`, since sums of floats depend on
the order of adding and fitted models magnify that; everything else must be the same to the letter.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from regulars import pipeline
from regulars.core.analysis import Registry
from regulars.demo.world import worlds
from regulars.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import ibis.expr.types as ir
    from pyspark.sql import SparkSession

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result, Table
    from regulars.intake.load import Loaded

TOLERANCE = 1e-6
"""Largest difference between two numbers, relative to the larger, or absolute under 1."""
EXAMPLES = Path(__file__).parent.parent.parent / "examples"
REAL = {"online-retail": "online_retail", "marketing-campaign": "marketing_campaign"}
WORLDS = ("cinema", *REAL)
NAMES = Registry.discover().names
MOST_ROWS = 2_000_000


class Both:
    """The same data on both engines."""

    def __init__(self, settings: Path, data: Path | None, session: SparkSession) -> None:
        registry = Registry.discover()
        read = pipeline.read_settings(settings, None, data, registry)
        self.engines = (pipeline.open_engine(read), pipeline.open_engine(read, session))
        loaded = [pipeline.load_all(read, engine, registry, lambda _: None) for engine in self.engines]
        self.duckdb, self.spark = loaded
        for one in loaded:
            one.data.provide(registry.make_all(read.analyses))

    def close(self) -> None:
        for engine in self.engines:
            engine.close()


@pytest.fixture(scope="module")
def both(
    request: pytest.FixtureRequest, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Both]:
    if request.param == "cinema":
        folder = tmp_path_factory.mktemp("cinema") / "world"
        worlds()["cinema"].write(folder, rows=6000)
        opened = Both(folder / "regulars.toml", None, spark)
    else:
        datasets: Path = request.getfixturevalue("datasets")
        opened = Both(EXAMPLES / request.param / "regulars.toml", datasets / REAL[request.param], spark)
    yield opened
    opened.close()


@pytest.mark.parametrize("both", WORLDS, indirect=True)
def test_both_engines_read_the_data_alike(both: Both) -> None:
    duckdb, spark = both.duckdb, both.spark
    assert spark.data.quality.accounts == duckdb.data.quality.accounts
    told = [[replace(check, sql="") for check in one.data.quality.checks] for one in (duckdb, spark)]
    assert told[1] == told[0]
    assert spark.data.as_of == duckdb.data.as_of
    for name, aside in duckdb.set_aside.items():
        assert_same(rows_of(aside, duckdb), rows_of(spark.set_aside[name], spark), f"{name} set aside")
    for name in duckdb.data.tables:
        assert_same(rows_of(duckdb.data.tables[name], duckdb), rows_of(spark.data.tables[name], spark), f"table {name}")


@pytest.mark.parametrize("both", WORLDS, indirect=True)
def test_both_engines_make_the_same_summaries(both: Both) -> None:
    duckdb, spark = both.duckdb, both.spark
    assert_same(rows_of(duckdb.data.customers, duckdb), rows_of(spark.data.customers, spark), "customers")
    for name in duckdb.data.summaries.names:
        assert duckdb.data.summaries.missing(name) == spark.data.summaries.missing(name)
        if not duckdb.data.summaries.missing(name):
            assert_same(rows_of(duckdb.data.summary(name), duckdb), rows_of(spark.data.summary(name), spark), name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("both", WORLDS, indirect=True)
def test_both_engines_give_the_same_result(both: Both, name: str) -> None:
    results = [result_of(one.data, name) for one in (both.duckdb, both.spark)]
    if isinstance(results[0], str) or isinstance(results[1], str):
        assert results[1] == results[0]
        return
    duckdb, spark = results
    assert [table.name for table in spark.tables] == [table.name for table in duckdb.tables]
    for table in duckdb.tables:
        one, other = table_rows(table, both.duckdb), table_rows(spark.table(table.name), both.spark)
        assert_same(one, other, f"{name}.{table.name}")
    for finding, twin in zip(duckdb.findings, spark.findings, strict=True):
        told = {"value": finding.value, "low": (finding.interval or (0, 0))[0], "high": (finding.interval or (0, 0))[1]}
        told_too = {"value": twin.value, "low": (twin.interval or (0, 0))[0], "high": (twin.interval or (0, 0))[1]}
        assert_same([told], [told_too], finding.key)
        assert (twin.key, twin.sentence, twin.n) == (finding.key, finding.sentence, finding.n)
    assert [caveat.sentence for caveat in spark.caveats] == [caveat.sentence for caveat in duckdb.caveats]
    for audience, twin_audience in zip(duckdb.audiences, spark.audiences, strict=True):
        assert twin_audience.name == audience.name
        one, other = rows_of(audience.members, both.duckdb), rows_of(twin_audience.members, both.spark)
        assert_same(one, other, f"{name}.{audience.name}")


# -- comparing --------------------------------------------------------------------------------------


def result_of(data: Dataset, name: str) -> Result | str:
    """The Result, or why the data do not give one."""
    try:
        return data.run(name)
    except DataError as reason:
        return str(reason)


def table_rows(table: Table, where: Loaded) -> list[dict[str, Any]]:
    """The rows: of a small table in the order it is shown, of an expression sorted."""
    return table.data.to_pylist() if table.is_arrow else rows_of(table.data, where)


def rows_of(expr: ir.Table, where: Loaded) -> list[dict[str, Any]]:
    """The rows of an expression, sorted by what is not a float, then by the floats to six digits."""
    rows = where.data.engine.collect(expr, MOST_ROWS).to_pylist()
    floats = [name for name, kind in expr.schema().items() if kind.is_floating()]
    others = [name for name in expr.columns if name not in floats]

    def key(row: dict[str, Any]) -> tuple[Any, ...]:
        exact = [(row[name] is None, "" if row[name] is None else str(row[name])) for name in others]
        return (*exact, *[(row[name] is None, float(f"{row[name] or 0:.6g}")) for name in floats])

    return sorted(rows, key=key)


def assert_same(rows: list[dict[str, Any]], twins: list[dict[str, Any]], what: str) -> None:
    """Equal rows, numbers to the tolerance; the first few differences are told."""
    assert len(twins) == len(rows), f"{what}: DuckDB has {len(rows)} rows, Spark {len(twins)}"
    different = []
    for row, twin in zip(rows, twins, strict=True):
        assert list(twin) == list(row), what
        values = {name: (row[name], twin[name]) for name in row if not is_same(row[name], twin[name])}
        if values:
            different.append(f"{what}: {values}")
    assert not different, f"{len(different)} rows differ (DuckDB, Spark): " + "\n".join(different[:5])


def is_same(value: Any, twin: Any) -> bool:
    """Whether two values are the same, floats to the tolerance."""
    if isinstance(value, float) and isinstance(twin, float):
        return math.isclose(value, twin, rel_tol=TOLERANCE, abs_tol=TOLERANCE) or (value != value and twin != twin)
    if isinstance(value, list) and isinstance(twin, list):
        return len(value) == len(twin) and all(map(is_same, value, twin))
    return bool(value == twin and type(value) is type(twin))
