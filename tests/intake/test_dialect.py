from __future__ import annotations

import csv
import io
import random

import pytest

from regulars.core.config import ReaderSettings
from regulars.errors import SourceError
from regulars.intake.sources.cells import is_number, is_typed, number_marks
from regulars.intake.sources.dialect import Dialect, line_end
from regulars.intake.sources.encodings import detect, named
from regulars.intake.sources.header import has_header, unique_names
from regulars.intake.sources.sniffer import sniff

ROWS = [
    ["order_id", "customer", "ordered_at", "paid", "note"],
    ["1", "Ann", "2024-01-02", "9.50", ""],
    ["2", "Bob, the elder", "2024-01-03", "1200.00", "a|b"],
    ["3", "Çelik", "2024-02-10", "7.25", "fine"],
    ["4", "O'Brien", "2024-02-11", "3.00", "late; returned"],
]


def written(rows: list[list[str]], **options: object) -> str:
    text = io.StringIO()
    csv.writer(text, **{"lineterminator": "\n", **options}).writerows(rows)  # type: ignore[arg-type]
    return text.getvalue()


def found(text: str, **reader: object) -> Dialect:
    return sniff(text, whole=True, reader=ReaderSettings(**reader), shown="x.csv")  # type: ignore[arg-type]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "~", "\x01", "§", ":"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_the_delimiter_is_found(delimiter: str, quoting: int) -> None:
    dialect = found(written(ROWS, delimiter=delimiter, quoting=quoting))
    assert (dialect.delimiter, dialect.quote, dialect.header) == (delimiter, '"', True)
    assert dialect.columns == tuple(ROWS[0])


def test_single_quotes_are_found() -> None:
    dialect = found(written(ROWS, quotechar="'", quoting=csv.QUOTE_ALL))
    assert (dialect.delimiter, dialect.quote) == (",", "'")


def test_apostrophes_are_no_quotes() -> None:
    text = "name;town\n'tis a shop;Rome\nO'Brien;d'Arc\nrock 'n' roll;Oslo\n"
    assert (found(text).delimiter, found(text).quote) == (";", '"')


def test_backslashes_before_quotes_are_found() -> None:
    text = 'id,said,at\n1,"he said \\"yes, sir\\", twice",2024-01-01\n2,"no",2024-01-02\n'
    assert found(text).escape == "\\"


def test_backslashes_in_paths_escape_nothing() -> None:
    text = 'id,path\n1,"C:\\new\\"\n2,"D:\\"\n'
    dialect = found(text)
    assert (dialect.escape, dialect.delimiter) == ('"', ",")


def test_decimal_commas_do_not_outvote_the_semicolon() -> None:
    dialect = found("customer;paid;discount\na;1,50;0,25\nb;2,75;1,10\nc;1.203,00;0,00\n")
    assert (dialect.delimiter, dialect.decimal, dialect.thousands) == (";", ",", ".")


def test_decimal_commas_inside_quotes() -> None:
    dialect = found('id,price\n1,"2,55"\n2,"3,39"\n')
    assert (dialect.delimiter, dialect.decimal) == (",", ",")


def test_runs_of_blanks_are_one_delimiter() -> None:
    text = " 00001 19970101  1   11.77\n 00002 19970112 12  112.00\n 00003 19970102  2   20.76\n"
    dialect = found(text)
    assert (dialect.delimiter, dialect.width, dialect.header) == (" ", 4, False)


def test_text_with_blanks_is_one_column() -> None:
    names = "customer\n" + "".join(f"{first} {last}\n" for first in ("Ann", "Bob") for last in ("Lee", "Ray", "Fox"))
    assert (found(names).width, found(names).columns) == (1, ("customer",))


@pytest.mark.parametrize("cell", ["2024-01-02 10:00:00", "10:30", "1/2/2024", "12 %", "-3.5", "a_b"])
def test_one_column_of_values_is_not_taken_apart(cell: str) -> None:
    dialect = found("value\n" + f"{cell}\n" * 50)
    assert dialect.columns == ("value",)


def test_a_named_delimiter_is_obeyed_and_passed_over() -> None:
    dialect = found("sep=;\na;b\n1;2,5\n2;3,5\n")
    assert (dialect.delimiter, dialect.skip, dialect.columns) == (";", 1, ("a", "b"))


def test_titles_above_the_table_are_passed_over_and_said() -> None:
    dialect = found("Sales of May\nmade by the till,,,\n\nid,day,paid,shop\n1,2024-05-01,3.5,A\n2,2024-05-02,4.5,B\n")
    assert (dialect.skip, dialect.columns) == (2, ("id", "day", "paid", "shop"))
    assert any("Sales of May" in line for line in dialect.evidence)


def test_a_first_row_with_an_empty_cell_is_no_title() -> None:
    assert found("a,\nb,1\nc,2\n", header=False).skip == 0


def test_what_the_user_says_is_not_questioned() -> None:
    dialect = found("a;b,c\n1;2,3\n", delimiter=",", header=False)
    assert (dialect.delimiter, dialect.header, dialect.columns) == (",", False, ("column_1", "column_2"))


def test_uneven_rows_are_refused_with_the_mend() -> None:
    text = "\n".join(",".join(f"item {n}" for n in range(1 + row % 7)) for row in range(60))
    with pytest.raises(SourceError, match="1 to 7 cells") as caught:
        found(text)
    assert "baskets" in (caught.value.mend or "")
    assert found(text, format="baskets").columns == ("basket", "item")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([["id", "day"], ["1", "2024-01-01"], ["2", "2024-01-02"]], True),
        ([["7", "2024-01-03"], ["1", "2024-01-01"]], False),
        ([["web", "yes"], ["app", "no"], ["web", "no"]], False),
        ([["channel", "answer"], ["app", "no"], ["web", "no"]], True),
        ([["a3f9c0", "x"], ["b4e8d1", "y"], ["c5d7e2", "z"]], False),
        ([["device", "x"], ["b4e8d1", "y"], ["c5d7e2", "z"]], True),
        ([["", ""], ["a", "b"]], False),
        ([["name", "town"]], True),
        ([["1", "Rome"]], False),
    ],
)
def test_headers_are_told_by_evidence(rows: list[list[str]], expected: bool) -> None:
    header, why = has_header(rows, 2)
    assert header is expected
    assert expected or why


def test_names_become_unique_without_regard_to_case() -> None:
    names, changed = unique_names(["id", "ID", "id_2", " paid ", "", "_row"], 7)
    assert names == ("id", "ID_3", "id_2", "paid", "column_5", "_row_2", "column_7")
    assert ("ID", "ID_3") in changed
    assert ("id_2", "id_2") not in changed


def test_a_header_that_lacks_the_name_of_the_row_names() -> None:
    dialect = found('"speed","dist"\n"a",4,2\n"b",4,10\n"c",7,4\n')
    assert dialect.columns == ("column_1", "speed", "dist")


def test_a_delimiter_at_the_end_of_every_row() -> None:
    assert found("a,b\n1,2,\n3,4,\n").columns == ("a", "b", "column_3")


@pytest.mark.parametrize(("text", "end"), [("a\r\nb\r\n", "\r\n"), ("a\rb\r", "\r"), ("a\nb\n", "\n"), ("a", "\n")])
def test_line_ends(text: str, end: str) -> None:
    assert line_end(text) == end


@pytest.mark.parametrize(
    ("encoding", "found_as"),
    [
        ("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("utf-16", "utf-16-le"), ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"), ("cp1252", "cp1252"), ("utf-32", "utf-32-le"),
    ],
)  # fmt: skip
def test_encodings_are_told_by_their_bytes(encoding: str, found_as: str) -> None:
    assert detect(written(ROWS).encode(encoding), "x").name == found_as


def test_bytes_that_windows_leaves_open_are_latin_1() -> None:
    assert detect(b"a,\x81\xe9\n", "x").name == "latin-1"


def test_binary_data_are_refused() -> None:
    with pytest.raises(SourceError, match="no text"):
        detect(random.Random(1).randbytes(5000), "x")


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(SourceError, match="klingon"):
        named("klingon", b"", "x")


@pytest.mark.parametrize(
    "cell", ["1", "-1.5", "1,234.50", "1.234,50", "1 234,5", "£12", "$ 12.00", "12 €", "USD 5", "3e5"]
)
def test_numbers(cell: str) -> None:
    assert is_number(cell)


@pytest.mark.parametrize("cell", ["", "a", "1a", "--", "1,2,3,4,5", "12-13", "€"])
def test_no_numbers(cell: str) -> None:
    assert not is_number(cell)


@pytest.mark.parametrize(
    "cell", ["12/1/10 8:26", "2024-05-01T04:49:01.497Z", "3 Jan 2020", "Jan 3, 2020", "08:15", "2024-05"]
)
def test_dates(cell: str) -> None:
    assert is_typed(cell)


def test_marks_of_numbers() -> None:
    assert number_marks(["1,234.50", "12.25"]) == (".", ",")
    assert number_marks(["1,234", "5,678"]) == ("", "")  # three digits behind it: either
    assert number_marks(["1,25", "1.25"]) == ("", "")
