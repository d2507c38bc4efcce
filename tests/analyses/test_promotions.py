from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from regulars.analyses.promotions import Promotions
from regulars.errors import DataError, SettingsError

MakeDataset = Callable[..., Any]
CAMPAIGNS = [{"campaign_id": "v", "kind": "voucher"}, {"campaign_id": "p", "kind": "points"}]


def order(customer: int, day: int, campaign: str | None = None, discount: float = 0.0) -> dict[str, Any]:
    at = date(2024, 1, 1) + timedelta(days=day)
    return {
        "customer_id": f"c{customer:03}", "ordered_at": f"{at} 10:00:00", "campaign_id": campaign,
        "amount": 100.0, "discount": discount, "product_id": f"film {day % 3}",
    }  # fmt: skip


def shop() -> list[dict[str, Any]]:
    """40 won with a voucher (20 % off) of whom 10 come back on day 50 without one; 40 without of whom 30 come back on
    day 20; 40 deal-seekers who come back on day 10 with points (10 % off); one order of each at the end, day 200."""
    rows = [order(n, 0, "v", 20.0) for n in range(40)] + [order(n, 50) for n in range(10)]
    rows += [order(100 + n, 0) for n in range(40)] + [order(100 + n, 20) for n in range(30)]
    rows += [order(200 + n, day, "p", 10.0) for n in range(40) for day in (0, 10)]
    return [*rows, order(300, 200)]


@pytest.fixture
def result(make_dataset: MakeDataset) -> Any:
    return Promotions(margin_share=0.4).run(make_dataset({"orders": shop(), "campaigns": CAMPAIGNS}))


def rows(result: Any, table: str, **chosen: Any) -> list[dict[str, Any]]:
    found = result.table(table).to_arrow().to_pylist()
    return [row for row in found if all(row[name] == value for name, value in chosen.items())]


def test_shares_and_money_by_kind(result: Any) -> None:
    voucher = rows(result, "kinds", promotion="voucher")[0]
    assert (voucher["orders"], voucher["customers"]) == (40, 40)
    assert voucher["order_share"] == pytest.approx(40 / 201)
    assert voucher["customer_share"] == pytest.approx(40 / 121)
    money = rows(result, "money", dimension="promotion", group="voucher")[0]
    assert (money["revenue_per_order"], money["discount_per_order"], money["discount"]) == (80.0, 20.0, 800.0)
    assert money["discount_share"] == pytest.approx(0.2)
    assert money["first_order_share"] == 1.0
    told = result.finding("promotions.kinds")
    assert told.value == pytest.approx(80 / 201)
    assert "'points': on 39.8 %" in told.sentence
    assert told.sentence.endswith("then 'voucher' on 19.9 %.")


def test_money_is_told_in_tables_that_can_be_read(result: Any) -> None:
    shown = [table for table in result.tables if table.is_shown]
    assert max(len(table.columns) for table in shown if table.name != "response_by_group") <= 16
    assert {"sales", "discounts", "first_orders"} <= {table.name for table in shown}
    voucher = rows(result, "sales", dimension="promotion", group="voucher")[0]
    assert voucher["revenue_per_order"] == rows(result, "money", group="voucher")[0]["revenue_per_order"]
    assert not any("×" in row["dimension"] for row in rows(result, "sales"))


def test_titles_of_charts_say_what_was_found(result: Any) -> None:
    titles = {chart.name: chart.title for chart in result.charts}
    assert titles["responses"] == "33.9 % of the buyers never used a promotion"
    assert titles["kinds"] == "'points' was used most: on 39.8 % of the orders"


def test_the_first_year_stands_beside_the_last(make_dataset: MakeDataset) -> None:
    sold = [order(n, 0, "v" if n < 10 else None) for n in range(60)]
    sold += [order(n, 400, "v" if n < 50 else None) for n in range(60)]
    result = Promotions().run(make_dataset({"orders": sold, "campaigns": CAMPAIGNS}))
    title = next(chart.title for chart in result.charts if chart.name == "use_by_year")
    assert title == "Orders with a promotion rose from 16.7 % in 2024 to 83.3 % in 2025"
    told = result.finding("promotions.by_year")
    assert (told.value, told.n) == (pytest.approx(50 / 60), 60)
    assert told.sentence.endswith("of the orders used a promotion, against 2024 16.7 %.")


def test_classes_of_response_exclude_one_another(result: Any) -> None:
    found = {row["response"]: row["customers"] for row in rows(result, "responses")}
    assert found == {
        "only with promotion": 40, "once among others": 10, "a single order, with promotion": 30, "never": 41,
    }  # fmt: skip


def test_returns_beside_those_won_without(result: Any) -> None:
    at = {days: rows(result, "returns", won_with="voucher", within_days=days)[0] for days in (30, 60, 90)}
    assert [at[days]["returned"] for days in (30, 60, 90)] == [0, 10, 10]
    assert at[90]["difference"] == pytest.approx(10 / 40 - 30 / 40)  # the order of day 200 has no whole window
    assert at[90]["differs"] == -1
    assert rows(result, "returns", won_with="points", within_days=30)[0]["return_share"] == 1.0


def test_break_even_is_discount_over_margin(result: Any) -> None:
    assert rows(result, "break_even", promotion="voucher")[0]["break_even_share"] == pytest.approx(0.2 / 0.4)
    assert result.finding("promotions.break_even").value == pytest.approx(0.5)


def test_who_is_written_to(result: Any, make_dataset: MakeDataset) -> None:
    lists = {one.name: one.members.to_pyarrow().to_pylist() for one in result.audiences}
    assert {row["customer_id"] for row in lists["deal_seekers"]} == {f"c{200 + n:03}" for n in range(40)}
    assert {row["customer_id"] for row in lists["one_time_responders"]} == {f"c{n:03}" for n in range(10, 40)}
    assert lists["one_time_responders"][0]["reason"] == "a single order, with a promotion, 200 days ago"


def test_a_campaign_of_one_product_and_one_of_releases(make_dataset: MakeDataset) -> None:
    films = [{"product_id": "old", "released_on": "2020-01-01"}, {"product_id": "odd", "released_on": "2020-01-01"}]
    films += [{"product_id": f"new {n}", "released_on": "2024-01-01"} for n in range(4)]
    sold = [{**order(n, 1, "v"), "product_id": "old"} for n in range(40)]
    sold += [{**order(50 + n, 1, "p"), "product_id": f"new {n % 4}"} for n in range(40)]
    sold += [{**order(100 + n, 1), "product_id": ("odd", "new 1")[n % 2]} for n in range(40)]
    result = Promotions().run(make_dataset({"orders": sold, "campaigns": CAMPAIGNS, "products": films}))
    found = {row["campaign_id"]: row["belongs_to"] for row in rows(result, "campaigns")}
    assert found == {"v": "of one product", "p": "of new releases"}


def test_costs_of_the_products_give_profit_and_margin(make_dataset: MakeDataset) -> None:
    films = [{"product_id": f"film {n}", "cost": 60.0} for n in range(3)]
    result = Promotions().run(make_dataset({"orders": shop(), "campaigns": CAMPAIGNS, "products": films}))
    money = rows(result, "money", dimension="promotion", group="voucher")[0]
    assert money["profit_per_order"] == pytest.approx(20.0)
    assert rows(result, "break_even", promotion="voucher")[0]["margin_share"] == pytest.approx(0.4)


def test_a_discount_alone_is_a_promotion(make_dataset: MakeDataset) -> None:
    plain = [{name: value for name, value in row.items() if name != "campaign_id"} for row in shop()]
    result = Promotions().run(make_dataset({"orders": plain}))
    assert rows(result, "kinds", promotion="discount without campaign")[0]["orders"] == 120


def test_without_promotions_there_is_no_question(make_dataset: MakeDataset) -> None:
    bare = [{name: row[name] for name in ("customer_id", "ordered_at", "amount")} for row in shop()]
    data = make_dataset({"orders": bare})
    assert Promotions().is_moot(data)
    with pytest.raises(DataError, match="campaign or a discount"):
        Promotions().run(data)
    with pytest.raises(SettingsError, match="margin_share"):
        Promotions(margin_share=1.5)
