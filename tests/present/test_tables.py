from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from regulars.core.chart import Chart
from regulars.core.result import ColumnInfo, Table
from regulars.present.tables import PRINTED_ROWS, SHOWN_COLUMNS, SHOWN_ROWS, TableReader, cell, clean


def test_a_small_arrow_table_is_shown_whole_with_units_in_its_headings(engine: Any) -> None:
    rows = pa.table({"segment": ["a", None], "share": [0.25, None], "revenue": [Decimal("12.50"), None], "id": [7, 8]})
    infos = (
        ColumnInfo("segment", "text", "Named."),
        ColumnInfo("share", "share"),
        ColumnInfo("revenue", "money"),
        ColumnInfo("id", "id"),
    )
    view = TableReader(engine, "GBP").view(Table("t", "T", rows, infos))
    assert view.rows == (("a", "25.0", "12.50", "7"), ("–", "–", "–", "8"))
    assert [one.unit_word for one in view.headings] == ["", "%", "GBP", ""]
    assert [one.is_number for one in view.headings] == [False, True, True, False]
    assert view.is_whole
    assert view.extent == ""


def test_a_table_in_the_engine_is_never_fetched_whole(engine: Any) -> None:
    expr = engine.connection.sql("select (range * 7919) % 5000 as customer_id, 1 as n from range(5000)")
    engine.collected = 0
    view = TableReader(engine).view(Table("t", "T", expr, (), customer_column="customer_id"))
    assert engine.collected == SHOWN_ROWS
    assert [row[0] for row in view.rows[:3]] == ["0", "1", "2"]
    assert view.extent == f"first {SHOWN_ROWS} of 5,000 rows"
    assert "5000" in view.queries[0]


def test_an_order_that_the_analysis_gave_is_kept(engine: Any) -> None:
    expr = engine.connection.sql("select range as n from range(50)")
    ordered = expr.order_by(expr.n.desc())
    assert TableReader(engine).view(Table("t", "T", ordered, ())).rows[0] == ("49",)


def test_long_and_wide_tables_say_what_is_left_out(engine: Any) -> None:
    rows = pa.table({f"c{place}": [1] * (PRINTED_ROWS + 1) for place in range(20)})
    view = TableReader(engine).view(Table("t", "T", rows, ()))
    assert len(view.headings) == SHOWN_COLUMNS
    assert view.extent == f"first {SHOWN_ROWS} of {PRINTED_ROWS + 1} rows, first {SHOWN_COLUMNS} of 20 columns"


def test_an_empty_table_is_shown(engine: Any) -> None:
    view = TableReader(engine).view(Table("t", "T", pa.table({"a": pa.array([], pa.int64())}), ()))
    assert view.rows == ()
    assert view.is_whole


def test_counts_are_asked_for_once(engine: Any) -> None:
    asked: list[str] = []

    class Counting:
        def collect(self, expr: Any, max_rows: int) -> pa.Table:
            asked.append("rows")
            return engine.collect(expr, max_rows)

        def sql(self, expr: Any) -> str:
            asked.append("query")
            return str(engine.sql(expr))

    reader = TableReader(Counting())  # type: ignore[arg-type]
    table = Table("t", "T", engine.connection.sql("select 1 as a"), ())
    for _ in range(2):
        assert reader.count(table) == 1
        assert len(reader.queries(table)) == 1
    assert asked.count("rows") == 1
    known = Table("u", "U", table.data, ())
    reader.know_count(known, 9)
    assert reader.count(known) == 9


def test_a_chart_draws_no_more_rows_than_it_allows(engine: Any) -> None:
    expr = engine.connection.sql("select range as x, range as y from range(100)")
    chart = Chart("c", "T", "S", "scatter", "t", "x", "y", max_marks=10)
    assert TableReader(engine).rows_to_draw(chart, Table("t", "T", expr, ())).num_rows == 10


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (-0.021, "change_points", "−2.1"),
        (date(2011, 12, 1), "month", "2011-12"),
        (True, "", "yes"),
        (float("nan"), "money", "–"),
        (-12.5, "money", "−12.50"),
        ("", "text", "–"),
    ],
)
def test_cells(value: object, unit: Any, text: str) -> None:
    assert cell(value, unit) == text


def test_control_characters_and_lone_surrogates_are_replaced() -> None:
    assert clean("a\x1b\ud800b\tc\n") == "a��b\tc\n"
