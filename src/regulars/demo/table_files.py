"""The files of a world, written piece by piece, so that memory does not grow with them."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pyarrow.csv as arrow_csv
from pyarrow import parquet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class TableFiles:
    """The files of a world, each opened when its first rows come; CSV, or Parquet by its name.

    Args:
        directory: Where they are written.
        unquoted: CSV files whose values need no quotes.
        delimiters: CSV files whose values are parted by something else than a comma.
    """

    def __init__(
        self, directory: Path, unquoted: frozenset[str] = frozenset(), delimiters: Mapping[str, str] | None = None
    ) -> None:
        self.row_counts: dict[str, int] = {}
        self._directory = directory
        self._unquoted = unquoted
        self._delimiters = delimiters or {}
        self._writers: dict[str, Any] = {}
        self._open_files = ExitStack()

    def __enter__(self) -> TableFiles:
        return self

    def __exit__(self, *problem: object) -> None:
        self._open_files.close()

    def append(self, file_name: str, table: Any) -> None:
        """Write further rows of a file."""
        if file_name not in self._writers:
            self._writers[file_name] = self._open_files.enter_context(self._open(file_name, table.schema))
        self._writers[file_name].write_table(table)
        self.row_counts[file_name] = self.row_counts.get(file_name, 0) + table.num_rows

    def _open(self, file_name: str, schema: Any) -> Any:
        path = self._directory / file_name
        if path.suffix == ".parquet":
            return parquet.ParquetWriter(path, schema)
        style = "none" if file_name in self._unquoted else "needed"
        options = arrow_csv.WriteOptions(
            quoting_style=style, quoting_header="none", delimiter=self._delimiters.get(file_name, ",")
        )
        return arrow_csv.CSVWriter(path, schema, write_options=options)
