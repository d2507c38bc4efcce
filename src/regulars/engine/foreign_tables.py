"""Tables of SQLite, PostgreSQL and MySQL, read through their drivers in Arrow batches.

The statements are built from the table's name and written by sqlglot in the dialect of the database, so that a name is
always quoted. Which table is meant is left to the caller, who is shown the tables that are there.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from regulars.errors import RegularsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pyarrow as pa

TableName = tuple[str, str]
"""(schema, name); the schema is empty where the database has none."""
_ROWS_AT_ONCE = 50_000


@dataclass(frozen=True)
class ForeignTable:
    """A table of a database: its name, its columns, and its rows, which can be taken once."""

    name: str
    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]


class DriverError(Exception):
    """What a driver says, unchanged: it may hold a password, so it is for the caller's eyes alone."""


@contextmanager
def _told() -> Iterator[None]:
    """Errors of whatever kind a driver raises, as one kind."""
    try:
        yield
    except (RegularsError, DriverError, ImportError):
        raise
    except Exception as problem:  # each driver has a family of its own, and connectorx panics
        raise DriverError(str(problem).strip() or type(problem).__name__) from None


def read_sqlite(path: Path, choose: Callable[[list[TableName]], TableName]) -> ForeignTable:
    """A table of a SQLite file, which is opened for reading only.

    Args:
        path: The file.
        choose: Picks the table from those that are there.

    Raises:
        DriverError: The file is no database, or broken; that may show only while the batches are taken.
    """
    import sqlite3

    import pyarrow as pa

    # the engine asks for batches from a thread of its own, one at a time
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
    try:
        with _told():
            connection.text_factory = _sqlite_text
            table = choose([("", row[0]) for row in connection.execute(_sqlite_tables())])
            statement = _all_rows(table, "sqlite")
            columns = [column[0] for column in connection.execute(statement).description]
            types = _sqlite_types(connection, table, columns)
    except BaseException:
        connection.close()
        raise
    schema = pa.schema(list(zip(columns, types, strict=True)))

    def batches() -> Iterator[pa.RecordBatch]:
        with closing(connection), _told():
            cursor = connection.execute(statement)
            while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                cells = [
                    pa.array(_as_text(column) if kind == pa.string() else column, kind)
                    for column, kind in zip(zip(*rows, strict=True), types, strict=True)
                ]
                yield pa.RecordBatch.from_arrays(cells, schema=schema)

    return ForeignTable(table[1], schema, batches())


def read_postgresql(url: str, choose: Callable[[list[TableName]], TableName]) -> ForeignTable:
    """A table of a PostgreSQL database.

    Args:
        url: Its address, with the password.
        choose: Picks the table from those that the user may see.

    Raises:
        ImportError: The driver is not installed.
        DriverError: The database cannot be reached or read.
    """
    from adbc_driver_postgresql import dbapi

    with _told():
        connection = dbapi.connect(url)
    try:
        with _told():
            cursor = connection.cursor()
            cursor.execute(_all_tables("postgres"))
            table = choose(cursor.fetchall())
            cursor.execute(_all_rows(table, "postgres"))
            reader = cursor.fetch_record_batch()
    except BaseException:
        connection.close()
        raise

    def batches() -> Iterator[pa.RecordBatch]:
        with closing(connection), closing(cursor):
            yield from _plain_batches(reader)

    return ForeignTable(table[1], _plain_schema(reader.schema), batches())


def read_mysql(url: str, choose: Callable[[list[TableName]], TableName]) -> ForeignTable:
    """A table of a MySQL database.

    Args:
        url: Its address, with the password.
        choose: Picks the table from those of that database.

    Raises:
        ImportError: The driver is not installed.
        DriverError: The database cannot be reached or read.
    """
    import connectorx

    with _told():
        listed = connectorx.read_sql(url, _all_tables("mysql"), return_type="arrow")
        tables = [(str(schema), str(name)) for schema, name in zip(*map(_values, listed.columns), strict=True)]
        here = unquote(urlsplit(url).path.lstrip("/"))
        table = choose([one for one in tables if one[0] == here] or tables)
        statement = _all_rows(table, "mysql")
        reader = connectorx.read_sql(url, statement, return_type="arrow_stream", batch_size=_ROWS_AT_ONCE)
    return ForeignTable(table[1], _plain_schema(reader.schema), _plain_batches(reader))


# -- statements -------------------------------------------------------------------------------------


def _all_rows(table: TableName, dialect: str) -> str:
    from sqlglot import exp

    place = exp.table_(table[1], db=table[0] or None, quoted=True)
    return exp.select("*").from_(place).sql(dialect=dialect, identify=True)


def _all_tables(dialect: str) -> str:
    from sqlglot import exp

    names = exp.select("table_schema", "table_name").from_(exp.table_("tables", db="information_schema"))
    return names.order_by("table_schema", "table_name").sql(dialect)


def _sqlite_tables() -> str:
    from sqlglot import exp

    names = exp.select("name").from_("sqlite_master").where(exp.column("type").isin("table", "view"))
    return names.order_by("name").sql("sqlite")


# -- values -----------------------------------------------------------------------------------------


def _sqlite_types(connection: Any, table: TableName, columns: list[str]) -> list[pa.DataType]:
    """A type for each column that fits every one of its cells: in SQLite each cell has a type of its own."""
    import pyarrow as pa
    from sqlglot import exp

    kinds = [exp.func("typeof", exp.column(column, quoted=True)) for column in columns]
    statement = exp.select(*kinds).distinct().from_(exp.table_(table[1], quoted=True)).sql("sqlite")
    found: list[set[str]] = [set() for _ in columns]
    for row in connection.execute(statement):
        for seen, kind in zip(found, row, strict=True):
            seen.add(kind)
    types = {
        frozenset({"integer"}): pa.int64(),
        frozenset({"real"}): pa.float64(),
        frozenset({"integer", "real"}): pa.float64(),
        frozenset({"blob"}): pa.binary(),
    }
    return [types.get(frozenset(seen - {"null"}), pa.string()) for seen in found]


def _sqlite_text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _as_text(cells: tuple[Any, ...]) -> list[str | None]:
    return [
        cell if cell is None or isinstance(cell, str) else cell.hex() if isinstance(cell, bytes) else str(cell)
        for cell in cells
    ]


def _values(column: Any) -> list[Any]:
    return list(column.to_pylist())


def _plain_schema(schema: pa.Schema) -> pa.Schema:
    """The types of a driver without its extensions: an exact decimal, JSON or a UUID is text."""
    import pyarrow as pa

    return pa.schema([(one.name, _plain_type(one.type)) for one in schema])


def _plain_type(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    if getattr(kind, "extension_name", "") == "arrow.uuid":
        return pa.string()
    return getattr(kind, "storage_type", kind)


def _plain_column(column: pa.Array) -> pa.Array:
    import pyarrow as pa

    if getattr(column.type, "extension_name", "") == "arrow.uuid":
        return pa.array([None if one is None else str(one) for one in column.to_pylist()], pa.string())
    return getattr(column, "storage", column)


def _plain_batches(reader: Any) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    schema = _plain_schema(reader.schema)
    with _told():
        for batch in reader:
            yield pa.RecordBatch.from_arrays([_plain_column(column) for column in batch.columns], schema=schema)
