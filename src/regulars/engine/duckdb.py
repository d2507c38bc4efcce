"""DuckDB, embedded: the default engine.

Tables live in memory and, beyond the memory limit, in a temporary folder. Nothing is downloaded: extensions that
are not built in are neither installed nor loaded.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import weakref
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regulars.engine.base import Engine, Functions
from regulars.engine.duckdb_files import DuckdbFiles, identifier
from regulars.engine.kept_tables import KeptTables
from regulars.errors import BudgetError, OutputError, RegularsError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import duckdb
    import ibis.expr.types as ir
    import pyarrow as pa

    from regulars.core.config import EngineSettings


def _builtin(name: str, takes: tuple[str, ...], gives: str) -> Callable[..., Any]:
    """One of the engine's own functions, made known to Ibis."""
    import ibis

    stubs: dict[int, Callable[..., Any]] = {1: lambda value: None, 2: lambda value, argument: None}
    wrapped: Callable[..., Any] = ibis.udf.scalar.builtin(stubs[len(takes)], name=name, signature=(takes, gives))
    return wrapped


class DuckdbFunctions(Functions):
    """DuckDB's names for what Ibis lacks."""

    def __init__(self) -> None:
        text, instant, zoned = "string", "timestamp", "timestamp('UTC')"
        self._strptime = _builtin("try_strptime", (text, text), instant)
        self._attach = _builtin("timezone", (text, instant), zoned)
        self._wall = _builtin("timezone", (text, zoned), instant)
        self._valid = _builtin("json_valid", (text,), "boolean")
        self._type = _builtin("json_type", (text,), text)
        self._keys = _builtin("json_keys", (text,), "array<string>")
        self._elements = _builtin("json_extract", (text, text), "array<json>")
        # json_value finds, json_extract_string unquotes. The latter cannot do both: Ibis writes it as `->>`, which
        # binds less tightly than a path that is itself computed.
        self._find = _builtin("json_value", (text, text), text)
        self._unquote = _builtin("json_extract_string", (text, text), text)
        self._nested = _builtin("json_extract", (text, text), "json")

    def instant(self, text: ir.StringValue, formats: Sequence[str]) -> ir.TimestampValue:
        """Text read by the first strptime format that fits; null where none does."""
        import ibis

        return ibis.coalesce(*[self._strptime(text, one) for one in formats])

    def local(self, utc: ir.TimestampValue, zone: str) -> ir.TimestampValue:
        """An instant in UTC as wall-clock time of a zone."""
        return self._wall(zone, self._attach("UTC", utc))

    def json_entries(self, text: ir.StringValue, *, is_list: bool) -> ir.ArrayValue:
        """A JSON list's elements, or an object's keys, as an array of text; null where the text is malformed."""
        import ibis

        # `json_valid` guards every other call: malformed text makes them abort the query.
        valid = ibis.ifelse(self._valid(text), text, ibis.null("string"))
        wanted = ibis.ifelse(self._type(valid) == ("ARRAY" if is_list else "OBJECT"), valid, ibis.null("string"))
        return self._elements(wanted, "$[*]").cast("array<string>") if is_list else self._keys(wanted)

    def json_value(self, text: ir.StringValue, key: ir.StringValue) -> ir.StringValue:
        """The value of a key of a JSON object, as text; a list or an object as the JSON text it is."""
        import ibis

        # A JSON pointer, in which only ~ and / are special, so that no key can be read as a path.
        place = "/" + key.replace("~", "~0").replace("/", "~1")
        nested = self._nested(text, place).cast("string").nullif("null")  # the word without quotes is JSON's null
        return ibis.coalesce(self._unquote(self._find(text, place), "$"), nested)


class DuckdbEngine(Engine):
    """An open DuckDB connection behind the verbs of the house."""

    kind = "duckdb"

    def __init__(self, settings: EngineSettings) -> None:
        import duckdb
        import ibis

        super().__init__()
        self.folder = temporary_folder(settings.temporary_folder)
        try:
            self.connection: duckdb.DuckDBPyConnection = duckdb.connect(
                ":memory:",
                config={
                    "memory_limit": memory_limit(settings.memory),
                    "temp_directory": str(self.folder),
                    "autoinstall_known_extensions": "false",
                    "autoload_known_extensions": "false",
                    **({"threads": str(settings.threads)} if settings.threads else {}),
                },
            )
        except duckdb.Error as problem:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise SettingsError(f"DuckDB refuses the [engine] settings: {problem}", mend="mend [engine]") from problem
        self.backend = ibis.duckdb.from_connection(self.connection)
        # also where nobody closes: at the latest when Python ends, not before the last expression is gone
        self._clear = weakref.finalize(self.backend, shutil.rmtree, self.folder, ignore_errors=True)
        self.connection.execute("SET GLOBAL TimeZone = 'UTC'")  # for every cursor, whatever zone the machine is in
        self.functions = DuckdbFunctions()
        self.files = DuckdbFiles(self.connection, self.backend, self.folder)
        self._kept = KeptTables(self.files, self.folder)

    def _fetch(self, expr: ir.Table, limit: int) -> pa.Table:
        with _plain_words():
            return self._relation(expr, self.connection).limit(limit).to_arrow_table()

    def stream(self, expr: ir.Table, rows: int) -> Iterator[pa.RecordBatch]:
        """The rows of an expression in batches; other queries may run meanwhile."""
        cursor = self.connection.cursor()
        try:
            yield from self._relation(expr, cursor).to_arrow_reader(rows)
        finally:
            cursor.close()

    def persist(self, expr: ir.Table, name: str) -> ir.Table:
        """The rows of an expression computed once and kept under a name."""
        query = self.sql(expr)
        columns = _columns_in_64_bits(self.connection.sql(query))
        with _plain_words():
            self._kept.keep(f"SELECT {columns} FROM ({query})" if columns else query, name)  # noqa: S608
        return self.backend.table(name)

    def bring(self, rows: pa.Table | Iterator[pa.RecordBatch], name: str, schema: pa.Schema | None = None) -> ir.Table:
        """Arrow rows taken in under a name; `schema` is needed for batches."""
        import pyarrow as pa

        reader = rows if isinstance(rows, pa.Table) else pa.RecordBatchReader.from_batches(schema, rows)
        cursor = self.connection.cursor()  # so that the batches may come out of this same engine
        try:
            cursor.register("incoming", reader)
            with _plain_words():
                self._kept.keep("SELECT * FROM incoming", name, cursor)
        finally:
            cursor.close()
        return self.backend.table(name)

    def write_parquet(self, expr: ir.Table, path: Path) -> int:
        """The rows of an expression written to one Parquet file; how many there were."""
        import pyarrow.parquet as pq

        self._relation(expr, self.connection).write_parquet(str(path), compression="zstd")
        return int(pq.read_metadata(path).num_rows)

    def drop(self, name: str) -> None:
        """Forget a kept table or view."""
        self._kept.drop(name)

    def close(self) -> None:
        """Give back memory and the temporary folder."""
        self.connection.close()
        self._clear()

    def _relation(self, expr: ir.Table, cursor: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
        """The compiled query, with sums brought back from 128-bit integers, which are slow to fetch."""
        relation = cursor.sql(self.sql(expr))
        columns = _columns_in_64_bits(relation)
        return relation.project(columns) if columns else relation


def _columns_in_64_bits(relation: duckdb.DuckDBPyRelation) -> str:
    """The columns of a relation with its 128-bit integers cast, for a SELECT; nothing where it has none."""
    if not any(str(kind) == "HUGEINT" for kind in relation.types):
        return ""
    return ", ".join(
        f"CAST({identifier(name)} AS BIGINT) AS {identifier(name)}" if str(kind) == "HUGEINT" else identifier(name)
        for name, kind in zip(relation.columns, relation.types, strict=True)
    )


def temporary_folder(parent: str) -> Path:
    """A new folder of the engine's own, under the one named or the system's.

    Raises:
        SettingsError: It cannot be made there.
    """
    try:
        return Path(tempfile.mkdtemp(prefix="regulars-", dir=parent or None))
    except OSError as problem:
        raise SettingsError(
            f"[engine] temporary_folder = {parent!r} cannot be written to: {problem.strerror}",
            mend="name a folder that is there and has room",
        ) from problem


@contextmanager
def _plain_words() -> Iterator[None]:
    """What the machine lacks, told in plain words.

    Raises:
        BudgetError: The query needs more memory than it may take, and cannot spill.
        OutputError: There is no room left where the engine spills to.
    """
    import duckdb

    try:
        yield
    except duckdb.OutOfMemoryException as problem:
        raise BudgetError(
            "the engine needs more memory than it may take",
            mend="raise memory under [engine], or give a temporary_folder with more room",
        ) from problem
    except duckdb.IOException as problem:
        if "No space left" not in str(problem):
            raise
        raise OutputError(
            "there is no room left where the engine keeps what does not fit in memory",
            mend="free some space, or name a temporary_folder with room under [engine]",
        ) from problem


def memory_limit(text: str) -> str:
    """A memory setting as DuckDB writes it; a share is of this machine's memory.

    >>> memory_limit("8GB")
    '8GB'
    """
    share = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", text)
    if share is None:
        return text
    import os

    try:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError) as problem:
        raise RegularsError(
            "this system does not tell its memory", mend='set [engine] memory to a size, like "8GB"'
        ) from problem
    return f"{whole * float(share.group(1)) / 100 / 2**20:.0f}MiB"
