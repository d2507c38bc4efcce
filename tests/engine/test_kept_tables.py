"""Kept tables are the same whether they lie in memory or in files."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regulars import pipeline
from regulars.engine import kept_tables

if TYPE_CHECKING:
    from pathlib import Path

    from regulars.engine.duckdb import DuckdbEngine

EVERY_TYPE = pa.table(
    {
        'whole "number"': pa.array([1, None, -(2**62)], pa.int64()),
        "small": pa.array([1, None, -128], pa.int8()),
        "unsigned": pa.array([0, None, 2**32 - 1], pa.uint32()),
        "real": pa.array([math.nan, None, -math.inf]),
        "zero": pa.array([-0.0, None, 1e-310]),
        "money": pa.array([Decimal("1.10"), None, Decimal("-9999999999.99")], pa.decimal128(12, 2)),
        "text": pa.array(["", None, "it's 🎟️ \u202e[x]"]),
        "true": pa.array([True, None, False]),
        "day": pa.array([date(1, 1, 1), None, date(9999, 12, 31)]),
        "at": pa.array([datetime(2024, 2, 29, 23, 59, 59, 999999), None, datetime(1800, 1, 1)], pa.timestamp("us")),
        "fine": pa.array([1, None, 2], pa.timestamp("ns")),
        "zoned": pa.array([datetime(2024, 1, 1, tzinfo=UTC), None, None], pa.timestamp("us", "UTC")),
        "list": pa.array([["a", None], None, []], pa.list_(pa.string())),
        "pairs": pa.array([[{"item": 1, "lift": 2.5}], None, []]),
        "word": pa.array(["b", None, "a"]).dictionary_encode(),
    }
)


@pytest.fixture
def in_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every kept table goes to a file."""
    monkeypatch.setattr(kept_tables, "SHARE_IN_MEMORY", 0)


def files(engine: DuckdbEngine) -> list[Path]:
    return sorted(engine.folder.glob("kept-*"))


def text_of(engine: DuckdbEngine, table: Any) -> list[str]:
    return [repr(row) for row in engine.collect(table, 10).to_pylist()]


def test_a_file_gives_back_what_memory_would(engine: DuckdbEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    in_memory = engine.bring(EVERY_TYPE, "in memory")
    copied = engine.persist(in_memory, "copied")
    assert not files(engine)
    monkeypatch.setattr(kept_tables, "SHARE_IN_MEMORY", 0)
    brought, kept = engine.bring(EVERY_TYPE, "brought"), engine.persist(in_memory, "kept")
    assert len(files(engine)) == 2
    for table in (brought, kept):
        assert text_of(engine, table) == text_of(engine, copied)
        assert table.schema() == in_memory.schema()


def rows_in(path: Path) -> list[str]:
    """The rows of a file in an order of their own, since a join promises none, and floats but for their last digits."""
    return sorted(
        repr([f"{value:.11g}" if isinstance(value, float) else value for value in row.values()])
        for row in pq.read_table(path).to_pylist()
    )


@pytest.mark.usefixtures("in_files")
def test_a_file_may_replace_the_one_it_is_made_from_and_goes_when_dropped(engine: DuckdbEngine) -> None:
    rows = engine.bring(pa.table({"n": range(5)}), "kept")
    rows = engine.persist(rows.filter(rows.n > 1), "kept")
    rows = engine.persist(rows.filter(rows.n > 2), "kept")
    assert engine.collect(rows, 5)["n"].to_pylist() == [3, 4]
    assert len(files(engine)) == 1
    engine.drop("kept")
    assert not files(engine)
    assert engine.backend.list_tables() == []


@pytest.mark.usefixtures("in_files")
def test_batches_of_a_file_may_be_kept_while_they_are_read(engine: DuckdbEngine) -> None:
    rows = engine.bring(pa.table({"n": range(500_000)}), "rows")
    again = engine.bring(engine.stream(rows, 100_000), "again", schema=rows.schema().to_pyarrow())
    assert engine.collect(again.aggregate(n=again.n.sum()), 1)["n"].to_pylist() == [499_999 * 250_000]


@pytest.mark.usefixtures("in_files")
def test_a_query_that_fails_leaves_no_file_and_no_table(engine: DuckdbEngine) -> None:
    rows = engine.bring(pa.table({"n": ["1", "x"]}), "rows")
    with pytest.raises(Exception, match="Could not convert"):
        engine.persist(rows.mutate(n=rows.n.cast("int64")), "broken")
    assert len(files(engine)) == 1
    assert engine.backend.list_tables() == ["rows"]


@pytest.mark.usefixtures("in_files")
def test_names_and_folders_are_never_read_as_sql_or_patterns(tmp_path: Path) -> None:
    from regulars.core.config import EngineSettings
    from regulars.engine.duckdb import DuckdbEngine

    folder = tmp_path / "it's [a] *" / "year=2024"
    folder.mkdir(parents=True)
    with DuckdbEngine(EngineSettings(memory="1GB", temporary_folder=str(folder))) as engine:
        name = "../x'; DROP TABLE y; --"
        kept = engine.persist(engine.bring(pa.table({"n": [1]}), "y"), name)
        assert kept.columns == ("n",)
        assert engine.collect(kept, 1)["n"].to_pylist() == [1]
        assert {path.parent for path in files(engine)} == {engine.folder}


def test_memory_fills_before_files_are_written(engine: DuckdbEngine) -> None:
    engine.connection.execute("SET memory_limit = '64MB'")
    many = engine.bring(pa.table({"n": range(1000)}), "n")
    many = many.cross_join(many.view().rename(m="n"))  # a million rows of two numbers: 16 MB
    for number in range(3):
        kept = engine.persist(many, f"kept {number}")
    assert [path.name for path in files(engine)] == ["kept-1.parquet", "kept-2.parquet"]
    assert engine.collect(kept.aggregate(n=kept.n.sum()), 1)["n"].to_pylist() == [999 * 500 * 1000]


def test_a_run_whose_tables_are_files_is_the_same_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = pipeline.read_settings(pipeline.make_demo("shop", tmp_path / "shop", 30_000, seed=1))
    in_memory = pipeline.run(settings, tmp_path / "memory", strict=True).folder
    monkeypatch.setattr(kept_tables, "SHARE_IN_MEMORY", 0)
    in_files = pipeline.run(settings, tmp_path / "files", strict=True).folder
    names = sorted(str(path.relative_to(in_memory)) for path in in_memory.rglob("*.*"))
    assert len(names) > 200
    assert sorted(str(path.relative_to(in_files)) for path in in_files.rglob("*.*")) == names
    for name in names:
        one, other = in_memory / name, in_files / name
        if name.endswith(".parquet"):
            assert rows_in(other) == rows_in(one), name
        elif name.endswith((".csv", ".svg")) or name == "findings.json":
            assert other.read_bytes() == one.read_bytes(), name
