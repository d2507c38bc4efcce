"""Sheets of Excel and OpenDocument workbooks on their way into the engine.

A column whose cells are all of one kind keeps that kind; a mixed one becomes text. Titles and empty rows above the
table are passed over, empty rows inside it too.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from regulars.errors import MissingExtraError, SourceError, closest
from regulars.intake.sources.header import has_header, unique_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from regulars.core.config import ReaderSettings

_ROWS_AT_ONCE = 20_000
_LOOKED_AT = 60


@dataclass(frozen=True)
class Sheet:
    """One sheet, looked through.

    Args:
        path: The workbook.
        shown: Its name for people, with the sheet.
        name: The sheet's name.
        skip: Rows before the first row of the table.
        header: Whether the first row has the names.
        places: Which cells of a row belong to the table.
        columns: The names, unique.
        kinds: What each column's cells are: a type of Python; `float` for numbers of any kind, `str` for a mixture.
        rows: How many rows there are.
        evidence: What was decided and why, in words.
        renamed: Names that had to change.
    """

    path: Path
    shown: str
    name: str
    skip: int
    header: bool
    places: tuple[int, ...]
    columns: tuple[str, ...]
    kinds: tuple[type, ...]
    rows: int
    evidence: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]


def look_through(path: Path, shown: str, reader: ReaderSettings) -> Sheet:
    """Find the table of a sheet, its names and the kinds of its columns; every row is looked at.

    Raises:
        MissingExtraError: The extra `excel` is not installed.
        SourceError: The file is no workbook, is locked, has no such sheet, or the sheet is empty.
    """
    with _workbook(path, shown) as book:
        name, evidence = _sheet_name(book, shown, reader.sheet)
        shown = f"{shown} [{name}]"
        rows = book.get_sheet_by_name(name).iter_rows()
        first = list(islice(rows, _LOOKED_AT))
        skip = _first_of_table(first)
        if skip is None:
            raise SourceError(f"{shown} is empty", mend="name another sheet with reader.sheet")
        passed_over = [" ".join(_text(cell) or "" for cell in row).strip() for row in first[:skip]]
        if any(passed_over):
            evidence.append(f"rows above the table are passed over: {'; '.join(filter(None, passed_over))[:200]}")
        table = [row for row in first[skip:] if any(cell not in ("", None) for cell in row)]
        places = tuple(place for place in range(len(table[0])) if any(row[place] not in ("", None) for row in table))
        as_text = [[_text(row[place]) or "" for place in places] for row in table]
        header, why = (reader.header, "") if reader.header is not None else has_header(as_text, len(places))
        evidence += [why] if why else []
        columns, renamed = unique_names(as_text[0] if header else [], len(places))
        kinds: list[set[type]] = [set() for _ in places]
        count = -int(header)
        for place, row in enumerate(_filled(_chained(table, rows))):
            count += 1
            if place or not header:
                for kind, cell in zip(kinds, places, strict=True):
                    kind.add(_kind(row[cell]))
                _refuse_further(row, places, shown)
    return Sheet(
        path, shown, name, skip, header, places, columns, tuple(map(_common, kinds)), count, tuple(evidence), renamed
    )  # fmt: skip


def sheet_names(path: Path, shown: str) -> list[str]:
    """The names of a workbook's sheets, in their order.

    Raises:
        MissingExtraError: The extra `excel` is not installed.
        SourceError: The file is no workbook, or locked.
    """
    with _workbook(path, shown) as book:
        return list(book.sheet_names)


def common_kinds(sheets: Sequence[Sheet]) -> dict[str, type]:
    """The kind of each column over several sheets that belong to one table."""
    kinds: dict[str, set[type]] = {}
    for sheet in sheets:
        for column, kind in zip(sheet.columns, sheet.kinds, strict=True):
            kinds.setdefault(column, set()).add(kind)
    return {column: _common(found) for column, found in kinds.items()}


def schema(kinds: dict[str, type]) -> pa.Schema:
    """The Arrow schema of columns of these kinds."""
    import pyarrow as pa

    types = {
        int: pa.int64(),
        float: pa.float64(),
        bool: pa.bool_(),
        date: pa.date32(),
        datetime: pa.timestamp("us"),
        time: pa.time64("us"),
        timedelta: pa.duration("us"),
        str: pa.string(),
    }
    return pa.schema([(column, types[kind]) for column, kind in kinds.items()])


def batches(sheet: Sheet, kinds: dict[str, type]) -> Iterator[pa.RecordBatch]:
    """The rows of a sheet, some thousands at a time."""
    import pyarrow as pa

    with _workbook(sheet.path, sheet.shown) as book:
        rows = _filled(islice(book.get_sheet_by_name(sheet.name).iter_rows(), sheet.skip, None))
        for _ in range(sheet.header):
            next(rows, None)
        fields = schema({column: kinds[column] for column in sheet.columns})
        while chunk := list(islice(rows, _ROWS_AT_ONCE)):
            yield pa.record_batch(
                [
                    pa.array([_as(row[place], kinds[column]) for row in chunk], fields.field(column).type)
                    for column, place in zip(sheet.columns, sheet.places, strict=True)
                ],
                schema=fields,
            )


@contextmanager
def _workbook(path: Path, shown: str) -> Iterator[Any]:
    try:
        import python_calamine as calamine
    except ImportError as problem:
        raise MissingExtraError("excel", wanted_by=f"reading the workbook {shown}") from problem
    try:
        with calamine.CalamineWorkbook.from_path(path) as book:
            yield book
    except calamine.PasswordError as problem:
        raise SourceError(f"{shown} is locked with a password", mend="save it without one") from problem
    except (calamine.CalamineError, calamine.XmlError, calamine.ZipError, OSError) as problem:
        raise SourceError(
            f"{shown} cannot be read as a workbook: {problem}", mend="open it, and save it anew as .xlsx or .csv"
        ) from problem


def _sheet_name(book: Any, shown: str, wanted: str) -> tuple[str, list[str]]:
    names = list(book.sheet_names)
    if wanted:
        if wanted not in names:
            raise SourceError(f"{shown} has no sheet '{wanted}'", mend=closest(wanted, names))
        return wanted, []
    if not names:
        raise SourceError(f"{shown} has no sheet", mend="name another file")
    others = f"; not read: {', '.join(names[1:])}" if len(names) > 1 else ""
    return names[0], [f"the first sheet, '{names[0]}', is read{others}"] if others else []


def _first_of_table(rows: Sequence[Sequence[Any]]) -> int | None:
    """The first row with most of the cells that the rows near the top have; None where all are empty."""
    filled = [sum(cell not in ("", None) for cell in row) for row in rows]
    most = max(filled, default=0)
    if most == 0:
        return None
    return next(place for place, count in enumerate(filled) if count * 2 > most and (count > 1 or most == 1))


def _chained(first: list[list[Any]], rest: Iterator[list[Any]]) -> Iterator[list[Any]]:
    yield from first
    yield from rest


def _filled(rows: Iterator[list[Any]]) -> Iterator[list[Any]]:
    return (row for row in rows if any(cell not in ("", None) for cell in row))


def _refuse_further(row: Sequence[Any], places: Sequence[int], shown: str) -> None:
    """A cell outside the table would be lost."""
    outside = [cell for place, cell in enumerate(row) if place not in places and cell not in ("", None)]
    if outside:
        raise SourceError(
            f"{shown} has a value outside its table: '{_text(outside[0])}'",
            mend="give that column a name in the header, or take the value out",
        )


def _kind(cell: Any) -> type:
    if cell is None or cell == "":
        return type(None)
    if isinstance(cell, float):
        return int if cell.is_integer() and abs(cell) < 2**53 else float
    return type(cell)


def _common(kinds: set[type]) -> type:
    """One kind for cells of several.

    >>> _common({int, float, type(None)}), _common({date, datetime}), _common({int, str}), _common(set())
    (<class 'float'>, <class 'datetime.datetime'>, <class 'str'>, <class 'str'>)
    """
    found = kinds - {type(None)}
    if found == {int, float}:
        return float
    if found == {date, datetime}:
        return datetime
    return next(iter(found)) if len(found) == 1 else str


def _as(cell: Any, kind: type) -> Any:
    if cell is None or cell == "":
        return None
    if kind is str:
        return _text(cell)
    if kind is int:
        return int(cell)
    if kind is datetime and not isinstance(cell, datetime):
        return datetime(cell.year, cell.month, cell.day)
    return cell


def _text(cell: Any) -> str | None:
    """A cell as text: whole numbers without a point, dates as 2024-12-31."""
    if cell is None or cell == "":
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    return str(cell)
