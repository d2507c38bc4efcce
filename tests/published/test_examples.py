"""The examples on real data give the figures that are known of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from regulars import pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from regulars.core.dataset import Dataset

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
RETENTION = [36.61, 32.32, 38.42, 36.27, 39.77, 36.27, 34.92, 35.37, 39.55, 37.40, 50.28, 26.55]
RETENTION_WITH_CANCELLATIONS = [38.19, 33.44, 38.71, 35.97, 39.66, 37.97, 35.44, 35.44, 39.45, 37.34, 50.00, 27.43]
COHORT_SIZES = [885, 417, 380, 452, 300, 284, 242, 188, 169, 299, 358, 323, 41]


def opened(example: str, data: Path, **overrides: Any) -> Iterator[Dataset]:
    loaded = pipeline.load(EXAMPLES / example / "regulars.toml", data=data, **overrides)
    yield loaded
    loaded.engine.close()


@pytest.fixture(scope="module")
def online_retail(datasets: Path) -> Iterator[Dataset]:
    yield from opened("online-retail", datasets / "online_retail")


def totals(data: Dataset, *names: str) -> dict[str, Any]:
    view = data.customers
    buyers = view.filter(view.order_count > 0)
    sums = {name: buyers[name].sum() for name in names}
    return dict(data.collect(buyers.aggregate(customers=buyers.count(), **sums), 1).to_pylist()[0])


def first_cohort(data: Dataset) -> list[float]:
    """Retention of December 2010 in its months 1 to 12, in percent to two decimals."""
    rows = data.run("cohorts", by=("first_order",)).table("retention").to_arrow().to_pylist()
    first = sorted((row for row in rows if str(row["cohort"])[:7] == "2010-12"), key=lambda row: row["period_index"])
    return [round(100 * row["retention_share"], 2) for row in first if row["period_index"] > 0]


def test_online_retail_valid_sales(online_retail: Dataset) -> None:
    lines = online_retail.quality.account("lines")
    assert (lines.read, lines.accepted + lines.repaired, lines.set_aside) == (541_909, 397_884, 144_025)
    found = totals(online_retail, "order_count", "revenue_total")
    assert (found["customers"], found["order_count"]) == (4338, 18_532)
    assert found["revenue_total"] == pytest.approx(8_911_407.904, abs=1e-3)


def test_online_retail_gross_is_accepted_and_set_aside(online_retail: Dataset, datasets: Path) -> None:
    settings = pipeline.read_settings(EXAMPLES / "online-retail" / "regulars.toml", None, datasets / "online_retail")
    with pipeline.open_engine(settings) as engine:
        loaded = pipeline.load_all(settings, engine, online_retail.registry, lambda _: None)
        aside = loaded.set_aside["lines"]
        aside = aside.filter(aside.outcome == "set aside")
        price = aside.UnitPrice.replace(",", ".").cast("float64")
        lost = engine.collect((aside.Quantity.cast("float64") * price).sum().name("x").as_table(), 1)["x"][0].as_py()
    accepted = totals(online_retail, "revenue_total")["revenue_total"]
    assert accepted + lost == pytest.approx(9_747_747.934, abs=1e-2)


def test_online_retail_cohorts(online_retail: Dataset) -> None:
    assert first_cohort(online_retail) == RETENTION
    rows = online_retail.run("cohorts", by=("first_order",)).table("retention").to_arrow().to_pylist()
    sizes = {str(row["cohort"])[:7]: row["customers"] for row in rows}
    assert [sizes[month] for month in sorted(sizes)] == COHORT_SIZES


def test_online_retail_cohorts_with_cancellations_kept(datasets: Path) -> None:
    for data in opened("online-retail", datasets / "online_retail", tables__lines__exclude=[]):
        assert first_cohort(data) == RETENTION_WITH_CANCELLATIONS


def test_cdnow_keeps_its_repeated_orders(datasets: Path) -> None:
    for data in opened("cdnow", datasets / "cdnow"):
        found = totals(data, "order_count", "quantity_total", "revenue_total")
        assert (found["customers"], found["order_count"], found["quantity_total"]) == (23_570, 69_659, 167_881)
        assert found["revenue_total"] == pytest.approx(2_500_315.63, abs=1e-2)
        checks = {check.check: check for check in data.quality.checks}
        assert checks["repeated_rows"].rows == 255
        assert checks["zero_paid"].rows == 80
        ids = data.collect(data.customers.select("customer_id").order_by("customer_id").limit(1), 1)
        assert ids["customer_id"][0].as_py() == "00001"  # zero-padded ids stay as they are


def test_completejourney_joins_six_tables(datasets: Path) -> None:
    for data in opened("completejourney", datasets / "completejourney"):
        found = totals(data, "order_count", "revenue_total", "discount_total")
        assert (found["customers"], found["order_count"]) == (2469, 155_848)
        assert found["revenue_total"] == pytest.approx(4_596_039.58, abs=0.01)
        assert found["discount_total"] == pytest.approx(791_650.64, abs=0.01)
        assert set(data.tables) == {"lines", "customers", "products", "campaigns", "contacts", "responses"}
        rows = data.collect(data.customers.filter(data.customers.age_band.notnull()).count().name("n").as_table(), 1)
        assert rows["n"][0].as_py() == 801
        assert data.quality.account("contacts").read == 6589


@pytest.mark.parametrize("variant", ["marketing_campaign.csv", "variant_comma_ddmmyyyy.csv"])
def test_marketing_campaign_in_both_dialects(variant: str, datasets: Path) -> None:
    names = ("customers", "category_spend", "contacts")
    overrides = {f"tables__{name}__source": variant for name in names}
    for data in opened("marketing-campaign", datasets / "marketing_campaign", **overrides):
        contacts = data.table("contacts")
        answered = contacts.group_by("campaign_id").aggregate(n=contacts.responded.sum())
        counts = {row["campaign_id"]: row["n"] for row in data.collect(answered, 10).to_pylist()}
        assert counts == {"Response": 334, "Cmp1": 144, "Cmp2": 30, "Cmp3": 163, "Cmp4": 167, "Cmp5": 163}
        income = data.collect(
            data.customers.aggregate(n=data.customers.income.count(), m=data.customers.income.mean()), 1
        )
        assert (income["n"][0].as_py(), round(income["m"][0].as_py(), 2)) == (2216, 52_247.25)
        assert str(data.as_of) == "2014-06-29"
        assert data.run("overview").tables


def test_retail_10k_reads_currency_strings(datasets: Path) -> None:
    for data in opened("retail-10k", datasets / "retail_10k"):
        found = totals(data, "order_count", "revenue_total")
        assert (found["customers"], found["order_count"]) == (2823, 10_000)
        assert data.quality.account("lines").set_aside == 0
        assert found["revenue_total"] > 1e6


def test_movie_ticket_dimensions(datasets: Path) -> None:
    for data in opened("movie-tickets", datasets / "movie_tickets" / "raw"):
        customers = data.quality.account("customers")
        repairs = dict(customers.repairs)
        assert customers.read == 52_054
        assert repairs["birth_date 1970-01-01 stands for not known: emptied"] == 1927
        assert repairs["birth_date 1980-01-01 stands for not known: emptied"] == 738
        devices = data.quality.account("devices")
        assert devices.read == 55_639
        assert devices.balances
        statuses = data.collect(data.table("statuses"), 10).to_pylist()
        assert [row["status_id"] for row in statuses if row["is_success"]] == [1]
        assert data.run("overview").tables


@pytest.mark.parametrize(
    ("example", "folder"),
    [
        ("online-retail", "online_retail"),
        ("cdnow", "cdnow"),
        ("completejourney", "completejourney"),
        ("marketing-campaign", "marketing_campaign"),
        ("retail-10k", "retail_10k"),
        ("movie-tickets", "movie_tickets/raw"),
    ],
)
def test_the_whole_run_fails_nowhere(example: str, folder: str, datasets: Path, tmp_path: Path) -> None:
    settings = pipeline.read_settings(EXAMPLES / example / "regulars.toml", None, datasets / folder)
    done = pipeline.run(settings, tmp_path, strict=True)
    assert done.view.results
    assert done.report.stat().st_size > 50_000
    assert not done.view.failed
    assert all(missing.mend for off in done.view.switched_off for missing in off.missing)
