"""DuckDB equals Spark: every analysis there is, over demo worlds and real data, every table value by value.

A new analysis is under this test without an edit. Numbers are compared to `TOLERANCE`, since sums of floats depend on
the order of adding, fitted models magnify that, and what is rounded may fall on either side; everything else must be
the same to the letter.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from regulars import pipeline
from regulars.core.analysis import Registry
from regulars.demo.world import worlds
from regulars.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import ibis.expr.types as ir
    from pyspark.sql import SparkSession

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result, Table
    from regulars.intake.load import Loaded

TOLERANCE = 1e-5
"""Largest difference between two numbers, relative to the larger, or absolute under 1."""
EXAMPLES = Path(__file__).parent.parent.parent / "examples"
REAL = {"marketing-campaign": "marketing_campaign", "cdnow": "cdnow"}
DEMO = {"cinema": 6000, "health": 5000, "shop": 50_000}
"""Demo worlds, and the rows of their main table: as few as let their own analyses answer."""
WORLDS = (*DEMO, *REAL)
OWN = {
    "health": ("referrals", "sponsor_habits", "sponsor_prospects", "unit_prices", "baskets"),
    "shop": ("experiments", "uplift", "promotions", "campaign_response", "products", "segments", "segment_movement"),
}
"""What is asked of these two: what the other data cannot answer, or only in part. The others are asked everything."""
NAMES = Registry.discover().names
CASES = [(world, name) for world in WORLDS for name in OWN.get(world, NAMES)]
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
def opened(
    request: pytest.FixtureRequest, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Both]]:
    """Each of the data, opened when first asked for and kept to the end."""
    found: dict[str, Both] = {}

    def open_once(name: str) -> Both:
        if name in found:
            return found[name]
        if name in DEMO:
            folder = tmp_path_factory.mktemp(name) / "world"
            worlds()[name].write(folder, rows=DEMO[name])
            found[name] = Both(folder / "regulars.toml", None, spark)
        else:
            datasets: Path = request.getfixturevalue("datasets")
            found[name] = Both(EXAMPLES / name / "regulars.toml", datasets / REAL[name], spark)
        return found[name]

    yield open_once
    for one in found.values():
        one.close()


@pytest.fixture
def both(request: pytest.FixtureRequest, opened: Callable[[str], Both]) -> Both:
    return opened(request.param)


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


@pytest.mark.parametrize(("both", "name"), CASES, indirect=["both"])
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
        numbers = [[one.value, *(one.interval or ())] for one in (finding, twin)]
        assert numbers[1] == pytest.approx(numbers[0], rel=TOLERANCE, abs=TOLERANCE), finding.key
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


def table_rows(table: Table, where: Loaded) -> pa.Table:
    """The rows: of a small table in the order it is shown, of an expression sorted."""
    return table.data if table.is_arrow else rows_of(table.data, where)


def rows_of(expr: ir.Table, where: Loaded) -> pa.Table:
    """The rows of an expression, sorted by what is not a float, then by the floats to six digits."""
    rows = where.data.engine.collect(expr, MOST_ROWS)
    keys = {name: sort_key(rows[name]) for name in rows.column_names}
    floats = [name for name in keys if pa.types.is_floating(rows[name].type)]
    order = [name for name in keys if name not in floats] + floats
    return rows.take(pc.sort_indices(pa.table(keys), [(name, "ascending") for name in order]))


def sort_key(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """What a column is sorted by: numbers as they are, floats to six digits, anything else as text."""
    if pa.types.is_floating(column.type):
        return pc.round(column, 6)
    if pa.types.is_nested(column.type):
        return pa.chunked_array([[None if value is None else str(value) for value in column.to_pylist()]], pa.string())
    return column


def assert_same(rows: pa.Table, twins: pa.Table, what: str) -> None:
    """Equal rows, numbers to the tolerance; the first few differences are told."""
    assert twins.column_names == rows.column_names, what
    assert twins.num_rows == rows.num_rows, f"{what}: DuckDB has {rows.num_rows} rows, Spark {twins.num_rows}"
    for name in rows.column_names:
        column, twin = rows[name], twins[name]
        assert family(twin.type) == family(column.type), f"{what}: {name} is {column.type}, on Spark {twin.type}"
        if pa.types.is_floating(column.type):
            pair = [one.to_numpy().astype(float) for one in (column, twin)]
            same = np.isclose(*pair, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
            same &= np.array(column.is_null()) == np.array(twin.is_null())
        else:
            same = np.array([one == other for one, other in zip(column.to_pylist(), twin.to_pylist(), strict=True)])
        places = np.flatnonzero(~same.astype(bool))
        told = [(rows.slice(at, 1).to_pylist(), twin[int(at)]) for at in places[:3]]
        assert not len(places), f"{what}: {name} differs in {len(places)} rows (DuckDB's row, Spark's value): {told}"


def family(kind: pa.DataType) -> str:
    """What a type holds, whatever its width."""
    if pa.types.is_integer(kind):
        return "integer"
    return "instant" if pa.types.is_timestamp(kind) else "text" if pa.types.is_large_string(kind) else str(kind)
