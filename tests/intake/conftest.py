from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from regulars.core.config import DatasetSettings, ReaderSettings, TableSettings
from regulars.core.contract import CONTRACT
from regulars.intake.ingest import ingest, whole_number_domains
from regulars.intake.reshape import reshape
from regulars.intake.sources import raw_table as sources
from regulars.intake.survey import survey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from regulars.engine.duckdb import DuckdbEngine
    from regulars.intake.sources.raw_table import RawTable


class Opened:
    """A raw table, and its rows as plain Python values."""

    def __init__(self, raw: RawTable, engine: Any) -> None:
        self.raw = raw
        self.engine = engine

    def rows(self, *columns: str) -> list[tuple[Any, ...]]:
        found = self.engine.collect(self.raw.rows.select(*(columns or self.raw.columns)), 10_000_000)
        return list(zip(*(column.to_pylist() for column in found.columns), strict=True))

    @property
    def count(self) -> int:
        return int(self.engine.collect(self.raw.rows.count(), 1).column(0)[0].as_py())

    @property
    def notes(self) -> dict[str, str]:
        return {note.check: note.sentence for note in self.raw.notes}


@pytest.fixture
def opened(engine: DuckdbEngine, tmp_path: Path) -> Callable[..., Opened]:
    """Opens sources below the test's own folder."""

    def open_sources(*source: str, folder: Path = tmp_path, canonical: str = "lines", **reader: Any) -> Opened:
        settings = TableSettings(source=source, reader=ReaderSettings(**reader))
        return Opened(sources.open_table(canonical, settings, folder, engine), engine)

    return open_sources


class Taken:
    """A table read from plain Python values, and what became of its rows."""

    def __init__(self, ingested: Any, engine: Any) -> None:
        self.ingested = ingested
        self.engine = engine
        self.account = ingested.account
        self.reasons = dict(ingested.account.reasons)
        self.repairs = dict(ingested.account.repairs)
        self.told = [note.sentence for note in ingested.checks]
        self.notes = {note.check: note.sentence for note in ingested.checks}

    def rows(self, table: Any = None) -> list[dict[str, Any]]:
        shown = self.ingested.numbered if table is None else table
        found: list[dict[str, Any]] = self.engine.collect(shown.order_by("_source", "_row"), 100_000).to_pylist()
        return found

    def values(self, column: str) -> list[Any]:
        return [row[column] for row in self.rows()]

    @property
    def quarantine(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.engine.collect(self.ingested.set_aside, 100_000).to_pylist()
        return found


@pytest.fixture
def surveyed(engine: DuckdbEngine) -> Callable[..., Any]:
    """Looks at a table given as columns of plain values; those with canonical names are mapped to them."""
    import pyarrow as pa

    def look(
        table: str,
        rows: Mapping[str, Sequence[Any]] | pa.Table,
        *,
        columns: Mapping[str, str] | None = None,
        files: Sequence[str] | None = None,
        dataset: DatasetSettings | None = None,
        is_text: bool = True,
        **settings: Any,
    ) -> Any:
        given = (
            rows if isinstance(rows, pa.Table) else pa.table({name: pa.array(list(one)) for name, one in rows.items()})
        )
        files = files or ["a.csv"] * given.num_rows
        given = given.append_column("_source", pa.array(files, pa.string()))
        given = given.append_column(
            "_row", pa.array([files[:place].count(one) + 1 for place, one in enumerate(files)], pa.int64())
        )
        if columns is None:
            columns = {name: name for name in given.column_names if CONTRACT[table].column(name)}
        wanted = TableSettings(source=tuple(dict.fromkeys(files)) or ("a.csv",), columns=dict(columns), **settings)
        raw = engine.bring(given, f"raw_{table}")
        return survey(
            table, wanted, reshape(raw, wanted, table, engine.functions),
            sources=wanted.source, is_text=is_text, dataset=dataset or DatasetSettings(), engine=engine,
        )  # fmt: skip

    return look


@pytest.fixture
def taken(engine: DuckdbEngine, surveyed: Callable[..., Any]) -> Callable[..., Taken]:
    """Reads a table given as columns of plain values."""

    def take(
        table: str, rows: Any, *, as_of: date | None = None, dataset: DatasetSettings | None = None, **how: Any
    ) -> Taken:
        found = surveyed(table, rows, dataset=dataset, **how)
        whole = whole_number_domains({table: found})
        return Taken(ingest(found, whole, dataset or DatasetSettings(), engine, engine.functions, as_of), engine)

    return take
