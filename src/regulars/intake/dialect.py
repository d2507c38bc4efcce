"""How a delimited text file is written, by evidence: delimiter, quotes, line ends, title rows, header.

The first megabyte is parsed under every delimiter and quote that could be meant. The one is taken whose rows agree best
on their number of cells and whose cells look most like values, after the consistency measure of G. J. J. van den Burg,
A. Nazábal and C. Sutton, "Wrangling messy CSV files by detecting row and type patterns", Data Mining and Knowledge
Discovery 33 (2019), 1799-1820: the same two ingredients, with thresholds and a header test of our own.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from regulars.errors import SourceError
from regulars.intake.cells import is_number, is_typed, number_marks
from regulars.intake.header import has_header, unique_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from regulars.core.config import ReaderSettings

BLANKS = " "
"""The delimiter that stands for any run of blanks and tabs."""
USUAL = (",", ";", "\t", "|")
_UNUSUAL = tuple("^~:#!*&%$/\x1f\x1e\x01§¦¬¤")
_ROWS = 2000
_SCORED_ROWS = 300
_TITLE_ROWS = 30
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
        newline: What ends a row.
        skip: Rows before the first row of the table (titles, or a line that names the delimiter).
        header: Whether the first row of the table has the names.
        columns: The names of the columns, unique; `column_1`, … where the file has none.
        named: How many cells the header has; the rows may have one more.
        decimal: The decimal mark that most numbers show, or "".
        thousands: The mark between thousands that most numbers show, or "".
        evidence: What was decided and why, in words.
        renamed: Names that were repeated, missing or reserved, with what they became.
    """

    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    newline: str = "\n"
    skip: int = 0
    header: bool = True
    columns: tuple[str, ...] = ()
    named: int = 0
    decimal: str = ""
    thousands: str = ""
    evidence: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()

    @property
    def width(self) -> int:
        """How many cells a row has."""
        return len(self.columns)


@dataclass(frozen=True)
class _Parse:
    dialect: Dialect
    rows: list[list[str]]
    width: int
    share: float
    score: float


def sniff(text: str, *, whole: bool, reader: ReaderSettings, shown: str) -> Dialect:
    """The dialect of a text, from its beginning.

    Args:
        text: The first characters.
        whole: Whether that is all there is.
        reader: What the user has said; it is never questioned.
        shown: The file's name, for messages.

    Raises:
        SourceError: There is nothing in it, or its rows are too uneven to be a table.
    """
    newline = line_end(text)
    skip, said = _named_delimiter(text)
    dialect = Dialect(delimiter=reader.delimiter or said, quote=reader.quote, newline=newline)
    candidates = _candidates(text, dialect, reader.delimiter or said)
    parses = [_parse(text, candidate, whole, skip, reader) for candidate in candidates]
    if not any(parse.rows for parse in parses):
        raise SourceError(f"{shown} is empty", mend="name a file with rows, or leave it out")
    best = max(parses, key=lambda parse: parse.score)
    if best.score <= 0:
        best = _single_column(text, dialect, whole, skip)
    if reader.format != "baskets" and best.width > 1 and best.share < 0.5:
        fewest, most = min(map(len, best.rows)), max(map(len, best.rows))
        raise SourceError(
            f"{shown}: no delimiter gives even rows; "
            f"with {_spelt(best.dialect.delimiter)} they have {fewest} to {most} cells",
            mend='set reader.delimiter, or reader = { format = "baskets" } where each row is a list of items',
        )
    return _described(best, skip, reader)


def line_end(text: str) -> str:
    r"""What ends the rows: `\n`, `\r\n` or `\r`, whichever is most frequent.

    >>> line_end("a\r1\r2\r")
    '\r'
    """
    both = text.count("\r\n")
    ends = {"\r\n": both, "\n": text.count("\n") - both, "\r": text.count("\r") - both}
    found = max(ends, key=lambda end: ends[end])
    return found if ends[found] else "\n"


def split_rows(lines: Iterable[str], dialect: Dialect) -> Iterator[list[str]]:
    """The cells of each row; an empty line gives an empty row. A row may span several lines where cells are quoted."""
    if dialect.delimiter == BLANKS:
        return _split_on_blanks(lines)
    if len(dialect.delimiter) > 1:
        lines = (line.replace(dialect.delimiter, "\x1f") for line in lines)
    return csv.reader(
        lines,
        delimiter=dialect.delimiter if len(dialect.delimiter) == 1 else "\x1f",
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        escapechar=None if dialect.escape == dialect.quote else dialect.escape or None,
    )


def _split_on_blanks(lines: Iterable[str]) -> Iterator[list[str]]:
    for line in lines:
        bare = line.strip(" \t\r\n")
        if '"' in bare:
            yield [
                match[0] if match[1] is None else match[1].replace('""', '"') for match in _QUOTED_WORD.finditer(bare)
            ]
        else:
            yield _BLANK_RUN.split(bare) if bare else []


def split_lines(text: str, newline: str) -> list[str]:
    """The lines of a text with their ends, split at that line end alone."""
    end = "\r" if newline == "\r" else "\n"
    lines = text.split(end)
    return [line + end for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


# -- the candidates ---------------------------------------------------------------------------------


def _named_delimiter(text: str) -> tuple[int, str]:
    """A first line like `sep=;`, which Excel writes: how many rows to pass over, and the delimiter."""
    match = re.match(r'"?sep=(.)"?\r?\n', text)
    return (1, match[1]) if match else (0, "")


def _candidates(text: str, dialect: Dialect, said: str) -> list[Dialect]:
    delimiters = [said] if said else [*(c for c in (*USUAL, *_UNUSUAL) if c in text), BLANKS]
    if dialect.quote:
        quotes = [dialect.quote]
    else:
        quotes = ['"', *(["'"] if "'" in text else []), *([""] if '"' in text else [])]
    found = [replace(dialect, delimiter=d, quote=q, escape=q) for d in delimiters for q in quotes]
    return found + [replace(one, escape="\\") for one in found if _has_escapes(text, one)]


def _has_escapes(text: str, dialect: Dialect) -> bool:
    """Whether a backslash stands before a quote or a delimiter as it would if it took away its meaning."""
    if "\\" not in text or dialect.delimiter == BLANKS:
        return False
    after = re.escape(dialect.quote + dialect.delimiter)
    if dialect.quote and re.search(rf"\\{dialect.quote}(?![{after}\r\n]|$)", text):
        return True
    return not dialect.quote and "\\" + dialect.delimiter in text


def _parse(text: str, dialect: Dialect, whole: bool, skip: int, reader: ReaderSettings) -> _Parse:
    rows = _sample_rows(text, dialect, whole)[skip:]
    counts = Counter(len(row) for row in rows)
    if not counts:
        return _Parse(dialect, [], 0, 0.0, 0.0)
    told = bool(reader.delimiter) or skip > 0
    if reader.format == "baskets":
        several = sum(rows_of for cells, rows_of in counts.items() if cells > 1) / len(rows)
        plain = _plausible(dialect, rows)
        return _Parse(dialect, rows, max(counts), 1.0, several * plain * _prior(dialect) + (1e-6 if told else 0))
    width = max((n for n in counts if n > 1), key=lambda n: (counts[n], n), default=1)
    share = counts[width] / len(rows)
    score = share**2 * _plausible(dialect, rows) * _prior(dialect) * (1 - 0.1 / width)
    if told:
        return _Parse(dialect, rows, width, share, score + 1e-6)
    return _Parse(dialect, rows, width, share, score if _acceptable(dialect, rows, width, share) else 0.0)


def _sample_rows(text: str, dialect: Dialect, whole: bool) -> list[list[str]]:
    rows: list[list[str]] = []
    ended = True
    for row in _lenient(split_rows(iter(split_lines(text, dialect.newline)), dialect)):
        if row:
            rows.append(row)
        if len(rows) > _ROWS:
            ended = False
            break
    return rows if whole or not ended or len(rows) < 2 else rows[:-1]  # the last one may be cut off


def _lenient(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """Rows up to the first that cannot be split at all."""
    csv.field_size_limit(2**31 - 1)
    try:
        yield from rows
    except csv.Error:
        return


def _acceptable(dialect: Dialect, rows: Sequence[Sequence[str]], width: int, share: float) -> bool:
    """Usual delimiters need most rows to agree; unusual ones nearly all, the first among them, and typed cells."""
    if width < 2:
        return False
    if dialect.delimiter in USUAL:
        return share >= 0.5
    if share < 0.98 or len(rows[0]) != width:
        return False
    lines_are_values = sum(is_typed(dialect.delimiter.join(row)) for row in rows) >= 0.9 * len(rows) - 1
    enough = 0.8 * share * len(rows) - 1
    full = [row for row in rows if len(row) == width]
    has_typed_column = any(sum(is_typed(row[place]) for row in full) >= enough for place in range(width))
    return not lines_are_values and has_typed_column and (len(rows) > 2 or width > 2)


def _plausible(dialect: Dialect, rows: Sequence[Sequence[str]]) -> float:
    """How much the cells look like values: 1 where all are numbers, dates or empty; text counts .9, odd text less."""
    total = weight = 0.0
    others = [mark for mark in USUAL if mark != dialect.delimiter]
    for row in rows[:_SCORED_ROWS]:
        for cell in row:
            total += 1
            weight += _cell_weight(cell.strip(), others)
    return weight / total if total else 0.0


def _cell_weight(cell: str, others: Sequence[str]) -> float:
    if not cell or is_typed(cell):
        return 1.0
    if cell[0] in "\"'" and cell[-1] == cell[0]:
        return 0.1
    if cell[0] == '"' or cell[-1] == '"':
        return 0.2
    return 0.6 if any(mark in cell for mark in others) else 0.9


def _prior(dialect: Dialect) -> float:
    prior = 1.0 if dialect.delimiter in USUAL else 0.7
    if dialect.quote == "'":
        prior *= 0.98
    elif dialect.quote == "":
        prior *= 0.95
    return prior * (0.99 if dialect.escape == "\\" else 1.0)


def _single_column(text: str, dialect: Dialect, whole: bool, skip: int) -> _Parse:
    alone = replace(dialect, delimiter=",", quote=dialect.quote or '"', escape=dialect.quote or '"')
    rows = _sample_rows(text, alone, whole)[skip:]
    if all(len(row) == 1 for row in rows):
        return _Parse(alone, rows, 1, 1.0, 1.0)
    alone = replace(alone, delimiter="\x1f", quote="", escape="")
    return _Parse(alone, _sample_rows(text, alone, whole)[skip:], 1, 1.0, 1.0)


# -- what follows from the best ---------------------------------------------------------------------


def _described(best: _Parse, skip: int, reader: ReaderSettings) -> Dialect:
    rows, width = best.rows, best.width
    evidence: list[str] = []
    baskets = reader.format == "baskets"
    titles = 0 if baskets else _title_rows(rows, width)
    if titles:
        passed_over = "; ".join(" ".join(row) for row in rows[:titles])
        evidence.append(f"rows above the table are passed over: {passed_over[:200]}")
    rows = rows[titles:]
    if baskets:
        header = reader.header if reader.header is not None else bool(re.match(r"(?i)items?\b", rows[0][0]))
        columns, renamed, named = ("basket", "item"), (), 0
    else:
        header, why = (reader.header, "") if reader.header is not None else has_header(rows, width)
        if why:
            evidence.append(why)
        names = _padded(rows, width) if header else []
        width = max(width, len(names))
        columns, renamed = unique_names(names, width)
        named = len(rows[0]) if header else 0
    body = rows[1:] if header else rows
    decimal, thousands = number_marks([cell for row in body[:_SCORED_ROWS] for cell in row if is_number(cell)])
    return replace(
        best.dialect,
        skip=skip + titles,
        header=bool(header),
        columns=columns,
        named=named,
        decimal=reader.decimal or decimal,
        thousands=reader.thousands or thousands,
        evidence=tuple(evidence),
        renamed=renamed,
    )


def _title_rows(rows: Sequence[Sequence[str]], width: int) -> int:
    """How many rows stand above the table: those with one filled cell at most, or fewer than half the cells."""
    for place, row in enumerate(rows[:_TITLE_ROWS]):
        filled = sum(bool(cell.strip()) for cell in row)
        alone = filled <= 1 and len(row) < width
        padded = filled <= 1 and width > 2 and place + 1 < len(rows)  # "Sales 2024,,,," as spreadsheets write it
        if not (alone or padded or len(row) * 2 < width):
            return place
    return 0


def _padded(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """The header's names; where one is lacking, it is the first if that cell holds row names, else the last."""
    names = list(rows[0])
    if len(names) != width - 1:
        return names
    full = [row for row in rows[1:] if len(row) == width]
    last_empty = all(not row[-1].strip() for row in full)
    first_distinct = len({row[0] for row in full}) == len(full)
    return ["", *names] if first_distinct and not last_empty else [*names, ""]


def _spelt(delimiter: str) -> str:
    return {"\t": "a tab", BLANKS: "blanks"}.get(delimiter, f"'{delimiter}'")
