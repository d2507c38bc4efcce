"""One measurement in a process of its own, so that its peak memory is its own: prints one line of JSON.

`summaries`: the shared summaries and every analysis that needs nothing but order lines, from integer-keyed Parquet.
`run`: the whole run, from the settings of the world to the report, by stage.
`beside`: what other tools are compared with, each from the files on, with the answers that both must give.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from regulars.core.dataset import Dataset
    from regulars.intake.summaries import EngineSummaries

LAST_DAY = date(2024, 12, 31)
COLUMNS = (
    "order_id",
    "customer_id",
    "ordered_at",
    "product_id",
    "quantity",
    "unit_price",
    "amount",
    "paid",
    "store_id",
)
SUMMARIES = ("orders", "customer_days", "customers")
PEAK = "peak memory GB"
DISK = "temporary disk GB"


Took = tuple[float, float]
"""Seconds on the clock, and of the processors (all threads): the latter hold on a machine with other work, too."""


def now() -> Took:
    """Both clocks."""
    return time.perf_counter(), time.process_time()


def since(began: Took) -> Took:
    """What both clocks have moved."""
    ended = now()
    return ended[0] - began[0], ended[1] - began[1]


def timed(work: Callable[[], object], rounds: int = 1) -> Took:
    """The quickest of so many rounds, by either clock."""
    took = []
    for _ in range(rounds):
        began = now()
        work()
        took.append(since(began))
    return min(one[0] for one in took), min(one[1] for one in took)


@dataclass(frozen=True)
class Opened:
    """The order lines, the engine on them, and summaries of which none is made yet."""

    engine: Any
    settings: Any
    lines: Any
    summaries: EngineSummaries

    def scan(self) -> Took:
        """What it takes to read and add up the needed columns once."""
        lines = self.lines
        sums = {name: lines[name].max() if name == "ordered_at" else lines[name].sum() for name in COLUMNS}
        took = timed(lambda: self.engine.collect(lines.aggregate(**sums), 1), rounds=5)
        # the first array that leaves Arrow for NumPy imports pandas, where there is one: that is no part of a stage
        self.engine.collect(lines.select("order_id").limit(1), 1)["order_id"].to_numpy()
        return took

    def dataset(self) -> Dataset:
        """The Dataset; asks for the customer view."""
        from regulars.core.dataset import Dataset

        return Dataset(
            engine=self.engine,
            settings=self.settings,
            tables={"lines": self.lines},
            summaries=self.summaries,
            features=self.summaries.features,
            as_of=LAST_DAY,
        )


@contextmanager
def opened(folder: Path, memory: str) -> Iterator[Opened]:
    """The order lines alone, nine columns of them, read where they are."""
    from regulars import pipeline
    from regulars.core.config import parse
    from regulars.intake.summaries import EngineSummaries

    source = str(folder / "lines-*.parquet")
    mapping = {"lines": {"source": source, "columns": {name: name for name in COLUMNS}}}
    written = {"dataset": {"currency": "GBP"}, "engine": {"memory": memory}, "tables": mapping}
    settings = parse(written, [], folder=folder)
    with pipeline.open_engine(settings) as engine:
        lines = engine.backend.read_parquet(source).select(*COLUMNS)  # type: ignore[attr-defined]
        yield Opened(engine, settings, lines, EngineSummaries(engine, {"lines": lines}, settings.dataset, LAST_DAY))


class TimedAnalysis:
    """An analysis that remembers how long its `provide` took."""

    def __init__(self, analysis: Any, found: dict[str, Took]) -> None:
        self._analysis, self._found = analysis, found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._analysis, name)

    def provide(self, data: Dataset) -> Any:
        """As the analysis, timed."""
        began = now()
        view = self._analysis.provide(data)
        self._found[f"columns of {self._analysis.name}"] = since(began)
        return view


class Told(dict[str, Any]):
    """Figures that are told as they come, since the larger sizes take their time."""

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        print(json.dumps({name: value}), file=sys.stderr, flush=True)


TABLE_ANALYSES = ("overview", "cohorts", "lifecycle", "rfm")
"""Analyses that are sums over the shared summaries, without a fitted model; they come first."""


def summaries_and_analyses(folder: Path, memory: str, *, with_models: bool = True) -> dict[str, Any]:
    """One scan; the shared summaries; every analysis that needs nothing but lines; the peak memory.

    Args:
        folder: Where the lines are.
        memory: The limit set for the engine.
        with_models: Whether the other analyses, and the columns they provide, are measured after those of tables.
    """
    found: dict[str, Any] = Told()
    with opened(folder, memory) as start:
        found["scan"] = start.scan()
        began = now()
        for name in SUMMARIES:
            found[name] = timed(lambda name=name: start.summaries.get(name))  # type: ignore[misc]
        found["summaries"] = since(began)
        data = start.dataset()
        for name in TABLE_ANALYSES:
            found[name] = timed(lambda name=name: data.registry.make(name, {}).run(data))  # type: ignore[misc]
        found["summaries and analyses of tables"] = since(began)
        if with_models:
            _measure_models(data, found)
            found["all"] = since(began)
        found |= peak()
    return found


def _measure_models(data: Dataset, found: dict[str, Any]) -> None:
    analyses = data.registry.make_all({})
    provided: dict[str, Took] = {}
    watched: Any = [TimedAnalysis(analysis, provided) for analysis in analyses]
    found["provided columns"] = timed(lambda: data.provide(watched))
    found |= provided
    for analysis in analyses:
        if analysis.name not in TABLE_ANALYSES and not analysis.is_moot(data) and not data.missing(analysis.needs):
            found[analysis.name] = timed(lambda analysis=analysis: analysis.run(data))  # type: ignore[misc]


def tables(folder: Path, memory: str) -> dict[str, Any]:
    """The summaries and the analyses of tables alone."""
    return summaries_and_analyses(folder, memory, with_models=False)


def whole_run(folder: Path, memory: str) -> dict[str, Any]:
    """The whole run from Parquet to the report, by stage."""
    from regulars import pipeline

    with tempfile.TemporaryDirectory(dir=folder.parent) as out, _watched(Path(out) / "temporary") as most:
        began = now()
        engine = {"engine.memory": memory, "engine.temporary_folder": str(Path(out) / "temporary")}
        done = pipeline.run(pipeline.read_settings(folder / "regulars.toml", engine), Path(out) / "runs")
        found: dict[str, Any] = {stage: (seconds, None) for stage, seconds in done.view.timings.items()}
        found["all"] = since(began)
        for failed in done.view.failed:
            print(f"{failed.analysis}: {failed.message}", file=sys.stderr)
    return found | peak() | {DISK: max(most) / 2**30}


@contextmanager
def _watched(folder: Path) -> Iterator[list[int]]:
    """Sizes of what lies in a folder in bytes, taken every second."""
    folder.mkdir()
    sizes, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(1):
            with suppress(FileNotFoundError):  # gone while it was looked at
                sizes.append(sum(path.stat().st_blocks * 512 for path in folder.rglob("*")))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield sizes
    finally:
        done.set()
        watcher.join()


def peak() -> dict[str, float]:
    """The most memory that this process has held."""
    return {PEAK: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}


def main() -> None:
    """Measure what is asked for."""
    from benchmarks import beside

    kinds: dict[str, Callable[[Path, str], Any]] = {
        "tables": tables,
        "summaries": summaries_and_analyses,
        "run": whole_run,
        "beside": beside.regulars,
    }
    kind, folder, memory = sys.argv[1:4]
    print(json.dumps(kinds[kind](Path(folder), memory)))


if __name__ == "__main__":
    main()
