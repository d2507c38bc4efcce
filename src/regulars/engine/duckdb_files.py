"""Files and foreign tables taken into DuckDB: the SQL behind the sources.

Rows are added in parts, one part per file, to a table that keeps their order, so that the number of a row in its file
can be told from its place. Every name and every text that enters a statement passes through `identifier` or `literal`.
DuckDB's own guessing is never used: what a file looks like is said in full, and a file that does not fit what was said
is refused whole.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb

from regulars.errors import OutputError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import ibis.expr.types as ir
    import pyarrow as pa

PART = "_part"
"""The column that says which part a row came from, counted from 0."""
_LONGEST_ROW = 16 * 2**20
_WILD = str.maketrans({"*": "[*]", "?": "[?]", "[": "[[]"})


def identifier(name: str) -> str:
    """A name as an SQL identifier, whatever it holds.

    >>> identifier('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as an SQL literal, whatever it holds.

    >>> literal("l'an")
    "'l''an'"
    """
    return "'" + text.replace("'", "''") + "'"


def file_literal(path: Path) -> str:
    """A path as a literal that DuckDB's table functions take for one file, not for a pattern.

    >>> from pathlib import PurePosixPath
    >>> file_literal(PurePosixPath("sales [1].csv"))
    "'sales [[]1].csv'"
    """
    return literal(str(path).translate(_WILD))


class DuckdbFiles:
    """Takes files into tables of one DuckDB connection.

    Args:
        connection: The connection; it must not be inside a transaction.
        backend: The Ibis backend on the same connection.
        folder: Where temporary copies of files may be written.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, backend: Any, folder: Path) -> None:
        self.connection = connection
        self.backend = backend
        self.folder = folder

    def table(self, name: str) -> ir.Table:
        """A table or view as an Ibis expression."""
        return self.backend.table(name)

    def place(self, stored: ir.Table) -> ir.IntegerValue:
        """The place of a row among all of its table, from 0."""
        return stored.rowid()

    def drop(self, name: str) -> None:
        """Forget a table or view; nothing happens where there is none."""
        kind = self.connection.execute(
            "SELECT table_type FROM information_schema.tables WHERE table_name = ? AND table_schema = current_schema()",
            [name],
        ).fetchone()
        if kind is not None:
            self.connection.execute(f"DROP {'VIEW' if kind[0] == 'VIEW' else 'TABLE'} {identifier(name)}")

    def columns(self, name: str) -> tuple[str, ...]:
        """The names of a table's columns, in order, without the part."""
        rows = self.connection.execute(f"DESCRIBE {identifier(name)}").fetchall()
        return tuple(row[0] for row in rows if row[0] != PART)

    def parts(self, name: str) -> dict[int, tuple[int, int]]:
        """For each part of a table: the place of its first row, and how many rows it has."""
        query = f"SELECT {PART}, min(rowid), count(*) FROM {identifier(name)} GROUP BY {PART}"  # noqa: S608
        return {int(part): (int(first), int(rows)) for part, first, rows in self.connection.execute(query).fetchall()}

    def append_delimited(
        self,
        name: str,
        part: int,
        path: Path,
        columns: Sequence[str],
        *,
        delimiter: str,
        quote: str,
        header: bool,
        missing: str,
        rows: int,
    ) -> bool:
        """Add the rows of a delimited text file, every cell as text; read on all processors.

        The file is UTF-8; a quote inside a quoted cell is doubled. An empty cell is an empty text.

        Args:
            name: The table; made where it does not stand yet.
            part: Number of the part.
            path: The file.
            columns: A name for each cell of a row.
            delimiter: One ASCII character.
            quote: One ASCII character, or "" where nothing is quoted.
            header: Whether the first row is passed over.
            missing: The text of a cell that is null.
            rows: How many rows there must be.

        Returns:
            False where DuckDB does not read exactly that many rows of that many cells; the table is then as it was.
        """
        spelt = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in columns)
        options = {
            "auto_detect": "false",
            "strict_mode": "true",
            "null_padding": "false",
            "ignore_errors": "false",
            "columns": f"{{{spelt}}}",
            "delim": literal(delimiter),
            "quote": literal(quote),
            "escape": literal(quote),
            "comment": "''",
            "header": str(header).lower(),
            "nullstr": literal(missing),
            "encoding": "'utf-8'",
            "compression": "'none'",
            "max_line_size": str(_LONGEST_ROW),
            "buffer_size": str(2 * _LONGEST_ROW),  # else sixteen times the longest row
        }
        said = ", ".join(f"{option} = {value}" for option, value in options.items())
        try:
            with self._all_or_nothing():
                added = self._append(name, part, columns, f"read_csv({file_literal(path)}, {said})")
                if added != rows:
                    raise _Refused
        except (_Refused, duckdb.InvalidInputException):
            return False
        return True

    def append_batches(self, name: str, part: int, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
        """Add Arrow batches; columns are matched by name, and a new one is null in the rows that stand already.

        Returns:
            How many rows were added. What the batches raise while they are made is raised from here.
        """
        import pyarrow as pa

        raised: list[BaseException] = []

        def watched() -> Iterator[pa.RecordBatch]:
            try:
                yield from batches
            except BaseException as problem:  # DuckDB would hand on no more than its text
                raised.append(problem)
                raise

        incoming = f"{name}__incoming"
        self.connection.register(incoming, pa.RecordBatchReader.from_batches(schema, watched()))
        try:
            with self._all_or_nothing():
                return self._append(name, part, schema.names, identifier(incoming))
        except duckdb.Error:
            if raised:
                raise raised[0] from None
            raise
        finally:
            self.connection.unregister(incoming)

    def duckdb_tables(self, path: Path) -> list[tuple[str, str]]:
        """(schema, name) of each table and view of another DuckDB file.

        Raises:
            SourceError: The file cannot be opened.
        """
        with self._attached(path) as other:
            query = "SELECT table_schema, table_name FROM information_schema.tables WHERE table_catalog = ?"
            return [(row[0], row[1]) for row in self.connection.execute(query, [other]).fetchall()]

    def append_duckdb_table(
        self, name: str, part: int, path: Path, table: tuple[str, str], columns: Mapping[str, str] | None = None
    ) -> int:
        """Add the rows of a table of another DuckDB file; how many there were.

        Args:
            name: The table; made where it does not stand yet.
            part: Number of the part.
            path: The other file, opened for reading only.
            table: (schema, name).
            columns: New name = the table's own; empty: all, under their own names.

        Raises:
            SourceError: The file cannot be opened or read.
        """
        with self._attached(path) as other:
            source = ".".join(identifier(word) for word in (other, *table))
            try:
                chosen = columns or {row[0]: row[0] for row in self.connection.execute(f"DESCRIBE {source}").fetchall()}
                with self._all_or_nothing():
                    return self._append(name, part, list(chosen), source, list(chosen.values()))
            except duckdb.Error as problem:
                raise SourceError(
                    f"{path}: the table '{table[1]}' cannot be read: {_first_line(problem)}",
                    mend="open it in DuckDB and see",
                ) from problem

    def duckdb_columns(self, path: Path, table: tuple[str, str]) -> list[str]:
        """The names of the columns of a table of another DuckDB file."""
        with self._attached(path) as other:
            source = ".".join(identifier(word) for word in (other, *table))
            return [row[0] for row in self.connection.execute(f"DESCRIBE {source}").fetchall()]

    def open_parquet(self, name: str, paths: Sequence[Path], columns: Mapping[str, str], hive: bool) -> None:
        """A view over Parquet files, which stay where they are; columns are matched by name.

        Args:
            name: The view; an older table or view of that name is replaced.
            paths: The files.
            columns: New name = the files' own. The view has also `_path` and `_row` (counted from 1 in each file).
            hive: Whether folders named `key=value` are columns.

        Raises:
            SourceError: DuckDB cannot read them together.
        """
        files = ", ".join(file_literal(path) for path in paths)
        chosen = ", ".join(f"{identifier(own)} AS {identifier(new)}" for new, own in columns.items())
        self.drop(name)
        try:
            self.connection.execute(
                f"CREATE VIEW {identifier(name)} AS "  # noqa: S608
                f"SELECT {chosen}, filename AS _path, file_row_number + 1 AS _row FROM read_parquet([{files}], "
                f"union_by_name = true, filename = true, file_row_number = true, "
                f"hive_partitioning = {str(hive).lower()})"
            )
        except duckdb.Error as problem:
            raise SourceError(
                f"{paths[0]}: cannot be read as Parquet: {_first_line(problem)}", mend="write the file anew"
            ) from problem

    def address_columns(self, address: str, delimiter: str) -> list[str]:
        """Refused here: catalogues and object stores are read by Spark.

        Raises:
            SourceError: Always.
        """
        raise SourceError(f"{address} is read by Spark only", mend='set kind = "spark" under [engine], or copy it here')

    def open_address(self, name: str, address: str, delimiter: str, columns: Mapping[str, str]) -> int:
        """Refused here, as above."""
        return len(self.address_columns(address, delimiter))

    def _append(
        self, name: str, part: int, columns: Sequence[str], source: str, own: Sequence[str] | None = None
    ) -> int:
        chosen = ", ".join(
            f"{identifier(there)} AS {identifier(here)}" for here, there in zip(columns, own or columns, strict=True)
        )
        query = f"SELECT {part}::USMALLINT AS {PART}, {chosen} FROM {source}"  # noqa: S608
        table = identifier(name)
        standing = self.connection.execute(
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_name = ? AND table_schema = current_schema()",
            [name],
        ).fetchall()
        if not standing:
            statement = f"CREATE TABLE {table} AS {query}"
        else:
            statement = f"INSERT INTO {table} BY NAME {query}"
            new = [column for column in columns if column not in {row[0] for row in standing}]
            if new:
                kinds = {row[0]: row[1] for row in self.connection.execute(f"DESCRIBE {query}").fetchall()}
                for column in new:
                    self.connection.execute(f"ALTER TABLE {table} ADD COLUMN {identifier(column)} {kinds[column]}")
        added = self.connection.execute(statement).fetchone()
        return int(added[0]) if added else 0

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """Everything inside, or nothing of it.

        Raises:
            OutputError: Memory or disk do not suffice.
        """
        self.connection.begin()
        try:
            yield
        except BaseException as problem:
            self.connection.rollback()
            if isinstance(problem, (duckdb.OutOfMemoryException, duckdb.IOException)):
                raise OutputError(
                    f"the engine has no room for the rows: {_first_line(problem)}",
                    mend="raise [engine] memory, or make room in [engine] temporary_folder",
                ) from problem
            raise
        self.connection.commit()

    @contextmanager
    def _attached(self, path: Path) -> Iterator[str]:
        other = "regulars_source"
        try:
            self.connection.execute(f"ATTACH {literal(str(path))} AS {identifier(other)} (TYPE duckdb, READ_ONLY)")
        except duckdb.Error as problem:
            raise SourceError(
                f"{path} cannot be opened as a DuckDB database: {_first_line(problem)}",
                mend="close the program that writes to it, or name a database that this version of DuckDB can read",
            ) from problem
        try:
            yield other
        finally:
            self.connection.execute(f"DETACH {identifier(other)}")


class _Refused(Exception):
    """DuckDB read another number of rows than there are."""


def _first_line(problem: BaseException) -> str:
    return str(problem).strip().split("\n", 1)[0]
