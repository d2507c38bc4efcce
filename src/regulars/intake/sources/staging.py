"""What the sources ask of an engine: a place where rows are put, part by part, in their order.

Each engine that can take files in offers these verbs as its `files`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import ibis.expr.types as ir
    import pyarrow as pa
MISSING = "\ue000"
"""Text that stands for a cell that is not there, in even copies of text files; a character without a meaning."""
PROBLEM = "_problem"
"""The column that says what is wrong with a row, and shows the row as it stood; null where nothing is."""


class Staging(Protocol):
    """The engine's side of the sources."""

    folder: Path
    """Where temporary copies of files may be written."""

    def table(self, name: str) -> ir.Table:
        """A table or view as an expression, once all of its parts are added."""

    def place(self, stored: ir.Table) -> ir.IntegerValue:
        """The place of a row of `table` among all of them, from 0; a view has none."""

    def drop(self, name: str) -> None:
        """Forget a table or view; nothing happens where there is none."""

    def columns(self, name: str) -> tuple[str, ...]:
        """The names of a table's columns, in order, without the part."""

    def parts(self, name: str) -> dict[int, tuple[int, int]]:
        """For each part of a table: the place of its first row, and how many rows it has."""

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
        """Add the rows of an even UTF-8 text file; False, and nothing added, where there are not as many as said."""

    def append_batches(self, name: str, part: int, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
        """Add Arrow batches, columns matched by name; how many rows there were."""

    def duckdb_tables(self, path: Path) -> list[tuple[str, str]]:
        """(schema, name) of each table of a DuckDB file."""

    def duckdb_columns(self, path: Path, table: tuple[str, str]) -> list[str]:
        """The names of the columns of a table of a DuckDB file."""

    def append_duckdb_table(
        self, name: str, part: int, path: Path, table: tuple[str, str], columns: Mapping[str, str]
    ) -> int:
        """Add the rows of a table of a DuckDB file; how many there were."""

    def address_columns(self, address: str, delimiter: str) -> list[str]:
        """The names of the columns at an address that the engine reads by itself."""

    def open_address(self, name: str, address: str, delimiter: str, columns: Mapping[str, str]) -> int:
        """A view over what is at such an address, with `_path` and `_row`; how many rows there are."""

    def open_parquet(self, name: str, paths: Sequence[Path], columns: Mapping[str, str], hive: bool) -> None:
        """A view over Parquet files with `_path` and `_row`."""


class SourceEngine(Protocol):
    """An engine that takes files in."""

    @property
    def files(self) -> Staging:
        """Its side of the sources."""

    def collect(self, expr: ir.Expr, max_rows: int) -> pa.Table:
        """The rows of an expression as Arrow."""
