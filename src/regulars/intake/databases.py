"""Tables of databases on their way into the engine, in batches.

Only a table's name is taken from the settings, never a query: it is looked up among the tables that are there, and
written quoted. A password may come from the environment, `postgresql://user:${PGPASSWORD}@host/shop`; it is shown
nowhere.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from regulars.errors import MissingExtraError, SourceError, closest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import pyarrow as pa

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET_KEY = re.compile(r"(?i)([?&][^=&]*(?:password|passwd|pwd|secret|token|key)[^=&]*=)([^&#]*)")
_HIDDEN = "***"
_ROWS_AT_ONCE = 50_000
_SCHEMES = {
    "duckdb": "duckdb",
    "sqlite": "sqlite",
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "mysql": "mysql",
}
_OUR_OWN = frozenset({"information_schema", "pg_catalog", "mysql", "performance_schema", "sys"})

TableName = tuple[str, str]
"""(schema, name); the schema is empty where the database has none."""


@dataclass(frozen=True)
class Address:
    """Where a database is.

    Args:
        kind: `duckdb`, `sqlite`, `postgresql` or `mysql`.
        shown: The address without any secret.
        path: The file of an embedded database.
        url: The whole address, for the driver; never shown.
        secrets: What must not be shown.
    """

    kind: str
    shown: str
    path: Path | None = None
    url: str = field(default="", repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def masked(self, text: str) -> str:
        """A text without the secrets."""
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, _HIDDEN)
        return text


def address(source: str, folder: Path, environment: Mapping[str, str] | None = None) -> Address:
    """A database address, with `${NAME}` filled in from the environment.

    Args:
        source: `duckdb:///path`, `sqlite:///path` (four slashes for an absolute path), `postgresql://…` or `mysql://…`.
        folder: What a relative path is relative to.
        environment: Instead of the process's own.

    Raises:
        SourceError: The kind is not known, or a variable is not set.

    >>> from pathlib import Path
    >>> here = address("mysql://ann:${SHOP_PASSWORD}@db/shop", Path("."), {"SHOP_PASSWORD": "p@ss"})
    >>> here.shown, here.masked("p@ss is wrong")
    ('mysql://ann:***@db/shop', '*** is wrong')
    """
    scheme, _, rest = source.partition("://")
    kind = _SCHEMES.get(scheme.lower())
    if kind is None:
        raise SourceError(f"databases of the kind '{scheme}' are not read", mend=closest(scheme.lower(), _SCHEMES))
    known = os.environ if environment is None else environment
    values = {}
    for name in _VARIABLE.findall(source):
        if name not in known:
            raise SourceError(
                f"the address {_without_secrets(source)} needs the environment variable {name}, which is not set",
                mend=f"set it before the run: export {name}=…",
            )
        values[name] = known[name]
    if kind in ("duckdb", "sqlite"):
        path = folder / _VARIABLE.sub(lambda match: values[match[1]], unquote(rest.removeprefix("/")))
        return Address(kind, _without_secrets(source), path=path)
    url = f"{kind}://" + _VARIABLE.sub(lambda match: quote(values[match[1]], safe=""), rest)
    plain = [*values.values(), *(match[2] for match in _SECRET_KEY.finditer(url)), _password(url)]
    secrets = {text for one in plain if one for text in (one, unquote(one), quote(unquote(one), safe=""))}
    return Address(kind, _without_secrets(source), url=url, secrets=tuple(sorted(secrets)))


def read(where: Address, wanted: str) -> tuple[str, pa.Schema, Iterator[pa.RecordBatch]]:
    """The rows of a table of SQLite, PostgreSQL or MySQL.

    Args:
        where: The database.
        wanted: The table, with its schema where several have one of that name; empty: the only one.

    Returns:
        The table's name, its schema, and its rows in batches.

    Raises:
        SourceError: The database cannot be reached or read, or has no such table.
        MissingExtraError: The extra `databases` is not installed.
    """
    reader = {"sqlite": _read_sqlite, "postgresql": _read_postgresql, "mysql": _read_mysql}[where.kind]
    return reader(where, wanted)


def choose_table(tables: list[TableName], wanted: str, shown: str) -> TableName:
    """The table that a name stands for, among those that are there.

    Raises:
        SourceError: There is none of that name, or several.

    >>> choose_table([("main", "orders"), ("old", "orders")], "old.orders", "shop.db")
    ('old', 'orders')
    """
    tables = [table for table in tables if table[0] not in _OUR_OWN]
    names = {f"{schema}.{name}" if schema else name: (schema, name) for schema, name in tables}
    if not tables:
        raise SourceError(
            f"{shown} has no table", mend="see whether the user may read it, and the name of the database"
        )
    if not wanted:
        if len(tables) == 1:
            return tables[0]
        raise SourceError(
            f"{shown} has {len(tables)} tables, and none is named",
            mend=f'name one: reader = {{ table = "…" }}; it has: {", ".join(list(names)[:10])}',
        )
    for same in (str, str.casefold):
        found = [one for full, one in names.items() if same(wanted) in (same(full), same(one[1]))]
        if len(found) > 1:
            found = [one for one in found if one[0] in ("public", "main")] or found
        if len(found) > 1:
            listed = ", ".join(f"{schema}.{name}" for schema, name in found)
            raise SourceError(f"{shown} has several tables '{wanted}'", mend=f"name its schema too: {listed}")
        if found:
            return found[0]
    raise SourceError(f"{shown} has no table '{wanted}'", mend=closest(wanted, {*names, *(one[1] for one in tables)}))


# -- secrets ----------------------------------------------------------------------------------------


def _without_secrets(source: str) -> str:
    shown = re.sub(r"(://[^/@]*?:).*@", rf"\1{_HIDDEN}@", source)
    return _SECRET_KEY.sub(rf"\1{_HIDDEN}", shown)


def _password(url: str) -> str:
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""


def _refused(where: Address, problem: BaseException, mend: str) -> SourceError:
    """What a driver says, without the secrets and without its own trace, which may hold them."""
    said = where.masked(str(problem).strip()).splitlines() or [type(problem).__name__]
    return SourceError(f"{where.shown} cannot be read: {said[0]}", mend=mend)


# -- statements -------------------------------------------------------------------------------------


def _all_rows(table: TableName, dialect: str) -> str:
    """The statement that reads a table, its name quoted as the database asks."""
    from sqlglot import exp

    place = exp.table_(table[1], db=table[0] or None, quoted=True)
    return exp.select("*").from_(place).sql(dialect=dialect, identify=True)


def _all_tables(dialect: str) -> str:
    from sqlglot import exp

    names = exp.select("table_schema", "table_name").from_(exp.table_("tables", db="information_schema"))
    return names.order_by("table_schema", "table_name").sql(dialect)


# -- SQLite -----------------------------------------------------------------------------------------


def _read_sqlite(where: Address, wanted: str) -> tuple[str, pa.Schema, Iterator[pa.RecordBatch]]:
    import sqlite3

    import pyarrow as pa
    from sqlglot import exp

    path = where.path
    assert path is not None  # noqa: S101  an embedded database has one
    # the engine asks for batches from a thread of its own, one at a time
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
    try:
        connection.text_factory = _sqlite_text
        listed = exp.select("name").from_("sqlite_master").where(exp.column("type").isin("table", "view"))
        tables = [("", row[0]) for row in connection.execute(listed.sql("sqlite")) if not row[0].startswith("sqlite_")]
        table = choose_table(tables, wanted, where.shown)
        statement = _all_rows(table, "sqlite")
        columns = [column[0] for column in connection.execute(statement).description]
        types = _sqlite_types(connection, table, columns)
    except (sqlite3.Error, SourceError) as problem:
        connection.close()
        if isinstance(problem, SourceError):
            raise
        raise _refused(where, problem, "see whether the file is a SQLite database, and whole") from None
    schema = pa.schema(list(zip(columns, types, strict=True)))

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            cursor = connection.execute(statement)
            while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                cells = [
                    pa.array(_as_text(column) if kind == pa.string() else column, kind)
                    for column, kind in zip(zip(*rows, strict=True), types, strict=True)
                ]
                yield pa.RecordBatch.from_arrays(cells, schema=schema)
        except sqlite3.Error as problem:
            raise _refused(where, problem, "see whether the file is whole") from None
        finally:
            connection.close()

    return table[1], schema, batches()


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


# -- PostgreSQL and MySQL ---------------------------------------------------------------------------

_REACH = "see whether the server is up, and the user, password and database right"


def _read_postgresql(where: Address, wanted: str) -> tuple[str, pa.Schema, Iterator[pa.RecordBatch]]:
    try:
        from adbc_driver_postgresql import dbapi
    except ImportError as problem:
        raise MissingExtraError("databases", wanted_by=f"reading {where.shown}") from problem
    try:
        connection = dbapi.connect(where.url)
    except dbapi.Error as problem:
        raise _refused(where, problem, _REACH) from None
    try:
        cursor = connection.cursor()
        cursor.execute(_all_tables("postgres"))
        table = choose_table(cursor.fetchall(), wanted, where.shown)
        cursor.execute(_all_rows(table, "postgres"))
        reader = cursor.fetch_record_batch()
    except dbapi.Error as problem:
        connection.close()
        raise _refused(where, problem, "see whether the user may read the table") from None
    except SourceError:
        connection.close()
        raise

    def close() -> None:
        cursor.close()
        connection.close()

    return table[1], _plain_schema(reader.schema), _plain_batches(where, reader, close)


def _read_mysql(where: Address, wanted: str) -> tuple[str, pa.Schema, Iterator[pa.RecordBatch]]:
    try:
        import connectorx
    except ImportError as problem:
        raise MissingExtraError("databases", wanted_by=f"reading {where.shown}") from problem
    try:
        listed = connectorx.read_sql(where.url, _all_tables("mysql"), return_type="arrow")
        here = unquote(urlsplit(where.url).path.lstrip("/"))
        names = zip(*(column.to_pylist() for column in listed.columns), strict=True)
        tables = [(str(schema), str(name)) for schema, name in names]
        table = choose_table([one for one in tables if one[0] == here] or tables, wanted, where.shown)
        reader = connectorx.read_sql(
            where.url, _all_rows(table, "mysql"), return_type="arrow_stream", batch_size=_ROWS_AT_ONCE
        )
    except SourceError:
        raise
    except Exception as problem:  # connectorx raises many kinds, even its own panics
        raise _refused(where, problem, _REACH) from None
    return table[1], _plain_schema(reader.schema), _plain_batches(where, reader, lambda: None)


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


def _plain_batches(where: Address, reader: Any, close: Callable[[], None]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    schema = _plain_schema(reader.schema)
    try:
        for batch in reader:
            yield pa.RecordBatch.from_arrays([_plain_column(column) for column in batch.columns], schema=schema)
    except (OSError, RuntimeError, pa.ArrowException) as problem:
        raise _refused(where, problem, "see whether the connection holds") from None
    finally:
        close()
