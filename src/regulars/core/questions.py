"""What a page may ask of a run's tables: conditions as data, and the reader that answers, which `engine/` fulfils.

Nothing here is text of a query: a question names columns, and its values travel beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

Operator = Literal["is", "is not", "at least", "at most", "between", "known", "unknown"]
Kind = Literal["number", "date", "text", "flag", "other"]
MASK_LENGTH = 12


@dataclass(frozen=True)
class Condition:
    """What a row must fulfil in one column: any of the values, none of them, a limit, a range, or known at all."""

    column: str
    operator: Operator
    values: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Among:
    """The value of a column must be among those of another table's rows that fulfil conditions."""

    column: str
    table: str
    conditions: tuple[Test, ...] = ()


@dataclass(frozen=True)
class NotAll:
    """Not all of the conditions are fulfilled; a row where one cannot be decided counts as not fulfilling it."""

    conditions: tuple[Test, ...]


Test = Condition | Among | NotAll


class Reader(Protocol):
    """Answers questions about the tables of one run; several threads may ask at once."""

    @property
    def tables(self) -> tuple[str, ...]:
        """The names of the tables."""

    def kinds(self, table: str) -> Mapping[str, Kind]:
        """The columns of a table, and what each holds; none where there is no such table."""

    def rows(
        self,
        table: str,
        columns: Sequence[str] = (),
        where: Sequence[Test] = (),
        order: Sequence[str] = (),
        limit: int = 100,
    ) -> pa.Table:
        """The first rows of a table.

        Args:
            table: The table.
            columns: Its columns; all where none is named.
            where: What the rows must fulfil.
            order: Columns to order by; one with a minus before it runs downwards.
            limit: The most rows.

        Raises:
            DataError: A column is not there.
        """

    def totals(
        self,
        table: str,
        where: Sequence[Test] = (),
        by: Sequence[str] = (),
        sums: Sequence[str] = (),
        distinct: Sequence[str] = (),
    ) -> pa.Table:
        """One row per combination of `by`, in its order; one row where there is none.

        Args:
            table: The table.
            where: What the rows must fulfil.
            by: Columns to group by; `month(day)` and `weekday(day)` group by the month and the weekday of a column.
            sums: Columns to add up.
            distinct: Columns whose distinct values are counted.

        Returns:
            `by`, then `rows`, the sums under their own names, and distinct values as `distinct_NAME`.

        Raises:
            DataError: A column is not there.
        """

    def totals_text(
        self,
        table: str,
        where: Sequence[Test] = (),
        by: Sequence[str] = (),
        sums: Sequence[str] = (),
        distinct: Sequence[str] = (),
    ) -> str:
        """The query of `totals` on the run folder's cube, to be read and copied; nothing is asked.

        Raises:
            DataError: A column is not there.
        """

    def close(self) -> None:
        """Give back memory and files."""


class OpenReader(Protocol):
    """Opens a reader on files."""

    def __call__(
        self,
        files: Mapping[str, Path],
        *,
        secret: str,
        masked: Mapping[str, Sequence[str]],
        held: Mapping[str, Sequence[str]],
    ) -> Reader:
        """A reader on these tables.

        Args:
            files: Table → its Parquet file.
            secret: Where given, ids of customers are replaced by `mask` with this secret.
            masked: Table → the columns that hold ids of customers.
            held: Table → the columns that are asked for at every click, to be answered from memory where they fit.
        """


def mask(secret: str, customer_id: str) -> str:
    """The masked id of a customer: the same all through a server's life, and of no use after it.

    >>> mask("0f", "C1") == mask("0f", "C1"), mask("0f", "C1") == mask("1f", "C1"), len(mask("0f", "C1"))
    (True, False, 12)
    """
    import hashlib

    return hashlib.sha256(f"{secret}{customer_id}".encode()).hexdigest()[:MASK_LENGTH]
