from __future__ import annotations

import pyarrow as pa

from regulars.core.markup import PREVIEW_ROWS, result_html, table_html
from regulars.core.result import Caveat, ColumnInfo, Evidence, Finding, Result, Table

EVIL = '<script>alert("x")</script>'


def test_a_table_is_escaped_wherever_text_can_stand() -> None:
    table = Table(
        "t",
        EVIL,
        pa.table({EVIL: [EVIL], "n": [0.5]}),
        (ColumnInfo(EVIL, "text", title=EVIL), ColumnInfo("n", "share")),
    )
    html = table_html(table)
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "<td>50.0 %</td>" in html
    assert table._repr_html_() == html


def test_a_long_table_is_cut() -> None:
    table = Table("t", "t", pa.table({"n": range(1000)}), (ColumnInfo("n"),))
    assert table_html(table).count("<tr>") == PREVIEW_ROWS + 1


def test_a_result_shows_what_it_found_and_hides_what_is_not_shown() -> None:
    hidden = Table("h", "hidden table", pa.table({"n": [1]}), (ColumnInfo("n"),), is_shown=False)
    finding = Finding("k", f"{EVIL} is so", 1.0, "count", 1234, Evidence("t"))
    result = Result("rfm", EVIL, EVIL, "customers", tables=(hidden,), findings=(finding,), caveats=(Caveat(EVIL),))
    html = result_html(result)
    assert "<script" not in html
    assert "hidden table" not in html
    assert "observed, n = 1,234" in html
