"""One way of reading for each format: its files are put into one table of the engine, and what was noticed is noted."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from regulars.core.quality import CheckResult
from regulars.errors import SourceError, closest
from regulars.intake import databases, delimited, documents, places, workbooks
from regulars.intake.header import unique_names
from regulars.intake.places import SourceFile
from regulars.intake.staging import PROBLEM

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from regulars.core.config import ReaderSettings
    from regulars.core.quality import Severity
    from regulars.intake.archives import Part
    from regulars.intake.dialect import Dialect
    from regulars.intake.even_rows import Tally
    from regulars.intake.staging import Staging


@dataclass(frozen=True)
class Loaded:
    """What is in the engine now.

    Args:
        columns: The user's columns.
        is_text: Whether all of them are text.
        sources: The files, in the order of their parts.
        dialect: Of the first file, where it is delimited.
        has_problems: Whether there is a column `_problem`.
        is_view: Whether the rows stay in their files, and bring `_path` and `_row` along.
    """

    columns: tuple[str, ...]
    is_text: bool
    sources: tuple[SourceFile, ...]
    dialect: Dialect | None = None
    has_problems: bool = False
    is_view: bool = False


@dataclass
class Work:
    """A table while it is read: where it goes, how it is read, and what was noticed."""

    table: str
    name: str
    reader: ReaderSettings
    folder: Path
    staging: Staging
    notes: list[CheckResult] = field(default_factory=list)

    def note(
        self,
        check: str,
        sentence: str,
        done: str,
        *,
        rows: int = 0,
        of: int = 0,
        change: str = "",
        is_warning: bool = False,
        unit: str = "rows",
    ) -> None:
        """Remember what was decided or noticed."""
        severity: Severity = "warning" if is_warning else "note"
        self.notes.append(
            CheckResult(check, self.table, "", rows, of, sentence, done, "reported", change, severity, unit)
        )

    def note_passed_over(self, source: str, names: Sequence[str]) -> None:
        """Remember the files beside the data."""
        if names:
            some = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
            self.note(
                "other_files",
                f"{source}: {len(names)} files are no data ({some})",
                "they are passed over",
                rows=len(names),
                change="name the files one by one",
                unit="files",
            )

    def note_renamed(self, shown: str, renamed: Iterable[tuple[str, str]]) -> None:
        """Remember columns whose names had to change."""
        pairs = list(renamed)
        if pairs:
            told = ", ".join(f"'{old}' is now '{new}'" if old else f"a nameless one is '{new}'" for old, new in pairs)
            self.note(
                "column_names",
                f"{shown}: columns have names that are missing, repeated or reserved",
                told,
                rows=len(pairs),
                change="name them in the file's header",
                is_warning=True,
                unit="columns",
            )


def source_file(part: Part, rows: int | None = None) -> SourceFile:
    """A file with its size and fingerprint."""
    size, digest = places.fingerprint(part.path)
    return SourceFile(part.shown, size, digest, rows)


# -- delimited text ---------------------------------------------------------------------------------


def read_delimited(work: Work, parts: Sequence[Part]) -> Loaded:
    """Delimited text files, each in its own dialect, with the same columns in any order."""
    found: list[tuple[Part, Dialect]] = []
    for part in parts:
        try:
            found.append((part, delimited.find_dialect(part, work.reader)))
        except delimited.EmptySourceError:
            if len(parts) == 1:
                raise
            work.note("empty_files", f"{part.shown} is empty", "it adds no rows", unit="files", rows=1)
    if not found:
        raise SourceError("all files are empty", mend="name files with rows")
    same_columns([(part.shown, dialect.columns, dialect.header) for part, dialect in found])
    sources: list[SourceFile] = []
    first: Dialect | None = None
    problems = baskets = 0
    for number, (part, guess) in enumerate(found):
        tally, dialect = delimited.append(
            work.staging, work.name, number, part, guess, work.reader, first_basket=baskets + 1
        )
        first = first or dialect
        baskets += tally.baskets
        problems += tally.problems
        sources.append(source_file(part, tally.rows))
        _note_dialect(work, part.shown, dialect)
        _note_tally(work, part.shown, dialect, tally)
    assert first is not None  # noqa: S101  there is at least one file
    refuse_no_rows(sources, first.columns)
    return Loaded(first.columns, is_text=True, sources=tuple(sources), dialect=first, has_problems=problems > 0)


def same_columns(files: Sequence[tuple[str, Sequence[str], bool]]) -> None:
    """Refuse files that do not have the same columns; their order may differ where they have names.

    Raises:
        SourceError: A file lacks a column of the first one, or has another.
    """
    first_shown, first, _ = files[0]
    for shown, columns, named in files[1:]:
        if not named and len(columns) != len(first):
            raise SourceError(
                f"{shown} has {len(columns)} columns without names, {first_shown} has {len(first)}",
                mend="read them as two sources, or give both a header",
            )
        missing = [name for name in first if name not in columns]
        further = [name for name in columns if name not in first]
        if missing:
            hint = closest(missing[0], further) if further else "add it"
            raise SourceError(
                f"{shown} has no column '{missing[0]}', which {first_shown} has",
                column=missing[0],
                mend=f"{hint} (the files of a table must have the same columns; rename it in one of them)",
            )
        if further:
            raise SourceError(
                f"{shown} has the column '{further[0]}', which {first_shown} has not",
                column=further[0],
                mend="take it out, or add it to the other files: the files of a table must have the same columns",
            )


def refuse_no_rows(sources: Sequence[SourceFile], columns: Sequence[str]) -> None:
    """Refuse sources that have columns but no row.

    Raises:
        SourceError: There is no row in any of them.
    """
    if not any(source.rows for source in sources):
        raise SourceError(
            f"{sources[0].path} has only a header and no rows: {', '.join(columns[:10])}",
            mend="export it anew, or set reader = { header = false } where that row is data",
        )


def _note_dialect(work: Work, shown: str, dialect: Dialect) -> None:
    for line in dialect.evidence:
        check, change = "header", f"reader = {{ header = {str(not dialect.header).lower()} }}"
        if line.startswith("it is read as "):
            check, change = "encoding", 'reader = { encoding = "…" }'
        elif line.startswith("rows above"):
            check, change = "title_rows", "take them out of the file"
        work.note(check, f"{shown}: {line}", "read so", change=change)
    work.note_renamed(shown, dialect.renamed)


def _note_tally(work: Work, shown: str, dialect: Dialect, tally: Tally) -> None:
    if tally.ragged:
        counts = ", ".join(f"{rows} with {cells}" for cells, rows in sorted(tally.ragged.items())[:6])
        work.note(
            "ragged_rows",
            f"{shown}: rows have another number of cells than the {dialect.width} of the others ({counts})",
            "they are handed on with that remark",
            rows=tally.ragged.total(),
            of=tally.rows,
            change="mend the file, or set reader.delimiter and reader.quote",
            is_warning=True,
        )
    if tally.open_quotes:
        work.note(
            "open_quotes",
            f"{shown}: rows open a quote that nothing closes",
            "each is taken for one line, and handed on with that remark",
            rows=tally.open_quotes,
            of=tally.rows,
            change="mend the file, or set reader.quote",
            is_warning=True,
        )
    if tally.loose_quotes:
        work.note(
            "loose_quotes",
            f"{shown}: quotes inside quoted cells are not doubled",
            "such cells are read without them",
            rows=tally.loose_quotes,
            of=tally.rows,
            change="mend the file, or set reader.quote",
            is_warning=True,
        )
    if tally.blank_lines:
        work.note(
            "blank_lines", f"{shown}: lines without content", "they are no rows", rows=tally.blank_lines, unit="lines"
        )


# -- JSON, workbooks, Parquet -----------------------------------------------------------------------


def read_json(work: Work, parts: Sequence[Part]) -> Loaded:
    """JSON files; a key that an object lacks is null."""
    reading = documents.Documents()
    sources: list[SourceFile] = []
    for number, part in enumerate(parts):
        rows = 0
        for batch in reading.batches(part, work.reader.encoding):
            rows += work.staging.append_batches(work.name, number, batch.schema, [batch])
        sources.append(source_file(part, rows))
    if not any(source.rows for source in sources):
        raise SourceError(f"{parts[0].shown} has no objects in it", mend="name a file with rows")
    work.note_renamed(parts[0].shown, reading.renamed.items())
    if reading.problems:
        work.note(
            "no_objects",
            "lines are no JSON objects",
            "they are handed on with that remark",
            rows=reading.problems,
            of=sum(source.rows or 0 for source in sources),
            change="mend the file",
            is_warning=True,
        )
    columns = tuple(name for name in work.staging.columns(work.name) if name != PROBLEM)
    if not columns:
        raise SourceError(f"{parts[0].shown} has no JSON object in it", mend="each row must be an object")
    return Loaded(columns, is_text=True, sources=tuple(sources), has_problems=reading.problems > 0)


def read_excel(work: Work, parts: Sequence[Part]) -> Loaded:
    """One sheet of each workbook."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        paths = [stack.enter_context(part.on_disk(work.staging.folder)) for part in parts]
        sheets = [
            workbooks.look_through(path, part.shown, work.reader) for path, part in zip(paths, parts, strict=True)
        ]
        same_columns([(sheet.shown, sheet.columns, sheet.header) for sheet in sheets])
        kinds = workbooks.common_kinds(sheets)
        sources = []
        for number, (part, sheet) in enumerate(zip(parts, sheets, strict=True)):
            schema = workbooks.schema({column: kinds[column] for column in sheet.columns})
            rows = work.staging.append_batches(work.name, number, schema, workbooks.batches(sheet, kinds))
            sources.append(source_file(part, rows))
            for line in sheet.evidence:
                work.note("sheet", f"{sheet.shown}: {line}", "read so", change='reader = { sheet = "…", header = … }')
            work.note_renamed(sheet.shown, sheet.renamed)
    refuse_no_rows(sources, sheets[0].columns)
    return Loaded(sheets[0].columns, is_text=all(kind is str for kind in kinds.values()), sources=tuple(sources))


def read_parquet(work: Work, parts: Sequence[Part]) -> Loaded:
    """Parquet files, which stay where they are."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    files: list[tuple[str, Sequence[str], bool]] = []
    sources = []
    for part in parts:
        if not part.is_plain:
            raise SourceError(f"{part.shown} is Parquet inside a compressed file", mend="unpack it first")
        try:
            with pq.ParquetFile(part.path) as file:
                files.append((part.shown, file.schema_arrow.names, True))
                sources.append(source_file(part, file.metadata.num_rows))
        except (pa.ArrowException, OSError) as problem:
            raise SourceError(f"{part.shown} cannot be read as Parquet: {problem}", mend="export it anew") from problem
    same_columns(files)
    keys = _hive_keys(parts)
    own = [*files[0][1], *(key for key in keys if key not in files[0][1])]
    columns, renamed = unique_names(own, len(own))
    work.staging.open_parquet(
        work.name, [part.path for part in parts], dict(zip(columns, own, strict=True)), hive=bool(keys)
    )
    work.note_renamed(parts[0].shown, renamed)
    if not any(source.rows for source in sources):
        raise SourceError(f"{parts[0].shown} has columns but no rows", mend="export it anew")
    return Loaded(columns, is_text=False, sources=tuple(sources), is_view=True)


def _hive_keys(parts: Sequence[Part]) -> list[str]:
    """Names of columns that are folders, as in `year=2024/month=01/part.parquet`, where all files have them."""
    keys = [[name.partition("=")[0] for name in part.shown.split("/")[:-1] if "=" in name] for part in parts]
    return keys[0] if keys and all(one == keys[0] for one in keys) else []


# -- databases --------------------------------------------------------------------------------------


def read_databases(work: Work, addresses: Sequence[str]) -> Loaded:
    """The table that the settings name, in each of the databases."""
    import pyarrow as pa

    sources: list[SourceFile] = []
    files: list[tuple[str, Sequence[str], bool]] = []
    for number, source in enumerate(addresses):
        where = databases.address(source, work.folder)
        path = where.path
        if path is not None and not path.is_file():
            raise SourceError(f"there is no database {where.shown}", mend=places.nearby(path, "look at the path"))
        if where.kind == "duckdb":
            assert path is not None  # noqa: S101  an embedded database has one
            table = databases.choose_table(work.staging.duckdb_tables(path), work.reader.table, where.shown)
            own = work.staging.duckdb_columns(path, table)
            names, renamed = unique_names(own, len(own))
            rows = work.staging.append_duckdb_table(work.name, number, path, table, dict(zip(names, own, strict=True)))
            name = table[1]
        else:
            name, schema, batches = databases.read(where, work.reader.table)
            names, renamed = unique_names(schema.names, len(schema))
            new = pa.schema([one.with_name(name) for one, name in zip(schema, names, strict=True)])
            named = (pa.RecordBatch.from_arrays(batch.columns, schema=new) for batch in batches)
            rows = work.staging.append_batches(work.name, number, new, named)
        shown = f"{where.shown}#{name}"
        size, digest = places.fingerprint(path) if path else (None, hashlib.sha256(shown.encode()).hexdigest())
        sources.append(SourceFile(shown, size, digest, rows))
        files.append((shown, names, True))
        work.note_renamed(shown, renamed)
    same_columns(files)
    if not any(source.rows for source in sources):
        raise SourceError(f"{sources[0].path} has no rows", mend="name another table with reader.table")
    return Loaded(tuple(files[0][1]), is_text=False, sources=tuple(sources))
