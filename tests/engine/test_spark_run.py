"""A run with `kind = "spark"`, as a user starts it: its folder is, file by file, the one that DuckDB leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from regulars.cli import app

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ONLY = ("overview", "rfm", "segments")
SETTINGS = """
[dataset]
name = "Shop"
currency = "EUR"
[tables.orders]
source = "orders.csv"
columns = { order_id = "id", customer_id = "who", ordered_at = "at", store_id = "st", channel = "how", paid = "paid" }
[segments]
features = ["order_count", "revenue_per_order"]
count = 2
"""


def write_shop(folder: Path) -> None:
    """Sixty frequent customers of small orders and sixty rare ones of large; one order cannot be read, one is twice."""
    rows = [
        (f"c{who}-{turn}", who, f"2024-{1 + (who + turn) % 12:02d}-{1 + (7 * who + turn) % 28:02d} 1{turn % 10}:30:00",
         f"store {who % 3}", ("web", "shop")[turn % 2], (8 + who % 5 if who < 60 else 90 + who % 17) + turn / 4)
        for who in range(120)
        for turn in range(9 + who % 4 if who < 60 else 1 + who % 2)
    ]  # fmt: skip
    rows += [("lost", 7, "no date", "store 1", "web", 5.0), rows[0]]
    text = "id,who,at,st,how,paid\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)
    (folder / "orders.csv").write_text(text, encoding="utf-8")
    (folder / "regulars.toml").write_text(SETTINGS, encoding="utf-8")


@pytest.fixture(scope="module")
def runs(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The run folders of DuckDB and of Spark."""
    folder = tmp_path_factory.mktemp("run")
    write_shop(folder)
    found = []
    for kind in ("duckdb", "spark"):
        words = ["run", str(folder / "regulars.toml"), "--out", str(folder / kind), "--set", f"engine.kind={kind}"]
        done = CliRunner().invoke(app, [*words, *(word for name in ONLY for word in ("--only", name)), "--json"])
        assert done.exit_code == 0, done.output
        found.append(Path(json.loads(done.stdout)["folder"]))
    return found


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text(encoding="utf-8"))


def test_the_run_leaves_every_file(runs: list[Path]) -> None:
    listed = [sorted(str(file.relative_to(run)) for file in run.rglob("*") if file.is_file()) for run in runs]
    assert listed[1] == listed[0]
    for part in ("report.html", "run.json", "tables/", "audiences/", "quarantine/orders.parquet", "cube/days.parquet"):
        assert any(name.startswith(part) for name in listed[1]), part
    assert read(runs[1], "run.json")["failed"] == []


def test_the_run_finds_the_same(runs: list[Path]) -> None:
    duckdb, spark = (read(run, "findings.json")["findings"] for run in runs)
    assert duckdb
    assert [one["key"] for one in spark] == [one["key"] for one in duckdb]
    for one, twin in zip(duckdb, spark, strict=True):
        assert twin["value"] == pytest.approx(one["value"], rel=1e-6)
        assert twin["sentence"] == one["sentence"]
    for part in ("accounts", "row_counts", "files", "switched_off"):
        assert read(runs[1], "run.json")[part] == read(runs[0], "run.json")[part]


def test_the_two_runs_can_stand_side_by_side(runs: list[Path]) -> None:
    assert runs[1].name != runs[0].name
    assert [("pyspark" in read(run, "run.json")["run"]["versions"]) for run in runs] == [False, True]


def test_tables_quarantine_and_cube_hold_the_same_rows(runs: list[Path]) -> None:
    files = sorted(str(file.relative_to(runs[0])) for file in runs[0].rglob("*.parquet"))
    assert {name.partition("/")[0] for name in files} == {"tables", "quarantine", "cube"}
    for name in files:
        duckdb, spark = (pq.read_table(run / name) for run in runs)
        assert spark.column_names == duckdb.column_names, name
        assert sorted_rows(spark) == sorted_rows(duckdb), name


def sorted_rows(table: pa.Table) -> list[str]:
    """The rows in one order; floats to nine digits."""
    return sorted(
        str([f"{value:.9g}" if isinstance(value, float) else value for value in row.values()])
        for row in table.to_pylist()
    )
