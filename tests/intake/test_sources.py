"""Delimited text in every dialect, with every row accounted for."""

from __future__ import annotations

import csv
import gzip
import io
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regulars.errors import OutputError, SourceError
from regulars.intake.sources.dialect import Dialect
from regulars.intake.sources.row_scan import scan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEADER = ["order_id", "customer", "paid"]
ROWS = [["0001", "Ann", "9.50"], ["0002", 'Bob "the elder", Rome', "12.00"], ["0003", "Çelik\nstreet 3", "7.25"]]


def written(rows: list[list[str]], **options: object) -> str:
    text = io.StringIO()
    csv.writer(text, **{"lineterminator": "\n", **options}).writerows(rows)  # type: ignore[arg-type]
    return text.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("packed", [False, True])
def test_every_encoding_and_line_end(
    tmp_path: Path, opened: Callable[..., Any], encoding: str, newline: str, packed: bool
) -> None:
    data = written([HEADER, *ROWS], lineterminator=newline).encode(encoding)
    (tmp_path / "s.csv").write_bytes(data)
    (tmp_path / "s.csv.gz").write_bytes(gzip.compress(data))
    table = opened("s.csv.gz" if packed else "s.csv")
    assert table.raw.columns == tuple(HEADER)
    assert table.raw.is_text
    assert table.rows(*HEADER, "_row") == [(*row, place) for place, row in enumerate(ROWS, start=1)]
    assert table.raw.sources[0].rows == 3


def test_rows_know_their_file_and_place(tmp_path: Path, opened: Callable[..., Any]) -> None:
    for name, start in (("b.csv", 10), ("a.csv", 0), ("c.csv", 20)):
        lines = [f"{start + n},x" for n in range(1, 4)]
        (tmp_path / name).write_text("id,shop\n" + "\n".join(lines))
    table = opened("*.csv")
    assert table.rows("id", "_source", "_row") == [
        (str(start + n), name, n) for name, start in (("a.csv", 0), ("b.csv", 10), ("c.csv", 20)) for n in (1, 2, 3)
    ]
    assert [source.path for source in table.raw.sources] == ["a.csv", "b.csv", "c.csv"]


def test_order_is_kept_over_many_rows(tmp_path: Path, opened: Callable[..., Any]) -> None:
    with (tmp_path / "s.csv").open("w") as file:
        file.write("id,text\n")
        for n in range(1, 300_001):
            text = "some text to fill the buffers " * 4
            file.write(f"{n},{text}\n" if n % 50 else f'{n},"{text}\n{n},{text}\n"\n')
    table = opened("s.csv")
    wrong = table.raw.rows.filter(table.raw.rows["id"].cast("int64") != table.raw.rows["_row"])
    assert table.engine.collect(wrong.count(), 1).column(0)[0].as_py() == 0
    assert table.count == 300_000


def test_ragged_rows_are_kept_with_a_remark(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "s.csv").write_text('id,shop,paid\n1,A,2.5\n2,B\n3,C,3.5,"x, y"\n4,D,4.5,\n5,,\n\n6,F,1\n')
    table = opened("s.csv")
    assert table.rows("id", "shop", "paid", "_row", "_problem") == [
        ("1", "A", "2.5", 1, None),
        ("2", "B", None, 2, "2 cells where 3 are expected: 2,B"),
        ("3", "C", "3.5", 3, '4 cells where 3 are expected: 3,C,3.5,"x, y"'),
        ("4", "D", "4.5", 4, None),
        ("5", "", "", 5, None),
        ("6", "F", "1", 6, None),
    ]
    assert "1 with 2, 1 with 4" in table.notes["ragged_rows"]


def test_an_even_file_has_no_remarks(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "s.csv").write_text("id,shop\n1,A\n")
    assert "_problem" not in opened("s.csv").raw.rows.columns


@pytest.mark.parametrize("last", ['"never closed', '"open,B\n7,C,1'])
def test_an_open_quote_swallows_no_rows(tmp_path: Path, opened: Callable[..., Any], last: str) -> None:
    lines = [f"{n},A,{n}.5" for n in range(1, 4)]
    (tmp_path / "s.csv").write_text("\n".join(["id,shop,paid", *lines, f"4,{last}", *lines]) + "\n")
    table = opened("s.csv", quote='"')
    rows = table.rows("id", "_problem")
    assert [row[0] for row in rows if row[1] is None][-3:] == ["1", "2", "3"]
    assert sum(row[1] is not None for row in rows) == 1
    assert "a quote is opened" in next(row[1] for row in rows if row[1])


def test_a_quote_open_across_rows_gives_those_rows_back(tmp_path: Path, opened: Callable[..., Any]) -> None:
    text = 'id,size,paid\n1,"5 inch,2.0\n2,A,3.0\n3,B,4.0\n4,"6 inch,5.0\n5,C,6.0\n'
    (tmp_path / "s.csv").write_text(text)
    rows = opened("s.csv", quote='"').rows("id", "_problem")
    assert [row[0] for row in rows if row[1] is None] == ["2", "3", "5"]
    assert len(rows) == 5


def test_loose_quotes_are_told(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "s.csv").write_text('id,size,paid\n1,"big" one,2.0\n2,"A",3.0\n')
    table = opened("s.csv")
    assert table.rows() == [("1", "big one", "2.0"), ("2", "A", "3.0")]
    assert "loose_quotes" in table.notes


def test_blanks_before_quotes(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "s.csv").write_text('id, name, paid\n1, "Lee, Ann", 2.0\n2, "Ray, Bob", 3.0\n')
    table = opened("s.csv")
    assert [cell.strip() for cell in table.rows("name")[0]] == ["Lee, Ann"]
    assert table.raw.columns == ("id", "name", "paid")


def test_inches_are_no_quotes(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "s.csv").write_text('id,size,paid\n1,5" nail,2.0\n2,A,3.0\n3,6" x 8",4.0\n')
    assert opened("s.csv").rows("size") == [('5" nail',), ("A",), ('6" x 8"',)]


def test_backslash_escapes(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "s.csv").write_text('id,said,at\n1,"he said \\"yes, sir\\", twice",2024-01-01\n2,"no",2024-01-02\n')
    assert opened("s.csv").rows("said") == [('he said "yes, sir", twice',), ("no",)]


def test_bytes_after_the_beginning_may_show_another_encoding(tmp_path: Path, opened: Callable[..., Any]) -> None:
    text = "id,shop\n" + "1,Rome\n" * 200_000 + "2,Orléans\n"
    (tmp_path / "s.csv").write_bytes(text.encode("cp1252"))
    table = opened("s.csv")
    assert table.raw.dialect.encoding == "cp1252"
    assert table.rows("shop")[-1] == ("Orléans",)
    assert "cp1252" in table.notes["encoding"]


def test_an_encoding_that_is_said_is_not_guessed_away(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "s.csv").write_bytes("id,shop\n1,Orléans\n".encode("cp1252"))
    with pytest.raises(SourceError, match="not utf-8 throughout"):
        opened("s.csv", encoding="utf-8")
    (tmp_path / "r.csv").write_bytes("id,город\n1,Тверь\n".encode("cp1251"))
    assert opened("r.csv", encoding="cp1251").rows("город") == [("Тверь",)]


def test_blank_runs_keep_leading_zeros(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "s.txt").write_bytes(b" id  day   paid\r\n 00001 19970101   11.77\r\n 00002 19970112  112.00\r\n")
    table = opened("s.txt")
    assert table.rows("id", "day", "paid") == [("00001", "19970101", "11.77"), ("00002", "19970112", "112.00")]


def test_baskets_become_one_row_an_item(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "a.csv").write_text('milk,bread \n"beer, dark",,\n\ncola\n')
    (tmp_path / "b.csv").write_text("tea\n")
    table = opened("a.csv", "b.csv", format="baskets")
    assert table.rows("basket", "item", "_source", "_row") == [
        ("1", "milk", "a.csv", 1), ("1", "bread ", "a.csv", 2), ("2", "beer, dark", "a.csv", 3),
        ("3", "cola", "a.csv", 4), ("4", "tea", "b.csv", 1),
    ]  # fmt: skip


def test_no_header_gives_numbered_columns_and_says_so(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "s.csv").write_text("1,2024-01-01\n2,2024-01-02\n")
    table = opened("s.csv")
    assert table.raw.columns == ("column_1", "column_2")
    assert table.count == 2
    assert "read as data" in table.notes["header"]
    assert opened("s.csv", header=True).count == 1


def test_repeated_names_are_told_apart(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "s.csv").write_text("id,Paid,paid,,_row\n1,2.0,3.0,4.0,5.0\n")
    table = opened("s.csv")
    assert table.raw.columns == ("id", "Paid", "paid_2", "column_4", "_row_2")
    assert table.rows() == [("1", "2.0", "3.0", "4.0", "5.0")]
    assert "'paid' is now 'paid_2'" in next(note.done for note in table.raw.notes if note.check == "column_names")


def test_columns_in_another_order_are_matched_by_name(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "a.csv").write_text("id,shop\n1,A\n")
    (tmp_path / "b.csv").write_text("shop;id\nB;2\n")
    assert opened("a.csv", "b.csv").rows("id", "shop") == [("1", "A"), ("2", "B")]


def test_differing_columns_are_refused_by_name(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "a.csv").write_text("id,quantity\n1,2\n")
    (tmp_path / "b.csv").write_text("id,quantiti\n1,2\n")
    with pytest.raises(SourceError, match=r"b.csv has no column 'quantity'.*a.csv") as caught:
        opened("a.csv", "b.csv")
    assert "quantiti" in (caught.value.mend or "")
    assert caught.value.table == "lines"
    (tmp_path / "b.csv").write_text("id,quantity,tip\n1,2,3\n")
    with pytest.raises(SourceError, match=r"b.csv has the column 'tip'"):
        opened("a.csv", "b.csv")


def test_texts_that_mean_nothing_stay_as_they_are(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "s.csv").write_text("id,a\n1,null\n2,NA\n3,\n4,nan\n")
    assert opened("s.csv").rows("a") == [("null",), ("NA",), ("",), ("nan",)]


def test_stray_line_ends_inside_cells_are_kept(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "s.csv").write_bytes(b"id,note\n1,a\rb\n2,c\n")
    assert opened("s.csv").rows("id", "note") == [("1", "a\rb"), ("2", "c")]


def test_a_cell_of_some_megabytes_is_read_and_one_beyond_is_refused(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "s.csv").write_text("id,note\n" + "1,a\n" * 10 + f"2,{'x' * 5_000_000}\n")
    assert opened("s.csv").count == 11
    (tmp_path / "s.csv").write_text("id,note\n" + "1,a\n" * 10 + f"2,{'x' * 17_000_000}\n")
    with pytest.raises(SourceError, match="too long to read"):
        opened("s.csv")


def test_too_little_memory_is_no_fault_of_the_file(tmp_path: Path) -> None:
    from regulars.core.config import EngineSettings, ReaderSettings, TableSettings
    from regulars.engine.duckdb import DuckdbEngine
    from regulars.intake.sources.raw_table import open_table

    (tmp_path / "s.csv").write_text("id,note\n" + "".join(f"{n},{n * 7919}\n" for n in range(200_000)))
    with DuckdbEngine(EngineSettings(memory="4MB", threads=1)) as engine:
        with pytest.raises(OutputError, match="no room") as caught:
            open_table("lines", TableSettings(("s.csv",), reader=ReaderSettings()), tmp_path, engine)
        assert engine.backend.list_tables() == []
    assert "memory" in (caught.value.mend or "")


def test_a_file_with_another_number_of_rows_is_refused_whole(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "s.csv").write_text("id,note\n1,a\n2,b\n")
    table = opened("s.csv")
    files = table.engine.files
    told = {"delimiter": ",", "quote": '"', "header": True, "missing": "\ue000"}
    assert not files.append_delimited("raw_lines", 1, tmp_path / "s.csv", ["id", "note"], rows=3, **told)
    assert table.count == 2
    assert not files.append_delimited("raw_lines", 1, tmp_path / "s.csv", ["id"], rows=2, **told)
    assert files.append_delimited("raw_lines", 1, tmp_path / "s.csv", ["id", "note"], rows=2, **told)
    assert files.parts("raw_lines") == {0: (0, 2), 1: (2, 2)}


def test_the_last_letter_may_be_the_only_one_that_is_not_ascii(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "s.csv").write_bytes("id,shop\n1,Café".encode("cp1252"))
    assert opened("s.csv").rows("shop") == [("Café",)]


def test_one_column(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "s.csv").write_text("customer_id\nA1\nA2\n\nA3\n")
    assert opened("s.csv").rows("customer_id", "_row") == [("A1", 1), ("A2", 2), ("A3", 3)]


def test_file_names_are_no_patterns_and_no_sql(tmp_path: Path, opened: Callable[..., Any]) -> None:
    for name in ("sales [1].csv", "sales 1.csv", "o'hara*.csv", "o'hara2.csv"):
        (tmp_path / name).write_text(f'id,"x""y"\n1,{name}\n')
    for name in ("sales [1].csv", "o'hara*.csv"):
        assert opened(name).rows('x"y', "_source") == [(name, name)]


def test_a_sample_is_the_first_rows(tmp_path: Path, opened: Callable[..., Any]) -> None:
    from regulars.intake.sources.raw_table import sample

    (tmp_path / "s.csv").write_text("id\n" + "\n".join(f"a{n}" for n in range(50)))
    table = opened("s.csv")
    rows = sample(table.raw, table.engine, 5)
    assert rows.column_names == ["id"]
    assert rows.column("id").to_pylist() == ["a0", "a1", "a2", "a3", "a4"]


def test_a_second_look_replaces_the_first(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "s.csv").write_text("id\na\nb\n")
    assert opened("s.csv").count == 2
    assert opened("s.csv").count == 2


# -- any text at all --------------------------------------------------------------------------------

cells = st.text(st.characters(codec="utf-8", exclude_characters="\0\ue000\ue00d"), max_size=8)
tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=6)
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=tables,
    delimiter=st.sampled_from(",;\t|^§"),
    quote=st.sampled_from("\"'"),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be"]),
)
def test_what_was_written_is_read_back(
    tmp_path: Path, opened: Callable[..., Any], rows: list[list[str]], delimiter: str, quote: str, newline: str,
    quoting: int, encoding: str,
) -> None:  # fmt: skip
    if quoting == csv.QUOTE_MINIMAL:  # Python's writer leaves a line end of another kind unquoted
        rows = [[cell.replace("\r", "").replace("\n", "") for cell in row] for row in rows]
    if len(rows[0]) == 1:  # an empty cell alone is an empty line
        rows = [[cell or "-"] for [cell] in rows]
    names = [f"name_{place}" for place in range(len(rows[0]))]
    options: dict[str, Any] = {
        "delimiter": delimiter,
        "quotechar": quote,
        "lineterminator": newline,
        "quoting": quoting,
    }
    (tmp_path / "any.csv").write_bytes(written([names, *rows], **options).encode(encoding))
    table = opened("any.csv", delimiter=delimiter, quote=quote, header=True, encoding=encoding)
    assert table.rows("_row", *names) == [(place, *row) for place, row in enumerate(rows, start=1)]


words = st.text(st.sampled_from("abcdefghij ÄéÇ.'-"), min_size=1, max_size=12).map(lambda text: f"a{text}b")
likely = st.tuples(
    st.integers(1, 10**6).map(str),
    words,
    st.dates().map(str),
    st.decimals(0, 1000, places=2).map(str),
    st.sampled_from(["", "web", "app", "say, what", 'the "old" one']),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(likely, min_size=3, max_size=12),
    delimiter=st.sampled_from(",;\t|^"),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]),
)
def test_the_dialect_of_likely_tables_needs_no_word(
    tmp_path: Path, opened: Callable[..., Any], rows: list[tuple[str, ...]], delimiter: str, newline: str,
    quoting: int, encoding: str,
) -> None:  # fmt: skip
    names = ["order_id", "customer", "ordered_on", "paid", "channel"]
    text = written([names, *map(list, rows)], delimiter=delimiter, lineterminator=newline, quoting=quoting)
    (tmp_path / "likely.csv").write_bytes(text.encode(encoding))
    table = opened("likely.csv")
    assert table.raw.columns == tuple(names)
    assert table.rows() == rows


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.lists(st.text('ab"\n\r,', max_size=4), min_size=2, max_size=3), max_size=8),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    block=st.integers(1, 9),
)
def test_rows_are_counted_alike_in_blocks_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[list[str]], newline: str, block: int
) -> None:
    path = tmp_path / "blocks.csv"
    path.write_bytes(written(rows, lineterminator=newline, quoting=csv.QUOTE_ALL).encode())
    monkeypatch.setattr("regulars.intake.sources.row_scan._BLOCK", block)
    shape = scan(path, Dialect(newline=newline))
    assert (shape.rows, shape.is_even, shape.is_utf8, shape.blank_lines) == (len(rows), True, True, 0)
