"""Files and foreign tables on their way into Spark.

What lies on this machine, in whatever dialect, is read by an embedded DuckDB, which knows the number of every row and
refuses what does not fit, and is handed on as Parquet. Parquet files are read by Spark where they are.
"""

from __future__ import annotations

from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regulars.engine.duckdb_files import DuckdbFiles, identifier, literal
from regulars.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import duckdb
    import ibis.expr.types as ir
    import pyarrow as pa

    from regulars.engine.spark import SparkEngine

_PLACE = "_place"
"""The column that says where a row stood in the reader's table, from 0."""
_ROW_GROUP = 122_880


class SparkFiles:
    """The staging of sources for Spark.

    Args:
        engine: Takes over what was read.
        connection: The embedded reader.
        folder: Where temporary copies may be written; Spark's workers must see it too.
    """

    def __init__(self, engine: SparkEngine, connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self._engine = engine
        self._reader = DuckdbFiles(connection, None, folder)
        self._connection = connection
        self.folder = folder

    def table(self, name: str) -> ir.Table:
        """A table as an expression; what the reader holds is handed on to Spark and forgotten there."""
        if self._holds(name):
            target = self._engine.new_folder(name)
            target.mkdir()
            self._connection.execute(
                f"COPY (SELECT rowid AS {_PLACE}, * FROM {identifier(name)}) "  # noqa: S608
                f"TO {literal(str(target / 'rows.parquet'))} (FORMAT parquet, ROW_GROUP_SIZE {_ROW_GROUP})"
            )
            self._reader.drop(name)
            self._engine.open_folder(name, target)
        return self._engine.backend.table(name)

    def place(self, stored: ir.Table) -> ir.IntegerValue:
        """The place of a row among all of its table, from 0."""
        return stored[_PLACE]

    def drop(self, name: str) -> None:
        """Forget a table or view; nothing happens where there is none."""
        self._reader.drop(name)
        self._engine.drop(name)

    def columns(self, name: str) -> tuple[str, ...]:
        """The names of a table's columns, in order, without the part."""
        return self._reader.columns(name)

    def parts(self, name: str) -> dict[int, tuple[int, int]]:
        """For each part of a table: the place of its first row, and how many rows it has."""
        return self._reader.parts(name)

    def append_delimited(self, name: str, part: int, path: Path, columns: Sequence[str], **how: Any) -> bool:
        """Add the rows of an even UTF-8 text file; False, and nothing added, where there are not as many as said."""
        return self._reader.append_delimited(name, part, path, columns, **how)

    def append_batches(self, name: str, part: int, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
        """Add Arrow batches, columns matched by name; how many rows there were."""
        return self._reader.append_batches(name, part, schema, batches)

    def duckdb_tables(self, path: Path) -> list[tuple[str, str]]:
        """(schema, name) of each table of a DuckDB file."""
        return self._reader.duckdb_tables(path)

    def duckdb_columns(self, path: Path, table: tuple[str, str]) -> list[str]:
        """The names of the columns of a table of a DuckDB file."""
        return self._reader.duckdb_columns(path, table)

    def append_duckdb_table(
        self, name: str, part: int, path: Path, table: tuple[str, str], columns: Mapping[str, str]
    ) -> int:
        """Add the rows of a table of a DuckDB file; how many there were."""
        return self._reader.append_duckdb_table(name, part, path, table, columns)

    def open_parquet(self, name: str, paths: Sequence[Path], columns: Mapping[str, str], hive: bool) -> None:
        """A view over Parquet files with `_path` and `_row`, read by Spark where they are.

        Raises:
            SourceError: Spark cannot read them together.
        """
        from pyspark.errors import PySparkException
        from pyspark.sql import functions as spark

        reader = self._engine.session.read.option("mergeSchema", "true")
        if hive:
            reader = reader.option("basePath", str(_common_root(paths)))
        try:
            rows = reader.parquet(*[str(path) for path in paths])
            own = {column.casefold(): column for column in rows.columns}
            chosen = [_column(rows, own[old.casefold()]).alias(new) for new, old in columns.items()]
            path, row = spark.col("_metadata.file_path"), spark.col("_metadata.row_index")
            rows = rows.select(*chosen, _plain_path(path).alias("_path"), (row + 1).alias("_row"))
        except PySparkException as problem:
            message = f"{paths[0]}: cannot be read as Parquet: {_cause(problem)}"
            raise SourceError(message, mend="write the file anew") from None
        self._engine.open_view(name, rows)

    def address_columns(self, address: str, delimiter: str) -> list[str]:
        """The names of the columns of a catalogue table, or of Parquet or plain CSV where the workers reach it.

        Raises:
            SourceError: Spark cannot read it.
        """
        with _told(address):
            return list(self._at(address, delimiter).columns)

    def open_address(self, name: str, address: str, delimiter: str, columns: Mapping[str, str]) -> int:
        """What is at such an address, copied to Parquet once, so that the numbers of its rows stay; how many there are.

        Rows without a place in a file are numbered as Spark reads them, with gaps.

        Raises:
            SourceError: Spark cannot read it, or a row of CSV has too few or too many cells.
        """
        from pyspark.sql import functions as spark

        target = self._engine.new_folder(name)
        with _told(address):
            rows = self._at(address, delimiter)
            chosen = [_column(rows, old).alias(new) for new, old in columns.items()]
            number = (spark.monotonically_increasing_id() + 1).alias("_row")
            rows.select(*chosen, spark.lit(address).alias("_path"), number).write.parquet(str(target))
        self._engine.open_folder(name, target)
        return int(self._engine.session.table(name).count())

    def _at(self, address: str, delimiter: str) -> Any:
        """The rows at an address; a catalogue is that of the session handed over, with its own views."""
        scheme, _, rest = address.partition("://")
        if scheme.lower() == "catalogue":
            return self._engine.outer.table(rest)
        if not delimiter:
            return self._engine.session.read.parquet(address)
        options = {"header": True, "sep": delimiter, "escape": '"', "mode": "FAILFAST", "enforceSchema": False}
        return self._engine.session.read.options(**options).csv(address)

    def close(self) -> None:
        """Close the reader."""
        self._connection.close()

    def _holds(self, name: str) -> bool:
        found = self._connection.execute("SELECT 1 FROM information_schema.tables WHERE table_name = ?", [name])
        return found.fetchone() is not None


@contextmanager
def _told(address: str) -> Iterator[None]:
    """What Spark says of an address, in one line.

    Raises:
        SourceError: It cannot be read.
    """
    from pyspark.errors import PySparkException

    java_error = import_module("py4j.protocol").Py4JJavaError
    try:
        yield
    except (PySparkException, java_error) as problem:
        raise SourceError(
            f"{address} cannot be read: {_cause(problem)}", mend="see whether Spark can open it"
        ) from None


def _cause(problem: Exception) -> str:
    """What lies at the bottom of Java's trace, in one line."""
    lines = str(problem).strip().splitlines()
    causes = [line.partition("Caused by: ")[2] for line in lines if line.startswith("Caused by: ")]
    return (causes or lines or [type(problem).__name__])[-1 if causes else 0]


def _column(rows: Any, name: str) -> Any:
    return rows["`" + name.replace("`", "``") + "`"]


def _plain_path(path: Any) -> Any:
    """A file's path as people write it: `file:///a%20b` is `/a b`."""
    from pyspark.sql import functions as spark

    bare = spark.regexp_replace(path, "^file:/+", "/")
    return spark.url_decode(spark.replace(bare, spark.lit("+"), spark.lit("%2B")))


def _common_root(paths: Sequence[Path]) -> Path:
    """The folder above the first `key=value` folder."""
    parts = paths[0].parts
    first = next(place for place, part in enumerate(parts) if "=" in part)
    return Path(*parts[:first])
