"""One measurement in a process of its own, so that its peak memory is its own: prints one line of JSON."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LAST_DAY = date(2022, 12, 31)
COLUMNS = ("order_id", "customer_id", "product_id", "quantity", "unit_price", "amount", "paid", "store_id")


def timed(work: Callable[[], object], rounds: int = 1) -> float:
    """Seconds of the quickest of so many rounds."""
    best = float("inf")
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best


def summaries_and_analyses(path: Path, memory: str) -> dict[str, float]:
    """One scan; the shared summaries; every analysis that needs nothing but lines; the peak memory."""
    from regulars import pipeline
    from regulars.core.config import parse
    from regulars.core.dataset import Dataset
    from regulars.intake.summaries import EngineSummaries

    settings = parse(
        {
            "dataset": {"currency": "EUR"},
            "engine": {"memory": memory},
            "tables": {"lines": {"source": str(path), "columns": {name: name for name in (*COLUMNS, "ordered_at")}}},
        },
        [],
        folder=path.parent,
    )
    found: dict[str, float] = {}
    with pipeline.open_engine(settings) as engine:
        lines = engine.backend.read_parquet(path)
        sums = {name: lines[name].sum() for name in COLUMNS} | {"ordered_at": lines.ordered_at.max()}
        found["scan"] = timed(lambda: engine.collect(lines.aggregate(**sums), 1), rounds=5)
        began = time.perf_counter()
        made = EngineSummaries(engine, {"lines": lines}, settings.dataset, LAST_DAY)
        for name in ("orders", "customer_days", "customers"):
            found[name] = timed(lambda name=name: made.get(name))  # type: ignore[misc]
        found["summaries"] = sum(found[name] for name in ("orders", "customer_days", "customers"))
        data = Dataset(
            engine=engine,
            settings=settings,
            tables={"lines": lines},
            summaries=made,
            features=made.features,
            as_of=LAST_DAY,
        )
        found["provided columns"] = timed(lambda: data.provide(data.registry.make_all({})))
        for analysis in data.registry.make_all({}):
            if not analysis.is_moot(data) and not data.missing(analysis.needs):
                found[analysis.name] = timed(lambda analysis=analysis: analysis.run(data))  # type: ignore[misc]
        found["all"] = time.perf_counter() - began
    found["peak memory GB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return found


def whole_run(path: Path, memory: str) -> dict[str, float]:
    """The whole run from Parquet to the report, by stage."""
    from regulars import pipeline

    columns = ", ".join(f'{name} = "{name}"' for name in (*COLUMNS, "ordered_at"))
    with tempfile.TemporaryDirectory() as folder:
        toml = Path(folder) / "regulars.toml"
        toml.write_text(
            f'[dataset]\ncurrency = "EUR"\n[engine]\nmemory = "{memory}"\n[tables.lines]\nsource = "{path}"\n'
            f"columns = {{ {columns} }}\n"
        )
        began = time.perf_counter()
        done = pipeline.run(pipeline.read_settings(toml), Path(folder) / "runs")
        found = dict(done.view.timings) | {"all": time.perf_counter() - began}
    found["peak memory GB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return found


if __name__ == "__main__":
    kind, source, limit = sys.argv[1:4]
    work = {"summaries": summaries_and_analyses, "run": whole_run}[kind]
    print(json.dumps(work(Path(source), limit)))
