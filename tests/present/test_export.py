from __future__ import annotations

import csv
import datetime
import decimal
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regulars.core.result import Audience, ColumnInfo, Table
from regulars.errors import OutputError, SettingsError
from regulars.present.export import (
    copy_out,
    escape_formula,
    file_names,
    plan_files,
    write_audience,
    write_csv,
    write_parquet,
    write_table_csv,
)
from regulars.present.run_folder import write

if TYPE_CHECKING:
    from regulars.present.run_view import RunView

DANGEROUS = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\tx", "\rx", "\nx", "＝1+1", "=cmd|' /C calc'!A0", "-"]
HARMLESS = ["Ann", "-5", "+4412345", "-3.5", "a=b", "", "5-3", " =1"]


def read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize("text", DANGEROUS)
def test_a_formula_gets_an_apostrophe(text: str) -> None:
    assert escape_formula(text) == f"'{text}"


@pytest.mark.parametrize("text", HARMLESS)
def test_anything_else_stays(text: str) -> None:
    assert escape_formula(text) == text


def test_columns_are_escaped_as_single_cells_are(tmp_path: Path) -> None:
    texts = DANGEROUS + HARMLESS
    rows = pa.table({"=name": texts, "kind": pa.array(texts).dictionary_encode()})
    assert write_csv(rows.to_batches(max_chunksize=3), tmp_path / "a.csv", ("=name", "kind")) == len(texts)
    escaped = [escape_formula(text) for text in texts]
    assert read(tmp_path / "a.csv") == [["'=name", "kind"], *([text, text] for text in escaped)]


def test_numbers_stay_numbers_and_what_is_missing_is_empty(tmp_path: Path) -> None:
    rows = pa.table(
        {
            "n": [-1.5, float("nan"), None],
            "whole": [-3, None, 2],
            "exact": pa.array([decimal.Decimal("-1.10"), None, decimal.Decimal("2.00")]),
            "on": [datetime.date(2024, 1, 2), None, None],
            "items": [["=a"], None, []],
        }
    )
    write_csv(rows.to_batches(), tmp_path / "a.csv", tuple(rows.column_names))
    assert read(tmp_path / "a.csv")[1:] == [
        ["-1.5", "-3", "-1.10", "2024-01-02", '["=a"]'],
        ["", "", "", "", ""],
        ["", "2", "2.00", "", "[]"],
    ]


def test_no_rows_still_have_a_header(tmp_path: Path) -> None:
    assert write_csv([], tmp_path / "a.csv", ("customer_id", "=x")) == 0
    assert read(tmp_path / "a.csv") == [["customer_id", "'=x"]]


def test_an_audience_streams_in_batches(tmp_path: Path, engine: Any) -> None:
    sizes: list[int] = []

    class Streaming:
        def stream(self, expr: Any, rows: int) -> Any:
            for batch in engine.stream(expr, 1_000):
                sizes.append(batch.num_rows)
                yield batch

    members = engine.connection.sql("select i as customer_id, '=x' as reason, i / 2 as score from range(3500) t(i)")
    assert write_audience(Audience("a", "A", members, "why"), Streaming(), tmp_path / "a.csv") == 3500  # type: ignore[arg-type]
    assert len(sizes) > 1
    assert sum(sizes) == 3500
    assert len(read(tmp_path / "a.csv")) == 3501


def test_arrow_tables_keep_units_and_meanings(tmp_path: Path, engine: Any) -> None:
    table = Table("t", "Title", pa.table({"a": [0.5]}), (ColumnInfo("a", "share", "Half."),), note="So.")
    assert write_parquet(table, engine, tmp_path / "t.parquet") == 1
    schema = pq.read_schema(tmp_path / "t.parquet")
    assert schema.field("a").metadata[b"unit"] == b"share"
    assert schema.metadata[b"title"] == b"Title"
    assert write_table_csv(table, engine, tmp_path / "t.csv") == 1
    assert read(tmp_path / "t.csv") == [["a"], ["0.5"]]


def test_expressions_are_written_by_the_engine(tmp_path: Path, engine: Any) -> None:
    expr = engine.connection.sql("select 1 as a union all select 2")
    assert write_parquet(Table("t", "T", expr, ()), engine, tmp_path / "t.parquet") == 2
    assert pq.read_table(tmp_path / "t.parquet").num_rows == 2


def test_file_names_stay_inside_the_folder_and_apart() -> None:
    names = list(file_names(["../../etc/passwd", "etc_passwd", "ETC_passwd", "", "..", "a" * 300, "ü/ü"]))
    assert names[:3] == ["etc_passwd", "etc_passwd_2", "ETC_passwd_3"]
    assert len(set(names)) == len(names)
    assert all(name and "/" not in name and ".." not in name and len(name) <= 90 for name in names)


def test_the_plan_names_every_file_once(view: RunView, hostile_view: RunView) -> None:
    for run in (view, hostile_view):
        plan = plan_files(run.results)
        paths = [*plan.tables.values(), *plan.charts.values(), *plan.audiences.values()]
        assert len(set(paths)) == len(paths)
        assert all(Path(path).parent.name in ("tables", "charts", "audiences") and ".." not in path for path in paths)


def test_tables_and_audiences_are_copied_out_of_a_run(tmp_path: Path, view: RunView, engine: Any) -> None:
    rfm = replace(view, results=(view.results[2],))
    run = write(rfm, engine, tmp_path / "runs")
    assert copy_out(run, "") == [
        "rfm.grid (table)",
        "rfm.scores (table)",
        "rfm.segments (table)",
        "rfm.at_risk (audience)",
    ]
    copy_out(run, "rfm.scores", tmp_path / "scores.csv")
    assert len(read(tmp_path / "scores.csv")) == 4339
    copy_out(run, "rfm.scores", tmp_path / "scores.parquet")
    assert pq.read_metadata(tmp_path / "scores.parquet").num_rows == 4338
    copy_out(run, "rfm.at_risk", tmp_path / "at_risk.csv")
    assert (tmp_path / "at_risk.csv").read_bytes() == (run / "audiences" / "rfm.at_risk.csv").read_bytes()
    with pytest.raises(SettingsError, match=r"rfm\.segments"):
        copy_out(run, "rfm.segment", tmp_path / "x.csv")
    with pytest.raises(SettingsError, match="xlsx"):
        copy_out(run, "rfm.scores", tmp_path / "x.xlsx")
    with pytest.raises(OutputError, match="no run"):
        copy_out(tmp_path, "rfm.scores")
    with pytest.raises(OutputError, match="cannot be written"):
        copy_out(run, "rfm.scores", tmp_path / "nowhere" / "x.csv")
