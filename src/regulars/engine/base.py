"""What every engine does alike, on top of an Ibis backend.

A backend adds how it is opened, how it keeps a table, and the few functions whose dialect differs (`functions`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from regulars.errors import BudgetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import ibis.expr.types as ir
    import pyarrow as pa


class Functions(ABC):
    """The functions that Ibis lacks or that differ silently between engines."""

    @abstractmethod
    def instant(self, text: ir.StringValue, formats: Sequence[str]) -> ir.TimestampValue:
        """Text read by the first strptime format that fits; null where none does."""

    @abstractmethod
    def local(self, utc: ir.TimestampValue, zone: str) -> ir.TimestampValue:
        """An instant in UTC as wall-clock time of a zone."""

    @abstractmethod
    def json_entries(self, text: ir.StringValue, *, is_list: bool) -> ir.ArrayValue:
        """A JSON list's elements, or an object's keys, as an array of text; null where the text is malformed."""

    @abstractmethod
    def json_value(self, text: ir.StringValue, key: ir.StringValue) -> ir.StringValue:
        """The value of a key of a JSON object, as text, null for JSON's null; the key may come from a column."""


class Engine(ABC):
    """An open backend. Use it as a context manager, or `close` it."""

    kind: str = ""
    functions: Functions
    files: Any
    """Takes files in: the staging that `intake.sources` asks for."""
    backend: Any

    def __init__(self) -> None:
        self._queries: dict[Any, str] = {}

    def collect(self, expr: ir.Expr, max_rows: int) -> pa.Table:
        """The rows of an expression as Arrow; one row for a single value.

        Raises:
            BudgetError: There are more than `max_rows`.
        """
        rows = self._fetch(expr.as_table(), max_rows + 1)
        if rows.num_rows > max_rows:
            raise BudgetError(
                f"more than {max_rows:,} rows were asked for at once",
                mend="aggregate further, stream them, or name a larger max_rows",
            )
        return rows

    @abstractmethod
    def _fetch(self, expr: ir.Table, limit: int) -> pa.Table:
        """The first rows of an expression, integers as int64."""

    @abstractmethod
    def stream(self, expr: ir.Table, rows: int) -> Iterator[pa.RecordBatch]:
        """The rows of an expression in batches of at most `rows`."""

    @abstractmethod
    def persist(self, expr: ir.Table, name: str) -> ir.Table:
        """The rows of an expression computed once and kept under a name (an older table of that name is replaced)."""

    @abstractmethod
    def bring(self, rows: pa.Table | Iterator[pa.RecordBatch], name: str, schema: pa.Schema | None = None) -> ir.Table:
        """Arrow rows taken in under a name; `schema` is needed for batches."""

    @abstractmethod
    def write_parquet(self, expr: ir.Table, path: Path) -> int:
        """The rows of an expression written to one Parquet file; how many there were."""

    def sql(self, expr: ir.Expr) -> str:
        """The query of an expression, laid out to be read: the text that is run, compiled once.

        Compiling takes as long as many a query; what is asked for in several places and shown in the report is
        remembered by what it says, not by who asks.
        """
        key = expr.op()
        if key not in self._queries:
            self._queries[key] = str(self.backend.compile(expr, pretty=True))
        return self._queries[key]

    @abstractmethod
    def drop(self, name: str) -> None:
        """Forget a kept table."""

    @abstractmethod
    def close(self) -> None:
        """Give back memory and files."""

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
