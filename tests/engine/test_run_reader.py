from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regulars.core.questions import Among, Condition, NotAll, mask
from regulars.engine.run_reader import RunReader
from regulars.errors import DataError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[RunReader]:
    people = pa.table(
        {"customer_id": ["a", "b", "c", None], "age": [30, None, 50, 60], 'odd" name': ["x'", "y", "z", "x'"]}
    )
    orders = pa.table({"customer_id": ["a", "a", "c"], "paid": [1.5, 2.0, 4.0]})
    pq.write_table(people, tmp_path / "people.parquet")
    pq.write_table(orders, tmp_path / "orders.parquet")
    opened = RunReader({"people": tmp_path / "people.parquet", "orders": tmp_path / "orders.parquet"})
    yield opened
    opened.close()


def ids(reader: RunReader, *tests: Condition | Among | NotAll) -> list[str | None]:
    return reader.rows("people", ["customer_id"], tests, ["customer_id"])["customer_id"].to_pylist()


def test_conditions_say_what_they_say(reader: RunReader) -> None:
    assert ids(reader, Condition("age", "at least", (50,))) == ["c", None]
    assert ids(reader, Condition("age", "at most", (30,))) == ["a"]
    assert ids(reader, Condition("age", "between", (30, 50))) == ["a", "c"]
    assert ids(reader, Condition("age", "unknown")) == ["b"]
    assert ids(reader, Condition("customer_id", "is not", ("a",))) == ["b", "c", None]
    assert ids(reader, Condition('odd" name', "is", ("x'", "z"))) == ["a", "c", None]
    assert ids(reader, Among("customer_id", "orders", (Condition("paid", "at least", (2,)),))) == ["a", "c"]


def test_who_cannot_be_decided_does_not_fulfil_an_exclusion(reader: RunReader) -> None:
    assert ids(reader, NotAll((Condition("age", "at least", (40,)),))) == ["a", "b"]


def test_totals_by_group(reader: RunReader) -> None:
    rows = reader.totals("orders", by=["customer_id"], sums=["paid"]).to_pylist()
    assert rows == [{"customer_id": "a", "rows": 2, "paid": 3.5}, {"customer_id": "c", "rows": 1, "paid": 4.0}]
    assert reader.totals("orders", distinct=["customer_id"]).to_pylist() == [{"rows": 3, "distinct_customer_id": 2}]


def test_the_text_of_a_query_asks_the_same_of_the_run_folder(reader: RunReader, tmp_path: Path) -> None:
    (tmp_path / "cube").mkdir()
    told = pa.table({"name?": ['it\'s ? FROM "people"', "b"], "day": [date(2024, 1, 2), date(2024, 2, 1)], "n": [1, 2]})
    pq.write_table(told, tmp_path / "cube" / "people.parquet")
    asker = RunReader({"people": tmp_path / "cube" / "people.parquet"})
    try:
        tests = [
            Condition("name?", "is", ('it\'s ? FROM "people"',)),
            Condition("day", "at least", (date(2024, 1, 1),)),
            Condition("n", "at most", (5,)),
        ]
        asked = {"where": tests, "by": ["name?"], "sums": ["n"], "distinct": ["day"]}
        text = asker.totals_text("people", **asked)
        assert duckdb.sql(text.replace("'cube/", f"'{tmp_path}/cube/")).to_arrow_table() == asker.totals(
            "people", **asked
        )
    finally:
        asker.close()


def test_only_columns_that_are_there_reach_a_query(reader: RunReader) -> None:
    for name in ("nothing", 'age" FROM people; --', "*"):
        with pytest.raises(DataError):
            reader.rows("people", [name])
        with pytest.raises(DataError):
            reader.totals("people", by=[name])


def test_the_connection_cannot_write_nor_reach_out(reader: RunReader, tmp_path: Path) -> None:
    for query in (
        "CREATE TABLE more (a INT)",
        "DELETE FROM people",
        f"COPY people TO '{tmp_path}/out.csv'",
        f"SELECT * FROM '{tmp_path}/people.parquet'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        f"ATTACH '{tmp_path}/other.duckdb'",
    ):
        with pytest.raises(duckdb.Error):
            reader._connection.execute(query)


def test_masked_columns_hold_hashes_and_the_same_ones_everywhere(tmp_path: Path) -> None:
    pq.write_table(pa.table({"customer_id": [7, None]}), tmp_path / "one.parquet")
    pq.write_table(pa.table({"who": ["7"]}), tmp_path / "two.parquet")
    files = {"one": tmp_path / "one.parquet", "two": tmp_path / "two.parquet"}
    reader = RunReader(files, secret="0f", masked={"one": ["customer_id"], "two": ["who"]})
    try:
        assert reader.rows("one")["customer_id"].to_pylist() == [mask("0f", "7"), None]
        assert reader.rows("two")["who"].to_pylist() == [mask("0f", "7")]
    finally:
        reader.close()


def test_a_file_that_is_none_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "bad.parquet").write_bytes(b"no parquet")
    with pytest.raises(SourceError, match="cannot be read"):
        RunReader({"bad": tmp_path / "bad.parquet"})
