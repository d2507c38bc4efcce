"""Every real data set opens as it stands, with as many rows as it is known to have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROWS = {
    "online_retail/OnlineRetail.csv.gz": (541_909, 8),
    "cdnow/CDNOW_master.txt.gz": (69_659, 4),
    "cdnow/CDNOW_sample.txt": (6_919, 5),
    "cdnow/cdnow_customers_summary.csv": (2_357, 4),
    "cdnow/cdnow_customers_summary_with_transactions.csv": (2_357, 5),
    "hillstrom/hillstrom.csv.gz": (64_000, 12),
    "groceries/Groceries_dataset.csv": (38_765, 3),
    "marketing_campaign/marketing_campaign.csv": (2_240, 29),
    "marketing_campaign/variant_comma_ddmmyyyy.csv": (2_240, 27),
    "monthly_series/example_air_passengers.csv": (144, 2),
    "monthly_series/example_retail_sales.csv": (293, 2),
    "movie_tickets/raw/campaign.csv": (105, 2),
    "movie_tickets/raw/customer.csv": (52_054, 3),
    "movie_tickets/raw/device_detail.csv": (55_639, 3),
    "movie_tickets/raw/status_detail.csv": (8, 4),
    "referral_fithub/user_referrals.csv": (46, 11),
    "retail_10k/Final_dataset.csv.gz": (10_000, 25),
    "retail_10k/Retail_dataset.csv.gz": (10_000, 13),
    "completejourney/transactions.parquet": (1_469_307, 11),
    "completejourney/coupons.parquet": (116_204, 3),
    "completejourney/campaigns.parquet": (6_589, 2),
    "completejourney/coupon_redemptions.parquet": (2_102, 4),
    "completejourney/demographics.parquet": (801, 8),
    "completejourney/products.parquet": (92_331, 7),
}


@pytest.mark.parametrize("source", ROWS)
def test_a_data_set_opens_whole(datasets: Path, opened: Callable[..., Any], source: str) -> None:
    table = opened(source, folder=datasets)
    rows, columns = ROWS[source]
    assert (table.count, len(table.raw.columns)) == (rows, columns)
    assert [file.rows for file in table.raw.sources] == [rows]
    assert "_problem" not in table.raw.rows.columns


def test_no_file_is_left_out(datasets: Path, opened: Callable[..., Any]) -> None:
    for path in datasets.rglob("*"):
        source = path.relative_to(datasets).as_posix()
        if path.is_file() and source not in ROWS and path.suffix != ".md" and "arules" not in source:
            assert opened(source, folder=datasets).count > 0, source


def test_groceries_are_baskets(datasets: Path, opened: Callable[..., Any]) -> None:
    table = opened("groceries/groceries_arules.csv", folder=datasets, format="baskets")
    assert table.engine.collect(table.raw.rows["basket"].nunique(), 1).column(0)[0].as_py() == 9_835
    assert table.count == 43_367


def test_online_retail_as_it_stands(datasets: Path, opened: Callable[..., Any]) -> None:
    table = opened("online_retail/OnlineRetail.csv.gz", folder=datasets)
    assert table.raw.dialect.decimal == ","
    first = table.engine.collect(table.raw.rows.limit(1), 1).to_pylist()[0]
    assert (first["InvoiceNo"], first["UnitPrice"], first["InvoiceDate"]) == ("536365", "2,55", "12/1/10 8:26")


def test_cdnow_keeps_its_leading_zeros(datasets: Path, opened: Callable[..., Any]) -> None:
    table = opened("cdnow/CDNOW_master.txt.gz", folder=datasets)
    assert table.raw.columns == ("customer_id", "date", "number_of_cds", "dollar_value")
    assert table.rows()[0] == ("00001", "19970101", "1", "11.77")
    assert not opened("cdnow/CDNOW_sample.txt", folder=datasets).raw.dialect.header


def test_both_dialects_of_the_campaign_file_hold_the_same(datasets: Path, opened: Callable[..., Any]) -> None:
    one = opened("marketing_campaign/marketing_campaign.csv", folder=datasets)
    other = opened("marketing_campaign/variant_comma_ddmmyyyy.csv", folder=datasets, canonical="customers")
    assert (one.raw.dialect.delimiter, other.raw.dialect.delimiter) == (";", ",")
    assert one.raw.columns[0] == other.raw.columns[0] == "ID"
    assert sorted(one.rows("ID", "Income")) == sorted(other.rows("ID", "Income"))


def test_old_mac_line_ends(datasets: Path, opened: Callable[..., Any]) -> None:
    table = opened("monthly_series/example_air_passengers.csv", folder=datasets)
    assert table.raw.dialect.newline == "\r"
    assert table.rows("ds", "y", "_row")[-1] == ("1960-12-01", "432", 144)
