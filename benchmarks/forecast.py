"""`python -m benchmarks.forecast`: two years of daily sales in 100 categories, tested at three times and forecast.

The orders are drawn with weeks, a season of the year and a wandering level of each category, read from Parquet as a
user's would be, and run through the analysis with every method, the parts adding up. Target: 120 s on two cores.
"""

from __future__ import annotations

import json
import platform
import tempfile
import time
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
DAYS, CATEGORIES, ORDERS_A_DAY, ORIGINS, HORIZON = 730, 100, 1000, 3, 28
FIRST = datetime(2023, 1, 2)  # a Monday
WEEK = np.array([1.0, 0.8, 0.9, 1.0, 1.3, 1.6, 0.4])
SETTINGS = """\
[dataset]
name = "Benchmark"
country = "GB"
[tables.orders]
source = "orders.parquet"
columns = { order_id = "order_id", customer_id = "customer_id", ordered_at = "ordered_at", product_id = "product_id", \
paid = "paid" }
[tables.products]
source = "products.parquet"
columns = { product_id = "product_id", category = "category" }
"""


def draw(folder: Path, seed: int = 3) -> int:
    """The files; how many orders there are."""
    rng = np.random.default_rng(seed)
    day = np.arange(DAYS)
    size = rng.gamma(0.7, 1.0, CATEGORIES)
    wander = np.exp(np.cumsum(rng.normal(0, 0.01, (CATEGORIES, DAYS)), axis=1))
    year = 1 + 0.3 * np.sin(2 * np.pi * (day / 365.25)[None, :] + rng.uniform(0, 6, CATEGORIES)[:, None])
    mean = ORDERS_A_DAY * (size / size.sum())[:, None] * wander * year * WEEK[day % 7][None, :]
    counts = rng.poisson(mean)
    category, place = (np.repeat(index.ravel(), counts.ravel()) for index in np.indices(counts.shape))
    rows = len(category)
    seconds = rng.integers(8 * 3600, 20 * 3600, rows)
    when = np.datetime64(FIRST, "s") + place.astype("timedelta64[D]") + seconds.astype("timedelta64[s]")
    orders = pa.table(
        {
            "order_id": np.arange(rows),
            "customer_id": rng.integers(1, 40_000, rows),
            "ordered_at": pa.array(when.astype("datetime64[us]")),
            "product_id": category,
            "paid": rng.gamma(4, 5, rows).round(2),
        }
    )
    pq.write_table(orders, folder / "orders.parquet")
    names = [f"category {one:03d}" for one in range(CATEGORIES)]
    pq.write_table(pa.table({"product_id": np.arange(CATEGORIES), "category": names}), folder / "products.parquet")
    (folder / "regulars.toml").write_text(SETTINGS, encoding="utf-8")
    return rows


def main() -> None:
    """Draw, run, and write the figures."""
    from regulars import pipeline

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        orders = draw(folder)
        data = pipeline.load(folder / "regulars.toml")
        data.customers  # noqa: B018  summaries are shared by all analyses, and not part of this
        data.summary("order_items")
        began, used = time.perf_counter(), time.process_time()
        analysis = data.registry.make(
            "forecast", {"by": ("category",), "groups": CATEGORIES, "origins": ORIGINS, "horizon": HORIZON}
        )
        result = analysis.run(data)
        seconds, processor = time.perf_counter() - began, time.process_time() - used
        steps = [row for row in result.table("steps").to_arrow().to_pylist() if row["measure"] == "revenue"]
        parts = result.table("group_steps").to_arrow().to_pylist()
        gap = abs(sum(row["forecast"] for row in steps) - sum(row["forecast"] for row in parts))
        told = [row["error_against_naive"] for row in result.table("groups").to_arrow().to_pylist()]
        errors = [one for one in told if one is not None]
        data.engine.close()
    figures = {
        "orders": orders,
        "days": DAYS,
        "categories": CATEGORIES,
        "tests": ORIGINS,
        "horizon_days": HORIZON,
        "seconds": round(seconds, 1),
        "processor_seconds": round(processor, 1),
        "largest_gap_between_parts_and_whole": round(gap, 6),
        "median_error_of_a_category_against_naive": round(float(np.median(errors)), 3),
        "python": platform.python_version(),
        "statsforecast": version("statsforecast"),
        "last_day": str((FIRST + timedelta(days=DAYS - 1)).date()),
    }
    (HERE / "results" / "forecast.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
