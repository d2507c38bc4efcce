from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from regulars.analyses.products import Products
from regulars.errors import SettingsError

MakeDataset = Callable[..., Any]
FILMS = [
    {"product_id": "old", "category": "drama", "released_on": "2023-01-02"},
    {"product_id": "new", "category": "family", "released_on": "2024-01-01"},
]


def sale(customer: int, day: int, film: str, price: float = 10.0) -> dict[str, Any]:
    at = date(2023, 1, 2) + timedelta(days=day)
    return {"customer_id": f"c{customer:03}", "ordered_at": f"{at} 10:00:00", "product_id": film, "amount": price}


def shop() -> list[dict[str, Any]]:
    """`old` sells 40 in its first week and 40 in its second; `new` 60 in its first and 20 in its third, at 15."""
    rows = [sale(n, 1 + 7 * (n % 2), "old") for n in range(80)]
    rows += [sale(100 + n, 365, "new", 15.0) for n in range(60)] + [sale(100 + n, 380, "new", 15.0) for n in range(20)]
    return [*rows, sale(0, 728, "old")]


@pytest.fixture
def result(make_dataset: MakeDataset) -> Any:
    return Products().run(make_dataset({"orders": shop(), "products": FILMS}))


def rows(result: Any, table: str, **chosen: Any) -> list[dict[str, Any]]:
    found = result.table(table).to_arrow().to_pylist()
    return [row for row in found if all(row[name] == value for name, value in chosen.items())]


def test_the_waterfall_adds_up_exactly(result: Any) -> None:
    steps = {row["step"]: row for row in rows(result, "drivers")}
    parts = ("customers", "orders per customer", "items per order", "price per item")
    before, after = steps["revenue before"]["amount"], steps["revenue after"]["amount"]
    assert before + sum(steps[one]["amount"] for one in parts) == pytest.approx(after, abs=1e-9)
    assert (steps["customers"]["before"], steps["customers"]["after"]) == (80, 61)
    assert steps["items per order"]["amount"] == 0
    assert steps["price per item"]["after"] == pytest.approx((80 * 15 + 10) / 81)


def test_life_after_release(result: Any) -> None:
    shares = [row["sales_share"] for row in rows(result, "after_release")]
    assert shares[:3] == pytest.approx([(0.5 + 0.75) / 2, 0.25, 0.125])
    assert rows(result, "after_release")[-1]["share_so_far"] == pytest.approx(1.0)


def test_best_sellers_and_concentration(result: Any) -> None:
    first = rows(result, "best_sellers")[0]
    assert (first["product"], first["orders"], first["revenue"]) == ("old", 81, 810.0)
    assert rows(result, "concentration", product_share=0.5)[0]["value_share"] == pytest.approx(1200 / 2010)


def test_season_and_audience_by_category(make_dataset: MakeDataset) -> None:
    people = [{"customer_id": f"c{n:03}", "gender": "f" if n >= 100 else "m"} for n in range(200)]
    result = Products().run(make_dataset({"orders": shop(), "products": FILMS, "customers": people}))
    women = rows(result, "audience", dimension="gender", group="f")[0]
    assert (women["family_share"], women["family_share_differs"]) == (1.0, 1.0)
    assert rows(result, "season", group="January")[0]["family_share"] == pytest.approx(80 / 160)


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(SettingsError, match="trend_days"):
        Products(trend_days=1)
