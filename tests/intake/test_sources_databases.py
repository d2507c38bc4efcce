"""Tables of databases, and secrets that stay secret."""

from __future__ import annotations

import os
import sqlite3
import sys
import traceback
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pytest

from regulars.errors import MissingExtraError, SourceError
from regulars.intake.sources.databases import address, choose_table

if TYPE_CHECKING:
    from collections.abc import Callable

POSTGRESQL = os.environ.get("REGULARS_TEST_POSTGRESQL", "")
"""The address of a server on which the test may make a table, as `postgresql://user:password@host/database`."""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute('CREATE TABLE "or""ders; --" (id INTEGER, name TEXT, paid REAL, mixed, ID_2, "ID_2 " BLOB)')
        rows = [(1, "Ann", 2.5, 1, None, b"x"), (2, "é", 3, "a", None, None), (3, None, None, 2.5, None, b"y")]
        connection.executemany('INSERT INTO "or""ders; --" VALUES (?, ?, ?, ?, ?, ?)', rows)
        connection.execute("CREATE TABLE empty (id INTEGER)")
    connection.close()
    return path


def test_sqlite_columns_get_a_type_that_fits_every_cell(shop: Path, opened: Callable[..., Any]) -> None:
    table = opened("sqlite:///shop.db", table='or"ders; --')
    assert not table.raw.is_text
    assert table.rows("id", "name", "paid", "mixed", "_row") == [
        (1, "Ann", 2.5, "1", 1), (2, "é", 3.0, "a", 2), (3, None, None, "2.5", 3),
    ]  # fmt: skip
    assert table.raw.sources[0].path == 'sqlite:///shop.db#or"ders; --'
    assert table.raw.sources[0].size_bytes == shop.stat().st_size


def test_sqlite_in_several_batches(tmp_path: Path, opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regulars.engine.foreign_tables._ROWS_AT_ONCE", 7)
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("CREATE TABLE t (n)")
        connection.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(50)])
    connection.close()
    assert opened(f"sqlite:///{tmp_path}/a.db").rows("n", "_row") == [(n, n + 1) for n in range(50)]


def test_a_duckdb_file_is_only_read(tmp_path: Path, opened: Callable[..., Any]) -> None:
    with duckdb.connect(str(tmp_path / "a'b.duckdb")) as other:
        other.execute("CREATE SCHEMA old; CREATE TABLE old.t AS SELECT 1 AS id")
        other.execute('CREATE TABLE "my ""t" AS SELECT range AS id, range / 2 AS "_row" FROM range(5)')
    before = (tmp_path / "a'b.duckdb").read_bytes()
    table = opened("duckdb:///a'b.duckdb", table='my "t')
    assert table.raw.columns == ("id", "_row_2")
    assert table.rows("id", "_row_2", "_row") == [(n, n / 2, n + 1) for n in range(5)]
    assert opened("duckdb:///a'b.duckdb", table="old.t").rows() == [(1,)]
    assert (tmp_path / "a'b.duckdb").read_bytes() == before


@pytest.mark.parametrize(
    ("source", "table", "words", "mend"),
    [
        ("sqlite:///shop.db", "emty", "no table 'emty'", "did you mean 'empty'?"),
        ("sqlite:///shop.db", "", "2 tables, and none is named", "reader = "),
        ("sqlite:///shop.db", "empty", "no rows", "reader.table"),
        ("sqlite:///shup.db", "t", "there is no database", "shop.db"),
        ("duckdb:///shop.db", "t", "cannot be opened as a DuckDB database", ""),
        ("oracle://host/shop", "t", "databases of the kind 'oracle'", "known:"),
    ],
)
def test_what_is_not_there_is_named(
    shop: Path, opened: Callable[..., Any], source: str, table: str, words: str, mend: str
) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        opened(source, table=table)
    assert mend in (caught.value.mend or "")


def test_a_file_that_is_no_database(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "a.db").write_text("id,shop\n" * 100)
    with pytest.raises(SourceError, match="not a database"):
        opened("sqlite:///a.db", table="t")


def test_a_table_is_found_by_its_name_with_or_without_schema() -> None:
    tables = [("public", "orders"), ("old", "orders"), ("old", "Customers"), ("pg_catalog", "pg_type")]
    assert choose_table(tables, "orders", "db") == ("public", "orders")
    assert choose_table(tables, "old.orders", "db") == ("old", "orders")
    assert choose_table(tables, "customers", "db") == ("old", "Customers")
    with pytest.raises(SourceError, match="several tables"):
        choose_table([("a", "t"), ("b", "t")], "t", "db")


# -- secrets ----------------------------------------------------------------------------------------

PASSWORD = "p@ss/w:rd %41?#"


@pytest.mark.parametrize(
    "source",
    [
        "postgresql://ann:${SHOP_PASSWORD}@host:5432/shop",
        "mysql://ann:${SHOP_PASSWORD}@host/shop",
        "postgresql://host/shop?user=ann&password=${SHOP_PASSWORD}&sslmode=require",
        "postgresql://ann:plain-secret@host/shop",
        "postgresql://host/shop?sslpassword=plain-secret",
    ],
)
def test_secrets_are_shown_nowhere(source: str) -> None:
    where = address(source, Path(), {"SHOP_PASSWORD": PASSWORD})
    for secret in (PASSWORD, "p%40ss", "plain-secret"):
        assert secret not in where.shown
        assert secret not in repr(where)
        assert secret not in where.masked(f"cannot log in with {where.url} and {secret if secret in source else ''}")
    assert "***" in where.shown


def test_a_password_from_the_environment_is_one_word_of_the_address() -> None:
    from urllib.parse import unquote, urlsplit

    where = address("postgresql://ann:${SHOP_PASSWORD}@host:5432/shop", Path(), {"SHOP_PASSWORD": PASSWORD})
    parts = urlsplit(where.url)
    assert (parts.hostname, parts.port, parts.path) == ("host", 5432, "/shop")
    assert unquote(parts.password or "") == PASSWORD


def test_a_variable_that_is_not_set() -> None:
    with pytest.raises(SourceError, match="SHOP_PASSWORD, which is not set"):
        address("mysql://ann:${SHOP_PASSWORD}@host/shop", Path(), {})


def test_what_a_driver_says_is_masked(opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    class DriverError(Exception):
        pass

    def connect(url: str) -> None:
        raise DriverError(f"cannot reach {url} with {PASSWORD}")

    dbapi = SimpleNamespace(connect=connect, Error=DriverError)
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", SimpleNamespace(dbapi=dbapi))
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    with pytest.raises(SourceError, match="cannot be read: cannot reach") as caught:
        opened("postgresql://ann:${SHOP_PASSWORD}@host/shop", table="t")
    told = "".join(traceback.format_exception(caught.value))
    assert PASSWORD not in told
    assert "p%40ss" not in told


@pytest.mark.parametrize(("source", "module"), [("postgresql", "adbc_driver_postgresql"), ("mysql", "connectorx")])
def test_a_missing_driver_names_its_extra(
    opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, source: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match="databases") as caught:
        opened(f"{source}://ann:secret@host/shop", table="t")
    assert "secret" not in str(caught.value)


def test_mysql_is_asked_with_a_quoted_name(opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def read_sql(url: str, query: str, return_type: str, **_: Any) -> Any:
        asked.append(query)
        if "information_schema" in query.lower():
            return pa.table({"TABLE_SCHEMA": ["shop", "other"], "TABLE_NAME": ["or`ders", "or`ders"]})
        rows = pa.table({"id": [1, 2], "paid": [2.5, None]})
        return rows if return_type == "arrow" else rows.to_reader()

    monkeypatch.setitem(sys.modules, "connectorx", SimpleNamespace(read_sql=read_sql))
    table = opened("mysql://ann:secret@host/shop", table="or`ders")
    assert table.rows("id", "paid", "_source", "_row") == [
        (1, 2.5, "mysql://ann:***@host/shop#or`ders", 1),
        (2, None, "mysql://ann:***@host/shop#or`ders", 2),
    ]
    assert asked[-1] == "SELECT * FROM `shop`.`or``ders`"


@pytest.mark.skipif(not POSTGRESQL, reason="REGULARS_TEST_POSTGRESQL names no server")
def test_postgresql(opened: Callable[..., Any]) -> None:
    dbapi = pytest.importorskip("adbc_driver_postgresql.dbapi")
    name = 'regulars "test"; --'
    quoted = '"' + name.replace('"', '""') + '"'
    with dbapi.connect(POSTGRESQL, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {quoted}")
        cursor.execute(f"CREATE TABLE {quoted} (id bigint, paid numeric(10, 2), day date, u uuid, j jsonb)")
        values = "(1, 9.50, '2024-01-02', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{\"P1\": 2}')"
        cursor.execute(f"INSERT INTO {quoted} VALUES {values}, (2, NULL, NULL, NULL, NULL)")
        table = opened(POSTGRESQL, table=name)
        cursor.execute(f"DROP TABLE {quoted}")
    (first, second) = table.rows("id", "paid", "u", "j", "_row")
    assert first == (1, "9.50", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", '{"P1": 2}', 1)
    assert second == (2, None, None, None, 2)
    assert table.raw.sources[0].size_bytes is None
