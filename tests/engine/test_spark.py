"""The Spark engine: its verbs, and each difference of dialect that is written away, pinned against DuckDB."""

from __future__ import annotations

import math
import shutil
import sys
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regulars import pipeline
from regulars.core.config import DatasetSettings, EngineSettings, Settings, TableSettings
from regulars.errors import BudgetError, SettingsError, SourceError
from regulars.intake.ingest import ingest
from regulars.intake.survey import survey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pyspark.sql import SparkSession

    from regulars.engine.duckdb import DuckdbEngine
    from regulars.engine.spark import SparkEngine

ROWS = pa.table(
    {
        "place": [0, 1, 2, 3],
        "text": ["12", "7.0", "12d", None],
        "number": [2.5, -3.5, 0.1, None],
        "whole": [7, 3, 2, None],
        "at": pa.array([datetime(2024, 3, 31, 23, 59, 59, 5), datetime(2024, 1, 1), None, None], pa.timestamp("us")),
        "on": pa.array([date(2024, 3, 31), date(2024, 1, 1), date(2020, 2, 29), None]),
        "list": pa.array([["a", "b"], ["c"], [], None], pa.list_(pa.string())),
    }
)


@pytest.fixture(scope="module")
def spark_engine(spark: SparkSession) -> Iterator[SparkEngine]:
    from regulars.engine.spark import SparkEngine

    with SparkEngine(EngineSettings(kind="spark"), spark) as opened:
        yield opened  # type: ignore[misc]


# -- verbs ------------------------------------------------------------------------------------------


def test_rows_come_in_and_go_out_as_they_are(spark_engine: SparkEngine) -> None:
    table = spark_engine.bring(ROWS, "rows")
    assert spark_engine.collect(table.order_by("place"), 10).to_pylist() == ROWS.to_pylist()
    batches = list(spark_engine.stream(table.order_by("place"), 3))
    assert [row for batch in batches for row in batch.to_pylist()] == ROWS.to_pylist()
    assert max(batch.num_rows for batch in batches) <= 3


def test_a_table_may_be_computed_from_the_one_it_replaces(spark_engine: SparkEngine) -> None:
    table = spark_engine.bring(pa.table({"x": [1, 2]}), "growing")
    table = spark_engine.persist(table.mutate(x=table.x + 1), "growing")
    table = spark_engine.persist(table.mutate(x=table.x + 1), "growing")
    assert sorted(spark_engine.collect(table, 5)["x"].to_pylist()) == [3, 4]
    assert len(list(spark_engine.folder.glob("*growing"))) == 1  # the older ones are gone
    spark_engine.drop("growing")
    assert not list(spark_engine.folder.glob("*growing"))


def test_numbers_are_kept_as_wide_as_ibis_takes_them_to_be(spark_engine: SparkEngine) -> None:
    table = spark_engine.bring(pa.table({"x": [5, 6]}), "wide")
    numbered = table.mutate(place=ibis.row_number().over(order_by="x"))  # 32 bits on Spark
    kept = spark_engine.persist(numbered, "numbered")
    assert kept.schema() == numbered.schema()
    assert spark_engine.collect(ibis.union(kept, table.mutate(place=table.x)), 5).num_rows == 4


def test_batches_from_the_engine_go_back_into_it(spark_engine: SparkEngine) -> None:
    table = spark_engine.bring(pa.table({"x": list(range(10))}), "numbers")
    doubled = spark_engine.bring(
        (pa.record_batch({"y": [2 * x.as_py() for x in batch["x"]]}) for batch in spark_engine.stream(table, 4)),
        "doubled",
        schema=pa.schema({"y": pa.int64()}),
    )
    assert sorted(spark_engine.collect(doubled, 20)["y"].to_pylist()) == list(range(0, 20, 2))


def test_more_rows_than_the_budget_are_refused(spark_engine: SparkEngine) -> None:
    table = spark_engine.bring(pa.table({"x": [1, 2, 3]}), "three")
    with pytest.raises(BudgetError, match="more than 2 rows"):
        spark_engine.collect(table, 2)


def test_one_file_is_written_in_the_order_asked_for(spark_engine: SparkEngine, tmp_path: Path) -> None:
    table = spark_engine.bring(ROWS, "rows")
    assert spark_engine.write_parquet(table.order_by(ibis.desc("place")), tmp_path / "rows.parquet") == 4
    assert pq.read_table(tmp_path / "rows.parquet")["place"].to_pylist() == [3, 2, 1, 0]
    assert spark_engine.write_parquet(table.filter(table.place > 9), tmp_path / "none.parquet") == 0
    assert pq.read_schema(tmp_path / "none.parquet").names == ROWS.schema.names


def test_types_that_spark_lacks_are_taken_in_as_the_next_wider_ones(spark_engine: SparkEngine) -> None:
    odd = pa.table(
        {
            "unsigned": pa.array([200], pa.uint8()),
            "word": pa.array(["a"]).dictionary_encode(),
            "at": pa.array([datetime(2024, 1, 1)], pa.timestamp("ns", "UTC")),
            "long": pa.array(["b"], pa.large_string()),
        }
    )
    found = spark_engine.collect(spark_engine.bring(odd, "odd"), 1).to_pylist()
    assert found == [{"unsigned": 200, "word": "a", "at": datetime(2024, 1, 1, tzinfo=UTC), "long": "b"}]


def test_the_session_of_a_notebook_stays_as_it_was(spark: SparkSession) -> None:
    from regulars.engine.spark import SparkEngine

    spark.createDataFrame([(1,)], "x int").createOrReplaceTempView("orders")
    zone = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    with SparkEngine(EngineSettings(kind="spark"), spark) as engine:
        engine.bring(pa.table({"y": ["mine"]}), "orders")
        assert spark.table("orders").columns == ["x"]
        assert engine.session.conf.get("spark.sql.session.timeZone") == "UTC"
        folder = engine.folder
    assert not folder.exists()
    assert spark.conf.get("spark.sql.session.timeZone") == "Asia/Tokyo"
    assert spark.range(3).count() == 3  # it was not stopped
    spark.conf.set("spark.sql.session.timeZone", str(zone))
    spark.catalog.dropTempView("orders")


@pytest.mark.parametrize(
    ("environment", "configured", "expected"),
    [("", "", sys.executable), ("", "/opt/own/python", "/opt/own/python"), ("/opt/own/python", "", "")],
)
def test_workers_take_this_python_unless_another_is_named(
    environment: str, configured: str, expected: str, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    from regulars.engine.spark import SparkEngine

    monkeypatch.delenv("PYSPARK_PYTHON", raising=False)
    if environment:
        monkeypatch.setenv("PYSPARK_PYTHON", environment)
    own = spark.newSession()
    if configured:
        own.conf.set("spark.sql.execution.pyspark.python", configured)
    with SparkEngine(EngineSettings(kind="spark"), own) as engine:
        assert engine.session.conf.get("spark.sql.execution.pyspark.python", "") == expected


def test_a_function_runs_on_the_workers_where_nothing_is_activated(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    from regulars.engine.spark import SparkEngine

    def told(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield pa.RecordBatch.from_pydict({"python": [sys.prefix] * batch.num_rows})

    monkeypatch.delenv("PYSPARK_PYTHON", raising=False)
    with SparkEngine(EngineSettings(kind="spark"), spark) as engine:
        rows = engine.session.range(1).mapInArrow(told, "python string").collect()
    assert [row.python for row in rows] == [sys.prefix]


def test_without_java_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    spark = pytest.importorskip("regulars.engine.spark")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(SettingsError, match="needs Java 17") as problem:
        spark.refuse_without_java()
    assert "default-jre-headless" in str(problem.value)


# -- the dialect ------------------------------------------------------------------------------------

EXPRESSIONS: dict[str, Callable[[Any], Any]] = {
    "a cast to a whole number rounds": lambda t: t.number.cast("int64"),
    "text with a point as a whole number": lambda t: t.text.try_cast("int64"),
    "what only Java reads as a number": lambda t: t.text.try_cast("float64"),
    "nothing is divided by zero": lambda t: t.number / (t.whole - t.whole).nullif(0),
    "a share is no decimal": lambda t: t.whole * 0.1 / 3,
    "a literal alone": lambda t: ibis.literal(1.0) / 3,
    "the first day of a month": lambda t: t.on.truncate("M").cast("string").left(10),
    "the first instant of an hour": lambda t: t["at"].truncate("h"),
    "days between": lambda t: t.on.delta(ibis.literal(date(2023, 12, 31)), unit="day"),
    "days added": lambda t: (t["at"] + t.whole.as_interval("D")).cast("date"),
    "seconds added": lambda t: t["at"] + t.whole.as_interval("s"),
    "the element at a place": lambda t: t.list[1],
    "the end of a text is its very end": lambda t: (t.text + "\n").re_search("^[0-9]+$"),
    "no case in any alphabet": lambda t: (t.text + "SÍ").re_search("(?i)sí$"),
    "groups in a replacement": lambda t: t.text.re_replace("([0-9])([0-9])", r"\2-\1"),
    "a backslash and a dollar": lambda t: ("a$" + t.text).re_replace(r"\$", "€"),
    "what a group matched": lambda t: t.text.re_extract("([0-9]+)d", 1),
    "no white space around": lambda t: ("\v\t" + t.text.replace("12", "voucher of") + "\f\n ").strip(),
    "controls in a literal": lambda t: t.text + "\a\b\v\f\n\r\t\x1a\\'\\%\\_\\v",
    "a hash of text": lambda t: t.text.hexdigest("md5"),
    "rounding to cents": lambda t: (t.number * 1.015).round(2),
    "whole division": lambda t: t.whole // 2,
    "what is left": lambda t: t.whole % 2,
    "the day of the week": lambda t: t.on.day_of_week.index().cast("int64"),
    "a date of numbers": lambda t: ibis.date(t.on.year(), t.on.month(), 1),
    "a translation": lambda t: t.text.translate("0123456789", "9999999999"),
}


@pytest.mark.parametrize("what", EXPRESSIONS)
def test_an_expression_means_the_same(what: str, engine: DuckdbEngine, spark_engine: SparkEngine) -> None:
    found = []
    for one in (engine, spark_engine):
        table = one.bring(ROWS, "rows")
        answer = table.select("place", value=EXPRESSIONS[what](table)).order_by("place")
        found.append(one.collect(answer, 10)["value"].to_pylist())
    assert [type(value) for value in found[1]] == [type(value) for value in found[0]]
    for value, twin in zip(*found, strict=True):
        assert value == twin or (isinstance(value, float) and math.isclose(value, twin, rel_tol=1e-12)), what


AGGREGATES: dict[str, Callable[[Any], Any]] = {
    "rows for which something holds": lambda t: t.count(where=t.whole > 100),
    "none of no rows": lambda t: t.filter(t.place > 9).aggregate(n=lambda u: u.count(where=u.whole > 1)).n,
    "bits of any row": lambda t: t.whole.bit_or(),
    "bits of every row": lambda t: t.whole.bit_and(),
    "an exact quantile": lambda t: t.number.quantile(0.3),
    "a median": lambda t: t.whole.median(),
    "a variance": lambda t: t.number.var(),
    "a variance of one row": lambda t: t.filter(t.place == 0).aggregate(n=lambda u: u.number.var()).n,
    "the value of the last row": lambda t: t.text.argmax(t.place, where=t.text.notnull()),
}


@pytest.mark.parametrize("what", AGGREGATES)
def test_an_aggregate_means_the_same(what: str, engine: DuckdbEngine, spark_engine: SparkEngine) -> None:
    found = []
    for one in (engine, spark_engine):
        found.append(one.collect(AGGREGATES[what](one.bring(ROWS, "rows")), 1)[0][0].as_py())
    assert type(found[1]) is type(found[0])
    assert found[1] == (pytest.approx(found[0], rel=1e-12) if isinstance(found[0], float) else found[0])


TIMES = {
    "%d.%m.%Y": ["31.12.2024", "1.2.2024", "30.02.2024", "31.12.24", "x", None],
    "%m/%d/%y %H:%M": ["12/1/10 8:26", "1/31/68 23:59", "1/31/69 00:00", "13/1/10 8:26"],
    "%Y-%m-%dT%H:%M:%S.%f": ["2024-05-01T05:17:31.25", "2024-05-01T05:17:31.000001", "2024-05-01T25:17:31.1"],
    "%d %b %Y %I:%M %p": ["3 Mar 2024 5:00 pm", "3 MAR 2024 12:30 am", "3 Foo 2024 5:00 pm"],
    "%A, %d %B %Y": ["Sunday, 3 March 2024", "monday, 4 march 2024"],
    "%Y%m": ["202401", "202413"],
    "%j %Y": ["60 2024"],
}


@pytest.mark.parametrize("form", TIMES)
def test_instants_are_read_as_strptime_reads_them(form: str, engine: DuckdbEngine, spark_engine: SparkEngine) -> None:
    rows = pa.table({"place": list(range(len(TIMES[form]))), "text": pa.array(TIMES[form], pa.string())})
    found = []
    for one in (engine, spark_engine):
        table = one.bring(rows, "times")
        value = one.functions.instant(table.text, [form])
        value = (value >= ibis.literal(datetime(1000, 1, 1))).ifelse(
            value, ibis.null("timestamp")
        )  # as the intake does
        found.append(one.collect(table.select("place", at=value).order_by("place"), 20)["at"].to_pylist())
    assert found[1] == found[0]


def test_local_time_follows_the_zone(engine: DuckdbEngine, spark_engine: SparkEngine) -> None:
    for one in (engine, spark_engine):
        table = one.bring(pa.table({"at": [datetime(2024, 1, 1, 12), datetime(2024, 7, 1, 12)]}), "instants")
        local = table.select(at=one.functions.local(table["at"], "Europe/Berlin")).order_by("at")
        assert one.collect(local, 5)["at"].to_pylist() == [datetime(2024, 1, 1, 13), datetime(2024, 7, 1, 14)]


CELLS = [
    '["a", "b\\"c", 3, null, {"x": 1}]',
    '{"k": "v", "n": 2, "o": {"p": [1]}, "nothing": null}',
    "{broken",
    "",
    None,
]


def test_json_is_taken_apart_alike(engine: DuckdbEngine, spark_engine: SparkEngine) -> None:
    rows = pa.table({"place": list(range(len(CELLS))), "text": pa.array(CELLS, pa.string())})
    found = []
    for one in (engine, spark_engine):
        table, functions = one.bring(rows, "cells"), one.functions
        values = {
            f"value_{key}": functions.json_value(table.text, ibis.literal(key)) for key in ("k", "n", "o", "nothing")
        }
        answer = table.filter(table.place != 2).select(
            "place",
            keys=functions.json_entries(table.text, is_list=False),
            items=functions.json_entries(table.text, is_list=True),
            **{name: (table.place == 1).ifelse(value, ibis.null("string")) for name, value in values.items()},
        )
        found.append(one.collect(answer.order_by("place"), 10).to_pylist())
        broken = table.filter(table.place == 2).select(keys=functions.json_entries(table.text, is_list=False))
        assert one.collect(broken, 1)["keys"].to_pylist() == [None]
    assert found[1] == found[0]


def test_codes_have_the_same_words(engine: DuckdbEngine, spark_engine: SparkEngine) -> None:
    codes = pa.array([1.0, 2.0, None, 9.0])
    rows = pa.table({"code": codes, "text": [" J", "N\t", "J", None], "_source": ["a"] * 4, "_row": [1, 2, 3, 4]})
    words = {"gender": {"1": "female", "2": "male"}, "contactable": {"J": True, "N": False, "X": ""}}
    settings = TableSettings(("a",), {"gender": "code", "contactable": "text"}, values=words)
    found = []
    for one in (engine, spark_engine):
        raw, dataset = one.bring(rows, "raw_words"), DatasetSettings()
        look = survey("customers", settings, raw, sources=("a",), is_text=False, dataset=dataset, engine=one)
        read = ingest(look, set(), dataset, one, one.functions)
        told = [(check.check, check.sentence, check.rows) for check in read.checks]
        found.append((one.collect(read.numbered.order_by("_row"), 4).to_pylist(), told))
    assert found[1] == found[0]
    assert [row["gender"] for row in found[0][0]] == ["female", "male", None, "9"]
    assert [row["contactable"] for row in found[0][0]] == [True, False, True, None]


# -- sources ----------------------------------------------------------------------------------------


def test_several_files_and_parquet_keep_names_and_numbers(
    engine: DuckdbEngine, spark_engine: SparkEngine, tmp_path: Path
) -> None:
    from regulars.core.config import TableSettings
    from regulars.intake.sources import raw_table

    (tmp_path / "a.csv").write_text("id;name\n1;Ann\n2;Bo\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("name;id\nCy;3\n", encoding="utf-8")
    (tmp_path / "year=2024 + 1").mkdir()
    instants = pa.array([datetime(2024, 1, 1), datetime(2024, 7, 1)], pa.timestamp("us", "UTC"))
    pq.write_table(
        pa.table({"id": [4, 5], "a name": ["Di", "Ed"], "at": instants}), tmp_path / "year=2024 + 1" / "c.parquet"
    )
    for source in (("a.csv", "b.csv"), ("year=2024 + 1/c.parquet",)):
        found = []
        for one in (engine, spark_engine):
            raw = raw_table.open_table("orders", TableSettings(source=source), tmp_path, one)
            found.append(one.collect(raw.rows.order_by("id"), 10).to_pylist())
            assert "at" not in raw.columns or raw.rows["at"].type().timezone == "UTC"
        assert found[1] == found[0]
        assert found[0][0]["_source"] == source[0]


SHOP = """
[tables.orders]
source = "{source}"
columns = {{ order_id = "id", customer_id = "customer", ordered_at = "at", paid = "paid" }}
"""


@pytest.mark.parametrize("kind", ["catalogue", "csv", "parquet"])
def test_spark_reads_its_catalogue_and_plain_files_by_itself(kind: str, spark: SparkSession, tmp_path: Path) -> None:
    rows = [(number, number % 7, f"2024-{1 + number % 9:02d}-11 10:00:00", number / 2) for number in range(40)]
    frame = spark.createDataFrame(rows, "id long, customer long, at string, paid double")
    source = "catalogue://my_orders"
    if kind == "catalogue":
        frame.createOrReplaceTempView("my_orders")
    else:
        source = f"file://{tmp_path / 'orders'}.{kind}"
        getattr(frame.repartition(3).write, kind)(source, **({"header": True} if kind == "csv" else {}))
    (tmp_path / "regulars.toml").write_text(SHOP.format(source=source), encoding="utf-8")
    with pytest.raises(SourceError, match="read by Spark only"):
        pipeline.load(tmp_path / "regulars.toml")
    data = pipeline.load(tmp_path / "regulars.toml", spark=spark)
    assert data.quality.account("orders").accepted == 40
    view = data.customers
    found = data.collect(view.aggregate(n=view.count(), paid=view.revenue_total.sum()), 1).to_pylist()
    assert found == [{"n": 7, "paid": 390.0}]
    data.engine.close()
    spark.catalog.dropTempView("my_orders")


def test_uneven_rows_of_a_file_that_spark_reads_are_refused(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("id,customer,at,paid\n1,2,2024-01-01,5\n2,2\n", encoding="utf-8")
    source = f"file://{tmp_path / 'orders.csv'}"
    (tmp_path / "regulars.toml").write_text(SHOP.format(source=source), encoding="utf-8")
    with pytest.raises(SourceError, match=r"cannot be read.*Malformed CSV record"):
        pipeline.load(tmp_path / "regulars.toml", spark=spark)


def test_the_settings_choose_the_engine(spark: SparkSession) -> None:
    settings = Settings(engine=EngineSettings(kind="spark", master="local[2]"))
    with pipeline.open_engine(settings) as opened:  # beside the session that runs already
        assert opened.kind == "spark"
        assert "SELECT" in opened.sql(opened.bring(pa.table({"x": [1]}), "one"))
    assert spark.range(2).count() == 2
