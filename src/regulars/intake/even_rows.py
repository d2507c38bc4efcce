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

from regulars.intake.dialect import BLANKS, split_rows
from regulars.intake.staging import MISSING, PROBLEM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from regulars.intake.dialect import Dialect

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
        rows = islice(_Rows(source, dialect, tally, 0 if baskets else dialect.width), dialect.skip + dialect.header, None)
        if baskets:
            _write_items(rows, writer, tally, first_basket)
        else:
            _write_rows(rows, writer, dialect.width, tally)
    return tally
