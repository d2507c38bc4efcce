"""Small datasets built by hand, and what every Result must hold."""

from __future__ import annotations

import csv
import gzip
import io
import math
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pyarrow as pa
import pytest

from regulars.core.config import DatasetSettings, EngineSettings, Settings
from regulars.core.dataset import Dataset
from regulars.engine.duckdb import DuckdbEngine
from regulars.intake.summaries import EngineSummaries
from regulars.measures import money

if TYPE_CHECKING:
    from pathlib import Path

    from regulars.core.result import Result

MakeDataset = Callable[..., Dataset]
DrawOrders = Callable[..., pa.Table]
IDS = {"order_id": pa.string(), "customer_id": pa.string(), "amount": pa.float64()}


@pytest.fixture
def make_dataset() -> Iterator[MakeDataset]:
    """A Dataset from canonical tables: Arrow, or rows as dicts (dates as text); further arguments set `[dataset]`."""
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
    """The Dataset of canonical tables; without `as_of` it is known as of the day of the last purchase."""
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


def arrow_table(name: str, rows: Any) -> pa.Table:
    """Rows as dicts made Arrow; orders without an id get their number."""
    if isinstance(rows, pa.Table):
        return rows
    columns: dict[str, list[Any]] = {column: [row.get(column) for row in rows] for column in dict.fromkeys(
        column for row in rows for column in row
    )}  # fmt: skip
    if name == "orders" and "order_id" not in columns:
        columns["order_id"] = [f"o{number}" for number in range(len(rows))]
    arrays = {}
    for column, values in columns.items():
        if column.endswith("_at"):
            instants = [datetime.fromisoformat(one) if one else None for one in values]
            arrays[column] = pa.array(instants, pa.timestamp("us"))
        elif column.endswith("_on"):
            arrays[column] = pa.array([date.fromisoformat(one) if one else None for one in values], pa.date32())
        else:
            arrays[column] = pa.array(values, IDS.get(column))
    return pa.table(arrays)


class Checks:
    """What is asked of Results."""

    @staticmethod
    def rows(result: Result, name: str) -> list[dict[str, Any]]:
        """The rows of a table of a Result."""
        rows: list[dict[str, Any]] = result.table(name).to_arrow().to_pylist()
        return rows

    @staticmethod
    def column(result: Result, table: str, name: str) -> list[Any]:
        """The values of a column."""
        values: list[Any] = result.table(table).to_arrow()[name].to_pylist()
        return values

    @classmethod
    def alike(cls, one: Result, other: Result) -> None:
        """The same findings, words and small tables."""
        assert [finding.sentence for finding in one.findings] == [finding.sentence for finding in other.findings]
        assert [finding.interval for finding in one.findings] == [finding.interval for finding in other.findings]
        assert [caveat.sentence for caveat in one.caveats] == [caveat.sentence for caveat in other.caveats]
        assert [table.name for table in one.tables] == [table.name for table in other.tables]
        for table in one.tables:
            if table.is_arrow:
                for row, twin in zip(cls.rows(one, table.name), cls.rows(other, table.name), strict=True):
                    numbers = {name: value for name, value in row.items() if isinstance(value, float)}
                    assert numbers == pytest.approx({name: twin[name] for name in numbers}, rel=1e-12), table.name
                    assert {**row, **numbers} == {**twin, **numbers}, table.name

    @classmethod
    def tidy(cls, result: Result) -> None:
        """No NaN anywhere, columns described, every finding with its evidence, every chart with its columns."""
        for table in result.tables:
            names = list(table.data.column_names if table.is_arrow else table.data.columns)
            assert [info.name for info in table.columns] == names
            values = [value for row in cls.rows(result, table.name) for value in row.values()] if table.is_arrow else []
            assert not any(isinstance(value, float) and not math.isfinite(value) for value in values), table.name
        for finding in result.findings:
            assert finding.key.startswith(f"{result.analysis}.")
            assert math.isfinite(finding.value)
            result.table(finding.evidence.table)
            if finding.interval is not None:
                assert finding.interval[0] <= finding.value <= finding.interval[1]
        for chart in result.charts:
            assert set(chart.columns) <= {info.name for info in result.table(chart.table).columns}

    @staticmethod
    def shuffled(table: pa.Table) -> pa.Table:
        """The same rows in another order."""
        return table.take(np.random.default_rng(3).permutation(table.num_rows))


@pytest.fixture
def checks() -> type[Checks]:
    """What is asked of Results."""
    return Checks


@pytest.fixture(scope="session")
def draw_orders() -> DrawOrders:
    """Orders drawn from an expected number per day."""
    return drawn_orders


def drawn_orders(first: date, level: Any, seed: int = 1, products: tuple[str, ...] = ()) -> pa.Table:
    """Orders of 400 customers drawn from an expected number per day; the hour is mostly 19."""
    rng = np.random.default_rng(seed)
    when, product = [], []
    for place, mean in enumerate(level):
        day = first + timedelta(days=place)
        for _ in range(rng.poisson(mean)):
            when.append(datetime(day.year, day.month, day.day, int(rng.choice([10, 15, 19, 19])), 30))
            product.append(str(rng.choice(products)) if products else "p")
    size = len(when)
    return pa.table(
        {
            "order_id": pa.array([f"o{place}" for place in range(size)]),
            "customer_id": pa.array([f"c{place % 400}" for place in range(size)]),
            "ordered_at": pa.array(when, pa.timestamp("us")),
            "product_id": pa.array(product),
            "paid": pa.array(rng.gamma(20, 1, size)),
        }
    )


@pytest.fixture(scope="session")
def online_retail(datasets: Path) -> dict[str, pa.Table]:
    """Order lines of Online Retail in canonical columns: `valid` sales only, and `with_cancellations`."""
    return read_online_retail(datasets / "online_retail" / "OnlineRetail.csv.gz")


def read_online_retail(path: Path) -> dict[str, pa.Table]:
    """The lines with a customer id; `valid` leaves out cancellations and what is not above zero."""
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
