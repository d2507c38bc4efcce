"""How a delimited text file is written, by evidence: delimiter, quotes, line ends, title rows, header.

The first megabyte is parsed under every delimiter and quote that could be meant. The one is taken whose rows agree best
on their number of cells and whose cells look most like values, after the consistency measure of G. J. J. van den Burg,
A. Nazábal and C. Sutton, "Wrangling messy CSV files by detecting row and type patterns", Data Mining and Knowledge
Discovery 33 (2019), 1799-1820: the same two ingredients, with thresholds and a header test of our own.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from regulars.errors import SourceError
from regulars.intake.sources.cells import is_number, is_typed, number_marks
from regulars.intake.sources.dialect import BLANKS, Dialect, line_end, sample_rows
from regulars.intake.sources.header import has_header, unique_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from regulars.core.config import ReaderSettings

_USUAL = (",", ";", "\t", "|")
_UNUSUAL = tuple("^~:#!*&%$/\x1f\x1e\x01§¦¬¤")
_SCORED_ROWS = 300
_TITLE_ROWS = 30


@dataclass(frozen=True)
class _Parse:
    """The first rows as one dialect has them: how wide most are, the share of these, and how well all that fits."""

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
    skip, in_file = _named_delimiter(text)
    told = reader.delimiter or in_file
    plain = Dialect(delimiter=told, quote=reader.quote, newline=line_end(text, reader.quote or '"'))
    parses = [_parse(text, one, whole, skip) for one in _candidates(text, plain)]
    if not any(parse.rows for parse in parses):
        raise SourceError(f"{shown} is empty", mend="name a file with rows, or leave it out")
    if reader.format == "baskets":
        scored = [replace(parse, score=_basket_score(parse)) for parse in parses]
    elif told:
        scored = parses
    else:
        scored = [parse for parse in parses if _is_acceptable(parse)]
    best = max(scored, key=lambda parse: parse.score, default=None)
    if best is None or (best.score <= 0 and not told):
        _refuse_uneven(parses, shown)
        best = _single_column(text, plain, whole, skip)
    return _described(best, skip, reader)


def fits(text: str, dialect: Dialect, *, whole: bool) -> bool:
    """Whether a text begins just as another one of that dialect did: the same names, and as many cells in every row."""
    if not dialect.header or dialect.skip or line_end(text, dialect.quote or '"') != dialect.newline:
        return False
    rows = sample_rows(text, dialect, whole=whole)
    even = len(rows) > 1 and all(len(row) == dialect.width for row in rows)
    return even and unique_names(rows[0], dialect.width)[0] == dialect.columns


def _refuse_uneven(parses: Sequence[_Parse], shown: str) -> None:
    """Refuse a text in which a usual delimiter is frequent, but gives rows of very different lengths."""
    for parse in parses:
        several = sum(len(row) > 1 for row in parse.rows)
        if parse.dialect.delimiter in _USUAL and several >= 0.5 * len(parse.rows):
            fewest, most = min(map(len, parse.rows)), max(map(len, parse.rows))
            raise SourceError(
                f"{shown}: no delimiter gives even rows; "
                f"with {_spelt(parse.dialect.delimiter)} they have {fewest} to {most} cells",
                mend='set reader.delimiter, or reader = { format = "baskets" } where each row is a list of items',
            )


# -- the candidates ---------------------------------------------------------------------------------


def _named_delimiter(text: str) -> tuple[int, str]:
    """A first line like `sep=;`, which Excel writes: how many rows to pass over, and the delimiter."""
    match = re.match(r'"?sep=(.)"?[\r\n]', text)
    return (1, match[1]) if match else (0, "")


def _candidates(text: str, plain: Dialect) -> list[Dialect]:
    """Every dialect that could be meant, within what has been said."""
    delimiters = [plain.delimiter] if plain.delimiter else [*(c for c in (*_USUAL, *_UNUSUAL) if c in text), BLANKS]
    quotes = [plain.quote] if plain.quote else ['"', *(["'"] if "'" in text else []), *([""] if '"' in text else [])]
    found = [replace(plain, delimiter=d, quote=q, escape=q) for d in delimiters for q in quotes]
    found += [replace(one, padded=True) for one in found if _has_padded_quotes(text, one)]
    return found + [replace(one, escape="\\") for one in found if _has_escapes(text, one)]


def _has_padded_quotes(text: str, dialect: Dialect) -> bool:
    """Whether quotes open after a delimiter and blanks."""
    if not dialect.quote or dialect.delimiter == BLANKS:
        return False
    return re.search(rf"{re.escape(dialect.delimiter)} +{dialect.quote}(?!{dialect.quote})", text) is not None


def _has_escapes(text: str, dialect: Dialect) -> bool:
    """Whether a backslash stands before a quote or a delimiter as it would if it took away its meaning."""
    if "\\" not in text or dialect.delimiter == BLANKS:
        return False
    if not dialect.quote:
        return "\\" + dialect.delimiter in text
    after = re.escape(dialect.quote + dialect.delimiter)
    return re.search(rf"\\{dialect.quote}(?![{after}\r\n]|$)", text) is not None


def _parse(text: str, dialect: Dialect, whole: bool, skip: int) -> _Parse:
    rows = sample_rows(text, dialect, whole=whole)[skip:]
    counts = Counter(len(row) for row in rows)
    if not counts:
        return _Parse(dialect, [], 0, 0.0, 0.0)
    width = max((cells for cells in counts if cells > 1), key=lambda cells: (counts[cells], cells), default=1)
    share = counts[width] / len(rows)
    score = share**2 * _plausible(dialect, rows) * _prior(dialect) * (1 - 0.1 / width)
    return _Parse(dialect, rows, width, share, score)


def _basket_score(parse: _Parse) -> float:
    """Baskets differ in length: what counts is how many have several items, and whether those look like values."""
    if not parse.rows:
        return 0.0
    several = sum(len(row) > 1 for row in parse.rows) / len(parse.rows)
    return (several + 1e-6) * _plausible(parse.dialect, parse.rows) * _prior(parse.dialect)


def _is_acceptable(parse: _Parse) -> bool:
    """Usual delimiters need most rows to agree; unusual ones nearly all, the first among them, and typed cells."""
    dialect, rows, width = parse.dialect, parse.rows, parse.width
    if width < 2:
        return False
    if dialect.delimiter in _USUAL:
        return parse.share >= 0.5
    if parse.share < 0.98 or len(rows[0]) != width:
        return False
    lines_are_values = sum(is_typed(dialect.delimiter.join(row)) for row in rows) >= 0.9 * len(rows) - 1
    enough = 0.8 * parse.share * len(rows) - 1
    full = [row for row in rows if len(row) == width]
    has_typed_column = any(sum(is_typed(row[place]) for row in full) >= enough for place in range(width))
    return not lines_are_values and has_typed_column and (len(rows) > 2 or width > 2)


def _plausible(dialect: Dialect, rows: Sequence[Sequence[str]]) -> float:
    """How much the cells look like values: 1 where all are numbers, dates or empty; text counts .9, odd text less."""
    total = weight = 0.0
    others = [mark for mark in _USUAL if mark != dialect.delimiter]
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
    prior = 1.0 if dialect.delimiter in _USUAL else 0.7
    if dialect.quote == "'":
        prior *= 0.98
    elif dialect.quote == "":
        prior *= 0.95
    return prior * (0.99 if dialect.escape == "\\" else 1.0) * (0.99 if dialect.padded else 1.0)


def _single_column(text: str, dialect: Dialect, whole: bool, skip: int) -> _Parse:
    alone = replace(dialect, delimiter=",", quote=dialect.quote or '"', escape=dialect.quote or '"')
    rows = sample_rows(text, alone, whole=whole)[skip:]
    if all(len(row) == 1 for row in rows):
        return _Parse(alone, rows, 1, 1.0, 1.0)
    alone = replace(alone, delimiter="\x1f", quote="", escape="")
    return _Parse(alone, sample_rows(text, alone, whole=whole)[skip:], 1, 1.0, 1.0)


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
    columns: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]
    if baskets:
        header = reader.header if reader.header is not None else bool(re.match(r"(?i)items?\b", rows[0][0]))
        columns, renamed = ("basket", "item"), ()
    else:
        header, why = (reader.header, "") if reader.header is not None else has_header(rows[:_SCORED_ROWS], width)
        if why:
            evidence.append(why)
        names = _padded(rows, width) if header else []
        width = max(width, len(names))
        columns, renamed = unique_names(names, width)
    body = rows[1:] if header else rows
    decimal, thousands = number_marks([cell for row in body[:_SCORED_ROWS] for cell in row if is_number(cell)])
    return replace(
        best.dialect,
        skip=skip + titles,
        header=bool(header),
        columns=columns,
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
