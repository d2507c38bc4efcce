"""Files, folders, patterns and archives; and what is said when they are not as they should be."""

from __future__ import annotations

import gzip
import os
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from regulars.errors import OutputError, SourceError
from regulars.intake.sources import places
from regulars.intake.sources.archives import data_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CSV = "id,shop\n1,A\n2,B\n"


def zipped(path: Path, **files: str) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)


def refused(opened: Callable[..., Any], *source: str, **reader: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        opened(*source, **reader)
    assert caught.value.table == "lines"
    assert caught.value.mend
    return caught.value


def test_a_zip_is_read_without_its_junk(tmp_path: Path, opened: Callable[..., Any]) -> None:
    junk = {"__MACOSX/._sales.csv": "x", ".DS_Store": "x", "Thumbs.db": "x", "readme.txt": "hello", "LICENSE": "x"}
    zipped(tmp_path / "s.zip", **{"sales.csv": CSV, **junk})
    table = opened("s.zip")
    assert table.rows("id", "_source") == [("1", "s.zip/sales.csv"), ("2", "s.zip/sales.csv")]
    assert "5 files" in table.notes["other_files"]


def test_a_zip_of_several_files_asks_which(tmp_path: Path, opened: Callable[..., Any]) -> None:
    zipped(tmp_path / "s.zip", **{"may.csv": CSV, "june.csv": CSV, "shops.csv": "shop,town\nA,Rome\n"})
    problem = refused(opened, "s.zip")
    assert "3 data files" in problem.message
    assert "member" in (problem.mend or "")
    assert opened("s.zip", member="may.csv").count == 2
    assert opened("s.zip", member="*e.csv").count == 2
    assert "did you mean 'may.csv'" in (refused(opened, "s.zip", member="mai.csv").mend or "")


def test_text_is_data_where_nothing_else_is() -> None:
    assert data_files(["a.txt", "readme.txt", "b.md"])[0] == ["a.txt"]
    assert data_files(["a.txt", "b.csv"])[0] == ["b.csv"]
    assert data_files(["part-0.csv", "_SUCCESS", ".part-0.csv.crc"])[0] == ["part-0.csv"]


def test_a_folder_is_all_its_data_files(tmp_path: Path, opened: Callable[..., Any]) -> None:
    folder = tmp_path / "exports"
    (folder / "old").mkdir(parents=True)
    (folder / "b.csv").write_text(CSV)
    (folder / "a.csv.gz").write_bytes(gzip.compress(CSV.encode()))
    (folder / "notes.txt").write_text("hello")
    (folder / "old" / "c.csv").write_text(CSV)
    table = opened("exports")
    assert [source.path for source in table.raw.sources] == ["exports/a.csv.gz", "exports/b.csv"]
    assert table.count == 4
    assert opened(".").count == 6  # no data file of its own: those below


def test_what_is_so_for_many_files_is_said_once(tmp_path: Path, opened: Callable[..., Any]) -> None:
    for number in range(4):
        (tmp_path / f"{number}.csv").write_bytes("id,shop\n1,Orléans\n2\n".encode("cp1252"))
    (tmp_path / "4.csv").write_bytes(b"id;shop\n1;Rome\n")
    table = opened("*.csv")
    assert table.count == 9
    assert sorted(table.notes) == ["encoding", "ragged_rows"]
    assert table.notes["encoding"].startswith("0.csv and 3 more files: it is read as cp1252")
    assert [note.rows for note in table.raw.notes if note.check == "ragged_rows"] == [4]


def test_the_same_file_named_twice_is_read_once(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    assert opened("a.csv", "*.csv").count == 2


def test_an_empty_file_among_others_is_told(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "b.csv").write_text("")
    table = opened("*.csv")
    assert table.count == 2
    assert "b.csv is empty" in table.notes["empty_files"]


def test_files_outside_the_folder_are_shown_in_full(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "inner").mkdir()
    shown = opened(str(tmp_path / "a.csv"), folder=tmp_path / "inner").raw.sources[0].path
    assert shown == (tmp_path / "a.csv").as_posix()


def test_the_fingerprint_tells_files_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"x" * 3_000_000)
    size, first = places.fingerprint(path)
    assert size == 3_000_000
    assert places.fingerprint(path) == (size, first)
    path.write_bytes(b"x" * 2_999_999 + b"y")
    assert places.fingerprint(path)[1] != first


def test_a_missing_file_names_the_closest(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "sales_2024.csv").write_text(CSV)
    problem = refused(opened, "sales_2023.csv")
    assert problem.message == "there is no file sales_2023.csv"
    assert "sales_2024.csv" in (problem.mend or "")
    assert "no folder" in (refused(opened, "nowhere/x.csv").mend or "")


def test_a_pattern_that_matches_nothing(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "sales.tsv").write_text("a\tb\n")
    assert "no file matches *.csv" in refused(opened, "*.csv").message


def test_a_folder_without_data(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "void").mkdir()
    assert "no data file" in refused(opened, "void").message


@pytest.mark.parametrize("text", ["", "\n\n", "  \n", "\ufeff"])
def test_an_empty_file(tmp_path: Path, opened: Callable[..., Any], text: str) -> None:
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    assert refused(opened, "a.csv").message == "a.csv is empty"


def test_only_a_header(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "a.csv").write_text("id,shop\n")
    problem = refused(opened, "a.csv")
    assert "a.csv has only a header and no rows: id, shop" in problem.message


def test_a_cut_off_archive(tmp_path: Path, opened: Callable[..., Any]) -> None:
    data = gzip.compress(os.urandom(2_000_000).hex().encode())
    (tmp_path / "a.csv.gz").write_bytes(data[: len(data) // 2])
    assert "damaged or cut off" in refused(opened, "a.csv.gz").message
    (tmp_path / "b.zip").write_bytes(b"PK\x03\x04 and nothing more")
    assert "damaged or cut off" in refused(opened, "b.zip").message


def test_an_archive_cut_off_behind_its_beginning(tmp_path: Path, opened: Callable[..., Any]) -> None:
    text = "id,key\n" + "\n".join(f"{n},{os.urandom(20).hex()}" for n in range(80_000))
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode())[:-1000])
    assert "damaged or cut off" in refused(opened, "a.csv.gz").message


def test_a_locked_zip(tmp_path: Path, opened: Callable[..., Any]) -> None:
    zipped(tmp_path / "a.zip", **{"a.csv": CSV})
    data = bytearray((tmp_path / "a.zip").read_bytes())
    data[6] |= 1  # the flag of encryption, in the member's header and in the directory
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(bytes(data))
    assert "is encrypted" in refused(opened, "a.zip").message


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.csv", bytes(range(256)) * 20, "no text"),
        ("a.pdf", b"%PDF-1.7 ...", "PDF"),
        ("a.csv", gzip.compress(CSV.encode()), "gzip"),
        ("a.parquet", CSV.encode(), "no Parquet file"),
        ("a", b"PK\x03\x04....", "zip archive or a workbook"),
        ("a.db", b"SQLite format 3\0....", "is a database"),
    ],
    ids=("binary", "pdf", "gzip", "parquet", "zip", "sqlite"),  # a gzip header holds the time: no name for a test
)
def test_what_is_no_table(tmp_path: Path, opened: Callable[..., Any], name: str, data: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(data)
    assert words in refused(opened, name).message


def test_several_formats_in_one_table(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "b.json").write_text('[{"id": 1}]')
    problem = refused(opened, "a.csv", "b.json")
    assert "several formats" in problem.message
    assert "a.csv (csv)" in problem.message


def test_a_file_that_may_not_be_read(
    tmp_path: Path, opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pathlib import Path as AnyPath

    (tmp_path / "a.csv").write_text(CSV)

    def denied(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(AnyPath, "open", denied)  # the test may run as a user who may do everything
    assert "a.csv may not be read" in refused(opened, "a.csv").message


def test_a_full_disk_is_said(tmp_path: Path, opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(CSV.encode()))

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(OutputError, match="no room") as caught:
        opened("a.csv.gz")
    assert "temporary_folder" in (caught.value.mend or "")


def test_copies_are_gone_afterwards(tmp_path: Path, opened: Callable[..., Any]) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress((CSV + "3\n").encode()))
    table = opened("a.csv.gz")
    assert table.count == 3
    assert list(table.engine.folder.iterdir()) == []


def test_a_refused_table_leaves_nothing_in_the_engine(tmp_path: Path, opened: Callable[..., Any], engine: Any) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "b.csv").write_text("id\n")
    refused(opened, "a.csv", "b.csv")
    assert "raw_lines" not in engine.backend.list_tables()
