"""A table as it is read: headings with units, the first rows as text, how many more there are, and the query behind it.

Tables that stay in the engine are never fetched whole: a page shows their first rows and says where the rest is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regulars.core.units import MISSING, UNIT_WORDS, write

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

    from regulars.core.chart import Chart
    from regulars.core.dataset import Engine
    from regulars.core.result import Audience, ColumnInfo, Table
    from regulars.core.units import Unit

SHOWN_ROWS = 15
"""Rows shown of a table that stays in the engine, or of an Arrow table that is too long to print."""
PRINTED_ROWS = 100
"""An Arrow table of up to this many rows is printed whole."""
SHOWN_COLUMNS = 14
SHOWN_TEXT = 160
"""Characters of a text shown; a longer one ends in … and is whole in the file."""

_TEXT_UNITS = ("text", "name", "id", "date", "instant", "month")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Heading:
    """The head of a column: its words, what it is counted in, what it means, and whether it holds numbers."""

    name: str
    text: str
    unit_word: str
    meaning: str
    is_number: bool


@dataclass(frozen=True)
class TableView:
    """The part of a table that a page shows.

    Args:
        name: The table's name in its Result.
        title: What it shows.
        note: A sentence under it.
        headings: The columns shown.
        rows: The rows shown, as text.
        total_rows: Rows of the whole table.
        total_columns: Columns of the whole table.
        queries: The queries behind it.
    """

    name: str
    title: str
    note: str
    headings: tuple[Heading, ...]
    rows: tuple[tuple[str, ...], ...]
    total_rows: int
    total_columns: int
    queries: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """Whether every row and column is shown."""
        return len(self.rows) == self.total_rows and len(self.headings) == self.total_columns

    @property
    def extent(self) -> str:
        """Which part is shown, or "" where it is the whole.

        >>> TableView("t", "", "", (), (("a",),), 4338, 0, ()).extent
        'first 1 of 4,338 rows'
        """
        parts = []
        if len(self.rows) < self.total_rows:
            parts.append(f"first {len(self.rows):,} of {self.total_rows:,} rows")
        if len(self.headings) < self.total_columns:
            parts.append(f"first {len(self.headings)} of {self.total_columns} columns")
        return ", ".join(parts)


class TableReader:
    """Reads what pages show of tables through the engine, each count once.

    Args:
        engine: Computes.
        currency: ISO code of the currency of all money.
    """

    def __init__(self, engine: Engine, currency: str = "") -> None:
        self._engine = engine
        self._currency = currency
        self._counts: dict[int, int] = {}
        self._read: list[object] = []  # keeps them alive, so that an id is never used twice

    def know_count(self, counted: Table | Audience, rows: int) -> None:
        """Take over a count that was found while a table or an audience was written."""
        self._counts[id(counted)] = rows
        self._read.append(counted)

    def count(self, table: Table) -> int:
        """Rows of a table."""
        if table.is_arrow:
            return int(table.data.num_rows)
        if id(table) not in self._counts:
            self.know_count(table, self._count_rows(table.data))
        return self._counts[id(table)]

    def count_members(self, audience: Audience) -> int:
        """Customers of an audience."""
        if id(audience) not in self._counts:
            self.know_count(audience, self._count_rows(audience.members))
        return self._counts[id(audience)]

    def _count_rows(self, expr: ir.Table) -> int:
        """Rows of an expression."""
        return int(self._engine.collect(expr.aggregate(row_count=expr.count()), 1).column(0)[0].as_py())

    def queries(self, table: Table) -> tuple[str, ...]:
        """The queries behind a table, laid out to be read."""
        exprs = table.source if table.is_arrow else (table.data,)
        return tuple(dict.fromkeys(self._engine.sql(expr) for expr in exprs))

    def first_rows(self, table: Table, rows: int) -> pa.Table:
        """The first rows, never more; a table without an order of its own is put in that of its first columns."""
        if table.is_arrow:
            return table.data.slice(0, rows)
        return self._engine.collect(_ordered(table).limit(rows), rows)

    def rows_to_draw(self, chart: Chart, table: Table) -> pa.Table:
        """The rows that a chart draws: the first `max_marks`."""
        return self.first_rows(table, chart.max_marks)

    def view(self, table: Table) -> TableView:
        """What a page shows of a table."""
        total = self.count(table)
        shown = total if table.is_arrow and total <= PRINTED_ROWS else min(total, SHOWN_ROWS)
        rows = self.first_rows(table, shown)
        return view_of(table, rows, total, self._currency, self.queries(table))


def view_of(table: Table, rows: pa.Table, total: int, currency: str = "", queries: tuple[str, ...] = ()) -> TableView:
    """What a page shows of a table whose rows are here.

    Args:
        table: What is known of it.
        rows: The rows to show.
        total: How many rows the whole has.
        currency: ISO code, for money.
        queries: The queries behind it.
    """
    names = rows.column_names[:SHOWN_COLUMNS]
    headings = tuple(_heading(table, name, rows.schema.field(name).type, currency) for name in names)
    columns = [_cells(rows.column(name).to_pylist(), table.info(name).unit) for name in names]
    return TableView(
        name=table.name,
        title=table.title,
        note=table.note,
        headings=headings,
        rows=tuple(zip(*columns, strict=True)),
        total_rows=total,
        total_columns=len(rows.column_names),
        queries=queries,
    )


def _ordered(table: Table) -> ir.Table:
    import ibis.expr.operations as ops

    expr: ir.Table = table.data
    if isinstance(expr.op(), ops.Sort | ops.Limit):
        return expr
    keys = [table.customer_column] if table.customer_column else list(table.dimensions) or list(expr.columns[:2])
    return expr.order_by(keys)


def _heading(table: Table, name: str, arrow_type: pa.DataType, currency: str) -> Heading:
    import pyarrow as pa

    info = table.info(name)
    is_number = info.unit not in _TEXT_UNITS and (
        pa.types.is_integer(arrow_type) or pa.types.is_floating(arrow_type) or pa.types.is_decimal(arrow_type)
    )
    return Heading(clean(name), clean(info.heading), clean(unit_word(info, currency)), clean(info.meaning), is_number)


def unit_word(info: ColumnInfo, currency: str = "") -> str:
    """What stands beside a heading, so that cells need not repeat it; "" where the heading says it already.

    >>> from regulars.core.result import ColumnInfo
    >>> unit_word(ColumnInfo("revenue", "money"), "GBP"), unit_word(ColumnInfo("recency_days", "days"))
    ('GBP', '')
    >>> unit_word(ColumnInfo("day", "days", title="days since the first order"))
    ''
    """
    word = currency if info.unit == "money" else UNIT_WORDS.get(info.unit, "")
    return "" if word.lower() in re.split(r"[\s,]+", info.heading.lower()) else word


def _cells(values: list[Any], unit: Unit) -> list[str]:
    return [shorten(cell(value, unit), SHOWN_TEXT) for value in values]


def cell(value: object, unit: Unit) -> str:
    """A value as a cell shows it: like elsewhere, without the unit that the heading names.

    >>> cell(0.366, "share"), cell(1234.5, "money"), cell(None, "share")
    ('36.6', '1,234.50', '–')
    """
    from decimal import Decimal

    if isinstance(value, Decimal):
        value = float(value)
    text = clean(write(value, unit))
    return text.removesuffix(" %").removesuffix(" pp") if unit in UNIT_WORDS else text or MISSING


def clean(text: str) -> str:
    r"""Text without the characters that no page, picture or file may hold.

    >>> clean("a\x00b")
    'a�b'
    """
    return _CONTROL.sub("�", text)


def shorten(text: str, limit: int) -> str:
    """Text of at most so many characters; what is left out shows as ….

    >>> shorten("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def is_partial(chart: Chart, rows: pa.Table) -> bool:
    """Whether a chart has incomplete periods among the rows it draws; a row without a value draws nothing."""
    if not chart.is_partial:
        return False
    values = [rows.column(name).to_pylist() for name in (chart.is_partial, *_drawn_columns(chart))]
    return any(flag and None not in others for flag, *others in zip(*values, strict=True))


def _drawn_columns(chart: Chart) -> tuple[str, ...]:
    """The columns without whose value a row of a chart has no mark."""
    return (chart.x, chart.y, chart.colour) if chart.kind == "heatmap" and chart.colour else (chart.x, chart.y)
