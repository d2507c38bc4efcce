"""What kind of file a file is: by what the user says, by its first bytes, by its ending."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from regulars.errors import SourceError
from regulars.intake.sources.archives import TEXT_SUFFIXES

if TYPE_CHECKING:
    from regulars.core.config import ReaderSettings
    from regulars.intake.sources.archives import Part

Format = Literal["csv", "json", "excel", "parquet"]
_SUFFIXES: dict[str, Format] = {
    **dict.fromkeys(TEXT_SUFFIXES, "csv"),
    **dict.fromkeys((".json", ".jsonl", ".ndjson"), "json"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"), "excel"),
}
_KNOWN = "CSV or other delimited text, Parquet, JSON, JSON lines, Excel, or a database address"
_FOREIGN = (
    (b"%PDF", "a PDF file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x1f\x8b", "compressed with gzip, though its name does not end in .gz"),
    (b"ARROW1", "an Arrow file"),
    (b"ORC", "an ORC file"),
    (b"Obj\x01", "an Avro file"),
    (b"\x80\x04\x95", "a Python pickle"),
)
_HEAD = 32


def format_of(part: Part, reader: ReaderSettings) -> Format:
    """The format of a file.

    Raises:
        SourceError: It is empty, cannot be read, or is of a kind that is not read.
    """
    head = part.head(_HEAD)
    if reader.format:
        return "csv" if reader.format == "baskets" else reader.format
    if head.startswith(b"PAR1"):
        return "parquet"
    for scheme, mark in (("sqlite", b"SQLite format 3"), ("duckdb", b"DUCK")):
        if mark in (head[: len(mark)], head[8 : 8 + len(mark)]):
            raise SourceError(
                f"{part.shown} is a database",
                mend=f'write source = "{scheme}:///{part.shown}" and reader = {{ table = "…" }}',
            )
    for start, words in _FOREIGN:
        if head.startswith(start):
            raise SourceError(f"{part.shown} is {words}, which is not read", mend=f"give {_KNOWN}")
    found = _SUFFIXES.get(part.suffix)
    if found == "parquet" and head:
        raise SourceError(f"{part.shown} is no Parquet file, whatever its name says", mend="export it anew")
    if found is None and head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise SourceError(
            f"{part.shown} is a zip archive or a workbook, but its name does not say which",
            mend='name it ….zip or ….xlsx, or set reader = { format = "excel" }',
        )
    return found or "csv"  # of an unknown ending: text, if it is text
