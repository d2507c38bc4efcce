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

from regulars.intake.sources.dialect import BLANKS, split_blanks, split_rows
from regulars.intake.sources.staging import MISSING, PROBLEM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from regulars.intake.sources.dialect import Dialect

DELIMITER, QUOTE = "\x1f", '"'
"""How the copies are written."""
_END = "\r\n"  # Python's writer then quotes cells that hold either of the two
_MOST_LINES = 2000
_MOST_CHARACTERS = 2**20
_STRAY = "\ue00d"  # a line end of the other kind inside a line, which Python's reader refuses


@dataclass
class Tally:
    """What was noticed while a file was read.

    Args:
        rows: Rows read.
        baskets: Baskets read, where rows are baskets.
        ragged: For each wrong number of cells, how many rows have it.
        open_quotes: Rows that open a quote which nothing closes.
        loose_quotes: Rows with a quote inside a quoted cell that is not doubled.
        blank_lines: Lines without content, passed over.
    """

    rows: int = 0
    baskets: int = 0
    ragged: Counter[int] = field(default_factory=Counter)
    open_quotes: int = 0
    loose_quotes: int = 0
    blank_lines: int = 0

    @property
    def problems(self) -> int:
        """Rows that are not as they should be."""
        return self.ragged.total() + self.open_quotes


@dataclass(slots=True)
class _Row:
    """One row: its cells (None where a quote is left open), and the row as it stood."""

    cells: list[str] | None
    text: str


def copy_evenly(path: Path, dialect: Dialect, target: Path, *, baskets: bool = False, first_basket: int = 1) -> Tally:
    """Copy a UTF-8 file to one with a header and as many cells in every row, the last of them what is wrong with it.

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
        writer = csv.writer(copy, delimiter=DELIMITER, quotechar=QUOTE, lineterminator=_END)
        writer.writerow([*dialect.columns, PROBLEM])
        found = _Rows(source, dialect, 0 if baskets else dialect.width, tally)
        rows = islice(found, dialect.skip + dialect.header, None)
        if baskets:
            _write_items(rows, copy, first_basket, tally)
        else:
            _write_rows(rows, copy, dialect.width, tally)
    return tally


def _write_rows(rows: Iterator[str | _Row], copy: TextIO, width: int, tally: Tally) -> None:
    writer = csv.writer(copy, delimiter=DELIMITER, quotechar=QUOTE, lineterminator=_END)
    well = f"{DELIMITER}{MISSING}{_END}"
    for row in rows:
        tally.rows += 1
        if isinstance(row, str):
            copy.write(row + well)
            continue
        cells, problem = row.cells, MISSING
        if cells is None:
            cells, problem = [], f"a quote is opened and not closed: {row.text}"
            tally.open_quotes += 1
        elif len(cells) < width or any(cells[width:]):  # empty cells too many hold nothing
            problem = f"{len(cells)} cells where {width} are expected: {row.text}"
            tally.ragged[len(cells)] += 1
        writer.writerow([*cells[:width], *[MISSING] * (width - len(cells)), problem])


def _write_items(rows: Iterator[str | _Row], copy: TextIO, first: int, tally: Tally) -> None:
    writer = csv.writer(copy, delimiter=DELIMITER, quotechar=QUOTE, lineterminator=_END)
    for row in rows:
        basket = str(first + tally.baskets)
        cells = row.split(DELIMITER) if isinstance(row, str) else row.cells
        if cells is None:
            assert isinstance(row, _Row)  # noqa: S101  only such a row has no cells
            items = [[basket, MISSING, f"a quote is opened and not closed: {row.text}"]]
            tally.open_quotes += 1
        else:
            items = [[basket, cell, MISSING] for cell in cells if cell.strip()]
        if items:
            writer.writerows(items)
            tally.rows += len(items)
            tally.baskets += 1


class _Rows:
    """The rows of a text: a finished line of the copy where nothing is special about it, else its cells.

    An open quote swallows what follows, up to the next quote or the end. It is found out by the row's length, or by its
    wrong number of cells while one of its lines alone has the right one; the row is then its first line alone.
    """

    def __init__(self, source: TextIO, dialect: Dialect, width: int, tally: Tally) -> None:
        self._source = source
        self._dialect = dialect
        self._width = width
        self._tally = tally
        self._again: list[str] = []  # lines to read once more, the next one last
        self._other = "\n" if dialect.newline == "\r" else "\r"
        self._ended = False  # the end of the text was met inside a row
        self._special = {QUOTE, DELIMITER, "\r", "\n", dialect.quote, dialect.escape} - {""}

    def __iter__(self) -> Iterator[str | _Row]:
        while line := self._next():
            body = line.rstrip("\r\n")
            plain = self._plain(body)
            if plain is not None:
                yield plain
            elif not body or (self._width != 1 and not body.strip()):
                self._tally.blank_lines += 1
            else:
                self._again.append(line)
                yield self._parsed()

    def _next(self) -> str:
        return self._again.pop() if self._again else self._source.readline()

    def _plain(self, body: str) -> str | None:
        """The line as the copy has it, where no character in it is special and it has the right number of cells."""
        if not body or any(mark in body for mark in self._special):
            return None
        if self._dialect.delimiter == BLANKS:
            even = DELIMITER.join(split_blanks(body))
        else:
            even = body.replace(self._dialect.delimiter, DELIMITER)
        return even if not self._width or even.count(DELIMITER) == self._width - 1 else None

    def _parsed(self) -> _Row:
        lines: list[str] = []
        self._ended = False
        cells: list[str] | None
        try:
            cells = next(iter(split_rows(self._give(lines), self._dialect, strict=True)))
        except (csv.Error, _TooLongError):
            cells = None
        if cells is None and len(lines) == 1 and not self._ended:
            cells = next(iter(split_rows(lines, self._dialect)))
            self._tally.loose_quotes += 1
        elif cells is None or self._swallows(cells, lines):
            self._again += reversed(lines[1:])
            return _Row(None, self._restored(lines[0]).rstrip("\r\n"))
        return _Row([self._restored(cell) for cell in cells], self._restored("".join(lines)).rstrip("\r\n"))

    def _give(self, lines: list[str]) -> Iterator[str]:
        """The lines of one row, as many as are asked for; they are remembered in `lines`."""
        characters = 0
        while line := self._next():
            if self._other in line:
                body, end = (line[:-2], "\r\n") if line.endswith("\r\n") else (line, "")
                line = body.replace(self._other, _STRAY) + end
            lines.append(line)
            characters += len(line)
            if len(lines) > 1 and (len(lines) > _MOST_LINES or characters > _MOST_CHARACTERS):
                raise _TooLongError
            yield line
        self._ended = True

    def _swallows(self, cells: list[str], lines: list[str]) -> bool:
        if len(lines) == 1 or not self._width or len(cells) == self._width:
            return False
        return any(self._fits(line) for line in lines[1:])

    def _fits(self, line: str) -> bool:
        try:
            return len(next(iter(split_rows([line], self._dialect)), [])) == self._width
        except csv.Error:
            return False

    def _restored(self, text: str) -> str:
        return text.replace(_STRAY, self._other) if _STRAY in text else text


class _TooLongError(Exception):
    """A row goes on for longer than any real one."""
