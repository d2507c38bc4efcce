"""`python -m benchmarks.dashboard [--lines 2.4M]`: how long a filter takes, with one and with eight users.

Every request asks for another combination of filters, so that no answer was kept from before. The server is a process
of its own on this machine; nothing else is asked. Beside the clock stands the processor time of the server per request,
which holds on a machine with other work, too.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import re
import statistics
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from benchmarks.world import count, shop_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

REQUESTS, USERS, SEED = 120, 8, 7
HERE = Path(__file__).parent
CACHE = HERE.parent / "runs" / "benchmark-data"
TICKS = os.sysconf("SC_CLK_TCK")
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # this machine and no proxy


def run_folder(lines: str) -> Path:
    """A run over that many lines, made once."""
    from regulars import pipeline
    from regulars.present.run_folder import latest_run

    CACHE.mkdir(parents=True, exist_ok=True)
    folder = shop_folder(count(lines), CACHE)
    runs = folder.parent / f"dashboard-{lines}"
    found = latest_run(runs)
    return (
        found or pipeline.run(pipeline.read_settings(folder / "regulars.toml"), runs, only=["overview", "rfm"]).folder
    )


class Server:
    """The dashboard in a process of its own."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "benchmarks.dashboard", "--serve", str(folder)]
        began = time.perf_counter()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE.parent)
        assert self.process.stdout is not None
        self.address = re.sub(r"^dashboard: |/$", "", self.process.stdout.readline().strip())
        assert self.address.startswith("http://127.0.0.1:")
        self.get("/static/icon.svg")
        self.seconds_to_start = time.perf_counter() - began

    def get(self, path: str) -> tuple[float, int]:
        """Milliseconds and bytes of one answer."""
        began = time.perf_counter()
        with OPENER.open(self.address + path, timeout=60) as answer:
            size = len(answer.read())
        return 1000 * (time.perf_counter() - began), size

    def processor_ms(self) -> float:
        """Processor time of the server so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return 1000 * (int(fields[11]) + int(fields[12])) / TICKS

    def memory_mb(self) -> float:
        """Memory that the server holds."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024  # type: ignore[union-attr]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


def addresses(folder: Path, measure: str) -> list[str]:
    """Different combinations of filters, in an order of chance that is the same every time."""
    from regulars.engine.run_reader import RunReader
    from regulars.present.dashboard.filters import choices
    from regulars.present.dashboard.saved_run import open_run

    run = open_run(folder, RunReader)
    there = choices(run)
    run.close()
    one_each = [[[], *([(name, value)] for value in values[:8])] for name, values in there.labels.items()]
    starts = [[], *([("from", month)] for month in there.months[:: max(1, len(there.months) // 12)])]
    found = [list(itertools.chain(*parts)) for parts in itertools.product(*one_each, starts)]
    random.Random(SEED).shuffle(found)
    return [f"/?{urlencode([*pairs, ('measure', measure)])}" for pairs in found if pairs]


def told(server: Server, asked: list[str], each: Callable[..., Iterable[tuple[float, int]]]) -> dict[str, float]:
    """How long the answers took, and what each cost the server."""
    before = server.processor_ms()
    milliseconds = [one[0] for one in each(server.get, asked)]
    return {
        "median ms": round(statistics.median(milliseconds), 1),
        "p95 ms": round(statistics.quantiles(milliseconds, n=20)[-1], 1),
        "requests": len(milliseconds),
        "processor ms a request": round((server.processor_ms() - before) / len(milliseconds), 1),
    }


def measured(folder: Path) -> dict[str, object]:
    """Everything, of one run."""
    server = Server(folder)
    try:
        first = [
            server.get(path) for path in ("/", "/static/report.css", "/static/dashboard.css", "/static/dashboard.js")
        ]
        found: dict[str, object] = {
            "seconds to start": round(server.seconds_to_start, 2),
            "first page ms": round(sum(one[0] for one in first), 1),
            "first page kB without Vega": round(sum(one[1] for one in first) / 1000),
        }
        for measure in ("revenue", "customers"):
            asked = addresses(folder, measure)
            alone, together = asked[:REQUESTS], asked[REQUESTS : 2 * REQUESTS]
            with ThreadPoolExecutor(USERS) as users:
                found[f"one user, {measure}"] = told(server, alone, map)
                found[f"{USERS} users, {measure}"] = told(server, together, users.map)
        found["server MB"] = round(server.memory_mb())
    finally:
        server.stop()
    return found


def main() -> None:
    """Measure, or be the server that is measured."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.dashboard")
    options.add_argument("--lines", default="2.4M")
    options.add_argument("--serve", type=Path)
    options.add_argument("--run", type=Path)
    asked = options.parse_args()
    if asked.serve:
        from regulars import pipeline

        pipeline.serve(asked.serve, {"port": 0}, lambda address: print(f"dashboard: {address}", flush=True))
        return
    folder = asked.run or run_folder(asked.lines)
    found = {"lines": asked.lines, "load of the machine before": round(os.getloadavg()[0], 1), **measured(folder)}
    text = json.dumps(found, indent=1)
    (HERE / "results" / "dashboard.json").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
