"""What the machine lacks is told in plain words."""

from __future__ import annotations

import pyarrow as pa
import pytest

from regulars.core.config import EngineSettings
from regulars.engine.duckdb import DuckdbEngine
from regulars.errors import BudgetError


def test_too_little_memory_is_told_with_its_mend() -> None:
    with DuckdbEngine(EngineSettings(memory="30MB", threads=1)) as engine:
        assert isinstance(engine, DuckdbEngine)
        engine.connection.execute("SET max_temp_directory_size = '1MB'")
        small = engine.bring(pa.table({"x": list(range(3000))}), "small")
        large = small.cross_join(small.view().rename(y="x"))
        with pytest.raises(BudgetError, match="more memory than it may take") as problem:
            engine.persist(large.mutate(text=large.x.cast("string") + large.y.cast("string")), "large")
        assert "temporary_folder" in str(problem.value)
