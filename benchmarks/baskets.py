"""`python -m benchmarks.baskets [--customers 568k 5M] [--peers]`: pair counts, rules, item–item model, top tens.

Orders are drawn: 2,500 items in pairs, thirty tastes, five lines a customer. Each size is measured in a process of its
own, the peers (mlxtend, implicit) on the same files at the first size. `--huge` measures the first size once more with
a basket of ten thousand items in it. Writes `benchmarks/results/baskets.md`.
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

    from numpy.typing import NDArray

HERE = Path(__file__).parent
CACHE = HERE.parent / "runs" / "benchmark-data"
PEER_HOMES = HERE.parent / "runs" / "peers"
LAST_DAY = date(2024, 12, 31)
ITEMS, TASTES, DAYS, BLOCK, HUGE = 2500, 30, 1096, 250_000, 10_000
PEERS = (
    beside.Peer("mlxtend", "with_mlxtend.py", "pairs by FP-growth, at least 0.1 % of orders"),
    beside.Peer("implicit", "with_implicit.py", "alternating least squares, 64 factors, ten rounds"),
)
LIMIT_GB, LIMIT_SECONDS = 20, 600
COLUMNS = ("order_id", "customer_id", "ordered_at", "product_id", "quantity", "paid")


def draw(folder: Path, customers: int, seed: int = 11) -> Path:
    """The order lines of so many customers, one file for each block; the folder is written where it is not there."""
    if folder.exists():
        return folder
    part = folder.with_suffix(".part")
    part.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    tastes = np.array([rng.permutation(ITEMS) for _ in range(TASTES)])
    shares = 1 / np.arange(3, ITEMS + 3) ** 0.9
    heights = np.cumsum(shares) / shares.sum()
    first_order = 0
    for start in range(0, customers, BLOCK):
        rng = np.random.default_rng([seed, start])
        size = min(BLOCK, customers - start)
        buyer = np.repeat(np.arange(size), rng.geometric(0.55, size))
        order = np.repeat(np.arange(len(buyer)), rng.geometric(0.4, len(buyer)))
        taste = rng.integers(0, TASTES, size)[buyer[order]]
        taste = np.where(rng.random(len(order)) < 0.35, 0, taste)  # a third is what everybody takes
        item = tastes[taste, np.searchsorted(heights, rng.random(len(order)))]
        pair = np.flatnonzero(rng.random(len(order)) < 0.12)  # every item has another that is taken along with it
        order, item = np.r_[order, order[pair]], np.r_[item, item[pair] ^ 1]
        order, item = np.divmod(np.unique(order * ITEMS + item), ITEMS)
        day = rng.integers(0, DAYS, len(buyer))[order]
        write(part / f"lines-{start:09d}.parquet", first_order + order, start + buyer[order], day, item)
        first_order += len(buyer)
    part.rename(folder)
    return folder


def write(path: Path, order: Any, customer: Any, day: Any, item: NDArray[np.int64]) -> None:
    """One file of order lines."""
    at = np.datetime64(LAST_DAY, "us") - np.asarray(day).astype("timedelta64[D]")
    price = 2.0 + item % 17
    columns = (order, customer, at, item, np.ones(len(item)), price)
    pq.write_table(pa.table(dict(zip(COLUMNS, columns, strict=True))), path, compression="zstd")


def with_huge_basket(folder: Path, customers: int) -> Path:
    """The same files and one more, of one order of ten thousand items."""
    copy = folder.with_name(f"{folder.name}-huge")
    if not copy.exists():
        copy.mkdir()
        for file in folder.glob("lines-*.parquet"):
            (copy / file.name).symlink_to(file)
        size = np.full(HUGE, 0)
        write(copy / "lines-huge.parquet", size - 1, size + customers, size, np.arange(HUGE))
    return copy


# -- one measurement, in a process of its own ---------------------------------------------------------------


def measure(folder: Path, memory: str) -> dict[str, Any]:
    """Seconds of every step by the clock and of the processors, answers, and the peak memory."""
    from regulars.core.config import EngineSettings, Settings
    from regulars.core.dataset import Dataset
    from regulars.engine.duckdb import DuckdbEngine
    from regulars.intake.summaries import EngineSummaries
    from regulars.methods import itemsets, offers, recommending
    from regulars.models import baskets as rules
    from regulars.models import recommend as model

    engine: Any = DuckdbEngine(EngineSettings(threads=2, memory=memory))
    settings = Settings()
    lines = engine.backend.read_parquet(str(folder / "lines-*.parquet")).select(*COLUMNS)
    summaries = EngineSummaries(engine, {"lines": lines}, settings.dataset, LAST_DAY)
    data = Dataset(engine=engine, settings=settings, tables={"lines": lines}, summaries=summaries,
                   features=summaries.features, as_of=LAST_DAY)  # fmt: skip
    # what any program pays once: imports, and the customers with their keys
    single = rules.ItemSets(np.array([[0], [1]]), np.array([5, 4]), np.zeros(2), 2)
    rules.find_rules([single, rules.ItemSets(np.array([[0, 1]]), np.array([4]), np.zeros(1), 1)], 10, 0.5)
    data.collect(data.customers.limit(1))["customer_key"].to_numpy()
    data.collect(data.orders.limit(1))
    seconds: dict[str, tuple[float, float]] = {}
    held: dict[str, tuple[float, float]] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        before = memory_now(anew=True)
        wall, processor = time.perf_counter(), time.process_time()
        made = work()
        seconds[name] = time.perf_counter() - wall, time.process_time() - processor
        held[name] = before, memory_now()
        print(f"{name:28s} {seconds[name][0]:8.2f} s wall {seconds[name][1]:8.2f} s processor", file=sys.stderr)
        return made

    timed("order × item", lambda: data.summary("order_items"))
    pairs = timed("pair counts", lambda: data.summary("item_pairs"))
    orders = int(data.collect(data.orders.count())[0][0].as_py())
    often = pairs.filter(pairs.order_count >= -(-orders // 1000))
    sums = often.aggregate(pairs=often.count(), times=often.order_count.sum().cast("int64"))
    row = data.collect(sums, 1).to_pylist()[0]
    baskets = itemsets.baskets_of(data, "product_id")
    least = rules.least_count(0.0001, orders)
    counted = timed("item sets", lambda: itemsets.count_itemsets(data, baskets, least, 3))
    found_rules = timed("rules", lambda: rules.find_rules(counted.levels, orders, 0.05))
    found = timed("customer × item counts", lambda: recommending.prepare(data))
    counts = timed("co-occurrence", lambda: recommending.count_stages(data, found, (2,)))[2]
    timed("item–item model", lambda: model.ease(counts.counts, 500.0))
    fitted = offers.fit(data, found, counts, model.USUAL_BLEND, model.USUAL_REPEATS)
    top = timed("top ten of everyone", lambda: offers.new_offers(data, fitted, found, data.customers, 10, "top_tens"))
    answers = {
        "pairs": row["pairs"], "orders with these pairs": row["times"], "rules": len(found_rules),
        "customers": int(data.collect(data.customers.count())[0][0].as_py()), "items": len(counts.places),
        "lines": int(data.collect(lines.count())[0][0].as_py()),
        "offers": int(data.collect(top.count())[0][0].as_py()),
    }  # fmt: skip
    engine.close()
    peak = max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, *(most for _, most in held.values()))
    return {"seconds": seconds, "answers": answers, "peak memory GB": peak, "held": held}


def memory_now(*, anew: bool = False) -> float:
    """The most memory, in GB, that this process held since it was asked `anew` (Linux tells and forgets it)."""
    if anew:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 2**20


def within_limits(peer: beside.Peer, folder: Path) -> dict[str, Any]:
    """What the peer says, or why there is none: it is stopped beyond the memory or the time that it may take."""
    python = beside.build(peer, HERE, PEER_HOMES)
    script = [str(python), str(HERE / "peers" / peer.script), str(folder)]
    limited = ["bash", "-c", f'ulimit -v {LIMIT_GB * 2**20}; exec "$@"', "peer", *script]
    try:
        done = subprocess.run(limited, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        return {"failed": f"stopped after {LIMIT_SECONDS // 60} minutes"}
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["stopped without a word"])[-1]
        return {"failed": f"does not fit: {last[:120]}"}
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


# -- all of them ----------------------------------------------------------------------------------------------


def as_text(found: dict[str, dict[str, Any]]) -> str:
    """The figures as Markdown."""
    text = [
        "# Baskets and recommendations", "",
        f"`python -m benchmarks.baskets`, {platform.machine()}, {os.cpu_count()} processors shared with other work, "
        f"Python {platform.python_version()}, DuckDB {version('duckdb')}; {date.today().isoformat()}. Seconds by the "
        "clock, and in brackets of the processors; each column is a process of its own.", "",
    ]  # fmt: skip
    ours = {name: told for name, told in found.items() if "lines" in told["answers"]}
    text += ["| | " + " | ".join(ours) + " |", "|---" * (len(ours) + 1) + "|"]
    for name in ("customers", "lines", "items", "rules"):
        text.append(f"| {name} | " + " | ".join(f"{told['answers'][name]:,}" for told in ours.values()) + " |")
    steps = dict.fromkeys(step for told in ours.values() for step in told["seconds"])
    for step in steps:
        cells = [f"{one[0]:.2f} ({one[1]:.2f})" for one in (told["seconds"][step] for told in ours.values())]
        text.append(f"| {step} | " + " | ".join(cells) + " |")
    text.append("| peak memory, GB | " + " | ".join(f"{told['peak memory GB']:.2f}" for told in ours.values()) + " |")
    tops = [told["held"]["top ten of everyone"] for told in ours.values()]
    text.append("| held before the top ten, GB | " + " | ".join(f"{before:.2f}" for before, _ in tops) + " |")
    text.append("| most during the top ten, GB | " + " | ".join(f"{most:.2f}" for _, most in tops) + " |")
    peers = {name: told for name, told in found.items() if name not in ours}
    if peers:
        limits = f"{LIMIT_GB} GB and {LIMIT_SECONDS // 60} minutes"
        text += ["", f"The peers on the same files, each in {limits} at most:", "",
                 "| | task | seconds | peak memory, GB |", "|---|---|---|---|"]  # fmt: skip
    for name, told in peers.items():
        for task, one in told.get("seconds", {}).items():
            text.append(f"| {name} | {task} | {one[0]:.2f} ({one[1]:.2f}) | {told['peak memory GB']:.2f} |")
        if "failed" in told:
            text.append(f"| {name} | – | {told['failed']} | – |")
    same = next((told["answers"] for name, told in peers.items() if "mlxtend" in name and "answers" in told), None)
    if same:
        first = next(iter(ours.values()))["answers"]
        agree = all(first[name] == same[name] for name in same)
        text += ["", f"mlxtend and regulars {'agree on' if agree else 'DIFFER in'} the {same['pairs']:,} pairs on at "
                 "least 0.1 % of orders and on the orders that hold them."]  # fmt: skip
    return "\n".join(text) + "\n"


def main() -> None:
    """Measure what is asked for, and write it."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.baskets")
    options.add_argument("--customers", nargs="*", default=["568k"])
    options.add_argument("--memory", default="8GB", help="the limit set for the engine")
    options.add_argument("--peers", nargs="*", help="mlxtend and implicit (or those named) at the first size")
    options.add_argument("--peers-only", action="store_true", help="nothing of our own")
    options.add_argument("--huge", action="store_true", help="the first size with a basket of 10,000 items in it")
    options.add_argument("--only", default="", help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.only:
        print(json.dumps(measure(Path(asked.only), asked.memory)))
        return
    kept = CACHE / "baskets.json"
    found: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}

    def own(name: str, folder: Path) -> None:
        command = [sys.executable, "-m", "benchmarks.baskets", "--only", str(folder), "--memory", asked.memory]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=HERE.parent)
        found[name] = json.loads(done.stdout.splitlines()[-1])

    for size in () if asked.peers_only else asked.customers:
        own(f"{size} customers", draw(CACHE / f"baskets-{size}", count(size)))
    first = asked.customers[0]
    folder = draw(CACHE / f"baskets-{first}", count(first))
    if asked.huge:
        own(f"{first}, one of {HUGE:,} items", with_huge_basket(folder, count(first)))
    for peer in PEERS:
        if asked.peers is not None and (not asked.peers or peer.name in asked.peers):
            told = within_limits(peer, folder)
            found[f"{peer.name} {told.get('version', '')}, {first} customers".replace(" ,", ",")] = told
    kept.write_text(json.dumps(found))
    text = as_text(found)
    (HERE / "results" / "baskets.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
