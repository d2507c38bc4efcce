"""From the settings of a table to its raw rows in the engine, whatever the files are.

Every row has the file it came from and its number there, so that whatever happens to it later can be told. Nothing is
read as a number or a date here: text stays text, and what a typed source says of its types is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regulars.errors import SourceError
from regulars.intake.sources import databases, places, readers
from regulars.intake.sources.formats import format_of
from regulars.intake.sources.gathering import Work
from regulars.intake.sources.staging import PROBLEM

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import ibis.expr.types as ir
    import pyarrow as pa

    from regulars.core.config import TableSettings
    from regulars.core.quality import CheckResult
    from regulars.intake.sources.archives import Part
    from regulars.intake.sources.dialect import Dialect
    from regulars.intake.sources.gathering import Loaded
    from regulars.intake.sources.places import SourceFile
    from regulars.intake.sources.staging import SourceEngine


_READERS = {
    "csv": readers.read_delimited,
    "json": readers.read_json,
    "excel": readers.read_excel,
    "parquet": readers.read_parquet,
}


@dataclass(frozen=True)
class RawTable:
    """A table as the user's files have it.

    Args:
        rows: The user's columns, then `_source` (the file), `_row` (its number there, from 1, without the header) and,
            where some row is not as it should be, `_problem` (what is wrong, and the row as it stood; else null).
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


def open_table(table: str, settings: TableSettings, folder: Path, engine: SourceEngine) -> RawTable:
    """The raw rows of a table.

    Args:
        table: The canonical table; the engine keeps the rows under `raw_` and this name.
        settings: Its settings; the sources and how they are read are used.
        folder: What relative sources are relative to.
        engine: Takes the rows.

    Raises:
        SourceError: A source is not there, cannot be read, is empty, or does not go with the others.
        MissingExtraError: A format needs an extra that is not installed.
        OutputError: There is no room for a temporary copy.
    """
    work = Work(table, f"raw_{table}", settings.reader, folder, engine.files)
    work.staging.drop(work.name)
    try:
        loaded = _load(work, settings.source)
        return RawTable(
            rows=_numbered(work, loaded),
            columns=loaded.columns,
            is_text=loaded.is_text,
            sources=loaded.sources,
            dialect=loaded.dialect,
            notes=tuple(work.notes),
        )
    except BaseException as problem:
        work.staging.drop(work.name)
        if isinstance(problem, SourceError):
            problem.table = problem.table or table
        raise


def sample(raw: RawTable, engine: SourceEngine, rows: int = 1000) -> pa.Table:
    """The first rows, the user's columns alone."""
    return engine.collect(raw.rows.select(*raw.columns).limit(rows), rows)


def _load(work: Work, sources: Sequence[str]) -> Loaded:
    addresses = [source for source in sources if places.is_address(source)]
    parts: list[Part] = []
    for source in sources:
        if source not in addresses:
            found = places.find(source, work.folder, work.reader.member)
            parts += [part for part in found.parts if part not in parts]
            work.note_passed_over(source, found.passed_over)
    formats = {part.shown: format_of(part, work.reader) for part in parts}
    kinds = {*formats.values(), *(["a database"] if addresses else [])}
    if len(kinds) > 1:
        one_each: dict[str, str] = {kind: shown for shown, kind in formats.items()}
        examples = ", ".join(f"{one_each.get(kind, 'an address')} ({kind})" for kind in sorted(kinds))
        raise SourceError(
            f"the sources are of several formats: {examples}",
            mend="let one table come from one format, or narrow the pattern",
        )
    if any(databases.is_engines_own(source) for source in addresses):
        return readers.read_address(work, addresses)
    if addresses:
        return readers.read_databases(work, addresses)
    return _READERS[kinds.pop()](work, parts)


def _numbered(work: Work, loaded: Loaded) -> ir.Table:
    """The stored rows with the names of their files and their numbers, told from their places."""
    import ibis

    parts = {} if loaded.is_view else work.staging.parts(work.name)
    stored = work.staging.table(work.name)
    columns = {name: stored[name] for name in loaded.columns}
    if loaded.is_view:
        start = f"{work.folder.as_posix().rstrip('/')}/"
        path = stored["_path"]
        shown = path.startswith(start).ifelse(path.substr(len(start)), path)
        return stored.select(**columns, _source=shown, _row=stored["_row"])
    place = work.staging.place(stored) + 1
    if len(loaded.sources) == 1:
        source: ir.Value = ibis.literal(loaded.sources[0].path)
        row = place - parts.get(0, (0, 0))[0]
    else:
        numbers = range(len(loaded.sources))
        source = ibis.array([one.path for one in loaded.sources])[stored["_part"].cast("int64")]
        row = place - ibis.array([parts.get(number, (0, 0))[0] for number in numbers])[stored["_part"].cast("int64")]
    problem = {PROBLEM: stored[PROBLEM]} if loaded.has_problems else {}
    return stored.select(**columns, _source=source, _row=row.cast("int64"), **problem)
