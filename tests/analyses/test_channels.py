from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from regulars.analyses.channels import Channels
from regulars.errors import DataError, SettingsError
from regulars.methods.missing_periods import find_breaks

MakeDataset = Callable[..., Any]


def sale(customer: int, day: int, channel: str | None, payment: str = "debit card") -> dict[str, Any]:
    at = date(2023, 1, 2) + timedelta(days=day)
    return {
        "customer_id": f"c{customer:03}", "ordered_at": f"{at} 10:00:00", "channel": channel, "amount": 10.0,
        "payment_method": payment,
    }  # fmt: skip


def shop() -> list[dict[str, Any]]:
    """80 buy in the shop, 40 of them again on the web a month later; the web opens in 2024, where wallets are used."""
    rows = [sale(n, 0, "shop") for n in range(80)] + [sale(n, 30, "phone") for n in range(40)]
    rows += [sale(200 + n, 400, "web", "money in app") for n in range(60)]
    return [*rows, *(sale(300 + n, 401, "shop", "cash") for n in range(40)), sale(400, 600, "shop")]


@pytest.fixture
def result(make_dataset: MakeDataset) -> Any:
    return Channels().run(make_dataset({"orders": shop()}))


def rows(result: Any, table: str, **chosen: Any) -> list[dict[str, Any]]:
    found = result.table(table).to_arrow().to_pylist()
    return [row for row in found if all(row[name] == value for name, value in chosen.items())]


def test_shares_by_year_and_month(result: Any) -> None:
    web = rows(result, "by_year", dimension="channel", label="web", year="2024")[0]
    assert web["order_share"] == pytest.approx(60 / 101)
    assert web["differs"] == 1
    months = rows(result, "by_month_channel", label="shop")
    assert [(row["month"], row["orders"]) for row in months][:2] == [(date(2023, 1, 1), 80), (date(2024, 2, 1), 40)]


def test_what_is_new_is_told_with_its_first_day(result: Any) -> None:
    sentence = result.finding("channels.new_1").sentence
    assert sentence.startswith("'web' (channel) is there only since 2024-02-06")


def test_wallets_cards_and_cash(result: Any) -> None:
    found = {row["label"]: row["orders"] for row in rows(result, "labels", dimension="payment_kind")}
    assert found == {"card": 121, "wallet": 60, "cash": 40}


def test_moves_and_returns(result: Any) -> None:
    assert rows(result, "moves_channel") == [
        {"before": "shop", "after": "phone", "orders": 40, "move_share": 1.0}
    ]  # fmt: skip
    shop_first = rows(result, "by_first_order", dimension="by_channel", group="shop")[0]
    assert shop_first["return_share"] == pytest.approx(40 / 120)  # the last customer's window is not over
    assert rows(result, "by_first_order", dimension="by_channel", group="web")[0]["return_share"] == 0.0


def test_the_step_at_which_a_device_goes_missing(make_dataset: MakeDataset) -> None:
    devices = [{"device_id": "a", "platform": "mobile"}, {"device_id": "b", "platform": None}]
    kinds = {0: "a", 1: "b", 2: "lost", 3: None}
    sold = [
        {**sale(n, n % 140, "web"), "device_id": "a" if n % 140 not in range(70, 84) else kinds[n % 4]}
        for n in range(2800)
    ]
    result = Channels().run(make_dataset({"orders": sold, "devices": devices}))
    found = rows(result, "unknown_periods", dimension="platform")
    assert {row["step"] for row in found} == {
        "no device recorded", "device not in the list", "device listed without it"
    }  # fmt: skip
    assert sorted(row["missing"] for row in found) == [60, 80, 80]
    for row in found:
        assert (row["from"], row["to"]) == (date(2023, 3, 13), date(2023, 3, 26))
    assert "from 2023-03-13 to 2023-03-26" in result.finding("channels.unknown_period").sentence.lower()


def test_no_week_stands_out_where_none_was_planted() -> None:
    import numpy as np

    rng = np.random.default_rng(4)
    found = 0
    for _ in range(200):
        lost = rng.binomial(50, 0.05, 100)
        weeks = [{"number": n, "step": None, "attempts": 50 - int(k)} for n, k in enumerate(lost)]
        weeks += [{"number": n, "step": "lost", "attempts": int(k)} for n, k in enumerate(lost)]
        found += bool(find_breaks(weeks))
    assert found <= 3  # the stated level is one in a thousand


def test_orders_that_say_nothing_are_no_question(make_dataset: MakeDataset) -> None:
    bare = [{name: row[name] for name in ("customer_id", "ordered_at", "amount")} for row in shop()]
    data = make_dataset({"orders": bare})
    assert Channels().is_moot(data)
    with pytest.raises(DataError, match="where or how"):
        Channels().run(data)
    with pytest.raises(SettingsError, match="return_days"):
        Channels(return_days=0)


def test_each_way_of_buying_has_its_shares_and_the_change_of_the_last_year(result: Any) -> None:
    told = result.finding("channels.share_channel")
    assert (told.value, told.n) == (pytest.approx(121 / 221), 221)
    assert told.interval[0] < 121 / 221 < told.interval[1]
    assert "then 'web' 27.1 % and 'phone' 18.1 %" in told.sentence
    assert "in 2024 'web' had 59.4 % against 0.0 % in the years before, beyond chance" in told.sentence


@pytest.mark.parametrize("further", [{}, {"os": "Palm"}])
def test_the_operating_system_is_read_from_the_model_where_it_is_not_given(
    make_dataset: MakeDataset, further: dict[str, str]
) -> None:
    models = {"a": "iPhone 9,4", "b": "Samsung SM-G610F", "c": "devicemodel"}
    devices = [{"device_id": key, "model": name, **further} for key, name in models.items()]
    orders = [sale(n, n % 3, "shop") | {"device_id": "aab"[n % 3]} for n in range(90)]
    orders += [sale(100 + n, 0, "shop") | {"device_id": "c"} for n in range(10)]
    result = Channels().run(make_dataset({"orders": orders, "devices": devices}))
    shares = {(row["dimension"], row["label"]): row["order_share"] for row in rows(result, "labels")}
    if further:
        assert shares["os", "Palm"] == 1.0
        assert not any(name == "os_of_model" for name, _ in shares)
        return
    found = {label: share for (name, label), share in shares.items() if name == "os_of_model"}
    assert found == {"iOS": 0.6, "Android": 0.3, "unknown": 0.1}
    assert "of 10.0 % it is not known" in result.finding("channels.share_os_of_model").sentence
