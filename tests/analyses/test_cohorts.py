from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from regulars.analyses.cohorts import Cohorts
from regulars.errors import DataError, SettingsError
from regulars.measures import cohorts

if TYPE_CHECKING:
    import pyarrow as pa


def order(customer: str, day: str, amount: float = 10.0, **more: Any) -> dict[str, Any]:
    return {"customer_id": customer, "ordered_at": day, "amount": amount, **more}


# January: a and b begin; a comes again in February and March, b in March.
# February: c and d begin; c comes again in March.
ORDERS = [
    order("a", "2024-01-01", 10),
    order("a", "2024-01-20", 5),
    order("b", "2024-01-31", 20),
    order("a", "2024-02-10", 30),
    order("c", "2024-02-11", 40),
    order("d", "2024-02-12", 1),
    order("a", "2024-03-01", 2),
    order("b", "2024-03-02", 3),
    order("c", "2024-03-31", 4),
]
BY_TIME = Cohorts(by=("first_order",))


def cells(checks: Any, result: Any, name: str) -> dict[tuple[int, int], Any]:
    """A column of the retention table by (month of the cohort, months since)."""
    return {(row["cohort"].month, row["period_index"]): row[name] for row in checks.rows(result, "retention")}


def test_retention_by_hand(make_dataset: Any, checks: Any) -> None:
    result = BY_TIME.run(make_dataset({"orders": ORDERS}))
    checks.tidy(result)
    assert cells(checks, result, "customers") == {(1, 0): 2, (1, 1): 2, (1, 2): 2, (2, 0): 2, (2, 1): 2}
    assert cells(checks, result, "active") == {(1, 0): 2, (1, 1): 1, (1, 2): 2, (2, 0): 2, (2, 1): 1}
    assert cells(checks, result, "retention_share") == {(1, 0): 1, (1, 1): 0.5, (1, 2): 1, (2, 0): 1, (2, 1): 0.5}
    assert cells(checks, result, "revenue") == {(1, 0): 35, (1, 1): 30, (1, 2): 5, (2, 0): 41, (2, 1): 4}
    assert cells(checks, result, "cumulative_revenue_per_customer") == {
        (1, 0): 17.5, (1, 1): 32.5, (1, 2): 35, (2, 0): 20.5, (2, 1): 22.5,
    }  # fmt: skip
    assert not any(cells(checks, result, "is_partial").values())


def test_all_cohorts_by_hand(make_dataset: Any, checks: Any) -> None:
    rows = checks.rows(BY_TIME.run(make_dataset({"orders": ORDERS})), "all_cohorts")
    assert [row["customers"] for row in rows] == [4, 4, 2]
    assert [row["retention_share"] for row in rows] == [1.0, 0.5, 1.0]
    assert [row["whole_base_share"] for row in rows] == [1.0, 0.5, 0.5]  # two of four customers can be seen in month 2
    # 76 from four, then 34 from four, then 5 from two
    assert [row["cumulative_revenue_per_customer"] for row in rows] == pytest.approx([19, 27.5, 30])


def test_unfinished_months_are_marked_and_left_out(make_dataset: Any, checks: Any) -> None:
    unfinished = [row for row in ORDERS if row["ordered_at"] <= "2024-03-02"]
    result = BY_TIME.run(make_dataset({"orders": unfinished}))
    partial = cells(checks, result, "is_partial")
    assert {key for key, is_partial in partial.items() if is_partial} == {(1, 2), (2, 1)}
    assert cells(checks, result, "retention_share")[1, 2] == 1.0  # shown all the same
    assert [row["cohorts"] for row in checks.rows(result, "all_cohorts")] == [2, 1]
    assert any("March 2024 is not whole" in caveat.sentence for caveat in result.caveats)


def test_missing_months_are_not_zero(make_dataset: Any, checks: Any) -> None:
    without = [row for row in ORDERS if "-02-" not in row["ordered_at"]]
    result = BY_TIME.run(make_dataset({"orders": without}))
    checks.tidy(result)
    assert cells(checks, result, "retention_share")[1, 1] is None
    assert cells(checks, result, "active")[1, 1] is None
    assert cells(checks, result, "is_partial")[1, 1]
    assert any("No sale at all in February 2024" in caveat.sentence for caveat in result.caveats)


def test_chosen_years_only(make_dataset: Any, checks: Any) -> None:
    rows = [*ORDERS, order("e", "2023-11-05"), order("e", "2024-01-05"), order("e", "2023-12-31")]
    result = Cohorts(by=("first_order",), years=(2023,)).run(make_dataset({"orders": rows}))
    assert {row["cohort"] for row in checks.rows(result, "retention")} == {date(2023, 11, 1)}
    assert checks.rows(result, "all_cohorts")[0]["customers"] == 1
    with pytest.raises(DataError, match="first bought in 1999"):
        Cohorts(years=(1999,)).run(make_dataset({"orders": rows}))


def test_weeks(make_dataset: Any, checks: Any) -> None:
    rows = [order("a", "2024-01-01"), order("b", "2024-01-07"), order("a", "2024-01-08"), order("a", "2024-01-14")]
    result = Cohorts(by=("first_order",), grain="week").run(make_dataset({"orders": rows}))
    found = [(row["cohort"], row["period_index"], row["active"]) for row in checks.rows(result, "retention")]
    assert found == [(date(2024, 1, 1), 0, 2), (date(2024, 1, 1), 1, 1)]


def many(count: int = 400, seed: int = 4) -> list[dict[str, Any]]:
    """Customers of two years who come again at random, by two channels."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        first, channel = int(rng.integers(0, 700)), str(rng.choice(["app", "shop"]))
        days = [first, *(first + rng.integers(1, 730 - first, rng.poisson(4 if channel == "app" else 1))).tolist()]
        for day in days:
            when = date.fromordinal(date(2022, 1, 1).toordinal() + day).isoformat()
            rows.append(order(f"c{number}", when, round(float(rng.lognormal(3, 1)), 2), channel=channel))
    return rows


def test_the_way_for_many_periods_gives_the_same(
    make_dataset: Any, checks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_dataset({"orders": many()})
    by_mask = Cohorts().run(data)
    monkeypatch.setattr(cohorts, "MASK_PERIODS", 3)
    checks.alike(by_mask, Cohorts().run(data))


def test_more_than_62_weeks(make_dataset: Any, checks: Any) -> None:
    result = Cohorts(grain="week").run(make_dataset({"orders": many()}))
    checks.tidy(result)
    assert max(checks.column(result, "retention", "period_index")) > cohorts.MASK_PERIODS
    assert len(set(checks.column(result, "newest", "cohort"))) == 18
    assert max(checks.column(result, "newest", "period_index")) == 17
    assert result.charts[0].table == "newest"


def test_against_a_count_in_python(make_dataset: Any, checks: Any) -> None:
    rows = many()
    result = BY_TIME.run(make_dataset({"orders": rows}))
    months: dict[str, set[int]] = {}
    for row in rows:
        year, month, _ = row["ordered_at"].split("-")
        months.setdefault(row["customer_id"], set()).add(int(year) * 12 + int(month) - 1)
    for row in checks.rows(result, "retention"):
        cohort = row["cohort"].year * 12 + row["cohort"].month - 1
        members = [found for found in months.values() if min(found) == cohort]
        assert row["customers"] == len(members)
        assert row["active"] == sum(cohort + row["period_index"] in found for found in members)


def test_findings(make_dataset: Any, checks: Any) -> None:
    result = Cohorts().run(make_dataset({"orders": many()}))
    checks.tidy(result)
    again = result.finding("cohorts.retention_month_1")
    row = checks.rows(result, "all_cohorts")[1]
    assert (again.value, again.n) == (row["retention_share"], row["customers"])
    assert again.interval == (row["retention_share_low"], row["retention_share_high"])
    worth = result.finding("cohorts.revenue_after_3_months")
    assert worth.interval is not None
    assert result.finding("cohorts.first_channel").value  # planted: the app's customers come four times as often


def test_chance_is_not_told(make_dataset: Any) -> None:
    """Cohorts and groups that differ by chance alone get no finding, in nearly every world."""
    alarms = 0
    for seed in range(12):
        rows = [{**row, "channel": f"k{hash_of(row)}"} for row in many(300, seed) if row["channel"] == "app"]
        keys = {finding.key for finding in Cohorts().run(make_dataset({"orders": rows}, min_customers=10)).findings}
        alarms += bool(keys & {"cohorts.first_channel", "cohorts.best_cohort", "cohorts.worst_cohort"})
    assert alarms <= 3


def hash_of(row: dict[str, Any]) -> int:
    return int(row["customer_id"][1:]) * 7919 % 3


def test_behaviours_by_hand(make_dataset: Any, checks: Any) -> None:
    # a: voucher, web; b: a campaign of no known kind, shop; c: no campaign, no channel; d: voucher, web
    more = {
        "2024-01-01": {"campaign_id": "v", "channel": "web", "product_id": "x"},
        "2024-01-31": {"campaign_id": "?", "channel": "shop", "product_id": "y"},
        "2024-02-11": {"campaign_id": None, "channel": None, "product_id": "x"},
        "2024-02-12": {"campaign_id": "v", "channel": "web", "product_id": "none"},
    }
    data = make_dataset(
        {
            "orders": [
                {**row, **more.get(row["ordered_at"], {"campaign_id": "v", "channel": "late"})} for row in ORDERS
            ],
            "campaigns": [{"campaign_id": "v", "kind": "voucher"}, {"campaign_id": "?", "kind": None}],
            "products": [{"product_id": "x", "category": "toys"}, {"product_id": "y", "category": "books"}],
        }
    )
    result = Cohorts().run(data)
    checks.tidy(result)

    def groups(name: str) -> dict[str, list[tuple[int, int]]]:
        found: dict[str, list[tuple[int, int]]] = {}
        for row in checks.rows(result, f"by_{name}"):
            found.setdefault(row["cohort"], []).append((row["active"], row["customers"]))
        return found

    # a is active in all three months; d, from February, in the first of two: month 1 has one of two, month 2 a alone
    assert groups("first_campaign_kind") == {
        "voucher": [(2, 2), (1, 2), (1, 1)],
        "no campaign": [(1, 1), (1, 1)],
        "unknown": [(1, 1), (0, 1), (1, 1)],
    }
    assert groups("first_channel") == {
        "web": [(2, 2), (1, 2), (1, 1)],
        "shop": [(1, 1), (0, 1), (1, 1)],
        "unknown": [(1, 1), (1, 1)],
    }
    assert groups("first_category") == {
        "toys": [(2, 2), (2, 2), (1, 1)],
        "books": [(1, 1), (0, 1), (1, 1)],
        "unknown": [(1, 1), (0, 1)],
    }
    # first orders of 1, 10, 20 and 40: one in each quarter
    sizes = groups("first_order_size")
    assert [label[0] for label in sizes] == ["1", "2", "3", "4"]
    assert list(sizes.values()) == [[(1, 1), (0, 1)], [(1, 1)] * 3, [(1, 1), (0, 1), (1, 1)], [(1, 1), (1, 1)]]


def test_orders_at_one_instant_count_as_one(make_dataset: Any, checks: Any) -> None:
    twins = [order("a", "2024-01-01T10:00", channel="web"), order("a", "2024-01-01T10:00", channel="app")]
    rows = [*twins, order("b", "2024-01-31", channel="web")]
    result = Cohorts(by=("first_channel",)).run(make_dataset({"orders": rows}))
    assert checks.column(result, "by_first_channel", "cohort") == ["app", "web"]


def test_rare_groups_become_others(make_dataset: Any, checks: Any) -> None:
    rows = [order(f"c{n}", "2024-01-01", channel=f"k{min(n, 29 - n):02d}") for n in range(29)]
    result = Cohorts(by=("first_channel",)).run(make_dataset({"orders": [*rows, order("z", "2024-01-31")]}))
    names = checks.column(result, "by_first_channel", "cohort")
    assert len(names) == 10
    assert names[-1] == "others"
    assert sum(checks.column(result, "by_first_channel", "customers")) == 30


def test_what_the_data_lack_is_told(make_dataset: Any, checks: Any) -> None:
    rows = [{name: value for name, value in row.items() if name != "amount"} for row in ORDERS]
    result = Cohorts().run(make_dataset({"orders": rows}))
    checks.tidy(result)
    (told,) = [caveat.sentence for caveat in result.caveats if "cannot give" in caveat.sentence]
    assert all(word in told for word in ("map campaign_id", "map the channel", "map product_id", "map the money"))
    assert "revenue" not in result.table("retention").to_arrow().column_names


@pytest.mark.parametrize("amount", [None, 0.0])
def test_worthless_orders(make_dataset: Any, checks: Any, amount: float | None) -> None:
    rows = [{**row, "amount": amount} for row in ORDERS]
    result = Cohorts().run(make_dataset({"orders": rows}))
    checks.tidy(result)
    assert "by_first_order_size" not in [table.name for table in result.tables]


def test_order_of_rows_does_not_matter(make_dataset: Any, checks: Any) -> None:
    one = make_dataset({"orders": many()})
    other = make_dataset({"orders": checks.shuffled(one.collect(one.tables["orders"]))})
    checks.alike(Cohorts().run(one), Cohorts().run(other))


def test_one_customer(make_dataset: Any, checks: Any) -> None:
    result = Cohorts().run(make_dataset({"orders": ORDERS[:1]}, min_customers=1))
    checks.tidy(result)
    assert checks.rows(result, "retention")[0]["customers"] == 1


def test_no_sale_at_all(make_dataset: Any) -> None:
    tables = {
        "orders": [order("a", "2024-01-01", status_id="-5")],
        "statuses": [{"status_id": "-5", "is_success": False}],
    }
    with pytest.raises(DataError, match="no sale"):
        Cohorts().run(make_dataset(tables))


def test_keeps_nothing_in_the_engine(make_dataset: Any) -> None:
    data = make_dataset({"orders": many(50)})
    Cohorts().run(data)
    assert not [name for name in data.engine.backend.list_tables() if name.startswith("cohorts__")]


def test_settings_that_are_refused() -> None:
    for values in ({"by": ()}, {"size_bands": 1}, {"size_bands": 10}):
        with pytest.raises(SettingsError):
            Cohorts(**values)


DECEMBER = [36.61, 32.32, 38.42, 36.27, 39.77, 36.27, 34.92, 35.37, 39.55, 37.40, 50.28, 26.55]
DECEMBER_WITH_CANCELLATIONS = [38.19, 33.44, 38.71, 35.97, 39.66, 37.97, 35.44, 35.44, 39.45, 37.34, 50.00, 27.43]
SIZES = [885, 417, 380, 452, 300, 284, 242, 188, 169, 299, 358, 323, 41]


def december(checks: Any, result: Any) -> tuple[list[float], list[int]]:
    rows = checks.rows(result, "retention")
    shares = [round(100 * row["retention_share"], 2) for row in rows if row["cohort"] == date(2010, 12, 1)]
    return shares[1:], [row["customers"] for row in rows if row["period_index"] == 0]


def test_online_retail(make_dataset: Any, checks: Any, online_retail: dict[str, pa.Table]) -> None:
    result = Cohorts().run(make_dataset({"lines": online_retail["valid"]}, currency="GBP"))
    checks.tidy(result)
    assert december(checks, result) == (DECEMBER, SIZES)
    rows = checks.rows(result, "retention")
    assert sum(row["revenue"] for row in rows) == pytest.approx(8_911_407.904, abs=1e-3)
    assert [row["period_index"] for row in rows if row["is_partial"]] == list(range(12, -1, -1))
    assert len(checks.rows(result, "all_cohorts")) == 12  # December 2011 is not over


def test_online_retail_with_cancellations(make_dataset: Any, checks: Any, online_retail: dict[str, pa.Table]) -> None:
    shares, sizes = december(checks, BY_TIME.run(make_dataset({"lines": online_retail["with_cancellations"]})))
    assert sizes[0] == 948
    assert shares == DECEMBER_WITH_CANCELLATIONS
