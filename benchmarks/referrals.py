"""`python -m benchmarks.referrals [--edges 5M]`: from Parquet to every member's downline totals in the engine.

Members are numbered by when they joined; most sponsors are early ones, so that a few lines are very large. Told are
seconds and peak memory of each step; the totals are checked against the engine's own sums.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.__main__ import count


def draw(folder: Path, edges: int, seed: int = 3) -> None:
    """Referrals, and one order per member."""
    rng = np.random.default_rng(seed)
    members = np.arange(1, edges + 1)
    sponsors = (members * rng.random(edges) ** 1.5).astype(np.int64)
    joined = (1400 * members / edges).astype("timedelta64[D]") + np.datetime64("2020-01-01")
    pq.write_table(
        pa.table({"customer_id": members, "sponsor_id": sponsors, "joined_on": joined.astype("datetime64[D]")}),
        folder / "referrals.parquet",
    )
    everybody = np.arange(edges + 1)
    pq.write_table(
        pa.table(
            {
                "order_id": everybody,
                "customer_id": everybody,
                "ordered_at": (
                    np.datetime64("2023-11-01", "us") + rng.integers(0, 60, edges + 1).astype("timedelta64[D]")
                ),
                "amount": rng.gamma(3.0, 10.0, edges + 1).round(2),
            }
        ),
        folder / "orders.parquet",
    )


def measure(folder: Path) -> dict[str, Any]:
    """Seconds of each step, and peak memory."""
    from regulars.analyses.referrals import Referrals
    from regulars.core.config import EngineSettings, Settings
    from regulars.core.dataset import Dataset
    from regulars.engine.duckdb import DuckdbEngine
    from regulars.intake.summaries import EngineSummaries

    found: dict[str, Any] = {}

    def timed(name: str, work: Any) -> Any:
        began = time.perf_counter()
        answer = work()
        found[name] = time.perf_counter() - began
        return answer

    with DuckdbEngine(EngineSettings(memory="2GB")) as engine:
        tables = {name: engine.backend.read_parquet(folder / f"{name}.parquet") for name in ("referrals", "orders")}
        links = tables["referrals"]
        sums = links.aggregate(
            members=links.customer_id.sum(), sponsors=links.sponsor_id.sum(), day=links.joined_on.max()
        )
        timed("scan", lambda: engine.collect(sums, 1))
        settings = Settings()
        made = EngineSummaries(engine, tables, settings.dataset, date(2023, 12, 31))
        timed("referral_tree", lambda: made.get("referral_tree"))
        timed("customers", lambda: made.get("customers"))
        data = Dataset(
            engine=engine, settings=settings, tables=tables, summaries=made, features=made.features,
            as_of=date(2023, 12, 31),
        )  # fmt: skip
        result = timed("referrals", lambda: Referrals().run(data))
        rows = result.table("generations").to_arrow().to_pylist()
        told = round(sum(row["revenue"] for row in rows), 2)
        paid = round(float(engine.collect(tables["orders"].amount.sum(), 1)[0][0].as_py()), 2)
        assert abs(told - paid) < 0.01 * len(rows), (told, paid)
        found["generations"] = len(rows)
    found["peak memory GB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return found


def main() -> None:
    """Draw, measure, print."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.referrals")
    options.add_argument("--edges", nargs="*", default=["500k", "5M"])
    for size in options.parse_args().edges:
        with tempfile.TemporaryDirectory() as folder:
            draw(Path(folder), count(size))
            code = "import json, sys; from pathlib import Path; from benchmarks.referrals import measure; "
            code += "print(json.dumps(measure(Path(sys.argv[1]))))"
            done = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, check=True)
            print(f"\n## {size} edges")
            for name, value in json.loads(done.stdout.splitlines()[-1]).items():
                print(f"{name}: {value:.2f}" if isinstance(value, float) else f"{name}: {value}")


if __name__ == "__main__":
    main()
