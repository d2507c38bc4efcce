"""`python -m benchmarks.value [--customers 5M]`: BG/NBD over counted cells, from customers to the fit and the scores.

The customers are drawn from known parameters and kept as the customer view keeps them (visits, active days, tenure in
days). Told are the scan of their columns, the counting into cells, the fit and the scores of all customers; beside them
lifetimes on the same customers, where a Python that has it (and pyarrow) is named (`--peer PYTHON`).
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.world import count

TRUTH = {"r": 0.6, "alpha": 60.0, "a": 0.8, "b": 2.5}
LONGEST_DAYS = 1460
HORIZON_DAYS = 365.0

PEER = """
import sys, time
import pyarrow.parquet as pq
import numpy as np
np.math = __import__("math")  # lifetimes 0.11 was written for older NumPy
rows = pq.read_table(sys.argv[1])
names = ("visit_day_count", "active_days", "tenure_days")
visits, active, tenure = (rows[name].to_numpy().astype(float) for name in names)
from lifetimes import BetaGeoFitter
began = time.perf_counter()
fit = BetaGeoFitter().fit(visits - 1, active, tenure)
print(time.perf_counter() - began, *(float(fit.params_[name]) for name in ("r", "alpha", "a", "b")))
"""


def draw(path: Path, customers: int, seed: int = 5, block: int = 500_000) -> None:
    """Customers of the known process, block by block."""
    writer: pq.ParquetWriter | None = None
    for start in range(0, customers, block):
        size = min(block, customers - start)
        rng = np.random.default_rng([seed, start])
        tenure = rng.integers(30, LONGEST_DAYS, size).astype(float)
        rate = rng.gamma(TRUTH["r"], 1 / TRUTH["alpha"], size)
        leaves = rng.beta(TRUTH["a"], TRUTH["b"], size)
        visits, last, now = np.ones(size), np.zeros(size), np.zeros(size)
        active = np.arange(size)
        while active.size:
            now[active] += rng.exponential(1 / np.maximum(rate[active], 1e-12))
            active = active[now[active] <= tenure[active]]
            visits[active] += 1
            last[active] = now[active]
            active = active[rng.random(active.size) >= leaves[active]]
        columns = {"visit_day_count": visits, "active_days": np.floor(last), "tenure_days": tenure}
        table = pa.table(
            {"customer_key": np.arange(start, start + size)}
            | {name: values.astype(np.int64) for name, values in columns.items()}
            | {"revenue_total": np.round(visits * rng.gamma(6.0, 5.0, size), 2)}
        )
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    if writer is not None:
        writer.close()


def measure(path: Path) -> dict[str, Any]:
    """Seconds of each step, and the parameters."""
    from regulars.core.config import EngineSettings
    from regulars.engine.duckdb import DuckdbEngine
    from regulars.measures import btyd_cells
    from regulars.models.bg_nbd import BgNbd
    from regulars.models.cells import Cells

    found: dict[str, Any] = {}

    def timed(name: str, work: Any) -> Any:
        began = time.perf_counter()
        answer = work()
        found[name] = time.perf_counter() - began
        return answer

    with DuckdbEngine(EngineSettings(memory="8GB")) as engine:
        customers = engine.backend.read_parquet(path)
        sums = customers.aggregate(**{name: customers[name].sum() for name in (*btyd_cells.KEYS, "revenue_total")})
        timed("scan, cold", lambda: engine.collect(sums, 1))
        timed("scan", lambda: engine.collect(sums, 1))
        buyers = btyd_cells.buyers(customers)
        rows = timed("counting", lambda: engine.collect(btyd_cells.order_cells(buyers), 50_000_000))
        visits, active, tenure, weight = (rows[name].to_numpy() for name in (*btyd_cells.KEYS, "customers"))
        cells = Cells(visits - 1, active, tenure, weight, "day")
        found["cells"] = rows.num_rows
        fit = timed("fit by day", lambda: BgNbd().fit(cells))
        found["parameters"] = dict(fit.parameters)
        scores = timed("scores of the cells", lambda: fit.predict_orders(*cells.history, HORIZON_DAYS))
        keys = {name: rows[name] for name in btyd_cells.KEYS}
        told = engine.bring(pa.table({**keys, "expected_orders": scores}), "scores")
        timed(
            "scores to every customer",
            lambda: engine.persist(btyd_cells.with_scores(customers, told, ("expected_orders",)), "scored"),
        )
    found["peak memory GB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return found


def main() -> None:
    """Draw, measure, print."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.value")
    options.add_argument("--customers", nargs="*", default=["568k", "5M"])
    options.add_argument("--peer", default="", help="a Python in which lifetimes is installed")
    asked = options.parse_args()
    for size in asked.customers:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "customers.parquet"
            draw(path, count(size))
            code = "import json, sys; from pathlib import Path; from benchmarks.value import measure; "
            code += "print(json.dumps(measure(Path(sys.argv[1]))))"
            done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
            found = json.loads(done.stdout.splitlines()[-1])
            print(f"\n## {size} customers; truth {TRUTH}")
            for name, value in found.items():
                print(f"{name}: {value:.2f}" if isinstance(value, float) else f"{name}: {value}")
            if asked.peer:
                peer = subprocess.run([asked.peer, "-c", PEER, str(path)], capture_output=True, text=True, check=False)
                print(f"lifetimes: {peer.stdout.strip() or peer.stderr.strip().splitlines()[-1]}")


if __name__ == "__main__":
    main()
