"""`python -m benchmarks.baskets [--lines 2.4M]`: seconds of pair counts, rules, the item–item model and top tens.

Each step is timed in one process, wall and processor; `steps` is what a comparison with other programs calls.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.world import count, shop_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CACHE = Path(__file__).parent.parent / "runs" / "benchmark-data"


def steps(settings: Path, customers: int = 100_000) -> Iterator[tuple[str, float, float]]:
    """Name, wall seconds and processor seconds of every step over the data of a settings file.

    Args:
        settings: The settings file; its data have order lines with products and dates.
        customers: Customers who get a top ten.
    """
    from regulars import pipeline
    from regulars.methods import itemsets, offers, recommending
    from regulars.models import baskets as rules
    from regulars.models import recommend as model

    data = pipeline.load(settings)
    data.summary("order_items")
    made: dict[str, object] = {}

    def timed(name: str, work: Callable[[], object]) -> tuple[str, float, float]:
        wall, processor = time.perf_counter(), time.process_time()
        made[name] = work()
        return name, time.perf_counter() - wall, time.process_time() - processor

    yield timed("pair counts", lambda: data.summary("item_pairs"))
    baskets = itemsets.baskets_of(data, "product_id")
    orders = int(data.collect(data.orders.count())[0][0].as_py())
    least = rules.least_count(0.0001, orders)
    counted = itemsets.count_itemsets(data, baskets, least, 3)
    yield timed("rules", lambda: rules.find_rules(counted.levels, orders, 0.05))
    yield timed("customer × item counts", lambda: recommending.prepare(data))
    found = recommending.prepare(data)
    yield timed("co-occurrence", lambda: recommending.count_stages(data, found, (2,)))
    counts = recommending.count_stages(data, found, (2,))[2]
    yield timed("item–item model", lambda: model.ease(counts.counts, 500.0))
    fitted = offers.fit(data, found, counts, model.USUAL_BLEND, model.USUAL_REPEATS)
    some = data.customers.order_by("customer_key").limit(customers)
    yield timed(f"top ten of {customers:,}", lambda: offers.new_offers(data, fitted, found, some, 10, "top_tens"))
    data.engine.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.baskets")
    parser.add_argument("--lines", default="2.4M")
    CACHE.mkdir(parents=True, exist_ok=True)
    for name, wall, processor in steps(shop_folder(count(parser.parse_args().lines), CACHE) / "regulars.toml"):
        print(f"{name:28s} {wall:8.2f} s wall {processor:8.2f} s processor")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB")


if __name__ == "__main__":
    main()
