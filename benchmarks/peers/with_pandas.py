"""The notebook way: the usual tutorial's chain in pandas, from Parquet."""

import json
import resource
import sys
import time
from pathlib import Path

import pandas as pd

COLUMNS = ["order_id", "customer_id", "ordered_at", "quantity", "amount", "paid"]
seconds: dict[str, tuple[float, float]] = {}
start = time.perf_counter(), time.process_time()


def lap(name: str) -> None:
    """What both clocks, the wall's and the processors', have moved since the lap before."""
    told = time.perf_counter() - start[0], time.process_time() - start[1]
    seconds[name] = tuple(total - sum(lap[place] for lap in seconds.values()) for place, total in enumerate(told))


files = sorted(Path(sys.argv[1]).glob("lines-*.parquet"))
lines = pd.concat([pd.read_parquet(file, columns=COLUMNS) for file in files], ignore_index=True)
lap("read")
orders = lines.groupby("order_id", as_index=False).agg(
    customer_id=("customer_id", "first"),
    ordered_at=("ordered_at", "min"),
    quantity=("quantity", "sum"),
    revenue=("paid", "sum"),
)
orders["day"] = orders["ordered_at"].dt.normalize()
as_of = orders["day"].max()
rfm = orders.groupby("customer_id").agg(
    last=("day", "max"), frequency=("order_id", "nunique"), monetary=("revenue", "sum")
)
rfm["recency"] = (as_of - rfm["last"]).dt.days
lap("orders and customers")
for column, labels in (("recency", [5, 4, 3, 2, 1]), ("frequency", [1, 2, 3, 4, 5]), ("monetary", [1, 2, 3, 4, 5])):
    rfm[f"{column}_score"] = pd.qcut(rfm[column].rank(method="first"), 5, labels=labels).astype(int)
rfm["segment"] = (
    rfm["recency_score"].astype(str) + rfm["frequency_score"].astype(str) + rfm["monetary_score"].astype(str)
)
segments = rfm.groupby("segment")["monetary"].agg(["count", "sum", "mean"])
lap("scores")
orders["month"] = orders["ordered_at"].dt.to_period("M")
orders["cohort"] = orders.groupby("customer_id")["ordered_at"].transform("min").dt.to_period("M")
cells = orders.groupby(["cohort", "month"])["customer_id"].nunique().reset_index(name="active")
cells["period"] = (cells["month"] - cells["cohort"]).apply(lambda offset: offset.n)
retention = cells.pivot_table(index="cohort", columns="period", values="active")
retention = retention.divide(retention[0], axis=0)
lap("cohorts")
months = orders.groupby("month").agg(
    revenue=("revenue", "sum"), orders=("order_id", "count"), customers=("customer_id", "nunique")
)
months["growth"] = months["revenue"].pct_change()
lap("months")
rfm_laps = [seconds[name] for name in ("read", "orders and customers", "scores")]
seconds["all of the chain"] = tuple(sum(lap[place] for lap in seconds.values()) for place in (0, 1))
seconds["RFM from lines"] = tuple(sum(lap[place] for lap in rfm_laps) for place in (0, 1))
answers = {
    "customers": len(rfm),
    "orders": len(orders),
    "revenue": float(orders["revenue"].sum()),
    "recency": int(rfm["recency"].sum()),
    "active in month 1": int(cells.loc[cells["period"] == 1, "active"].sum()),
}
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(json.dumps({"seconds": seconds, "answers": answers, "peak memory GB": peak, "version": pd.__version__}))
