"""`python -m benchmarks.cluster [--rows 20000]`: a Spark cluster loses a worker in the middle, and the figures stand.

A standalone master and two workers are started as processes of their own on the loopback address. The pipeline runs on
them; while a job is under way during the checks, one worker is killed together with its executor. At the end every
table of every analysis is compared with DuckDB's, value by value.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regulars import pipeline
from regulars.core.analysis import Registry
from regulars.demo.world import worlds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from regulars.core.config import Settings
    from regulars.engine.base import Engine

HERE = Path(__file__).parent
HOST = "127.0.0.1"
TOLERANCE = 1e-5
KILL_DURING = "checking"
"""The stage in which a worker dies: the tables are kept by then, and the summaries are still to be made."""


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody answers at a port."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def wait_until(what: str, holds: Any, seconds: float = 90) -> None:
    """Wait for something to become true."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            raise TimeoutError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.05)


@contextmanager
def process(role: str, *arguments: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A part of the cluster, in a process group of its own, so that what it starts ends with it."""
    import pyspark

    home = Path(pyspark.__file__).parent
    command = [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{role}", "--host", HOST, *arguments]
    with log.open("wb") as told:
        started = subprocess.Popen(
            command, stdout=told, stderr=told, start_new_session=True, env={**os.environ, "SPARK_HOME": str(home)}
        )
    try:
        yield started
    finally:
        end(started)


def end(started: subprocess.Popen[bytes]) -> None:
    """Kill a process and what it started."""
    try:
        os.killpg(started.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    started.wait()


@contextmanager
def cluster(folder: Path, memory: str) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A master and two workers of one core each; its address and the workers."""
    port = free_port()
    address = f"spark://{HOST}:{port}"
    with ExitStack() as stack:
        log = folder / "master.log"
        stack.enter_context(process("master.Master", "--port", str(port), "--webui-port", str(free_port()), log=log))
        wait_until("the master", lambda: listens(port))
        workers = []
        for number in (1, 2):
            work, log = folder / f"worker{number}", folder / f"worker{number}.log"
            options = ("--cores", "1", "--memory", memory, "--work-dir", str(work), "--webui-port", str(free_port()))
            workers.append(stack.enter_context(process("worker.Worker", *options, address, log=log)))
            wait_until("a worker", lambda log=log: b"successfully registered" in log.read_bytes().lower())
        yield address, workers


@dataclass
class Killer:
    """Kills a worker while a job is under way, once the stage has come."""

    engine: Engine
    worker: subprocess.Popen[bytes]
    began: float
    killed_after: float = 0.0
    jobs: list[int] = field(default_factory=list)
    executors: list[int] = field(default_factory=list)

    def told(self, stage: str) -> None:
        """Called with the name of each stage as it begins."""
        if stage == KILL_DURING and not self.killed_after:
            threading.Thread(target=self._kill, daemon=True).start()

    def count_executors(self) -> int:
        """How many executors the driver knows."""
        known = self.engine.session.sparkContext._jsc.sc().getExecutorMemoryStatus().size()  # type: ignore[attr-defined]
        return int(known) - 1  # the driver is among them

    def _kill(self) -> None:
        tracker = self.engine.session.sparkContext.statusTracker()  # type: ignore[attr-defined]
        wait_until("a job", tracker.getActiveJobsIds)
        self.jobs = list(tracker.getActiveJobsIds())
        self.executors.append(self.count_executors())
        end(self.worker)
        self.killed_after = time.perf_counter() - self.began


def tables_of(settings: Settings, engine: Engine, told: Any) -> dict[str, list[tuple[Any, ...]]]:
    """Every table of every analysis, its rows sorted."""
    registry = Registry.discover()
    data = pipeline.load_all(settings, engine, registry, told).data
    results, _, failed = pipeline.analyse(data, (), pipeline.Stages(told))
    if failed:
        raise SystemExit(f"failed on {engine.kind}: {failed}")
    found: dict[str, list[tuple[Any, ...]]] = {}
    for result in results:
        for table in result.tables:
            rows = table.data if table.is_arrow else engine.collect(table.data, 5_000_000)
            listed = [tuple(row.values()) for row in rows.to_pylist()]
            found[f"{result.analysis}.{table.name}"] = listed if table.is_arrow else sorted(listed, key=place)
    return found


def place(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Where a row is sorted: by what is no float first."""
    return tuple(str(value) for value in row if not isinstance(value, float)), tuple(
        float(f"{value:.6g}") for value in row if isinstance(value, float)
    )


def differing(rows: list[tuple[Any, ...]], twins: list[tuple[Any, ...]]) -> int:
    """How many values are not the same."""
    if len(rows) != len(twins):
        return max(len(rows), len(twins))
    return sum(
        not same(one, other)
        for row, twin in zip(rows, twins, strict=True)
        for one, other in zip(row, twin, strict=True)
    )


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same, floats to the tolerance."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(one == other)


def main() -> None:
    """Run, kill, compare, write."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.cluster")
    options.add_argument("--rows", type=int, default=20_000, help="purchase attempts of the demo world cinema")
    options.add_argument("--memory", default="1g", help="memory of each worker")
    asked = options.parse_args()
    os.environ["SPARK_LOCAL_IP"] = HOST
    with tempfile.TemporaryDirectory(prefix="cluster-") as scratch:
        folder = Path(scratch)
        worlds()["cinema"].write(folder / "world", rows=asked.rows)
        toml = folder / "world" / "regulars.toml"
        with pipeline.open_engine(pipeline.read_settings(toml)) as engine:
            right = tables_of(pipeline.read_settings(toml), engine, lambda _: None)
        with cluster(folder, asked.memory) as (address, workers):
            overrides = {"engine.kind": "spark", "engine.master": address, "engine.memory": "800MiB"}
            settings = pipeline.read_settings(toml, {**overrides, "engine.temporary_folder": str(folder)})
            began = time.perf_counter()
            with pipeline.open_engine(settings) as engine:
                killer = Killer(engine, workers[1], began)
                wait_until("both executors", lambda: killer.count_executors() == 2)
                found = tables_of(settings, engine, killer.told)
                killer.executors.append(killer.count_executors())
            seconds = time.perf_counter() - began
    if not killer.killed_after:
        raise SystemExit("no worker was killed: the run was over before a job was seen")
    wrong = {name: count for name in right if (count := differing(right[name], found.get(name, [])))}
    values = sum(len(row) for rows in right.values() for row in rows)
    text = report(asked.rows, killer, seconds, values, len(right), wrong)
    (HERE / "results" / "cluster.md").write_text(text, encoding="utf-8")
    print(text)
    sys.exit(1 if wrong else 0)


def report(rows: int, killer: Killer, seconds: float, values: int, tables: int, wrong: dict[str, int]) -> str:
    """What was done and found, as a table."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("pyspark", "ibis-framework", "duckdb", "pyarrow"))
    lines = {
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}",
        "versions": versions,
        "cluster": "a standalone master and two workers of one core, separate processes on loopback",
        "data": f"cinema, {rows:,} purchase attempts",
        "killed": f"one worker and its executor after {killer.killed_after:.1f} s, {len(killer.jobs)} job under way",
        "executors": f"{killer.executors[0]} before, {killer.executors[-1]} at the end",
        "whole run": f"{seconds:.1f} s",
        "compared with DuckDB": f"{values:,} values in {tables} tables of all analyses",
        "different": ", ".join(f"{name}: {count}" for name, count in wrong.items()) or "none",
    }
    head = "# A cluster that loses a worker\n\nWritten by `python -m benchmarks.cluster`.\n\n| | |\n|---|---|\n"
    return head + "".join(f"| {name} | {value} |\n" for name, value in lines.items())


if __name__ == "__main__":
    main()
