"""lifetimes: histories with its own function, and the fit of BG/NBD in days."""

import json
import resource
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

np.math = __import__("math")  # lifetimes 0.11 was written for an older NumPy
warnings.filterwarnings("ignore")
from lifetimes import BetaGeoFitter  # noqa: E402
from lifetimes.utils import summary_data_from_transaction_data  # noqa: E402


def now():
    """Seconds on the clock, and of the processors."""
    return time.perf_counter(), time.process_time()


def since(began):
    ended = now()
    return ended[0] - began[0], ended[1] - began[1]


seconds, answers = {}, {}
began = now()
files = sorted(Path(sys.argv[1]).glob("lines-*.parquet"))
lines = pd.concat([pd.read_parquet(file, columns=["customer_id", "ordered_at"]) for file in files], ignore_index=True)
lines["day"] = lines["ordered_at"].dt.normalize()
days = lines[["customer_id", "day"]].drop_duplicates()
summary = summary_data_from_transaction_data(days, "customer_id", "day", observation_period_end="2024-12-31", freq="D")
seconds["histories from lines"] = since(began)
answers["repeat visits"] = int(summary["frequency"].sum())

began = now()
try:
    fit = BetaGeoFitter().fit(summary["frequency"], summary["recency"], summary["T"])
    seconds["BG/NBD fit"] = since(began)
    answers |= {f"BG/NBD {name}": float(fit.params_[name]) for name in ("r", "alpha", "a", "b")}
except Exception as problem:
    print(f"no fit: {problem}", file=sys.stderr)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(json.dumps({"seconds": seconds, "answers": answers, "peak memory GB": peak, "version": version("lifetimes")}))
