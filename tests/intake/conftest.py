from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from regulars.core.config import ReaderSettings, TableSettings
from regulars.intake import sources

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from regulars.engine.duckdb import DuckdbEngine
    from regulars.intake.sources import RawTable


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
