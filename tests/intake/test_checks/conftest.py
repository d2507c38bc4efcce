from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from regulars.core.config import parse
from regulars.core.contract import CONTRACT
from regulars.intake.checks import running as checks
from regulars.intake.ingest import ingest, whole_number_domains
from regulars.intake.reshape import reshape
from regulars.intake.statuses import with_success
from regulars.intake.summaries import span
from regulars.intake.survey import survey

if TYPE_CHECKING:
    from collections.abc import Callable

    from regulars.core.quality import CheckResult
    from regulars.engine.duckdb import DuckdbEngine

Rows = Sequence[Mapping[str, object]]


def _context(engine: DuckdbEngine, tables: Mapping[str, Rows], **sections: Any) -> checks.Context:
    """Small tables, read as text; columns of the contract are mapped under their own names, others are left out."""
    raw = {"dataset": sections.pop("dataset", {}), "checks": sections.pop("checks", {}), "tables": {}}
    for name, rows in tables.items():
        extra = {"source": f"{name}.csv", **sections.get(name, {})}
        names = list(dict.fromkeys(key for row in rows for key in row))
        known = {key: key for key in names if key in CONTRACT[name].names}
        raw["tables"][name] = {"columns": known, **extra}
    made = parse(raw, [], folder=Path())
    surveys = {}
    for name, rows in tables.items():
        names = list(dict.fromkeys(key for row in rows for key in row))
        texts = {key: [None if row.get(key) is None else str(row[key]) for row in rows] for key in names}
        arrow = pa.table({key: pa.array(values, pa.string()) for key, values in texts.items()})
        arrow = arrow.append_column("_source", pa.array([f"{name}.csv"] * len(rows)))
        arrow = arrow.append_column("_row", pa.array(range(1, len(rows) + 1), pa.int64()))
        brought = reshape(engine.bring(arrow, f"raw_{name}"), made.tables[name], name, engine.functions)
        surveys[name] = survey(
            name,
            made.tables[name],
            brought,
            sources=(f"{name}.csv",),
            is_text=True,
            dataset=made.dataset,
            engine=engine,
        )
    whole = whole_number_domains(surveys)
    read = {name: ingest(one, whole, made.dataset, engine, engine.functions) for name, one in surveys.items()}
    accepted = {name: table.rows for name, table in read.items()}
    as_of = span(engine, accepted.get("orders", accepted.get("lines"))).last
    if made.dataset.as_of != "last_order":
        as_of = date.fromisoformat(made.dataset.as_of)
    if "statuses" in accepted:
        accepted["statuses"] = with_success(accepted["statuses"], made.tables["statuses"])
    return checks.Context(tables=read, rows=accepted, settings=made, as_of=as_of, engine=engine)


def _check(engine: DuckdbEngine, tables: Mapping[str, Rows], **sections: Any) -> dict[str, list[CheckResult]]:
    """What the checks find, by name; findings that nothing is amiss are left out."""
    found: dict[str, list[CheckResult]] = {}
    for result in checks.run(_context(engine, tables, **sections)):
        if result.rows or result.check.startswith("lacks_"):
            found.setdefault(result.check, []).append(result)
    return found


@pytest.fixture
def context() -> Callable[..., checks.Context]:
    """Small tables made ready for the checks."""
    return _context


@pytest.fixture
def check() -> Callable[..., dict[str, list[CheckResult]]]:
    """What the checks find in small tables."""
    return _check
