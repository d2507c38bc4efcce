"""Tables and audiences as files: CSV that no spreadsheet executes, and Parquet that keeps units and meanings.

Rows stream from the engine in batches, so that an audience of millions of customers never stands in memory at once.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regulars.errors import OutputError, SettingsError, closest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pyarrow as pa

    from regulars.core.dataset import Engine
    from regulars.core.result import Audience, Result, Table

BATCH_ROWS = 50_000
_FORMULA = "[=+\\-@\\t\\r\\n＝＋－＠]"
_NUMBER = "[+-]?[0-9]+([.,][0-9]+)?"


def escape_formula(text: str) -> str:
    """Text that a spreadsheet would read as a formula, with an apostrophe before it; anything else as it is.

    Text that is only a number ("-5") stays: it computes nothing, and as an id it must match again.

    >>> escape_formula("=cmd()"), escape_formula("-5"), escape_formula("Ann")
    ("'=cmd()", '-5', 'Ann')
    """
    return f"'{text}" if re.match(_FORMULA, text) and not re.fullmatch(_NUMBER, text) else text


def write_audience(audience: Audience, engine: Engine, path: Path) -> int:
    """An audience as CSV; how many customers it holds.

    Customers who may not be contacted are removed before an audience gets here; nothing is removed in this place.
    """
    return write_csv(engine.stream(audience.members, BATCH_ROWS), path, tuple(audience.members.columns))


def write_result(result: Result, engine: Engine, folder: Path) -> list[Path]:
    """The tables of a Result as Parquet and its audiences as CSV, in a folder; where they are.

    Raises:
        OutputError: A file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tables = dict(zip(file_names([one.name for one in result.tables]), result.tables, strict=True))
        audiences = dict(zip(file_names([one.name for one in result.audiences]), result.audiences, strict=True))
        for name, table in tables.items():
            write_parquet(table, engine, folder / f"{name}.parquet")
        for name, audience in audiences.items():
            write_audience(audience, engine, folder / f"{name}.csv")
    except OSError as problem:
        raise OutputError(
            f"{folder} cannot be written: {problem.strerror or problem}", mend="choose another place with --out"
        ) from problem
    return [*(folder / f"{name}.parquet" for name in tables), *(folder / f"{name}.csv" for name in audiences)]


def write_table_csv(table: Table, engine: Engine, path: Path) -> int:
    """A table as CSV; how many rows it has."""
    batches = table.data.to_batches() if table.is_arrow else engine.stream(table.data, BATCH_ROWS)
    names = tuple(table.data.column_names if table.is_arrow else table.data.columns)
    return write_csv(batches, path, names)


def write_csv(batches: Iterable[pa.RecordBatch], path: Path, names: tuple[str, ...]) -> int:
    """Record batches as one CSV file in UTF-8 with a header; how many rows there were.

    Text that a spreadsheet would execute gets an apostrophe, in cells and in the header. Missing values and NaN are
    empty.

    Args:
        batches: The rows; all of one schema.
        path: The file.
        names: The columns, so that a table without rows has its header too.
    """
    import pyarrow as pa
    import pyarrow.csv as pa_csv

    count = 0
    writer: Any = None
    try:
        for batch in batches:
            rows = _for_csv(pa.Table.from_batches([batch]))
            if writer is None:
                writer = pa_csv.CSVWriter(str(path), rows.schema)
            writer.write_table(rows)
            count += rows.num_rows
        if writer is None:
            empty = _for_csv(pa.table({name: pa.array([], pa.string()) for name in names}))
            writer = pa_csv.CSVWriter(str(path), empty.schema)
    finally:
        if writer is not None:
            writer.close()
    return count


def _for_csv(rows: pa.Table) -> pa.Table:
    import pyarrow as pa

    columns = [_column_for_csv(column.combine_chunks()) for column in rows.columns]
    return pa.Table.from_arrays(columns, names=[escape_formula(name) for name in rows.column_names])


def _column_for_csv(column: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_nested(column.type):
        column = pa.array([None if v is None else json.dumps(v, default=str) for v in column.to_pylist()], pa.string())
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_finite(column), column, None)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        text = column.cast(pa.large_string())
        is_number = pc.match_substring_regex(text, f"^{_NUMBER}$")
        is_risky = pc.and_(pc.match_substring_regex(text, f"^{_FORMULA}"), pc.invert(is_number))
        return pc.if_else(is_risky, pc.replace_substring_regex(text, "^", "'", max_replacements=1), text)
    return column


def write_parquet(table: Table, engine: Engine, path: Path) -> int:
    """A table as Parquet; how many rows it has.

    Arrow tables carry title, unit and meaning in their metadata; an expression is written by the engine as it is.
    """
    if not table.is_arrow:
        return engine.write_parquet(table.data, path)
    import pyarrow.parquet as pq

    pq.write_table(_described(table), path, compression="zstd")
    return int(table.data.num_rows)


def _described(table: Table) -> pa.Table:
    import pyarrow as pa

    fields = []
    for known in table.data.schema:
        info = table.info(known.name)
        fields.append(known.with_metadata({"unit": info.unit, "meaning": info.meaning, "title": info.title}))
    described: pa.Table = table.data.cast(pa.schema(fields, metadata={"title": table.title, "note": table.note}))
    return described


def copy_out(run: Path, what: str, out: Path | None = None) -> list[str]:
    """A table or an audience of a run as a file of its own; what was done, in words.

    Args:
        run: The run folder.
        what: Its name, as in `segments.large_spenders`; where it is empty, the names there are come back.
        out: The file to write, `.csv` or `.parquet`; without it `<what>.csv` here.

    Raises:
        OutputError: There is no such run, or the file cannot be written.
        SettingsError: There is no such table or audience, or it cannot be written with that ending.
    """
    if not (run / "run.json").is_file():
        raise OutputError(f"there is no run in {run}", mend="name a run folder with --run")
    files = {path.stem: path for folder in ("tables", "audiences") for path in sorted((run / folder).iterdir())}
    if not what:
        return [f"{name} ({path.parent.name.removesuffix('s')})" for name, path in files.items()]
    if what not in files:
        raise SettingsError(f"the run has no table or audience '{what}'", mend=closest(what, files))
    source, target = files[what], out or Path(f"{what}.csv")
    try:
        if target.suffix == source.suffix:
            shutil.copyfile(source, target)
        elif target.suffix == ".csv":
            _parquet_to_csv(source, target)
        else:
            raise SettingsError(f"{what} cannot be written as '{target.suffix}'", mend=f"use {source.suffix} or .csv")
    except OSError as problem:
        raise OutputError(
            f"{target} cannot be written: {problem.strerror or problem}", mend="name another --out"
        ) from problem
    return [f"wrote {target}"]


def _parquet_to_csv(source: Path, target: Path) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetFile(source) as file:
        write_csv(file.iter_batches(BATCH_ROWS), target, tuple(file.schema_arrow.names))


def file_names(names: Iterable[str]) -> Iterator[str]:
    """Names made safe for files: letters, digits, `_`, `-` and `.` only, none empty, none twice.

    >>> list(file_names(["rfm.segments", "../../etc/passwd", "a b", "a/b"]))
    ['rfm.segments', 'etc_passwd', 'a_b', 'a_b_2']
    """
    taken: set[str] = set()
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9_.-]+|\.{2,}", "_", name).strip("._-")[:80] or "table"
        unique, number = plain, 1
        while unique.lower() in taken:
            number += 1
            unique = f"{plain}_{number}"
        taken.add(unique.lower())
        yield unique


@dataclass(frozen=True)
class FilePlan:
    """Where in a run folder each thing is written: (analysis, name) → path within the folder."""

    tables: Mapping[tuple[str, str], str]
    charts: Mapping[tuple[str, str], str]
    audiences: Mapping[tuple[str, str], str]


def plan_files(results: Iterable[Result]) -> FilePlan:
    """The files of a run; the same results give the same names."""
    results = tuple(results)
    tables = [(one.analysis, table.name) for one in results for table in one.tables]
    charts = [(one.analysis, chart.name) for one in results for chart in one.charts]
    audiences = [(one.analysis, audience.name) for one in results for audience in one.audiences]
    return FilePlan(
        tables=_paths(tables, "tables", "parquet"),
        charts=_paths(charts, "charts", "svg"),
        audiences=_paths(audiences, "audiences", "csv"),
    )


def _paths(places: Iterable[tuple[str, str]], folder: str, ending: str) -> dict[tuple[str, str], str]:
    places = tuple(places)
    names = file_names(".".join(place) for place in places)
    return {place: f"{folder}/{name}.{ending}" for place, name in zip(places, names, strict=True)}
