"""From the settings of a table to its raw rows in the engine, whatever the files are.

Every row has the file it came from and its number there, so that whatever happens to it later can be told. Nothing is
read as a number or a date here: text stays text, and what a typed source says of its types is kept.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from regulars.core.quality import CheckResult
from regulars.errors import SourceError, closest
from regulars.intake import databases, delimited, documents, places, workbooks
from regulars.intake.even_rows import PROBLEM
from regulars.intake.formats import format_of
from regulars.intake.header import unique_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import ibis.expr.types as ir
    import pyarrow as pa

    from regulars.core.config import ReaderSettings, TableSettings
    from regulars.core.dataset import Engine
    from regulars.intake.archives import Part
    from regulars.intake.dialect import Dialect
    from regulars.intake.places import SourceFile
    from regulars.intake.staging import Staging


@dataclass(frozen=True)
class RawTable:
    """A table as the user's files have it.

    Args:
        rows: The user's columns, then `_source` (the file), `_row` (its number there, from 1, without the header) and,
            where a row is not as it should be, `_problem` (what is wrong, and the row as it stood; else null).
        columns: The user's column names in order, unique without regard to case.
        is_text: Every column is text, still to be read. Else columns are typed, and text ones may hold anything.
        sources: The files.
        dialect: How the first file is written, where it is delimited text.
        notes: What was decided or noticed.
    """

    rows: ir.Table
    columns: tuple[str, ...]
    is_text: bool
    sources: tuple[SourceFile, ...]
    dialect: Dialect | None = None
    notes: tuple[CheckResult, ...] = ()


def read(table: str, settings: TableSettings, folder: Path, staging: Staging) -> RawTable:
    """The raw rows of a table.

    Args:
        table: The canonical table; the engine keeps the rows as `raw_` and this name.
        settings: Its settings; the sources and how they are read are used.
        folder: What relative sources are relative to.
        staging: The engine's side.

    Raises:
        SourceError: A source is not there, cannot be read, is empty, or does not go with the others.
        MissingExtraError: A format needs an extra that is not installed.
        OutputError: There is no room for a temporary copy.
    """
    work = _Work(table, f"raw_{table}", settings.reader, folder, staging)
    staging.drop(work.name)
    try:
        return _read(work, settings.source)
    except SourceError as problem:
        problem.table = problem.table or table
        staging.drop(work.name)
        raise


def sample(raw: RawTable, engine: Engine, rows: int = 1000) -> pa.Table:
    """The first rows, the user's columns alone."""
    return engine.collect(raw.rows.select(*raw.columns).limit(rows), rows)


@dataclass
class _Work:
    """A table while it is read."""

    table: str
    name: str
    reader: ReaderSettings
    folder: Path
    staging: Staging
    notes: list[CheckResult] = field(default_factory=list)

    def note(
        self, check: str, sentence: str, done: str, *, column: str = "", rows: int = 0, of: int = 0, change: str = "",
        warn: bool = False, repaired: bool = False, unit: str = "rows",
    ) -> None:  # fmt: skip
        """Remember what was decided or noticed."""
        self.notes.append(
            CheckResult(
                check, self.table, column, rows, of, sentence, done, "repaired" if repaired else "reported", change,
                "warning" if warn else "note", unit,
            )
        )  # fmt: skip


def _read(work: _Work, sources: Sequence[str]) -> RawTable:
    addresses = [source for source in sources if places.is_address(source)]
    parts: list[Part] = []
    for source in sources:
        if source in addresses:
            continue
        found = places.find(source, work.folder, work.reader.member)
        parts += [part for part in found.parts if part not in parts]
        if found.passed_over:
            work.note(
                "other_files", f"{source} has {len(found.passed_over)} files that are no data: {_some(found.passed_over)}",
                "passed over", rows=len(found.passed_over), change="name the files one by one", unit="files",
            )  # fmt: skip
    formats = {part.shown: format_of(part, work.reader) for part in parts}
    kinds = {*formats.values(), *(["database"] if addresses else [])}
    if len(kinds) > 1:
        examples = ", ".join(f"{shown} ({kind})" for kind in sorted(kinds) for shown, one in formats.items() if one == kind)
        raise SourceError(
            f"the sources are of several formats: {examples[:200]}",
            mend="let one table come from one format, or narrow the pattern",
        )
    if addresses:
        return _read_databases(work, addresses)
    readers = {"csv": _read_delimited, "json": _read_json, "excel": _read_excel, "parquet": _read_parquet}
    return readers[kinds.pop()](work, parts)
