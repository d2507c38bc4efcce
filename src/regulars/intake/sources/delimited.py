"""Delimited text files on their way into the engine, with every row counted.

A file that is even throughout is read by the engine itself, on all processors; its rows are counted beforehand from the
bytes, and the engine must find as many. Every other file is first copied to an even one, row by row. So no row is lost.
"""

from __future__ import annotations

import codecs
from dataclasses import replace
from typing import TYPE_CHECKING

from regulars.errors import SourceError
from regulars.intake.sources import encodings
from regulars.intake.sources.archives import scratch_folder
from regulars.intake.sources.dialect import BLANKS, Dialect, sample_rows
from regulars.intake.sources.even_rows import DELIMITER, QUOTE, Tally, copy_evenly
from regulars.intake.sources.row_scan import Shape, scan
from regulars.intake.sources.sniffer import fits, sniff
from regulars.intake.sources.staging import MISSING, PROBLEM

if TYPE_CHECKING:
    from pathlib import Path

    from regulars.core.config import ReaderSettings
    from regulars.intake.sources.archives import Part
    from regulars.intake.sources.staging import Staging

HEAD_BYTES = 2**20
"""How much of a file is looked at to find its dialect."""
SHORT_BYTES = 2**16
"""How much is looked at to see whether it begins just like the file before."""


def find_dialect(part: Part, reader: ReaderSettings, like: Dialect | None = None) -> Dialect:
    """The dialect of a file, from its first megabyte.

    Args:
        part: The file.
        reader: What the user has said.
        like: The dialect of the file before; where this one begins just like it, a shorter look is enough.

    Raises:
        SourceError: It cannot be read, is empty, is no text, or is no table.
    """
    if like is not None and reader.format != "baskets":
        encoding, text, whole = _beginning(part, reader, SHORT_BYTES)
        if encoding.name == like.encoding and fits(text, like, whole=whole):
            return like
    encoding, text, whole = _beginning(part, reader, HEAD_BYTES)
    if not text.strip():
        raise EmptySourceError(part.shown)
    dialect = sniff(text, whole=whole, reader=reader, shown=part.shown)
    said = (f"it is read as {encoding.name}: {encoding.evidence}",) if encoding.evidence else ()
    return replace(dialect, encoding=encoding.name, evidence=said + dialect.evidence)


def _beginning(part: Part, reader: ReaderSettings, size: int) -> tuple[encodings.Encoding, str, bool]:
    """The encoding of a file, its first characters, and whether they are all there is."""
    head = part.head(size)
    whole = len(head) < size
    if reader.encoding:
        encoding = encodings.Encoding(encodings.named(reader.encoding, head, part.shown))
    else:
        encoding = encodings.detect(head, part.shown, whole=whole)
    try:
        text = codecs.getincrementaldecoder(encoding.name)().decode(head, final=whole)
    except UnicodeDecodeError as problem:
        raise _wrong_encoding(part.shown, encoding.name) from problem
    return encoding, text.removeprefix("\ufeff"), whole


def first_rows(part: Part, dialect: Dialect, count: int) -> list[list[str | None]]:
    """The first rows of a file, each with as many cells as there are columns; a cell that is not there is None."""
    head = part.head(HEAD_BYTES)
    text = codecs.getincrementaldecoder(dialect.encoding)("replace").decode(head).removeprefix("\ufeff")
    rows = sample_rows(text, dialect, whole=len(head) < HEAD_BYTES)[dialect.skip + dialect.header :]
    return [[*row[: dialect.width], *[None] * (dialect.width - len(row))] for row in rows[:count]]


class EmptySourceError(SourceError):
    """A file has no content."""

    def __init__(self, shown: str) -> None:
        super().__init__(f"{shown} is empty", mend="name a file with rows, or leave it out")


def append(
    staging: Staging,
    name: str,
    number: int,
    part: Part,
    dialect: Dialect,
    reader: ReaderSettings,
    *,
    first_basket: int = 1,
) -> tuple[Tally, Dialect]:
    """Add the rows of a file to a table.

    Args:
        staging: The engine's side.
        name: The table.
        number: The file's number among the parts of the table.
        part: The file.
        dialect: How it is written.
        reader: What the user has said.
        first_basket: Number of the first basket, where rows are baskets.

    Returns:
        What was noticed, and the dialect as it turned out to be: bytes after the beginning may show another encoding.

    Raises:
        SourceError: The file is damaged, or not of the encoding that the user named.
        OutputError: There is no room for a copy.
    """
    with scratch_folder(staging.folder, part.shown) as folder:
        path, dialect = _as_utf8(part, dialect, folder, told=bool(reader.encoding))
        shape = scan(path, dialect)
        if not shape.is_utf8:
            path, dialect = _as_western(part, dialect, folder, told=bool(reader.encoding))
            shape = scan(path, dialect)
        if reader.format != "baskets" and _is_plain(dialect, shape):
            rows = max(0, shape.rows - dialect.header)
            if staging.append_delimited(
                name,
                number,
                path,
                dialect.columns,
                delimiter=dialect.delimiter,
                quote=dialect.quote,
                header=dialect.header,
                missing=MISSING,
                rows=rows,
            ):
                return Tally(rows=rows, blank_lines=shape.blank_lines), dialect
        copy = folder / "even.csv"
        tally = copy_evenly(path, dialect, copy, baskets=reader.format == "baskets", first_basket=first_basket)
        columns = (*dialect.columns, PROBLEM)
        if not staging.append_delimited(
            name, number, copy, columns, delimiter=DELIMITER, quote=QUOTE, header=True, missing=MISSING, rows=tally.rows
        ):
            raise SourceError(
                f"{part.shown} has a row that is too long to read", mend="look for a cell of more than 16 MB"
            )
        return tally, dialect


def _is_plain(dialect: Dialect, shape: Shape) -> bool:
    """Whether the engine's own reader may be asked to read the file as it stands."""
    return (
        shape.is_even
        and dialect.skip == 0
        and dialect.delimiter != BLANKS
        and len(dialect.delimiter.encode()) == 1
        and len(dialect.quote.encode()) <= 1
        and dialect.escape == dialect.quote
        and (dialect.width > 1 or shape.blank_lines == 0)  # there the engine makes a row of a blank line
    )


# -- as UTF-8 ---------------------------------------------------------------------------------------


def _as_utf8(part: Part, dialect: Dialect, folder: Path, told: bool) -> tuple[Path, Dialect]:
    """The file itself where it is plain UTF-8, else a copy."""
    if part.is_plain and dialect.encoding in ("utf-8", "ascii"):
        return part.path, dialect
    if dialect.encoding == "utf-8":
        target = folder / "text.csv"
        part.copy_to(target)  # as the bytes are: the scan tells whether they are UTF-8
        return target, dialect
    try:
        return _transcoded(part, dialect.encoding, folder), dialect
    except UnicodeDecodeError as problem:
        if told or dialect.encoding != "cp1252":
            raise _wrong_encoding(part.shown, dialect.encoding) from problem
        return _as_western(part, dialect, folder, told)


def _as_western(part: Part, dialect: Dialect, folder: Path, told: bool) -> tuple[Path, Dialect]:
    """A copy of a file whose later bytes are not what the first ones were taken for."""
    if told:
        raise _wrong_encoding(part.shown, dialect.encoding)
    for encoding in ("cp1252", "latin-1"):
        try:
            path = _transcoded(part, encoding, folder)
        except UnicodeDecodeError:
            continue
        others = tuple(line for line in dialect.evidence if not line.startswith("it is read as "))
        said = f"it is read as {encoding}: it is not valid UTF-8"
        return path, replace(dialect, encoding=encoding, evidence=(said, *others))
    raise AssertionError("latin-1 has a character for every byte")


def _transcoded(part: Part, encoding: str, folder: Path) -> Path:
    target = folder / "text.csv"
    with part.open() as source:
        encodings.copy_as_utf8(source, encoding, target)
    return target


def _wrong_encoding(shown: str, encoding: str) -> SourceError:
    return SourceError(
        f"{shown} is not {encoding} throughout",
        mend='name another with reader.encoding ("cp1252" for most Western files), or leave it out',
    )
