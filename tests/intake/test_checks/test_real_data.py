"""The checks on real data, read in place, against figures that were counted independently."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from regulars.core.analysis import Registry
from regulars.core.config import EngineSettings, parse
from regulars.engine.duckdb import DuckdbEngine
from regulars.intake.load import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from regulars.core.quality import CheckResult

    Found = dict[str, list[CheckResult]]

ONLINE_RETAIL = {
    "source": "OnlineRetail.csv.gz",
    "columns": {
        "order_id": "InvoiceNo",
        "customer_id": "CustomerID",
        "ordered_at": "InvoiceDate",
        "product_id": "StockCode",
        "quantity": "Quantity",
        "unit_price": "UnitPrice",
    },
}


@pytest.fixture(scope="module")
def found_in(datasets: Path) -> Iterator[Callable[..., Found]]:
    """What the checks find in the tables of a folder, by name of the check."""
    engines: list[DuckdbEngine] = []

    def find(folder: str, **tables: Any) -> Found:
        dataset = {"currency": "GBP", "as_of": "2022-12-31"} if "devices" in tables else {"currency": "GBP"}
        settings = parse({"dataset": dataset, "tables": tables}, [], folder=datasets / folder)
        engines.append(DuckdbEngine(EngineSettings(memory="2GB", threads=2)))
        results: Found = {}
        for result in load(settings, engines[-1], Registry.discover()).data.quality.checks:
            results.setdefault(result.check, []).append(result)
        return results

    yield find
    for engine in engines:
        engine.close()


@pytest.fixture(scope="module")
def sales(found_in: Callable[..., Found]) -> Found:
    """Online Retail, valid sales only."""
    rules = ["order_id starts with C", "quantity <= 0", "unit_price <= 0"]
    return found_in("online_retail", lines={**ONLINE_RETAIL, "exclude": rules})


@pytest.fixture(scope="module")
def raw(found_in: Callable[..., Found]) -> Found:
    """Online Retail, no row set aside by a rule."""
    return found_in("online_retail", lines=ONLINE_RETAIL)


def test_online_retail_repeated_rows_are_counted_before_anything_is_set_aside(raw: Found, sales: Found) -> None:
    for found, in_use in ((raw, "5,225"), (sales, "5,192")):
        (repeated,) = found["repeated_rows"]
        assert (repeated.rows, repeated.of, repeated.outcome) == (5268, 541_909, "reported")
        assert f"{in_use} of them in use" in repeated.sentence


def test_online_retail_giant_orders_that_were_cancelled(raw: Found, sales: Found) -> None:
    (pairs,) = sales["cancelling_pairs"]
    assert pairs.severity == "problem"
    assert {"541431", "581483"} <= {dict(example)["order_id"] for example in pairs.examples}
    assert "£284,623.20 (3.2 %) of the revenue was given back" in pairs.sentence
    assert raw["cancelling_pairs"][0].severity == "warning"
    quantities = [one for one in sales["extreme_values"] if one.column == "quantity"]
    assert [one.rows for one in quantities] == [2]


def test_online_retail_cancellations_and_codes(raw: Found, sales: Found) -> None:
    (cancelled,) = raw["cancellations"]
    assert (cancelled.rows, cancelled.of) == (8905, 406_829)
    assert "(together −£611,342.09), the quantity below zero in all 8,905 rows" in cancelled.sentence
    assert "cancellations" not in sales
    (codes,) = raw["codes_without_digits"]
    for code in ("POST (1,196)", "M (465)", "DOT (16)", "BANK CHARGES (12)"):
        assert code in codes.sentence
    assert raw["zero_price"][0].rows == 40


def test_online_retail_calendar(sales: Found) -> None:
    assert [one.rows for one in sales["missing_months"]] == [0]
    assert sales["closed_weekdays"][0].sentence == "there are no purchases on Saturdays"
    (missing,) = sales["missing_days"]
    assert "2010-12-24 to 2011-01-03" in missing.sentence
    assert sales["partial_months"][0].sentence == "2011-12 ends on 2011-12-09, so that month is not whole"


def test_online_retail_accounts(sales: Found) -> None:
    assert sorted(one.rows for one in sales["excluded_by_rule"]) == [1181, 1336, 9288]
    (missing,) = sales["missing_key"]
    assert (missing.rows, missing.outcome, len(missing.examples)) == (132_220, "set aside", 3)
    assert dict(missing.examples[0])["InvoiceNo"]


def test_cdnow(found_in: Callable[..., Found]) -> None:
    columns = {"customer_id": "customer_id", "ordered_at": "date", "quantity": "number_of_cds", "paid": "dollar_value"}
    source = {"source": "CDNOW_master.txt.gz", "reader": {"delimiter": " "}, "columns": columns}
    found = found_in("cdnow", orders=source)
    assert (found["repeated_rows"][0].rows, found["repeated_rows"][0].done) == (255, "kept: real purchases repeat")
    assert found["zero_paid"][0].rows == 80
    assert found["missing_months"][0].rows == 0
    assert not {"extreme_values", "missing_days", "repeated_order", "stand_in_customer"} & set(found)
    assert "lacks_time_of_day" in found


def test_movie_tickets(found_in: Callable[..., Found]) -> None:
    names = {"device_id": "device_id", "model": "model", "platform": "platform"}
    people = {"customer_id": "user_id", "gender": "usergender", "birth_date": "dob"}
    found = found_in(
        "movie_tickets/raw",
        customers={"source": "customer.csv", "columns": people},
        devices={"source": "device_detail.csv", "columns": names},
    )
    assert "548 are repeated, in 559 rows too many" in found["contradicting_keys"][0].sentence
    assert found["contradicting_keys"][0].rows + found["merged_rows"][0].rows == 559
    assert sorted(one.rows for one in found["sentinel_dates"]) == [738, 1927]
    assert "'devicemodel' (1,455)" in found["placeholder_values"][0].sentence
    assert "lacks_purchases" in found


def test_completejourney_fuel_is_not_extreme(found_in: Callable[..., Found]) -> None:
    lines = {
        "order_id": "basket_id",
        "customer_id": "household_id",
        "ordered_at": "transaction_timestamp",
        "product_id": "product_id",
        "quantity": "quantity",
        "paid": "sales_value",
    }
    found = found_in(
        "completejourney",
        lines={"source": "transactions.parquet", "columns": lines},
        products={
            "source": "products.parquet",
            "columns": {"product_id": "product_id", "category": "product_category"},
        },
    )
    assert "extreme_values" not in found
    (orphans,) = found["orphan_products"]
    assert (orphans.rows, orphans.of) == (4836, 1_469_307)
    assert "17 of 68,509 different ids" in orphans.sentence
    assert found["zero_quantity"][0].rows == 8869
    assert found["missing_days"][0].sentence == "there is no purchase on 1 of 366 open days: 2017-12-25"
    assert found["partial_months"][0].sentence.startswith("2018-01 ends on 2018-01-01")
