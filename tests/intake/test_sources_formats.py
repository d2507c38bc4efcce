"""Parquet, JSON and workbooks."""

from __future__ import annotations

import gzip
import json
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regulars.errors import MissingExtraError, SourceError
from regulars.intake.sources import workbooks
from regulars.intake.sources.folder_samples import sample_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


# -- Parquet ----------------------------------------------------------------------------------------


def test_parquet_files_are_numbered_each(tmp_path: Path, opened: Callable[..., Any]) -> None:
    pq.write_table(pa.table({"id": [1, 2], "day": [date(2024, 1, 1)] * 2}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"day": [date(2024, 1, 2)] * 3, "id": [3, 4, 5]}), tmp_path / "b [2].parquet")
    table = opened("*.parquet")
    assert table.raw.columns == ("id", "day")
    assert not table.raw.is_text
    assert sorted(table.rows("id", "_source", "_row")) == [
        (1, "a.parquet", 1), (2, "a.parquet", 2), (3, "b [2].parquet", 1), (4, "b [2].parquet", 2),
        (5, "b [2].parquet", 3),
    ]  # fmt: skip
    assert [source.rows for source in table.raw.sources] == [2, 3]


def test_folders_named_after_values_are_columns(tmp_path: Path, opened: Callable[..., Any]) -> None:
    for year in (2023, 2024):
        folder = tmp_path / "sales" / f"year={year}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"id": [year * 10]}), folder / "part-0.parquet")
        (folder / "_SUCCESS").touch()
    table = opened("sales")
    assert table.raw.columns == ("id", "year")
    assert sorted(table.rows("id", "year")) == [(20230, 2023), (20240, 2024)]


def test_parquet_columns_that_differ(tmp_path: Path, opened: Callable[..., Any]) -> None:
    pq.write_table(pa.table({"id": [1]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"ID": [1]}), tmp_path / "b.parquet")
    with pytest.raises(SourceError, match=r"b.parquet has no column 'id'"):
        opened("*.parquet")


def test_parquet_names_that_are_taken(tmp_path: Path, opened: Callable[..., Any]) -> None:
    pq.write_table(pa.table({"_row": [7], 'a"b': ["x"]}), tmp_path / "a.parquet")
    table = opened("a.parquet")
    assert table.raw.columns == ("_row_2", 'a"b')
    assert table.rows() == [(7, "x")]


def test_broken_parquet(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(SourceError, match=r"a.parquet cannot be read as Parquet"):
        opened("a.parquet")


# -- JSON -------------------------------------------------------------------------------------------

OBJECTS = [
    {"id": 1, "paid": 9.5, "items": [{"sku": "P1", "qty": 2}], "ok": True},
    {"id": 2, "note": "é", "paid": None, "items": {"P1": 2}},
]
AS_TEXT = [
    ("1", "9.5", '[{"sku": "P1", "qty": 2}]', "true", None),
    ("2", None, '{"P1": 2}', None, "é"),
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    "text",
    [
        json.dumps(OBJECTS),
        json.dumps(OBJECTS, indent=2),
        "\n".join(json.dumps(one, ensure_ascii=False) for one in OBJECTS) + "\n",
        "\n".join(json.dumps(one, indent=1) for one in OBJECTS),
        json.dumps({"page": 1, "orders": OBJECTS}),
        json.dumps({"page": 1, "orders": OBJECTS}, indent=1),
    ],
)
def test_json_in_every_form(tmp_path: Path, opened: Callable[..., Any], text: str, encoding: str) -> None:
    (tmp_path / "a.json").write_text(text, encoding=encoding)
    table = opened("a.json")
    assert table.raw.is_text
    assert table.raw.columns == ("id", "paid", "items", "ok", "note")
    assert table.rows() == AS_TEXT
    assert table.rows("_row") == [(1,), (2,)]


def test_json_numbers_keep_their_digits(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "a.json").write_text('[{"a": 1.10, "b": 12345678901234567890, "c": 0.1e3, "d": "007", "e": NaN}]')
    assert opened("a.json").rows() == [("1.10", "12345678901234567890", "0.1e3", "007", "NaN")]


def test_json_lines_that_are_no_objects_are_kept(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'{"id": 1}\n{"id": 2\n\n[3]\n{"id": 4}\n'))
    table = opened("a.jsonl.gz")
    assert table.rows("id", "_row", "_problem") == [
        ("1", 1, None),
        (None, 2, 'no JSON object: {"id": 2'),
        (None, 3, "no JSON object: [3]"),
        ("4", 4, None),
    ]
    assert "no_objects" in table.notes


def test_json_keys_may_come_late_and_collide(
    tmp_path: Path, opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regulars.intake.sources.documents._OBJECTS_AT_ONCE", 2)
    lines = ['{"id": 1}', '{"id": 2}', '{"ID": 3, "new": "x"}', '{"new": "y", "id": 4}', '{"_row": 5}']
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    table = opened("a.jsonl")
    assert table.raw.columns == ("id", "ID_2", "new", "_row_2")
    assert table.rows("id", "ID_2", "new", "_row_2", "_row") == [
        ("1", None, None, None, 1), ("2", None, None, None, 2), (None, "3", "x", None, 3), ("4", None, "y", None, 4),
        (None, None, None, "5", 5),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[{"id": 1}, {"id": ', "is no JSON from character"),
        ('[{"id": 1}', "cut off"),
        ('[{"id": 1}] [{"id": 2}]', "goes on after the end"),
        ("[1, 2]", "something else than objects"),
        ("hello", "begins with 'hello'"),
        ("", "empty"),
        ("[]", "no objects"),
    ],
)
def test_json_that_cannot_be_read(tmp_path: Path, opened: Callable[..., Any], text: str, words: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(SourceError, match=words) as caught:
        opened("a.json")
    assert "a.json" in caught.value.message


def test_a_long_list_is_read_in_pieces(
    tmp_path: Path, opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regulars.intake.sources.documents._CHARACTERS_AT_ONCE", 50)
    (tmp_path / "a.json").write_text(json.dumps([{"id": n, "text": "x" * (n % 90)} for n in range(200)]))
    assert opened("a.json").rows("id") == [(str(n),) for n in range(200)]


# -- workbooks --------------------------------------------------------------------------------------


class FakeSheet:
    def __init__(self, rows: list[list[Any]]) -> None:
        self.rows = rows

    def iter_rows(self) -> Any:
        return iter(self.rows)


class FakeBook:
    """Stands in for a workbook: what the reader hands over, cell by cell."""

    def __init__(self, **sheets: list[list[Any]]) -> None:
        self.sheets = sheets
        self.sheet_names = list(sheets)

    def get_sheet_by_name(self, name: str) -> FakeSheet:
        return FakeSheet(self.sheets[name])

    def __enter__(self) -> FakeBook:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def put(**sheets: list[list[Any]]) -> None:
        (tmp_path / "a.xlsx").write_bytes(b"PK\x03\x04")
        monkeypatch.setattr(workbooks, "_workbook", lambda *_: FakeBook(**sheets))

    return put


ROWS = [
    ["Report of May", "", "", "", "", ""],
    ["", "", "", "", "", ""],
    ["id", "name", "at", "paid", "code", "ok"],
    [1.0, "Ann", datetime(2024, 1, 2, 3, 4), 9.5, 12.0, True],
    [2.0, "Bob", date(2024, 1, 3), 3.0, "12a", False],
    ["", "", "", "", "", ""],
    [3.0, "", "", "", "", ""],
]


def test_sheets_keep_the_kinds_of_their_columns(book: Callable[..., None], opened: Callable[..., Any]) -> None:
    book(May=ROWS, June=[["x"]])
    table = opened("a.xlsx")
    assert not table.raw.is_text
    assert table.rows(*table.raw.columns, "_row") == [
        (1, "Ann", datetime(2024, 1, 2, 3, 4), 9.5, "12", True, 1),
        (2, "Bob", datetime(2024, 1, 3), 3.0, "12a", False, 2),
        (3, None, None, None, None, None, 3),
    ]
    said = " ".join(note.sentence for note in table.raw.notes)
    assert "Report of May" in said
    assert "not read: June" in said


def test_a_sheet_is_chosen_by_name(book: Callable[..., None], opened: Callable[..., Any]) -> None:
    book(May=ROWS, June=[["id", "day"], [7.0, date(2024, 6, 1)]])
    assert opened("a.xlsx", sheet="June").rows() == [(7, date(2024, 6, 1))]
    with pytest.raises(SourceError, match="no sheet 'Jun'") as caught:
        opened("a.xlsx", sheet="Jun")
    assert "June" in (caught.value.mend or "")


def test_an_empty_sheet_and_one_without_rows(book: Callable[..., None], opened: Callable[..., Any]) -> None:
    book(May=[["", ""]])
    with pytest.raises(SourceError, match="empty"):
        opened("a.xlsx")
    book(May=[["id", "name"]])
    with pytest.raises(SourceError, match="only a header"):
        opened("a.xlsx")


def test_a_value_beside_the_table_is_not_lost(book: Callable[..., None], opened: Callable[..., Any]) -> None:
    book(May=[["id", ""], *[[float(n), ""] for n in range(100)], [100.0, "a remark"]])
    with pytest.raises(SourceError, match="'a remark'"):
        opened("a.xlsx")


def test_a_missing_extra_is_named(tmp_path: Path, opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "python_calamine", None)
    (tmp_path / "a.xlsx").write_bytes(b"PK\x03\x04")
    with pytest.raises(MissingExtraError, match="excel"):
        opened("a.xlsx")


SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    '<row r="1"><c r="A1" t="inlineStr"><is><t>id</t></is></c><c r="B1" t="inlineStr"><is><t>shop</t></is></c></row>'
    '<row r="2"><c r="A2"><v>7</v></c><c r="B2" t="inlineStr"><is><t>Rome</t></is></c></row>'
    "</sheetData></worksheet>"
)
PARTS = {
    "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>',
    "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Target="xl/workbook.xml" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"/></Relationships>',
    "xl/workbook.xml": '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
    '<sheets><sheet name="May" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Target="worksheets/sheet1.xml" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"/></Relationships>',
    "xl/worksheets/sheet1.xml": SHEET,
}


def test_a_real_workbook(tmp_path: Path, opened: Callable[..., Any]) -> None:
    pytest.importorskip("python_calamine")
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        for name, text in PARTS.items():
            archive.writestr(name, text)
    assert opened("a.xlsx").rows("id", "shop", "_row") == [(7, "Rome", 1)]
    (tmp_path / "b.xlsx").write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(SourceError, match=r"b.xlsx cannot be read as a workbook"):
        opened("b.xlsx")


# -- a look at a folder -----------------------------------------------------------------------------


def test_every_file_of_a_folder_is_sampled(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "a.csv").write_text("id;paid\n" + "\n".join(f"{n};1,5" for n in range(3000)))
    (tmp_path / "b.json").write_text('[{"id": 1}]')
    pq.write_table(pa.table({"id": [1, 2]}), tmp_path / "c.parquet")
    (tmp_path / "d.csv").write_text("")
    engine = opened("a.csv").engine
    unread: list[Any] = []
    samples = {sample.path: sample for sample in sample_folder(tmp_path, engine, unread.append)}
    assert set(samples) == {"a.csv", "b.json", "c.parquet"}
    assert samples["a.csv"].columns == ("id", "paid")
    assert samples["a.csv"].rows.num_rows == 1000
    assert samples["a.csv"].values("paid")[0] == "1,5"
    assert samples["c.parquet"].n_rows == 2
    assert [problem.message for problem in unread] == ["d.csv is empty"]
    with pytest.raises(SourceError, match="no folder"):
        sample_folder(tmp_path / "none", engine)
