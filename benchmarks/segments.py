"""`python -m benchmarks.segments [--customers 578k 5M] [--no-peer]`: segments learnt, and everybody assigned.

Customers with thirteen features are drawn from eight kinds that overlap. Told are, each size in a process of its own:
what `segments` does (a sample, the evidence for two to ten segments, eight centres), everybody assigned inside the
engine, and the models alone on the array: five starts on 200,000 customers, and the nearest centre of each. Beside them
scikit-learn's k-means on the whole of the same array, and how much nearer its centres are. Writes
`benchmarks/results/segments.md`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import beside
from benchmarks.world import count

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
CACHE = HERE.parent / "runs" / "benchmark-data"
PEER_HOMES = HERE.parent / "runs" / "peers"
FEATURES, KINDS, BLOCK, ON_ARRAY = 13, 8, 250_000, 200_000
NAMES = tuple(f"feature_{place:02d}" for place in range(FEATURES))
PEER = beside.Peer("scikit-learn", "with_scikit_learn.py", "k-means with eight centres on all customers, one start")
TO_REACH = (
    "To reach, as measured elsewhere: 200,000 with five starts and everybody assigned in 5.2–5.6 s at either size; "
    "k-means on all 0.9 s at 578,000 and 5.1 s (1.1 GB) at 5.8 million."
)


def draw(folder: Path, customers: int, seed: int = 17) -> Path:
    """So many customers as Parquet and as one array of their features; written where they are not there yet."""
    if folder.exists():
        return folder
    part = folder.with_suffix(".part")
    part.mkdir(parents=True, exist_ok=True)
    centres = np.random.default_rng(seed).normal(0, 1.0, (KINDS, FEATURES))
    sizes = np.arange(KINDS, 0, -1) / np.arange(1, KINDS + 1).sum()
    whole = np.lib.format.open_memmap(part / "features.npy", "w+", np.float64, (customers, FEATURES))
    for start in range(0, customers, BLOCK):
        rng = np.random.default_rng([seed, start])
        size = min(BLOCK, customers - start)
        rows = centres[rng.choice(KINDS, size, p=sizes)] + rng.standard_normal((size, FEATURES))
        whole[start : start + size] = rows
        keys = np.arange(start, start + size)
        columns: dict[str, Any] = {
            "customer_key": keys,
            "customer_id": keys,
            "order_count": np.ones(size, dtype=np.int64),
        }
        columns |= {name: rows[:, place] for place, name in enumerate(NAMES)}
        pq.write_table(pa.table(columns), part / f"customers-{start:09d}.parquet", compression="zstd")
    whole.flush()
    part.rename(folder)
    return folder


# -- one measurement, in a process of its own ---------------------------------------------------------------


def measure(folder: Path, memory: str, kind: str) -> dict[str, Any]:
    """Seconds of every step by the clock and of the processors, answers, and the peak memory."""
    seconds: dict[str, tuple[float, float]] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        wall, processor = time.perf_counter(), time.process_time()
        made = work()
        seconds[name] = time.perf_counter() - wall, time.process_time() - processor
        print(f"{name:32s} {seconds[name][0]:8.2f} s wall {seconds[name][1]:8.2f} s processor", file=sys.stderr)
        return made

    answers = (_in_engine if kind == "engine" else _on_array)(folder, memory, timed)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"seconds": seconds, "answers": answers, "peak memory GB": peak}


def _in_engine(folder: Path, memory: str, timed: Callable[[str, Callable[[], Any]], Any]) -> dict[str, Any]:
    from regulars.core.config import EngineSettings, Settings
    from regulars.core.dataset import Dataset
    from regulars.engine.duckdb import DuckdbEngine
    from regulars.intake.summaries import EngineSummaries
    from regulars.methods import segmentation

    engine: Any = DuckdbEngine(EngineSettings(threads=2, memory=memory))
    settings = Settings()
    customers = engine.backend.read_parquet(str(folder / "customers-*.parquet"))
    summaries = EngineSummaries(engine, {"customers": customers}, settings.dataset, None)
    data = Dataset(engine=engine, settings=settings, tables={"customers": customers}, summaries=summaries,
                   features=(), as_of=None)  # fmt: skip
    # what any program pays once: imports
    segmentation.learn(data, customers.limit(1_000), segmentation.Plan(features=NAMES, most=2))
    timed("one scan", lambda: data.collect(customers.aggregate(**{name: customers[name].sum() for name in NAMES})))
    plan = segmentation.Plan(features=NAMES, count=KINDS)
    found = timed("learnt, with the evidence", lambda: segmentation.learn(data, customers, plan))
    assigned = timed("everybody assigned", lambda: data.persist(found.assign(customers), "segments_assigned"))
    told = {"customers": int(data.collect(assigned.count())[0][0].as_py())}
    engine.close()
    return told


def _on_array(folder: Path, _: str, timed: Callable[[str, Callable[[], Any]], Any]) -> dict[str, Any]:
    from regulars.models import clusters

    matrix = np.load(folder / "features.npy")
    clusters.find_centres(matrix[:1_000], 2, seed=7)
    starts = [np.random.default_rng(seed).permutation(len(matrix))[:ON_ARRAY] for seed in (7, 8)]
    centres = timed("five starts on 200,000", lambda: clusters.find_centres(matrix[starts[0]], KINDS, seed=7))
    blocks = range(0, len(matrix), BLOCK)

    def nearest(places: Any) -> Any:
        return np.concatenate([clusters.nearest(matrix[start : start + BLOCK], places) for start in blocks])

    labels = timed("nearest of all, on the array", lambda: nearest(centres))
    other = nearest(clusters.find_centres(matrix[starts[1]], KINDS, seed=8))
    total = sum(clusters.inertia(matrix[start : start + BLOCK], centres) for start in blocks)
    return {"inertia per customer": total / len(matrix), "stability": clusters.adjusted_rand(labels, other)}


# -- all of them ----------------------------------------------------------------------------------------------


def as_text(found: dict[str, dict[str, Any]]) -> str:
    """The figures as Markdown."""
    text = [
        "# Segments", "",
        f"`python -m benchmarks.segments`, {platform.machine()}, {os.cpu_count()} processors shared with other work, "
        f"Python {platform.python_version()}, DuckDB {version('duckdb')}, scikit-learn {version('scikit-learn')}; "
        f"{date.today().isoformat()}. {KINDS} segments of {FEATURES} features; seconds by the clock, and in brackets "
        "of the processors; engine, arrays and peer are processes of their own.", "",
        "| | " + " | ".join(found) + " |", "|---" * (len(found) + 1) + "|",
    ]  # fmt: skip
    steps = (
        ("engine", "one scan"), ("engine", "learnt, with the evidence"), ("engine", "everybody assigned"),
        ("array", "five starts on 200,000"), ("array", "nearest of all, on the array"), ("peer", "k-means"),
    )  # fmt: skip
    for part, step in steps:
        cells = []
        for told in found.values():
            pair = told.get(part, {}).get("seconds", {}).get(step)
            cells.append(f"{pair[0]:.2f} ({pair[1]:.2f})" if pair else "–")
        label = f"scikit-learn: {step} on all" if part == "peer" else step
        text.append(f"| {label} | " + " | ".join(cells) + " |")
    for part, label in (("engine", "engine"), ("array", "arrays"), ("peer", "scikit-learn")):
        cells = [
            f"{told[part]['peak memory GB']:.2f}" if "peak memory GB" in told.get(part, {}) else "–"
            for told in found.values()
        ]
        text.append(f"| peak memory GB, {label} | " + " | ".join(cells) + " |")
    for name, told in found.items():
        mine = told["array"]["answers"]
        beyond, again = "", f"two samples of {ON_ARRAY:,} give the same segments"
        if "answers" in told.get("peer", {}):
            theirs = told["peer"]["answers"]["inertia per customer"]
            beyond = f"{100 * (mine['inertia per customer'] / theirs - 1):+.2f} % against scikit-learn's on all; "
        text += ["", f"{name}: inertia per customer {mine['inertia per customer']:.4f}, {beyond}{again} with an "
                 f"adjusted Rand index of {mine['stability']:.3f}."]  # fmt: skip
    return "\n".join([*text, "", TO_REACH]) + "\n"


def main() -> None:
    """Measure what is asked for, and write it."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.segments")
    options.add_argument("--customers", nargs="*", default=["578k", "5M"])
    options.add_argument("--memory", default="8GB", help="the limit set for the engine")
    options.add_argument("--no-peer", action="store_true", help="leave scikit-learn on everybody out")
    options.add_argument("--only", nargs=2, default=(), help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.only:
        print(json.dumps(measure(Path(asked.only[0]), asked.memory, asked.only[1])))
        return
    kept = CACHE / "segments.json"
    found: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    for size in asked.customers:
        folder = draw(CACHE / f"segments-{size}", count(size))
        name = f"{size} customers"
        before = found.get(name, {})
        found[name] = {} if "peer" not in before else {"peer": before["peer"]}
        for kind in ("engine", "array"):
            command = [sys.executable, "-m", "benchmarks.segments", "--only", str(folder), kind]
            done = subprocess.run(
                [*command, "--memory", asked.memory], stdout=subprocess.PIPE, text=True, check=True, cwd=HERE.parent
            )
            found[name][kind] = json.loads(done.stdout.splitlines()[-1])
        if not asked.no_peer:
            found[name]["peer"] = beside.ask(PEER, HERE, PEER_HOMES, folder)
        kept.write_text(json.dumps(found))
    text = as_text(found)
    (HERE / "results" / "segments.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
