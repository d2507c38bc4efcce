"""One way of reading for each format: its files are put into one table of the engine, and what was noticed is noted."""

from __future__ import annotations

import hashlib
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING

from regulars.errors import SourceError
from regulars.intake.sources import databases, delimited, documents, places, workbooks
from regulars.intake.sources.gathering import Loaded, refuse_no_rows, same_columns, several, source_file
from regulars.intake.sources.header import unique_names
from regulars.intake.sources.places import SourceFile
from regulars.intake.sources.staging import PROBLEM

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from regulars.intake.sources.archives import Part
    from regulars.intake.sources.dialect import Dialect
    from regulars.intake.sources.even_rows import Tally
    from regulars.intake.sources.gathering import Work


# -- delimited text ---------------------------------------------------------------------------------


def read_delimited(work: Work, parts: Sequence[Part]) -> Loaded:
    """Delimited text files, each in its own dialect, with the same columns in any order."""
    found: list[tuple[Part, Dialect]] = []
    for part in parts:
        try:
            like = found[-1][1] if found else None
            found.append((part, delimited.find_dialect(part, work.reader, like)))
        except delimited.EmptySourceError:
            if len(parts) == 1:
                raise
            work.note("empty_files", f"{part.shown} is empty", "it adds no rows", unit="files", rows=1)
    if not found:
        raise SourceError("all files are empty", mend="name files with rows")
    same_columns([(part.shown, dialect.columns, dialect.header) for part, dialect in found])
    read: list[tuple[Part, Dialect, Tally]] = []
    baskets = 0
    for number, (part, guess) in enumerate(found):
        tally, dialect = delimited.append(
            work.staging, work.name, number, part, guess, work.reader, first_basket=baskets + 1
        )
        baskets += tally.baskets
        read.append((part, dialect, tally))
    sources = tuple(source_file(part, tally.rows) for part, _, tally in read)
    first = read[0][1]
    refuse_no_rows(sources, first.columns)
    _note_dialects(work, [(part.shown, dialect) for part, dialect, _ in read])
    _note_tallies(work, [(part.shown, tally) for part, _, tally in read], first.width)
    has_problems = any(tally.problems for _, _, tally in read)
    return Loaded(first.columns, is_text=True, sources=sources, dialect=first, has_problems=has_problems)


def _note_dialects(work: Work, files: Sequence[tuple[str, Dialect]]) -> None:
    """What was decided about each file; where it was the same for several, once."""
    said: dict[tuple[str, bool], list[str]] = {}
    renamed: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for shown, dialect in files:
        for line in dialect.evidence:
            said.setdefault((line, dialect.header), []).append(shown)
        renamed.setdefault(dialect.renamed, []).append(shown)
    for (line, header), names in said.items():
        check, change = "header", f"reader = {{ header = {str(not header).lower()} }}"
        if line.startswith("it is read as "):
            check, change = "encoding", 'reader = { encoding = "…" }'
        elif line.startswith("rows above"):
            check, change = "title_rows", "take them out of the file"
        work.note(check, f"{several(names)}: {line}", "read so", change=change, rows=len(names), unit="files")
    for pairs, names in renamed.items():
        work.note_renamed(several(names), pairs)


def _note_tallies(work: Work, files: Sequence[tuple[str, Tally]], width: int) -> None:
    """What is wrong with rows, over all files."""
    ragged = sum((tally.ragged for _, tally in files), Counter[int]())
    counts = ", ".join(f"{rows} with {cells}" for cells, rows in sorted(ragged.items())[:6])
    found = (
        (
            "ragged_rows",
            [tally.ragged.total() for _, tally in files],
            f"rows have another number of cells than the {width} of the others ({counts})",
            "they are handed on with that remark",
            "mend the file, or set reader.delimiter and reader.quote",
        ),
        (
            "open_quotes",
            [tally.open_quotes for _, tally in files],
            "rows open a quote that nothing closes",
            "each is taken for one line, and handed on with that remark",
            "mend the file, or set reader.quote",
        ),
        (
            "loose_quotes",
            [tally.loose_quotes for _, tally in files],
            "quotes inside quoted cells are not doubled",
            "such cells are read without them",
            "mend the file, or set reader.quote",
        ),
        (
            "blank_lines",
            [tally.blank_lines for _, tally in files],
            "lines without content",
            "they are no rows",
            "",
        ),
    )
    of = sum(tally.rows for _, tally in files)
    for check, rows, sentence, done, change in found:
        names = [shown for (shown, _), count in zip(files, rows, strict=True) if count]
        if names:
            told, is_warning = f"{several(names)}: {sentence}", check != "blank_lines"
            work.note(check, told, done, rows=sum(rows), of=of, change=change, is_warning=is_warning)


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
            found = databases.read(where, work.reader.table)
            names, renamed = unique_names(found.schema.names, len(found.schema))
            schema = pa.schema([one.with_name(new) for one, new in zip(found.schema, names, strict=True)])
            rows = work.staging.append_batches(work.name, number, schema, _renamed(found.batches, schema))
            name = found.name
        shown = f"{where.shown}#{name}"
        size, digest = places.fingerprint(path) if path else (None, hashlib.sha256(shown.encode()).hexdigest())
        sources.append(SourceFile(shown, size, digest, rows))
        files.append((shown, names, True))
        work.note_renamed(shown, renamed)
    same_columns(files)
    if not any(source.rows for source in sources):
        raise SourceError(f"{sources[0].path} has no rows", mend="name another table with reader.table")
    return Loaded(tuple(files[0][1]), is_text=False, sources=tuple(sources))


def read_address(work: Work, addresses: Sequence[str]) -> Loaded:
    """What the engine reads by itself: a table of its catalogue, or Parquet or plain CSV where its workers reach it.

    Raises:
        SourceError: There are several addresses, the engine cannot read it, or it has no rows.
    """
    if len(addresses) > 1:
        raise SourceError(
            f"{addresses[0]} stands beside another address",
            mend="name one address; it may be a folder or a pattern of files",
        )
    address, delimiter = addresses[0], work.reader.delimiter
    is_text = databases.is_delimited(address, work.reader.format)
    own = work.staging.address_columns(address, (delimiter or ",") if is_text else "")
    columns, renamed = unique_names(own, len(own))
    chosen = dict(zip(columns, own, strict=True))
    rows = work.staging.open_address(work.name, address, (delimiter or ",") if is_text else "", chosen)
    work.note_renamed(address, renamed)
    if not rows:
        raise SourceError(f"{address} has no rows", mend="name another source")
    digest = hashlib.sha256(address.encode()).hexdigest()
    return Loaded(columns, is_text=is_text, sources=(SourceFile(address, None, digest, rows),), is_view=True)


def _renamed(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    return (pa.RecordBatch.from_arrays(batch.columns, schema=schema) for batch in batches)
