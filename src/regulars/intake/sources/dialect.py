"""How a delimited text file is written, and how its text is split into rows and cells by that."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BLANKS = " "
"""The delimiter that stands for any run of blanks and tabs."""
_SAMPLE_ROWS = 2000
_BLANK_RUN = re.compile(r"[ \t]+")
_QUOTED_WORD = re.compile(r'"((?:[^"]|"")*)"|[^ \t]+')


@dataclass(frozen=True)
class Dialect:
    """How a delimited text file is written.

    Args:
        encoding: As Python names it.
        delimiter: Between the cells; " " is any run of blanks.
        quote: Around cells; "" where nothing is quoted.
        escape: What stands before a quote inside a quoted cell: the quote itself, or a backslash.
        padded: Whether blanks stand between a delimiter and a quote.
        newline: What ends a row.
        skip: Rows before the first row of the table (titles, or a line that names the delimiter).
        header: Whether the first row of the table has the names.
        columns: The names of the columns, unique; `column_1`, … where the file has none.
        decimal: The decimal mark that most numbers show, or "".
        thousands: The mark between thousands that most numbers show, or "".
        evidence: What was decided and why, in words.
        renamed: Names that were repeated, missing or reserved, with what they became.
    """

    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    padded: bool = False
    newline: str = "\n"
    skip: int = 0
    header: bool = True
    columns: tuple[str, ...] = ()
    decimal: str = ""
    thousands: str = ""
    evidence: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()

    @property
    def width(self) -> int:
        """How many cells a row has."""
        return len(self.columns)


def line_end(text: str, quote: str = '"') -> str:
    r"""What ends the rows: `\n`, `\r\n` or `\r`, whichever is most frequent outside quotes.

    >>> line_end('a\r"1\n\n"\r2\r')
    '\r'
    """
    mark = re.escape(quote)
    outside = re.sub(f"{mark}[^{mark}]*{mark}", "", text)
    both = outside.count("\r\n")
    ends = {"\r\n": both, "\n": outside.count("\n") - both, "\r": outside.count("\r") - both}
    found = max(ends, key=lambda end: ends[end])
    return found if ends[found] else "\n"


def split_rows(lines: Iterable[str], dialect: Dialect, *, strict: bool = False) -> Iterator[list[str]]:
    """The cells of each row; an empty line gives an empty row. A row may span several lines where cells are quoted.

    Args:
        lines: The lines, with their ends.
        dialect: How they are written.
        strict: Refuse quotes that are not doubled inside a quoted cell, or not closed.

    Raises:
        csv.Error: A row cannot be split.
    """
    if dialect.delimiter == BLANKS:
        return map(split_blanks, lines)
    if len(dialect.delimiter) > 1:
        lines = (line.replace(dialect.delimiter, "\x1f") for line in lines)
    return csv.reader(
        lines,
        delimiter=dialect.delimiter if len(dialect.delimiter) == 1 else "\x1f",
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        escapechar=None if dialect.escape == dialect.quote else dialect.escape or None,
        skipinitialspace=dialect.padded,
        strict=strict,
    )


def split_blanks(line: str) -> list[str]:
    """The cells of a line whose delimiter is any run of blanks; a quoted cell may hold blanks."""
    bare = line.strip(" \t\r\n")
    if '"' not in bare:
        return _BLANK_RUN.split(bare) if bare else []
    words = _QUOTED_WORD.finditer(bare)
    return [word[0] if word[1] is None else word[1].replace('""', '"') for word in words]


def split_lines(text: str, newline: str) -> list[str]:
    """The lines of a text with their ends, split at that line end alone."""
    end = "\r" if newline == "\r" else "\n"
    lines = text.split(end)
    return [line + end for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def sample_rows(text: str, dialect: Dialect, *, whole: bool = False) -> list[list[str]]:
    """The first rows of a text, up to some thousands; unless it is whole, not the last one, which may be cut off."""
    rows: list[list[str]] = []
    ended = True
    for row in _lenient(split_rows(iter(split_lines(text, dialect.newline)), dialect)):
        if row:
            rows.append(row)
        if len(rows) > _SAMPLE_ROWS:
            ended = False
            break
    return rows if whole or not ended or len(rows) < 2 else rows[:-1]


def _lenient(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """Rows up to the first that cannot be split at all."""
    csv.field_size_limit(2**31 - 1)
    try:
        yield from rows
    except csv.Error:
        return
