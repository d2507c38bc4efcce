"""`python -m benchmarks [--lines 2.4M …]`: the figures as tables in `benchmarks/results/`.

The unit is one scan: the time the engine takes to read and add up every column once, in the same process. Absolute
seconds depend on the machine and its neighbours.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

from benchmarks.lines import write_lines

HERE = Path(__file__).parent
CACHE = HERE.parent / "runs" / "benchmark-data"


def count(text: str) -> int:
    """2.4M, 100k or 5000 as a number."""
    scale = {"k": 1_000, "m": 1_000_000}.get(text[-1].lower(), 1)
    return int(float(text[:-1] if scale > 1 else text) * scale)


def lines_file(lines: int) -> Path:
    """The order lines of that size, written once."""
    path = CACHE / f"lines-{lines}.parquet"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        write_lines(part, lines)
        part.rename(path)
    return path


def measured(kind: str, path: Path, memory: str) -> dict[str, float]:
    """One measurement in its own process."""
    command = [sys.executable, "-m", "benchmarks.measure", kind, str(path), memory]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=HERE.parent)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def start_up() -> dict[str, float]:
    """Seconds, the median of five: importing the package, asking for help, one demo of the published size."""
    tool = str(Path(sys.executable).parent / "regulars")
    commands = {
        "import regulars": [sys.executable, "-c", "import regulars"],
        "python alone": [sys.executable, "-c", "pass"],
        "regulars --help": [tool, "--help"],
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
    subprocess.run(
        [tool, "demo", "--quiet", "--out", str(CACHE.parent / "benchmark-demo")], check=True, capture_output=True
    )
    return found | {"demo of 154,725 attempts, from generating to report": time.perf_counter() - began}


def main() -> None:
    """Measure and write."""
    options = argparse.ArgumentParser(prog="python -m benchmarks")
    options.add_argument("--lines", nargs="*", default=["2.4M"])
    options.add_argument("--memory", default="8GB")
    asked = options.parse_args()
    names = ("regulars", "duckdb", "ibis-framework", "pyarrow", "numpy")
    results: dict[str, object] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}",
        "versions": {name: version(name) for name in names},
        "start": start_up(),
    }
    for size in asked.lines:
        path = lines_file(count(size))
        results[f"summaries and analyses, {size} lines"] = measured("summaries", path, asked.memory)
        results[f"whole run, {size} lines"] = measured("run", path, asked.memory)
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "latest.json").write_text(json.dumps(results, indent=1) + "\n")
    text = as_text(results)
    (HERE / "results" / "latest.md").write_text(text)
    print(text)


def as_text(results: dict[str, object]) -> str:
    """The results as Markdown tables; where there is a scan, also as multiples of it."""
    lines = ["# Benchmarks", "", f"{results['machine']}; {results['versions']}", ""]
    for title, found in results.items():
        if not isinstance(found, dict) or title == "versions":
            continue
        scan = found.get("scan")
        lines += [
            f"## {title}",
            "",
            "| stage | seconds |" + (" scans |" if scan else ""),
            "|---|---|" + ("---|" if scan else ""),
        ]
        for name, value in found.items():
            if name == "peak memory GB":
                lines.append(f"| {name} | {value:.2f} |" + (" |" if scan else ""))
            else:
                lines.append(f"| {name} | {value:.2f} |" + (f" {value / scan:.1f} |" if scan else ""))
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
