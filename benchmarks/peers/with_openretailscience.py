"""openretailscience on DuckDB through Ibis, each analysis from lines."""

import json
import resource
import sys
import time
from importlib.metadata import version

import ibis
from openretailscience.analysis.cohort import CohortAnalysis
from openretailscience.experimental.clv import CLVStats
from openretailscience.segmentation.rfm import RFMSegmentation

ibis.options.interactive = False
backend = ibis.duckdb.connect()
backend.raw_sql("SET threads = 2")
lines = backend.read_parquet(f"{sys.argv[1]}/lines-*.parquet")
lines = lines.select(
    "customer_id", "product_id", transaction_id=lines.order_id, transaction_date=lines.ordered_at, unit_spend=lines.paid
)


def now():
    """Seconds on the clock, and of the processors."""
    return time.perf_counter(), time.process_time()


def since(began):
    ended = now()
    return ended[0] - began[0], ended[1] - began[1]


seconds, answers = {}, {}

began = now()
rfm = RFMSegmentation(lines, current_date="2024-12-31", r_segments=5, f_segments=5, m_segments=5).df
seconds["RFM from lines"] = since(began)
answers |= {
    "customers": len(rfm),
    "orders": int(rfm["frequency"].sum()),
    "revenue": float(rfm["monetary"].sum()),
    "recency": int(rfm["recency_days"].sum()),
}

began = now()
cohorts = CohortAnalysis(lines, aggregation_column="customer_id", agg_func="nunique", period="month").df
seconds["cohorts from lines"] = since(began)
answers["active in month 1"] = int(cohorts[1].sum())

began = now()
summary = CLVStats(lines, observation_period_end="2024-12-31", period="day").df
seconds["histories from lines"] = since(began)
answers["repeat visits"] = int(summary["frequency"].sum())

peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(
    json.dumps(
        {"seconds": seconds, "answers": answers, "peak memory GB": peak, "version": version("openretailscience")}
    )
)
