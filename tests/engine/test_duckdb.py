from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest

from regulars.core.config import EngineSettings
from regulars.engine.duckdb import DuckdbEngine, memory_limit
from regulars.errors import BudgetError, SettingsError


@pytest.fixture
def rows(engine: DuckdbEngine) -> Any:
    return engine.bring(pa.table({"n": range(5), "text": ["a", "b", None, "d", "e"]}), "rows")


def values(engine: DuckdbEngine, expr: Any) -> list[Any]:
    return engine.collect(expr.name("value").as_table(), 1000)["value"].to_pylist()


def test_collect_refuses_more_rows_than_its_budget(engine: DuckdbEngine, rows: Any) -> None:
    assert engine.collect(rows, 5).num_rows == 5
    with pytest.raises(BudgetError, match="more than 4 rows"):
        engine.collect(rows, 4)


def test_sums_of_whole_numbers_come_as_64_bits(engine: DuckdbEngine, rows: Any) -> None:
    found = engine.collect(rows.aggregate(**{'su"m': rows.n.sum(), "most": rows.n.max()}), 1)
    assert found.schema.field('su"m').type == pa.int64()
    assert found.to_pylist() == [{'su"m': 10, "most": 4}]
    assert engine.persist(rows.aggregate(total=rows.n.sum()), "kept").schema()["total"].is_int64()


def test_a_stream_comes_in_batches_while_other_queries_run(engine: DuckdbEngine, rows: Any) -> None:
    many = engine.persist(rows.cross_join(rows.view()).select("n").cross_join(rows.select(m="n")), "many")
    seen = 0
    for batch in engine.stream(many, 50):
        assert batch.num_rows <= 50 or seen == 0
        seen += batch.num_rows
        assert engine.collect(rows.count(), 1).num_rows == 1
    assert seen == 125


def test_a_kept_table_may_replace_the_one_it_is_made_from(engine: DuckdbEngine, rows: Any) -> None:
    kept = engine.persist(rows.filter(rows.n > 1), "kept")
    kept = engine.persist(kept.filter(kept.n > 2), "kept")
    assert values(engine, kept.n) == [3, 4]


def test_what_an_interruption_left_over_is_no_hindrance(engine: DuckdbEngine, rows: Any) -> None:
    engine.persist(rows, "kept__new")
    assert engine.collect(engine.persist(rows, "kept").count(), 1).num_rows == 1


def test_batches_may_come_out_of_the_same_engine(engine: DuckdbEngine, rows: Any) -> None:
    brought = engine.bring(engine.stream(rows, 2), "again", schema=rows.schema().to_pyarrow())
    assert engine.collect(brought, 10).to_pylist() == engine.collect(rows, 10).to_pylist()


def test_names_are_never_read_as_sql(engine: DuckdbEngine) -> None:
    name = 'x"; DROP TABLE rows; --'
    table = engine.bring(pa.table({'na"me': [1], "😀 '": [2]}), name)
    engine.persist(table, "kept")
    assert engine.collect(table, 1).column_names == ['na"me', "😀 '"]
    engine.drop(name)
    engine.drop("never there")
    assert engine.backend.list_tables() == ["kept"]


def test_rows_are_written_as_parquet(engine: DuckdbEngine, rows: Any, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    path = tmp_path / "it's a [file].parquet"
    assert engine.write_parquet(rows.order_by("n"), path) == 5
    assert pq.read_table(path)["text"].to_pylist() == ["a", "b", None, "d", "e"]


def test_a_query_is_compiled_once_whoever_asks(engine: DuckdbEngine, rows: Any) -> None:
    name = rows.columns[0]
    assert engine.sql(rows.select(name)) is engine.sql(rows.select(name))
    assert engine.sql(rows.select(name)) != engine.sql(rows.select(other=rows[name]))


def test_the_query_can_be_read(engine: DuckdbEngine, rows: Any) -> None:
    assert 'SELECT\n  *\nFROM "rows"' in engine.sql(rows.filter(rows.n > 2))


def test_closing_takes_the_temporary_folder_away() -> None:
    with DuckdbEngine(EngineSettings(memory="1GB")) as engine:
        folder = engine.folder
        assert folder.is_dir()
    assert not folder.exists()


def test_a_program_that_never_closes_leaves_no_folder_behind() -> None:
    written = (
        "from regulars.core.config import EngineSettings\n"
        "from regulars.engine.duckdb import DuckdbEngine\n"
        "engine = DuckdbEngine(EngineSettings(memory='1GB'))\n"
        "assert engine.folder.is_dir()\n"
        "print(engine.folder)\n"
    )
    told = subprocess.run([sys.executable, "-c", written], capture_output=True, text=True, check=True).stdout
    assert not Path(told.strip()).exists()


def test_settings_that_cannot_be_followed_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="temporary_folder"):
        DuckdbEngine(EngineSettings(temporary_folder=str(tmp_path / "no" / "such")))


@pytest.mark.parametrize(("text", "limit"), [("8GB", "8GB"), ("512MiB", "512MiB")])
def test_a_size_is_a_memory_limit(text: str, limit: str) -> None:
    assert memory_limit(text) == limit


def test_a_share_is_of_the_memory_of_this_machine() -> None:
    half, whole = (int(memory_limit(text).removesuffix("MiB")) for text in ("50%", "100 %"))
    assert 0 < half == pytest.approx(whole / 2, abs=1)


def test_nothing_is_downloaded(engine: DuckdbEngine) -> None:
    found = engine.connection.execute("SELECT name, value FROM duckdb_settings()").fetchall()
    for name in ("autoinstall_known_extensions", "autoload_known_extensions"):
        assert dict(found)[name] == "false"


# -- functions --------------------------------------------------------------------------------------


def test_text_is_read_by_the_first_format_that_fits(engine: DuckdbEngine) -> None:
    table = engine.bring(pa.table({"text": ["31/01/24", "01/31/24", "x", None]}), "texts")
    found = values(engine, engine.functions.instant(table.text, ["%d/%m/%y", "%m/%d/%y"]))
    assert found == [datetime(2024, 1, 31), datetime(2024, 1, 31), None, None]


def test_utc_becomes_wall_clock_time_in_summer_and_winter(engine: DuckdbEngine) -> None:
    given = [datetime(2024, 7, 1, 12), datetime(2024, 1, 1, 12), None]
    table = engine.bring(pa.table({"at": pa.array(given, pa.timestamp("us"))}), "instants")
    assert values(engine, engine.functions.local(table["at"], "Europe/London")) == [
        datetime(2024, 7, 1, 13), datetime(2024, 1, 1, 12), None,
    ]  # fmt: skip


def test_the_zone_of_the_machine_does_not_matter(engine: DuckdbEngine) -> None:
    noon = pa.array([datetime(2024, 7, 1, 12, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    table = engine.bring(pa.table({"at": noon}), "zoned")
    bare = table.select(at=table["at"].cast("timestamp"))
    assert next(iter(engine.stream(bare, 1)))["at"][0].as_py() == datetime(2024, 7, 1, 12)
    cursor = engine.connection.cursor()
    assert cursor.execute("SELECT current_setting('TimeZone')").fetchone() == ("UTC",)


def test_json_lists_and_objects_are_taken_apart(engine: DuckdbEngine) -> None:
    texts = ['["a", 1, {"x": 2}]', '{"P1": 2, "P2": 3}', "[]", "{bad", "5", None]
    table = engine.bring(pa.table({"text": texts}), "texts")
    listed = values(engine, engine.functions.json_entries(table.text, is_list=True))
    named = values(engine, engine.functions.json_entries(table.text, is_list=False))
    assert listed == [['"a"', "1", '{"x":2}'], None, [], None, None, None]
    assert named == [None, ["P1", "P2"], None, None, None, None]


def test_a_json_value_is_found_by_any_key(engine: DuckdbEngine) -> None:
    text = '{"a": "x", "a/b": 1, "~c": 1.5, "$.a": true, "n": null, "o": {"q": 1}, "l": [1], "": "empty", "*": "star"}'
    table = engine.bring(
        pa.table({"text": [text] * 10, "key": ["a", "a/b", "~c", "$.a", "n", "o", "l", "", "*", "none"]}), "texts"
    )
    found = values(engine, engine.functions.json_value(table.text, table["key"]))
    assert found == ["x", "1", "1.5", "true", None, '{"q":1}', "[1]", "empty", "star", None]
    combined = engine.functions.json_value(table.text, ibis.literal("a")) + "!"
    assert values(engine, combined)[0] == "x!"
