"""Order lines for the benchmarks: integer-keyed Parquet of any size, written block by block in constant memory.

A few customers buy often and most once or twice; an order has 2.5 lines on average; prices are log-normal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from pathlib import Path

LINES_PER_ORDER = 2.5
CUSTOMERS_PER_LINE = 0.24
PRODUCTS, STORES, DAYS = 5_000, 5, 4 * 365
BLOCK = 400_000


def write_lines(path: Path, lines: int, seed: int = 7) -> None:
    """About `lines` rows, keyed by whole numbers, in the order of their time."""
    price = np.round(np.random.default_rng(seed).lognormal(2.5, 0.8, PRODUCTS), 2)
    customers = max(int(lines * CUSTOMERS_PER_LINE), 10)
    writer: pq.ParquetWriter | None = None
    orders_done = 0
    blocks = max(round(lines / LINES_PER_ORDER / BLOCK), 1)
    for block in range(blocks):
        rng = np.random.default_rng([seed, block])
        orders = int(lines / LINES_PER_ORDER / blocks)
        heavy = rng.random(orders) < 0.3
        buyer = np.where(heavy, (customers * rng.random(orders) ** 3), customers * rng.random(orders)).astype(np.int64)
        # blocks are consecutive stretches of time
        day = (DAYS * (block + np.sort(rng.random(orders))) / blocks).astype("timedelta64[D]")
        second = rng.integers(8 * 3600, 22 * 3600, orders).astype("timedelta64[s]")
        at = np.datetime64("2019-01-01", "us") + day + second
        count = 1 + rng.poisson(LINES_PER_ORDER - 1, orders)
        order = np.repeat(np.arange(orders), count)
        product = (PRODUCTS * rng.random(len(order)) ** 2).astype(np.int64)
        quantity = rng.integers(1, 5, len(order))
        amount = np.round(price[product] * quantity, 2)
        discounted = rng.random(orders)[order] < 0.3
        table = pa.table(
            {
                "order_id": order + orders_done,
                "customer_id": buyer[order],
                "ordered_at": at[order],
                "product_id": product,
                "quantity": quantity,
                "unit_price": price[product],
                "amount": amount,
                "paid": np.round(np.where(discounted, 0.8, 1.0) * amount, 2),
                "store_id": rng.integers(0, STORES, orders)[order],
            }
        )
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table, row_group_size=122_880)
        orders_done += orders
    if writer is not None:
        writer.close()
