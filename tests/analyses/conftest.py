from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest

from regulars.core.config import DatasetSettings, EngineSettings, Settings
from regulars.core.dataset import Dataset
from regulars.engine.duckdb import DuckdbEngine
from regulars.intake.summaries import EngineSummaries
from regulars.measures import money

MakeDataset = Callable[..., Dataset]

SCHEMAS: dict[str, dict[str, pa.DataType]] = {
    "orders": {"order_id": pa.string(), "customer_id": pa.string(), "ordered_at": pa.timestamp("us")},
    "customers": {"customer_id": pa.string(), "joined_on": pa.date32(), "birth_date": pa.date32()},
}


@pytest.fixture
def make_dataset() -> Iterator[MakeDataset]:
    """A Dataset from canonical tables: columns by name (or Arrow), and settings of `[dataset]`."""
    engines: list[DuckdbEngine] = []

    def make(tables: dict[str, Any], as_of: date | None = None, **settings: Any) -> Dataset:
        engine = DuckdbEngine(EngineSettings(threads=1, memory="2GB"))
        engines.append(engine)
        return dataset_of(engine, tables, as_of, DatasetSettings(**settings))

    yield make
    for engine in engines:
        engine.close()


def dataset_of(
    engine: DuckdbEngine, tables: dict[str, Any], as_of: date | None = None, settings: DatasetSettings | None = None
) -> Dataset:
    """The Dataset of canonical tables in an engine; without `as_of` it is the day of the last purchase."""
    settings = settings or DatasetSettings()
    rows = {
        name: table if isinstance(table, ibis.Table) else engine.bring(arrow_table(name, table), f"in_{name}")
        for name, table in tables.items()
    }
    purchases = rows.get("orders", rows.get("lines"))
    if as_of is None and purchases is not None and "ordered_at" in purchases.columns:
        last = engine.collect(purchases.ordered_at.max(), 1)[0][0].as_py()
        as_of = last.date() if last else None
    summaries = EngineSummaries(engine, rows, settings, as_of)
    kind = money.which(set(purchases.columns)) if purchases is not None else ""
    return Dataset(
        engine=engine,
        settings=Settings(dataset=settings),
        tables=rows,
        summaries=summaries,
        features=summaries.features,
        as_of=as_of,
        money=money.WORDS[kind],
    )


def arrow_table(name: str, columns: Any) -> pa.Table:
    if isinstance(columns, pa.Table):
        return columns
    kinds = SCHEMAS.get(name, {})
    return pa.table({column: pa.array(values, kinds.get(column)) for column, values in columns.items()})


def orders_of(rows: list[tuple[Any, ...]], *names: str) -> dict[str, list[Any]]:
    """Columns of `orders` from rows of (customer, "2020-01-31" or with a time, amount, …further columns)."""
    columns: dict[str, list[Any]] = {
        "order_id": [f"o{number}" for number, _ in enumerate(rows)],
        "customer_id": [row[0] for row in rows],
        "ordered_at": [datetime.fromisoformat(row[1]) for row in rows],
    }
    for place, name in enumerate(("amount", *names), start=2):
        columns[name] = [row[place] for row in rows]
    return columns


@pytest.fixture(scope="session")
def online_retail(pytestconfig: pytest.Config) -> dict[str, pa.Table]:
    """Order lines of Online Retail in canonical columns: `valid` sales only, and `with_cancellations`."""
    path = pytestconfig.rootpath.parent / "shared" / "datasets" / "online_retail" / "OnlineRetail.csv.gz"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    return read_online_retail(path)


def read_online_retail(path: Path) -> dict[str, pa.Table]:
    rows = []
    with gzip.open(path) as file:
        for row in csv.DictReader(io.TextIOWrapper(file, encoding="latin-1")):
            if row["CustomerID"]:
                rows.append(
                    (
                        row["InvoiceNo"],
                        int(row["CustomerID"]),
                        datetime.strptime(row["InvoiceDate"], "%m/%d/%y %H:%M"),
                        row["StockCode"],
                        float(row["Quantity"]),
                        float(row["UnitPrice"].replace(",", ".")),
                    )
                )
    names = ("order_id", "customer_id", "ordered_at", "product_id", "quantity", "unit_price")
    kinds = (pa.string(), pa.int64(), pa.timestamp("us"), pa.string(), pa.float64(), pa.float64())

    def table(kept: list[Any]) -> pa.Table:
        return pa.table({name: pa.array([row[i] for row in kept], kinds[i]) for i, name in enumerate(names)})

    valid = [row for row in rows if not row[0].startswith("C") and row[4] > 0 and row[5] > 0]
    return {"valid": table(valid), "with_cancellations": table(rows)}
