"""Uneven text files copied, row by row, to even ones that the engine reads without a question.

Whatever a row looks like it is kept: cells that are not there are marked as missing, and what is wrong with a row goes
along in a last cell, with the row as it stood.
"""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, TextIO

from regulars.intake.staging import MISSING
from regulars.intake.dialect import BLANKS, split_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from regulars.intake.dialect import Dialect

PROBLEM = "_problem"
"""The column that says what is wrong with a row, and shows the row as it stood; null where nothing is."""
_MOST_LINES = 2000
_MOST_CHARACTERS = 2**20
_ROWS_AT_ONCE = 10_000
_STRAY = "\ue00d"  # a line end of the other kind inside a line, which Python's reader refuses


@dataclass
class Tally:
    """What was noticed while a file was read.

    Args:
        rows: Rows read.
        baskets: Baskets read, where rows are baskets.
        ragged: For each wrong number of cells, how many rows have it.
        open_quotes: Rows that open a quote which nothing closes.
        blank_lines: Lines without content, passed over.
    """

    rows: int = 0
    baskets: int = 0
    ragged: Counter[int] = field(default_factory=Counter)
    open_quotes: int = 0
    blank_lines: int = 0

    @property
    def problems(self) -> int:
        """Rows that are not as they should be."""
        return self.ragged.total() + self.open_quotes


def copy_evenly(path: Path, dialect: Dialect, target: Path, *, baskets: bool = False, first_basket: int = 1) -> Tally:
    """Copy a UTF-8 file to one with commas, a header, and as many cells in every row.

    Args:
        path: The file.
        dialect: How it is written.
        target: The copy; its columns are the dialect's and `_problem`.
        baskets: Each row is a list of items: the copy has one row for each item.
        first_basket: Number of the first basket.

    Returns:
        What was noticed.
    """
    csv.field_size_limit(2**31 - 1)
    tally = Tally()
    newline = "\r" if dialect.newline == "\r" else "\n"
    with (
        path.open(encoding="utf-8-sig", newline=newline) as source,
        target.open("w", encoding="utf-8", newline="") as copy,
    ):
        # \r\n, since Python's writer then quotes cells that hold either of the two
        writer = csv.writer(copy, lineterminator="\r\n")
        writer.writerow([*dialect.columns, PROBLEM])
        records = _filled(_Records(source, dialect, 0 if baskets else dialect.width), tally)
        rows = islice(records, dialect.skip + dialect.header, None)
        even = _items(rows, tally, first_basket) if baskets else _cells(rows, dialect.width, tally)
        while batch := list(islice(even, _ROWS_AT_ONCE)):
            writer.writerows(batch)
            tally.rows += len(batch)
    return tally


@dataclass(frozen=True)
class _Record:
    """One row: its cells (None where a quote is left open), and its lines."""

    cells: list[str] | None
    lines: list[str]

    @property
    def text(self) -> str:
        """The row as it stood."""
        return "".join(self.lines).replace(_STRAY, "\r").rstrip("\r\n")


def _filled(records: Iterable[_Record], tally: Tally) -> Iterator[_Record]:
    """The records that hold anything."""
    for record in records:
        cells = record.cells
        if cells is None or len(cells) > 1 or (cells and (cells[0].strip() or record.lines[0].strip())):
            yield record
        else:
            tally.blank_lines += 1


def _cells(records: Iterable[_Record], width: int, tally: Tally) -> Iterator[list[str]]:
    for record in records:
        cells = record.cells
        if cells is None:
            tally.open_quotes += 1
            yield [*[MISSING] * width, f"a quote is opened and not closed: {record.text}"]
        elif len(cells) == width:
            cells.append(MISSING)
            yield cells
        elif len(cells) > width and not any(cells[width:]):
            yield [*cells[:width], MISSING]
        else:
            tally.ragged[len(cells)] += 1
            problem = f"{len(cells)} cells where {width} are expected: {record.text}"
            yield [*cells[:width], *[MISSING] * (width - len(cells)), problem]


def _items(records: Iterable[_Record], tally: Tally, first: int) -> Iterator[list[str]]:
    for record in records:
        basket = str(first + tally.baskets)
        tally.baskets += 1
        if record.cells is None:
            tally.open_quotes += 1
            yield [basket, MISSING, f"a quote is opened and not closed: {record.text}"]
            continue
        for cell in record.cells:
            if cell.strip():
                yield [basket, cell, MISSING]


class _Records:
    """The rows of a text with the lines they came from; a row with an open quote is its first line alone.

    An open quote swallows what follows, up to the next quote or the end. It is found out by the row's length, or by its
    wrong number of cells while one of its lines alone has the right one; reading then goes on after the first line.
    """

    def __init__(self, source: TextIO, dialect: Dialect, width: int) -> None:
        self._source = source
        self._dialect = dialect
        self._width = width
        self._again: list[str] = []  # lines to read once more, the next one last
        self._lines: list[str] = []  # of the row being read
        self._ended = False
        self._has_stray = False

    def __iter__(self) -> Iterator[_Record]:
        while True:
            self._ended = False
            try:
                for cells in split_rows(self._give(), self._dialect):
                    if self._swallows(cells):
                        break
                    lines, self._lines = self._lines, []
                    yield _Record(self._restored(cells), lines)
            except (csv.Error, _TooLongError):
                pass
            if not self._lines:
                return
            first, *rest = self._lines
            self._again += reversed(rest)
            self._lines = []
            yield _Record(None, [first])

    def _give(self) -> Iterator[str]:
        characters = 0
        other = "\n" if self._dialect.newline == "\r" else "\r"
        while True:
            line = self._again.pop() if self._again else self._source.readline()
            if not line:
                self._ended = True
                return
            if other in line:
                line = self._without_stray(line, other)
            characters = characters + len(line) if self._lines else len(line)
            self._lines.append(line)
            if len(self._lines) > 1 and (len(self._lines) > _MOST_LINES or characters > _MOST_CHARACTERS):
                raise _TooLongError
            yield line

    def _swallows(self, cells: list[str]) -> bool:
        if self._ended:  # the reader asked for more than there was
            return True
        if len(self._lines) == 1 or not self._width or len(cells) == self._width or self._dialect.delimiter == BLANKS:
            return False
        return any(self._fits(line) for line in self._lines[1:])

    def _fits(self, line: str) -> bool:
        try:
            return len(next(iter(split_rows([line], self._dialect)), [])) == self._width
        except csv.Error:
            return False

    def _without_stray(self, line: str, other: str) -> str:
        body, end = (line[:-2], line[-2:]) if line.endswith("\r\n") else (line, "")
        if other not in body:
            return line
        self._has_stray = True
        return body.replace(other, _STRAY) + end

    def _restored(self, cells: list[str]) -> list[str]:
        if not self._has_stray:
            return cells
        other = "\n" if self._dialect.newline == "\r" else "\r"
        return [cell.replace(_STRAY, other) for cell in cells]


class _TooLongError(Exception):
    """A row goes on for longer than any real one."""
