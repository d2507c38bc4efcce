"""mlxtend: pairs of products on at least 0.1 % of orders, by FP-growth on a sparse table, from lines."""

import json
import resource
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from mlxtend.frequent_patterns import fpgrowth
from scipy.sparse import csr_matrix


def now():
    """Seconds on the clock, and of the processors."""
    return time.perf_counter(), time.process_time()


def since(began):
    ended = now()
    return ended[0] - began[0], ended[1] - began[1]


began = now()
files = sorted(Path(sys.argv[1]).glob("lines-*.parquet"))
lines = pd.concat([pd.read_parquet(file, columns=["order_id", "product_id"]) for file in files], ignore_index=True)
orders, row = np.unique(lines["order_id"], return_inverse=True)
products, column = np.unique(lines["product_id"], return_inverse=True)
held = csr_matrix((np.ones(len(row), dtype=bool), (row, column)), shape=(len(orders), len(products)))
table = pd.DataFrame.sparse.from_spmatrix(held)
found = fpgrowth(table, min_support=0.001, max_len=2)
found["items"] = found["itemsets"].map(len)
pairs = found[found["items"] == 2]
seconds = {"pairs from lines": since(began)}
answers = {"pairs": len(pairs), "orders with these pairs": int((pairs["support"] * len(orders)).round().sum())}
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(json.dumps({"seconds": seconds, "answers": answers, "peak memory GB": peak, "version": version("mlxtend")}))
