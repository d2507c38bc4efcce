"""How many rows a delimited file has, and whether it is even: read off its bytes, before any cell is parsed.

The engine's reader is fast but takes some broken files for others without a word. It may read a file only where this
count, made another way, says how many rows must come out.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from regulars.intake.sources.dialect import Dialect

_BLOCK = 8 * 2**20
_LF, _CR = 10, 13


@dataclass(frozen=True)
class Shape:
    """What a scan of the bytes of a file found.

    Args:
        rows: Rows, the header among them, empty lines not; a line end inside quotes ends no row.
        is_even: Whether line ends outside quotes are of one kind, no byte is zero and no quote is left open.
        is_utf8: Whether the bytes are UTF-8.
        blank_lines: Lines without a character.
    """

    rows: int
    is_even: bool
    is_utf8: bool
    blank_lines: int


def scan(path: Path, dialect: Dialect) -> Shape:
    """Count the rows of a file whose bytes are UTF-8; about 1 GB in two seconds."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    counter = _Counter(dialect)
    is_utf8, has_zero = True, False
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            has_zero = has_zero or b"\0" in block
            if is_utf8 and not (block.isascii() and not decoder.getstate()[0]):
                try:
                    decoder.decode(block)
                except UnicodeDecodeError:
                    is_utf8 = False
            counter.add(block)
    return Shape(
        rows=counter.rows,
        is_even=counter.is_even and not has_zero,
        is_utf8=is_utf8 and not decoder.getstate()[0],
        blank_lines=counter.blank_lines,
    )


class _Counter:
    """Counts line ends outside quotes, block by block."""

    def __init__(self, dialect: Dialect) -> None:
        self.blank_lines = 0
        self._quote = dialect.quote.encode()
        self._end = b"\r" if dialect.newline == "\r" else b"\n"
        self._in_pairs = dialect.newline == "\r\n"
        self._ends = 0
        self._even = True
        self._inside = False  # a quote is open
        self._last = self._end  # the byte before; a file that begins with a line end begins with a blank line
        self._held = b""  # a carriage return that may be half of a pair

    @property
    def rows(self) -> int:
        """Rows so far; the last one need not end in a line end."""
        return self._ends - self.blank_lines + (self._last != self._end)

    @property
    def is_even(self) -> bool:
        """Whether all was as the dialect says, and nothing is left open."""
        return self._even and not self._inside and not self._held

    def add(self, block: bytes) -> None:
        """Count one block more."""
        block = self._held + block
        self._held = b"\r" if self._end == b"\n" and block.endswith(b"\r") else b""
        block = block[: len(block) - len(self._held)]
        if not block:
            return
        may_be_quoted = self._inside or (self._quote and self._quote in block)
        if may_be_quoted or self._may_have_blank_lines(block):
            self._add_one_by_one(block)
        else:
            self._add_at_once(block)
        self._last = block[-1:]

    def _may_have_blank_lines(self, block: bytes) -> bool:
        end = b"\r\n" if self._in_pairs else self._end
        return self._end + end in block or (self._last == self._end and block.startswith(end))

    def _add_at_once(self, block: bytes) -> None:
        ends = block.count(self._end)
        self._ends += ends
        if self._in_pairs:
            self._even &= block.count(b"\r\n") == ends == block.count(b"\r")
        else:
            self._even &= (b"\r" if self._end == b"\n" else b"\n") not in block

    def _add_one_by_one(self, block: bytes) -> None:
        import numpy as np

        data = np.frombuffer(block, np.uint8)
        is_quote = data == self._quote[0] if self._quote else np.zeros(len(data), bool)
        marks = np.flatnonzero((data == _LF) | (data == _CR) | is_quote)
        quotes = np.cumsum(is_quote[marks]) + self._inside
        outside = marks[((quotes & 1) == 0) & ~is_quote[marks]]
        ends = outside[data[outside] == self._end[0]]
        self._ends += len(ends)
        others = len(outside) - len(ends)
        if self._in_pairs:
            self._even &= others == len(ends) and bool((data[ends - 1] == _CR).all())
        else:
            self._even &= others == 0
        if len(ends):
            blank = np.diff(ends, prepend=-1) == (2 if self._in_pairs else 1)
            blank[0] &= self._last == self._end
            self.blank_lines += int(blank.sum())
        if len(quotes):
            self._inside = bool(quotes[-1] & 1)
