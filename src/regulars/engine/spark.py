"""Apache Spark: the same verbs where the data outgrow one machine.

A session of its own is opened on the Spark there is, so that neither names nor settings of the user's own session are
touched: it keeps UTC, ANSI rules and instants without a zone. Kept tables are Parquet files in a temporary folder,
which cuts the lineage and outlives a lost worker; on a cluster every worker must see that folder.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import sys
import tempfile
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from regulars.engine.base import Engine
from regulars.engine.duckdb import memory_limit, temporary_folder
from regulars.errors import MissingExtraError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import ibis.expr.types as ir
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

    from regulars.core.config import EngineSettings

_READER_MEMORY = "2GB"
_SESSION = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.mapKeyDedupPolicy": "LAST_WIN",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "50000",
    "spark.sql.legacy.charVarcharAsString": "true",
    "spark.sql.csv.parser.columnPruning.enabled": "false",  # else uneven rows pass unseen
}
"""What the answers depend on; set on the engine's own session only."""

_WORKER_PYTHON = "spark.sql.execution.pyspark.python"
"""Which Python the workers of a session run functions with; where nothing says so, Spark takes the path's first."""


class SparkEngine(Engine):
    """A Spark session behind the verbs of the house.

    Args:
        settings: The section `[engine]`.
        session: A session that runs already, as in a notebook; without it the running one is used, or one is started
            with the settings and stopped when the last engine on it is closed.

    Raises:
        MissingExtraError: PySpark is not installed.
        SettingsError: Java is missing, or Spark refuses the settings.
    """

    kind = "spark"

    def __init__(self, settings: EngineSettings, session: SparkSession | None = None) -> None:
        try:
            import_module("ibis.backends.pyspark")
        except ImportError as problem:
            raise MissingExtraError("spark", wanted_by='engine kind = "spark"') from problem
        import duckdb

        from regulars.engine import spark_dialect
        from regulars.engine.spark_files import SparkFiles

        super().__init__()
        self.folder = temporary_folder(settings.temporary_folder)
        self._numbers = itertools.count()
        self._folders: dict[str, Path] = {}
        self._views: set[str] = set()
        try:
            self.outer, self._is_ours = _running(settings, session)
            self.session = self.outer.newSession()
            for key, value in _SESSION.items():
                self.session.conf.set(key, value)
            if not self.outer.sparkContext.getConf().contains("spark.sql.shuffle.partitions") and self._is_local:
                self.session.conf.set("spark.sql.shuffle.partitions", str(self.outer.sparkContext.defaultParallelism))
            python = _worker_python(self.outer) or (sys.executable if self._is_local else "")
            if python and "PYSPARK_PYTHON" not in os.environ:
                self.session.conf.set(_WORKER_PYTHON, python)
            self.backend = spark_dialect.connect(self.session)
            reader = duckdb.connect(
                ":memory:", config={"memory_limit": _READER_MEMORY, "temp_directory": str(self.folder / "reader")}
            )
            reader.execute("SET GLOBAL TimeZone = 'UTC'")
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self.functions = spark_dialect.SparkFunctions()
        self.files = SparkFiles(self, reader, self.folder)

    def _fetch(self, expr: ir.Table, limit: int) -> pa.Table:
        return _plain(self._frame(expr).limit(limit).toArrow(), expr)

    def stream(self, expr: ir.Table, rows: int) -> Iterator[pa.RecordBatch]:
        """The rows of an expression in batches; they are computed whole first, beside this process."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        with self._written(expr) as paths:
            for path in paths:
                with pq.ParquetFile(path) as file:
                    for batch in file.iter_batches(rows):
                        yield from _plain(pa.Table.from_batches([batch]), expr).to_batches()

    @contextmanager
    def _written(self, expr: ir.Table) -> Iterator[list[Path]]:
        """The rows as Parquet files for as long as they are read, in the order of the rows; at least one file."""
        target = self.new_folder("stream")
        self._frame(expr).write.parquet(str(target))
        try:
            yield sorted(target.glob("part-*.parquet"))
        finally:
            shutil.rmtree(target, ignore_errors=True)

    def persist(self, expr: ir.Table, name: str) -> ir.Table:
        """The rows of an expression computed once and kept as Parquet under a name."""
        target = self.new_folder(name)
        # into a new folder: it may be computed from what it replaces
        rows = _declared(self._frame(expr), expr)
        rows.write.parquet(str(target))
        self.open_folder(name, target, rows.schema)
        return self.backend.table(name)

    def bring(self, rows: pa.Table | Iterator[pa.RecordBatch], name: str, schema: pa.Schema | None = None) -> ir.Table:
        """Arrow rows taken in under a name, as Parquet; `schema` is needed for batches."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        batches: Any = rows.to_batches() if isinstance(rows, pa.Table) else rows
        known = rows.schema if isinstance(rows, pa.Table) else schema
        assert known is not None  # noqa: S101  batches come with their schema
        taken = _readable(known)
        target = self.new_folder(name)
        target.mkdir()
        with pq.ParquetWriter(target / "rows.parquet", taken, compression="zstd") as writer:
            for batch in batches:
                writer.write_table(pa.Table.from_batches([batch], known).cast(taken))
        self.open_folder(name, target)
        return self.backend.table(name)

    def write_parquet(self, expr: ir.Table, path: Path) -> int:
        """The rows of an expression written to one Parquet file; how many there were."""
        import pyarrow.parquet as pq

        with self._written(expr) as parts:
            schema = _plain(pq.read_schema(parts[0]).empty_table(), expr).schema.remove_metadata()
            with pq.ParquetWriter(path, schema, compression="zstd") as writer:
                for part in parts:
                    with pq.ParquetFile(part) as file:
                        for group in range(file.num_row_groups):
                            writer.write_table(_plain(file.read_row_group(group), expr).cast(schema))
        return int(pq.read_metadata(path).num_rows)

    def drop(self, name: str) -> None:
        """Forget a kept table or view."""
        self.session.catalog.dropTempView(name)
        self._views.discard(name)
        folder = self._folders.pop(name, None)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Give back memory and the temporary folder; Spark goes on where it was not started here."""
        if not self.folder.exists():
            return
        self.files.close()
        for name in tuple(self._views):
            self.drop(name)
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._is_ours:
            _release(self.outer)

    def new_folder(self, name: str) -> Path:
        """A path in the temporary folder where nothing is yet."""
        plain = "".join(letter if letter.isalnum() else "_" for letter in name)
        return self.folder / f"{next(self._numbers)}_{plain}"

    def open_folder(self, name: str, folder: Path, schema: StructType | None = None) -> None:
        """The Parquet files of a folder under a name; an older table of that name is replaced.

        A schema that is known saves the job that would look for it in the files.
        """
        older = self._folders.get(name)
        reader = self.session.read if schema is None else self.session.read.schema(schema)
        self.open_view(name, reader.parquet(str(folder)))
        self._folders[name] = folder
        if older is not None:
            shutil.rmtree(older, ignore_errors=True)

    def open_view(self, name: str, rows: DataFrame) -> None:
        """Rows under a name, computed whenever they are asked for."""
        rows.createOrReplaceTempView(name)
        self._views.add(name)

    @property
    def _is_local(self) -> bool:
        return str(self.outer.sparkContext.master).startswith("local")

    def _frame(self, expr: ir.Table) -> DataFrame:
        return self.session.sql(self.sql(expr))


# -- sessions ---------------------------------------------------------------------------------------

_users: dict[str, int] = {}
"""How many engines use each Spark that was started here, by the name of the application's run."""


def _running(settings: EngineSettings, session: SparkSession | None) -> tuple[SparkSession, bool]:
    """A session to work beside, and whether it is to be stopped when nobody uses it."""
    from pyspark.sql import SparkSession

    found = session or SparkSession.getActiveSession()
    if found is None:
        found = start(settings)
        _users[found.sparkContext.applicationId] = 0
    name = found.sparkContext.applicationId
    if name in _users:
        _users[name] += 1
    return found, name in _users


def _worker_python(session: SparkSession) -> str:
    """Which Python the user's own configuration names for the workers; "" where it names none."""
    named = session.conf.get(_WORKER_PYTHON, None)  # a new session does not take it over
    return named or session.sparkContext.getConf().get("spark.pyspark.python", None) or ""


def _release(session: SparkSession) -> None:
    name = session.sparkContext.applicationId
    _users[name] -= 1
    if not _users[name]:
        del _users[name]
        session.stop()


def start(settings: EngineSettings) -> SparkSession:
    """A Spark session as the settings ask.

    On this machine `memory` is the most that Spark takes; on a cluster it is what each executor takes, and only a size.

    Raises:
        SettingsError: Java is missing, or Spark refuses the settings.
    """
    from pyspark.sql import SparkSession

    refuse_without_java()
    is_local = settings.master.startswith("local")
    master = f"local[{settings.threads}]" if settings.threads and settings.master == "local[*]" else settings.master
    place = settings.temporary_folder or tempfile.gettempdir()
    options = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.sql.warehouse.dir": os.path.join(place, "regulars-warehouse"),  # noqa: PTH118  made only if asked for
        **({"spark.local.dir": place} if settings.temporary_folder else {}),
    }
    if is_local:
        options |= {"spark.driver.memory": _java_size(settings.memory), "spark.driver.host": "127.0.0.1"}
        options |= {"spark.driver.bindAddress": "127.0.0.1"}
    elif not settings.memory.endswith("%"):
        options["spark.executor.memory"] = _java_size(settings.memory)
    if settings.threads and not is_local:
        options["spark.executor.cores"] = str(settings.threads)
    builder = SparkSession.builder.appName("regulars").master(master)
    try:
        for key, value in options.items():
            builder = builder.config(key, value)
        return builder.getOrCreate()
    except Exception as problem:  # the gateway to Java raises many kinds
        first = str(problem).strip().split("\n", 1)[0]
        raise SettingsError(
            f"Spark does not start with master = {master!r}: {first}", mend="mend [engine]"
        ) from problem


def refuse_without_java() -> None:
    """Refuse where no Java is found.

    Raises:
        SettingsError: Neither JAVA_HOME nor the path has one.
    """
    home = os.environ.get("JAVA_HOME")
    if home and os.access(os.path.join(home, "bin", "java"), os.X_OK):  # noqa: PTH118
        return
    if shutil.which("java") is None:
        raise SettingsError(
            'engine kind = "spark" needs Java 17 or newer, and there is no `java`',
            mend="install it (on Debian or Ubuntu: apt-get install default-jre-headless), or set JAVA_HOME",
        )


def _java_size(memory: str) -> str:
    """A memory setting as Java writes it, in units of 1024 bytes.

    >>> _java_size("8GB"), _java_size("512MiB")
    ('7812500k', '524288k')
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT])(i?)B", memory_limit(memory))
    assert found is not None  # noqa: S101  the settings refuse anything else
    size = float(found[1]) * (1024 if found[3] else 1000) ** ("KMGT".index(found[2]) + 1)
    return f"{round(size / 1024)}k"


_WIDTHS = {"int8": "tinyint", "int16": "smallint", "int32": "int"}


def _declared(rows: DataFrame, expr: ir.Table) -> DataFrame:
    """Whole numbers as wide as Ibis takes them to be: Spark numbers rows in 32 bits, and a union then refuses."""
    columns = []
    for one, (name, kind) in zip(rows.schema, expr.schema().items(), strict=True):
        column = rows["`" + one.name.replace("`", "``") + "`"]
        wanted = _WIDTHS.get(str(kind).removeprefix("!"), "bigint")
        differs = kind.is_integer() and one.dataType.simpleString() != wanted
        columns.append(column.cast(wanted).alias(name) if differs else column)
    return rows.select(*columns)


# -- Arrow ------------------------------------------------------------------------------------------


def _plain(rows: pa.Table, expr: ir.Table) -> pa.Table:
    """Rows with instants as the expression has them: without a zone, or in UTC; in millionths of a second."""
    import pyarrow as pa

    kinds = expr.schema()
    wanted = [
        one.with_type(pa.timestamp("us", kinds[one.name].timezone)) if pa.types.is_timestamp(one.type) else one
        for one in rows.schema
    ]
    return rows.cast(pa.schema(wanted))


def _readable(schema: pa.Schema) -> pa.Schema:
    """The types of a schema that Spark reads from Parquet as they are meant."""
    import pyarrow as pa

    def readable(kind: pa.DataType) -> pa.DataType:
        if pa.types.is_dictionary(kind):
            return readable(kind.value_type)
        if pa.types.is_timestamp(kind):
            return pa.timestamp("us", "UTC" if kind.tz else None)
        if pa.types.is_unsigned_integer(kind) or pa.types.is_int8(kind) or pa.types.is_int16(kind):
            return pa.int64()
        if pa.types.is_float16(kind) or pa.types.is_float32(kind):
            return pa.float64()
        if pa.types.is_large_string(kind) or pa.types.is_string_view(kind) or pa.types.is_null(kind):
            return pa.string()
        if pa.types.is_date64(kind):
            return pa.date32()
        return kind

    return pa.schema([pa.field(one.name, readable(one.type)) for one in schema])
