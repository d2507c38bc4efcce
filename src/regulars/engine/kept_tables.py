"""Tables that DuckDB computed once: in memory while there is room, then as files beside what it spills.

A table in memory is made quickest, but it lies there uncompressed, and so it does where it spills. As a file a table of
orders takes a seventh of that and is scanned as fast; writing it takes twice as long. Small data therefore never meet a
file, and large data need the room of their files only.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from regulars.engine.duckdb_files import file_literal, identifier, literal

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from regulars.engine.duckdb_files import DuckdbFiles

SHARE_IN_MEMORY = 0.25
"""Once tables in memory take this share of the limit, the next are files: the rest is for joins and groups."""

_FORMAT = "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION lz4_raw"  # as small as zstd makes it, and quicker both ways


class KeptTables:
    """Keeps the rows of queries under names; a name stands for a table in memory or for a view of a file.

    Args:
        files: Drops tables and views.
        folder: Where the files go.
    """

    def __init__(self, files: DuckdbFiles, folder: Path) -> None:
        self._files = files
        self._connection = files.connection
        self._folder = folder
        self._paths: dict[str, Path] = {}
        self._count = 0

    def keep(self, query: str, name: str, cursor: duckdb.DuckDBPyConnection | None = None) -> None:
        """Compute a query and keep its rows; a table of that name is replaced, from which they may come.

        Args:
            query: The query.
            name: Name of the table.
            cursor: Who runs the query, where that is not the connection itself.
        """
        run = cursor or self._connection
        if self._is_full():
            self._keep_in_file(query, name, run)
        else:
            self._keep_in_memory(query, name, run)

    def drop(self, name: str) -> None:
        """Forget a table; nothing happens where there is none."""
        self._files.drop(name)
        path = self._paths.pop(name, None)
        if path is not None:
            with contextlib.suppress(OSError):  # still being read: it goes with the folder
                path.unlink()

    def _is_full(self) -> bool:
        taken = self._connection.execute(
            "SELECT sum(memory_usage_bytes + temporary_storage_bytes) "
            "/ parse_formatted_bytes(current_setting('memory_limit')) "
            "FROM duckdb_memory() WHERE tag = 'IN_MEMORY_TABLE'"
        ).fetchone()
        return taken is not None and taken[0] >= SHARE_IN_MEMORY

    def _keep_in_memory(self, query: str, name: str, run: duckdb.DuckDBPyConnection) -> None:
        spare = f"{name}__new"  # the new table may be computed from the one it replaces
        self.drop(spare)  # left over where this was interrupted
        run.execute(f"CREATE TABLE {identifier(spare)} AS {query}")
        self.drop(name)
        self._connection.execute(f"ALTER TABLE {identifier(spare)} RENAME TO {identifier(name)}")

    def _keep_in_file(self, query: str, name: str, run: duckdb.DuckDBPyConnection) -> None:
        self._count += 1
        path = self._folder / f"kept-{self._count}.parquet"  # a name is data, and no path
        try:
            run.execute(f"COPY ({query}) TO {literal(str(path))} ({_FORMAT})")
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        self.drop(name)
        # folders named like `year=2024` are no columns
        rows = f"SELECT * FROM read_parquet({file_literal(path)}, hive_partitioning = false)"  # noqa: S608
        self._connection.execute(f"CREATE VIEW {identifier(name)} AS {rows}")
        self._paths[name] = path
