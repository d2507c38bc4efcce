"""`python -m benchmarks [--lines 2.4M 24M 100M] [--peers] [--memory 8GB]`: the figures, as tables and pictures.

The unit is one scan: the time the engine takes to read and add up every needed column once, in the same process.
Absolute seconds depend on the machine and its neighbours. What is measured replaces what stood for the same size in
`benchmarks/results/`; the rest stays, with its own date.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import beside, report
from benchmarks.world import count, shop_folder

HERE = Path(__file__).parent
CACHE = HERE.parent / "runs" / "benchmark-data"
PEER_HOMES = HERE.parent / "runs" / "peers"
VERSIONS = ("regulars", "duckdb", "ibis-framework", "pyarrow", "numpy", "scikit-learn")


def measured(kind: str, folder: Path, memory: str) -> dict[str, Any]:
    """One measurement in its own process."""
    command = [sys.executable, "-m", "benchmarks.measure", kind, str(folder), memory]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=HERE.parent)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def start_up() -> dict[str, float]:
    """Seconds, the median of five: importing the package, asking for help, one demo of the published size."""
    tool = str(Path(sys.executable).parent / "regulars")
    commands = {
        "python alone": [sys.executable, "-c", "pass"],
        "import regulars": [sys.executable, "-c", "import regulars"],
        "regulars --help": [tool, "--help"],
        "regulars list": [tool, "list"],
    }
    found = {}
    for name, command in commands.items():
        seconds = []
        for _ in range(5):
            began = time.perf_counter()
            subprocess.run(command, capture_output=True, check=True)
            seconds.append(time.perf_counter() - began)
        found[name] = sorted(seconds)[2]
    began = time.perf_counter()
    demo = [tool, "demo", "--quiet", "--out", str(CACHE.parent / "benchmark-demo")]
    subprocess.run(demo, check=True, capture_output=True)
    return found | {"demo of 154,725 attempts, from generating to report": time.perf_counter() - began}


def peers(folder: Path, memory: str, only: list[str]) -> dict[str, Any]:
    """Every peer on the same files, beside the same tasks here."""
    ours = measured("beside", folder, memory)
    found: dict[str, Any] = {"regulars": ours}
    for peer in beside.PEERS:
        if only and peer.name not in only:
            continue
        print(f"beside {peer.name} …", file=sys.stderr)
        told = beside.ask(peer, HERE, PEER_HOMES, folder)
        if "answers" in told:
            told["differing"] = beside.differing(ours["answers"], told["answers"])
            told["compared"] = sorted(ours["answers"].keys() & told["answers"].keys())
        found[peer.name] = told
    return found


def main() -> None:
    """Measure and write."""
    options = argparse.ArgumentParser(prog="python -m benchmarks")
    options.add_argument("--lines", nargs="*", default=["2.4M"], help="sizes, as in 2.4M")
    options.add_argument("--memory", default="8GB", help="the limit set for the engine")
    options.add_argument("--data", type=Path, default=CACHE, help="folder for the generated data")
    options.add_argument("--peers", nargs="*", help="compare with other tools (all, or those named) at the first size")
    options.add_argument(
        "--parts", nargs="*", default=["start", "summaries", "run"], help="start, tables, summaries, run"
    )
    asked = options.parse_args()
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    kept = results / "latest.json"
    found: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    about = {
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}",
        "load": round(os.getloadavg()[0], 1),
        "versions": {name: version(name) for name in VERSIONS},
    }
    if "start" in asked.parts:
        found["start"] = about | {"seconds": start_up()}
    for size in asked.lines:
        print(f"{size} lines: data …", file=sys.stderr)
        folder = shop_folder(count(size), asked.data)
        for kind in ("tables", "summaries", "run"):
            if kind in asked.parts:
                print(f"{size} lines: {kind} …", file=sys.stderr)
                seconds = measured(kind, folder, asked.memory)
                found.setdefault("summaries" if kind == "tables" else kind, {})[size] = about | {
                    "memory": asked.memory,
                    "seconds": seconds,
                }
    if asked.peers is not None:
        size = asked.lines[0]
        told = peers(shop_folder(count(size), asked.data), asked.memory, asked.peers)
        before = found.get("peers", {}).get("found", {}) if found.get("peers", {}).get("size") == size else {}
        found["peers"] = about | {"size": size, "found": before | told}
    kept.write_text(json.dumps(found, indent=1) + "\n")
    text = report.as_text(found)
    (results / "latest.md").write_text(text)
    report.draw(found, results)
    print(text)


if __name__ == "__main__":
    main()
