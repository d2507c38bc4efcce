"""Tables of databases on their way into the engine, in batches.

Only a table's name is taken from the settings, never a query: it is looked up among the tables that are there, and
written quoted. A password may come from the environment, `postgresql://user:${PGPASSWORD}@host/shop`; it is shown
nowhere.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from regulars.engine import foreign_tables
from regulars.errors import MissingExtraError, SourceError, closest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pyarrow as pa

    from regulars.engine.foreign_tables import ForeignTable, TableName

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET_KEY = re.compile(r"(?i)([?&][^=&]*(?:password|passwd|pwd|secret|token|key)[^=&]*=)([^&#]*)")
_HIDDEN = "***"
_SCHEMES = {
    "duckdb": "duckdb",
    "sqlite": "sqlite",
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "mysql": "mysql",
}
ENGINE_SCHEMES = frozenset({"catalogue", "file", "s3", "s3a", "gs", "abfs", "abfss", "wasbs", "hdfs"})
"""What Spark reads by itself: tables of its catalogue, and files in places that its workers reach."""
_INNER = frozenset({"information_schema", "pg_catalog", "mysql", "performance_schema", "sys"})


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
        raise SourceError(
            f"databases of the kind '{scheme}' are not read", mend=closest(scheme.lower(), [*_SCHEMES, *ENGINE_SCHEMES])
        )
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


def is_engines_own(source: str) -> bool:
    """Whether an address is one that the engine reads by itself.

    >>> is_engines_own("s3a://shop/lines.parquet"), is_engines_own("sqlite:///shop.db")
    (True, False)
    """
    return source.partition("://")[0].lower() in ENGINE_SCHEMES


def is_delimited(address: str, form: str) -> bool:
    """Whether what the engine reads by itself is delimited text: said to be, or named so.

    >>> is_delimited("s3a://shop/2024/*.csv.gz", ""), is_delimited("s3a://shop/lines", "")
    (True, False)
    """
    if form or address.lower().startswith("catalogue://"):
        return form == "csv"
    return re.search(r"(?i)\.(csv|tsv|txt)(\.\w+)?$", address) is not None


def read(where: Address, wanted: str) -> ForeignTable:
    """A table of SQLite, PostgreSQL or MySQL.

    Args:
        where: The database.
        wanted: The table, with its schema where several have one of that name; empty: the only one.

    Raises:
        SourceError: The database cannot be reached or read, or has no such table; a break of the connection shows only
            while the batches are taken.
        MissingExtraError: The extra `databases` is not installed.
    """

    def choose(tables: list[TableName]) -> TableName:
        return choose_table(tables, wanted, where.shown)

    try:
        if where.kind == "sqlite":
            assert where.path is not None  # noqa: S101  an embedded database has one
            table = foreign_tables.read_sqlite(where.path, choose)
        elif where.kind == "postgresql":
            table = foreign_tables.read_postgresql(where.url, choose)
        else:
            table = foreign_tables.read_mysql(where.url, choose)
    except ImportError:
        raise MissingExtraError("databases", wanted_by=f"reading {where.shown}") from None
    except foreign_tables.DriverError as problem:
        raise _refused(where, problem) from None
    return replace(table, batches=_masked_batches(where, table.batches))


def _masked_batches(where: Address, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    try:
        yield from batches
    except foreign_tables.DriverError as problem:
        raise _refused(where, problem) from None


def _refused(where: Address, problem: BaseException) -> SourceError:
    """What a driver says, without the secrets and without its own trace, which may hold them."""
    mend = (
        "see whether the file is a SQLite database, and whole"
        if where.kind == "sqlite"
        else "see whether the server is up, and the user, password and database right"
    )
    return SourceError(f"{where.shown} cannot be read: {where.masked(str(problem)).splitlines()[0]}", mend=mend)


def choose_table(tables: list[TableName], wanted: str, shown: str) -> TableName:
    """The table that a name stands for, among those that are there.

    Raises:
        SourceError: There is none of that name, or several.

    >>> choose_table([("main", "orders"), ("old", "orders")], "old.orders", "shop.db")
    ('old', 'orders')
    """
    tables = [table for table in tables if table[0] not in _INNER and not table[1].startswith("sqlite_")]
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
