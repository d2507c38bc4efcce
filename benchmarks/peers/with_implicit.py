"""implicit: alternating least squares with 64 factors in ten rounds, and the top ten of every customer, from lines."""

import json
import os
import resource
import sys
import time
from importlib.metadata import version
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as its documentation asks for
import numpy as np
import pyarrow.parquet as pq
from implicit.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix


def now():
    """Seconds on the clock, and of the processors."""
    return time.perf_counter(), time.process_time()


def since(began):
    ended = now()
    return ended[0] - began[0], ended[1] - began[1]


seconds = {}
began = now()
files = sorted(str(file) for file in Path(sys.argv[1]).glob("lines-*.parquet"))
lines = [pq.read_table(file, columns=["customer_id", "product_id"]) for file in files]
customers, row = np.unique(np.concatenate([one["customer_id"].to_numpy() for one in lines]), return_inverse=True)
products, column = np.unique(np.concatenate([one["product_id"].to_numpy() for one in lines]), return_inverse=True)
held = csr_matrix((np.ones(len(row), dtype=np.float32), (row, column)), shape=(len(customers), len(products)))
held.data[:] = 1
seconds["customer × item counts"] = since(began)

began = now()
model = AlternatingLeastSquares(factors=64, iterations=10, random_state=7)
model.fit(held, show_progress=False)
seconds["model"] = since(began)

began = now()
offers = 0
for start in range(0, len(customers), 10_000):
    who = np.arange(start, min(start + 10_000, len(customers)))
    offered, _ = model.recommend(who, held[who], N=10, filter_already_liked_items=True)
    offers += offered.size
seconds["top ten of everyone"] = since(began)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
answers = {"customers": len(customers), "offers": offers}
print(json.dumps({"seconds": seconds, "answers": answers, "peak memory GB": peak, "version": version("implicit")}))
