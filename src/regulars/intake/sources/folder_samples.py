"""A look at every data file of a folder: its columns and first rows, for guessing what they are.

Only the beginning of a file is read where its format allows it, so that a look costs the same for any size.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from regulars.core.config import ReaderSettings
from regulars.errors import MissingExtraError, RegularsError, SourceError
from regulars.intake.guessing.profiles import FileSample
from regulars.intake.sources import archives, delimited, documents, places, workbooks
from regulars.intake.sources.formats import format_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from regulars.intake.sources.archives import Part
    from regulars.intake.sources.staging import SourceEngine

_ROWS = 1000


def sample_folder(
    folder: Path, engine: SourceEngine, unread: Callable[[RegularsError], None] = lambda _: None
) -> list[FileSample]:
    """A sample of each table in a folder: every file, every member of a zip archive, every sheet of a workbook.

    Databases are not looked into. Folders inside the folder count only where it has no data file of its own.

    Args:
        folder: The folder.
        engine: Has the place where archives are unpacked.
        unread: Called with what is wrong with each file that cannot be read.

    Raises:
        SourceError: There is no such folder, or no file in it can be read.
    """
    if not folder.is_dir():
        raise SourceError(f"there is no folder {folder}", mend="name the folder with the exports")
    samples: list[FileSample] = []
    problems: list[RegularsError] = []
    for path in places.in_folder(folder)[0]:
        try:
            samples += _samples(path, folder, engine)
        except (SourceError, MissingExtraError) as problem:
            problems.append(problem)
            unread(problem)
    if not samples:
        raise problems[0]
    return samples


def _samples(path: Path, folder: Path, engine: SourceEngine) -> Iterator[FileSample]:
    shown = places.show(path, folder)
    if path.suffix.lower() != ".zip":
        yield from _of_part(archives.Part(path, shown), shown, ReaderSettings(), engine)
        return
    parts, _ = archives.members(path, shown, "*")
    for part in parts:
        reader = ReaderSettings(member=part.member if len(parts) > 1 else "")
        yield from _of_part(part, shown, reader, engine)


def _of_part(part: Part, shown: str, reader: ReaderSettings, engine: SourceEngine) -> Iterator[FileSample]:
    import pyarrow as pa

    kind = format_of(part, reader)
    if kind == "csv":
        dialect = delimited.find_dialect(part, reader)
        rows = delimited.first_rows(part, dialect, _ROWS)
        cells = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)] or [[] for _ in dialect.columns]
        yield FileSample(shown, dialect.columns, pa.table(cells, list(dialect.columns)), reader=reader)
    elif kind == "json":
        batches = documents.Documents().batches(part, "")
        table = pa.Table.from_batches(islice(batches, 1)).slice(0, _ROWS)
        yield FileSample(shown, tuple(table.column_names), table, reader=reader)
    elif kind == "parquet":
        import pyarrow.parquet as pq

        with part.on_disk(engine.files.folder) as path, pq.ParquetFile(path) as file:
            batches = islice(file.iter_batches(_ROWS), 1)
            table = pa.Table.from_batches(batches, file.schema_arrow)
            yield FileSample(shown, tuple(table.column_names), table, file.metadata.num_rows, reader)
    else:
        with part.on_disk(engine.files.folder) as path:
            yield from _of_sheets(path, shown, reader)


def _of_sheets(path: Path, shown: str, reader: ReaderSettings) -> Iterator[FileSample]:
    from dataclasses import replace

    import pyarrow as pa

    names = workbooks.sheet_names(path, shown)
    for name in names:
        here = replace(reader, sheet=name if len(names) > 1 else "")
        try:
            sheet = workbooks.look_through(path, shown, here)
        except SourceError:
            if len(names) == 1:
                raise
            continue  # an empty sheet beside others
        kinds = workbooks.common_kinds([sheet])
        batches = islice(workbooks.batches(sheet, kinds), 1)
        table = pa.Table.from_batches(batches, workbooks.schema(kinds)).slice(0, _ROWS)
        yield FileSample(shown, sheet.columns, table, sheet.rows, here)
