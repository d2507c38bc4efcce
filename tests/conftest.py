"""What the tests share: the real data sets, read in place, and an open engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from regulars.engine.duckdb import DuckdbEngine

DATASETS = Path(__file__).parent.parent.parent / "shared" / "datasets"


@pytest.fixture(scope="session")
def datasets() -> Path:
    """The folder of real data sets."""
    if not DATASETS.is_dir():
        pytest.skip("the real data sets (../shared/datasets) are not here")
    return DATASETS


@pytest.fixture
def engine() -> Iterator[DuckdbEngine]:
    """An open DuckDB engine of small means."""
    from regulars.core.config import EngineSettings
    from regulars.engine.duckdb import DuckdbEngine

    with DuckdbEngine(EngineSettings(memory="2GB", threads=2)) as opened:
        yield opened  # type: ignore[misc]
