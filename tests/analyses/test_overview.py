from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from regulars.analyses.overview import Overview
from regulars.errors import DataError
from regulars.measures import cohorts

if TYPE_CHECKING:
    import pyarrow as pa


def order(customer: str, day: str, amount: float | None = 10.0, **more: Any) -> dict[str, Any]:
    return {"customer_id": customer, "ordered_at": day, "amount": amount, **more}


# January: a twice, b once: 60 on 3 orders. February: a and c once: 50 on 2. March: not over.
ORDERS = [
    order("a", "2024-01-01", 10, quantity=1.0),
    order("a", "2024-01-15", 20, quantity=2.0),
    order("b", "2024-01-31", 30, quantity=3.0),
    order("a", "2024-02-01", 10, quantity=1.0),
    order("c", "2024-02-29", 40, quantity=5.0),
    order("d", "2024-03-05", 7, quantity=1.0),
]


def test_month_by_month_by_hand(make_dataset: Any, checks: Any) -> None:
    result = Overview().run(make_dataset({"orders": ORDERS}))
    checks.tidy(result)
    rows = checks.rows(result, "monthly")
    assert [row["month"] for row in rows] == [date(2024, month, 1) for month in (1, 2, 3)]
    assert [row["orders"] for row in rows] == [3, 2, 1]
    assert [row["revenue"] for row in rows] == [60, 50, 7]
    assert [row["items"] for row in rows] == [6, 6, 1]
    assert [row["customers"] for row in rows] == [2, 2, 1]
    assert [row["new_customers"] for row in rows] == [2, 1, 1]
    assert [row["customers_to_date"] for row in rows] == [2, 3, 4]
    assert [row["returning_customer_share"] for row in rows] == [0, 0.5, 0]
    assert [row["revenue_per_order"] for row in rows] == [20, 25, 7]
    assert [row["coverage"] for row in rows] == ["whole", "whole", "ends on 2024-03-05"]
    assert [row["is_partial"] for row in rows] == [False, False, True]


def test_the_last_whole_month_beside_the_one_before(make_dataset: Any, checks: Any) -> None:
    result = Overview().run(make_dataset({"orders": ORDERS}))
    now, before = checks.rows(result, "key_figures")
    assert (now["period"], before["period"]) == ("February 2024", "January 2024")
    assert (now["role"], before["role"]) == ("last whole month", "month before")
    assert (now["orders"], now["revenue"], now["customers"]) == (2, 50, 2)
    assert before["orders_per_customer"] == 1.5
    changes = {row["figure"]: row for row in checks.rows(result, "changes")}
    assert changes["revenue"]["change"] == pytest.approx(-1 / 6)
    assert changes["revenue"]["known"] == "exact count"
    assert changes["revenue"]["change_low"] is None
    assert changes["revenue per order"]["change"] == pytest.approx(0.25)
    assert changes["revenue per order"]["known"] == "estimate"
    assert changes["revenue per order"]["change_low"] < 0.25 < changes["revenue per order"]["change_high"]
    assert changes["returning customer share"]["change_points"] == 0.5
    assert changes["returning customer share"]["change"] is None


def test_the_whole_data_by_hand(make_dataset: Any, checks: Any) -> None:
    (row,) = checks.rows(Overview().run(make_dataset({"orders": ORDERS})), "whole")
    assert (row["customers"], row["repeat_customers"], row["orders"], row["revenue"]) == (4, 1, 6, 117)
    assert row["repeat_customer_share"] == 0.25
    assert row["repeat_customer_share_low"] < 0.25 < row["repeat_customer_share_high"]


def test_too_few_for_findings(make_dataset: Any) -> None:
    result = Overview().run(make_dataset({"orders": ORDERS}))
    assert not result.findings
    assert any("Too few for findings: 4 customers" in caveat.sentence for caveat in result.caveats)


def test_what_cannot_be_compared_is_told(make_dataset: Any) -> None:
    sentences = [caveat.sentence for caveat in Overview().run(make_dataset({"orders": ORDERS})).caveats]
    assert "February 2024 is not compared with February 2023: outside the data." in sentences
    assert "March 2024 is not whole (ends on 2024-03-05) and compared with nothing." in sentences


def test_the_same_month_last_year(make_dataset: Any, checks: Any) -> None:
    rows = [
        order("z", f"{year}-{month:02d}-{day:02d}", 10 * year - 20220)
        for year in (2023, 2024)
        for month in range(1, 13)
        for day in (1, 10, 20, 28)
    ]
    result = Overview().run(make_dataset({"orders": rows}))
    roles = {row["role"]: row["period"] for row in checks.rows(result, "key_figures")}
    assert roles == {
        "last whole month": "December 2024",
        "month before": "November 2024",
        "same month last year": "December 2023",
    }
    years = Overview(period="year").run(make_dataset({"orders": rows}))
    assert checks.column(years, "key_figures", "period") == ["2024", "2023"]  # the year before is the one last year
    changes = {row["figure"]: row["change"] for row in checks.rows(years, "changes")}
    assert changes["revenue"] == pytest.approx(20 / 10 - 1)
    quarters = Overview(period="quarter").run(make_dataset({"orders": rows}))
    assert checks.column(quarters, "key_figures", "orders") == [12, 12, 12]


def test_months_without_sales_are_missing(make_dataset: Any, checks: Any) -> None:
    rows = [order("a", "2024-01-01"), order("a", "2024-01-31"), order("a", "2024-03-01"), order("b", "2024-03-31")]
    result = Overview().run(make_dataset({"orders": rows}))
    checks.tidy(result)
    february = checks.rows(result, "monthly")[1]
    assert february["coverage"] == "no sale: taken as missing"
    assert [february[name] for name in ("orders", "revenue", "customers", "new_customers")] == [None] * 4
    assert any("No sale at all in February 2024" in caveat.sentence for caveat in result.caveats)
    assert checks.column(result, "key_figures", "period") == ["March 2024"]  # nothing to compare it with


STATUSES = [
    {"status_id": "1", "is_success": True},
    {"status_id": "-5", "is_success": False},
]


def test_attempts_by_hand(make_dataset: Any, checks: Any) -> None:
    rows = [{**row, "status_id": "1"} for row in ORDERS]
    failed = [order("a", "2024-02-02", 100, status_id="-5"), order("e", "2024-01-02", 11, status_id=None)]
    result = Overview().run(make_dataset({"orders": [*rows, *failed], "statuses": STATUSES}, min_customers=1))
    checks.tidy(result)
    (whole,) = checks.rows(result, "whole")
    assert (whole["attempts"], whole["orders"], whole["failed_revenue"]) == (8, 6, 111)
    assert whole["customers"] == 4  # e never bought
    assert checks.column(result, "monthly", "attempts") == [4, 3, 1]
    assert checks.column(result, "monthly", "success_share") == pytest.approx([3 / 4, 2 / 3, 1])
    assert checks.column(result, "monthly", "failed_revenue") == [11, 100, 0]
    finding = result.finding("overview.success_share")
    assert (finding.value, finding.n, finding.at_stake) == (0.75, 8, 111)
    assert "would have added" in finding.sentence
    changes = {row["figure"]: row["change_points"] for row in checks.rows(result, "changes")}
    assert changes["success share"] == pytest.approx(2 / 3 - 3 / 4)


def test_no_attempt_is_a_sale(make_dataset: Any) -> None:
    tables = {"orders": [order("a", "2024-01-01", status_id="-5")], "statuses": STATUSES}
    with pytest.raises(DataError, match="none of 1 order is a sale"):
        Overview().run(make_dataset(tables))


def test_without_money(make_dataset: Any, checks: Any) -> None:
    rows = [{name: value for name, value in row.items() if name != "amount"} for row in ORDERS]
    for orders in (rows, [{**row, "amount": None} for row in ORDERS]):
        result = Overview().run(make_dataset({"orders": orders}, min_customers=1))
        checks.tidy(result)
        assert not any("revenue" in name for table in result.tables for name in table.to_arrow().column_names)
        assert [chart.name for chart in result.charts] == ["orders_by_month", "customers_by_month"]
        assert result.finding("overview.whole").unit == "orders"
        assert any("nothing is said of money" in caveat.sentence for caveat in result.caveats)
        assert checks.column(result, "monthly", "items") == [6, 6, 1]


def test_without_dates(make_dataset: Any, checks: Any) -> None:
    rows = [{name: value for name, value in row.items() if name != "ordered_at"} for row in ORDERS]
    result = Overview().run(make_dataset({"orders": rows}, min_customers=1))
    checks.tidy(result)
    assert [table.name for table in result.tables] == ["whole"]
    assert checks.rows(result, "whole")[0]["revenue"] == 117
    assert any("map ordered_at" in caveat.sentence for caveat in result.caveats)


@pytest.mark.parametrize("amounts", [[0.0, 0.0, 0.0], [5.0, -50.0, 1.0], [None, 2.0, None]])
def test_odd_money(make_dataset: Any, checks: Any, amounts: list[float | None]) -> None:
    days = ("2024-01-01", "2024-01-31", "2024-02-29")
    rows = [order(f"c{place}", day, one) for place, (day, one) in enumerate(zip(days, amounts, strict=True))]
    checks.tidy(Overview().run(make_dataset({"orders": rows}, min_customers=1)))


def test_discounts(make_dataset: Any, checks: Any) -> None:
    rows = [order("a", "2024-01-01", 100, discount=20.0), order("b", "2024-01-31", 100, discount=None)]
    result = Overview().run(make_dataset({"orders": rows}))
    assert checks.column(result, "monthly", "discount_share") == [0.1]
    assert checks.column(result, "monthly", "revenue") == [180]


def test_one_order(make_dataset: Any, checks: Any) -> None:
    result = Overview().run(make_dataset({"orders": ORDERS[:1]}, min_customers=1))
    checks.tidy(result)
    assert [table.name for table in result.tables] == ["whole", "monthly"]
    assert any("cover no month whole" in caveat.sentence for caveat in result.caveats)


def test_more_than_62_months(make_dataset: Any, checks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [order(f"c{n % 7}", f"{2010 + n // 12}-{n % 12 + 1:02d}-{1 + n % 28:02d}") for n in range(90)]
    data = make_dataset({"orders": rows})
    result = Overview().run(data)
    checks.tidy(result)
    assert checks.column(result, "monthly", "customers") == [1] * 90
    monkeypatch.setattr(cohorts, "MASK_PERIODS", 0)
    short = make_dataset({"orders": ORDERS})
    assert checks.column(Overview().run(short), "monthly", "customers") == [2, 2, 1]


def many(mean_by_month: tuple[float, ...], customers: int = 300) -> list[dict[str, Any]]:
    """Every customer buys once or more in every month, for an amount with a mean of the month's own."""
    rng = np.random.default_rng(9)
    return [
        order(f"c{customer}", f"2024-{month:02d}-{day:02d}", round(float(rng.gamma(4, mean / 4)), 2))
        for month, mean in enumerate(mean_by_month, start=1)
        for customer in range(customers)
        for day in [1, 28, *rng.integers(1, 29, rng.poisson(0.5))][customer % 2 :]
    ]


def test_changes_beyond_chance_are_told(make_dataset: Any, checks: Any) -> None:
    rows = [*many((40, 40, 60)), order("last", "2024-03-31", 60)]
    result = Overview().run(make_dataset({"orders": rows}, currency="EUR"))
    checks.tidy(result)
    finding = result.finding("overview.revenue_per_order_against_month_before")
    assert finding.interval is not None
    assert finding.interval[0] < 0.5 < finding.interval[1]
    assert "beyond chance" in finding.sentence
    total = result.finding("overview.revenue_against_month_before")
    assert total.interval is None
    assert "exact counts" in total.sentence


def test_chance_is_not_told(make_dataset: Any) -> None:
    rows = [*many((40, 40, 40)), order("last", "2024-03-31", 40)]
    keys = [finding.key for finding in Overview().run(make_dataset({"orders": rows})).findings]
    assert [key for key in keys if "_against_" in key] == ["overview.revenue_against_month_before"]


def test_order_of_rows_does_not_matter(make_dataset: Any, checks: Any) -> None:
    one = make_dataset({"orders": many((30, 40, 50))})
    other = make_dataset({"orders": checks.shuffled(one.collect(one.tables["orders"]))})
    checks.alike(Overview().run(one), Overview().run(other))


# -- data without orders --------------------------------------------------------------------------------

PROFILES: dict[str, Any] = {
    "customers": [
        {"customer_id": "a", "income": 100.0, "city": "York"},
        {"customer_id": "b", "income": None, "city": "Hull"},
        {"customer_id": "c", "income": 50.0, "city": None},
        {"customer_id": "d", "income": 50.0, "city": None},
    ],
    "category_spend": [
        {"customer_id": "a", "category": "wine", "amount": 30.0},
        {"customer_id": "b", "category": "wine", "amount": 10.0},
        {"customer_id": "b", "category": "fish", "amount": 20.0},
        {"customer_id": "c", "category": "fish", "amount": 0.0},
    ],
    "contacts": [
        {"customer_id": "a", "campaign_id": "1", "responded": True},
        {"customer_id": "b", "campaign_id": "1", "responded": False},
        {"customer_id": "c", "campaign_id": "1", "responded": None},
        {"customer_id": "a", "campaign_id": "2", "responded": False},
    ],
    "campaigns": [{"campaign_id": "1", "name": "Spring"}],
}


def test_profiles_by_hand(make_dataset: Any, checks: Any) -> None:
    result = Overview().run(make_dataset(PROFILES, min_customers=1))
    checks.tidy(result)
    traits = {row["column"]: row["known_share"] for row in checks.rows(result, "traits")}
    assert traits == {"income": 0.75, "city": 0.5}
    spend = checks.rows(result, "category_spend")
    assert [(row["category"], row["customers"], row["amount"], row["mean_amount"]) for row in spend] == [
        ("wine", 2, 40, 10),
        ("fish", 1, 20, 5),
    ]
    assert spend[0]["amount_share"] == pytest.approx(2 / 3)
    # 30, 10, 0, 0: mean 10, standard error √(600 ÷ 12), t of three degrees 3.1824
    assert spend[0]["mean_amount_high"] == pytest.approx(10 + 3.18245 * 50**0.5, abs=1e-3)
    campaigns = checks.rows(result, "campaigns")
    assert [(row["campaign"], row["contacts"], row["responses"]) for row in campaigns] == [
        ("2", 1, 0),
        ("Spring", 3, 1),
    ]
    assert result.finding("overview.customers").value == 4
    assert result.finding("overview.response_share").value == 0.25
    assert {chart.name for chart in result.charts} == {"spend_by_category", "response_by_campaign"}


def test_bare_profiles(make_dataset: Any, checks: Any) -> None:
    result = Overview().run(make_dataset({"customers": PROFILES["customers"]}))
    checks.tidy(result)
    assert [table.name for table in result.tables] == ["traits"]
    assert not result.findings


def test_contacts_without_responses(make_dataset: Any, checks: Any) -> None:
    contacts = [{"customer_id": "a", "campaign_id": None}, {"customer_id": "b", "campaign_id": "1"}]
    result = Overview().run(make_dataset({"customers": PROFILES["customers"], "contacts": contacts}))
    checks.tidy(result)
    assert checks.column(result, "campaigns", "campaign") == ["1", "unnamed"]


def test_no_profiles(make_dataset: Any) -> None:
    import pyarrow as pa

    with pytest.raises(DataError, match="no rows"):
        Overview().run(make_dataset({"customers": pa.table({"customer_id": pa.array([], pa.string())})}))


# -- real data ------------------------------------------------------------------------------------------


def test_online_retail(make_dataset: Any, checks: Any, online_retail: dict[str, pa.Table]) -> None:
    result = Overview().run(make_dataset({"lines": online_retail["valid"]}, currency="GBP"))
    checks.tidy(result)
    (whole,) = checks.rows(result, "whole")
    assert (whole["customers"], whole["orders"]) == (4338, 18_532)
    assert whole["revenue"] == pytest.approx(8_911_407.904, abs=1e-6)
    rows = checks.rows(result, "monthly")
    assert len(rows) == 13
    assert sum(row["orders"] for row in rows) == 18_532
    assert sum(row["revenue"] for row in rows) == pytest.approx(8_911_407.904, abs=1e-3)
    assert [row["new_customers"] for row in rows] == [885, 417, 380, 452, 300, 284, 242, 188, 169, 299, 358, 323, 41]
    assert [row["is_partial"] for row in rows] == [False] * 12 + [True]
    assert rows[-1]["coverage"] == "ends on 2011-12-09"
    assert checks.column(result, "key_figures", "period") == ["November 2011", "October 2011"]
    assert result.finding("overview.whole").value == pytest.approx(8_911_407.904)
