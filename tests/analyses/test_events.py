"""Events on small companies built by hand."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from regulars.errors import DataError

if TYPE_CHECKING:
    from conftest import Checks, DrawOrders, MakeDataset

FIRST = date(2020, 1, 1)
FAIR = [
    {"name": "fair", "starts_on": f"{year}-05-10", "ends_on": f"{year}-05-14", "kind": "fair"} for year in (2020, 2021)
]
NOTHING = [{"name": "nothing", "starts_on": f"{year}-09-05", "ends_on": f"{year}-09-12"} for year in (2020, 2021)]


def days_between(start: str, end: str) -> slice:
    return slice((date.fromisoformat(start) - FIRST).days, (date.fromisoformat(end) - FIRST).days + 1)


def test_a_planted_effect_is_found_and_no_other(
    make_dataset: MakeDataset, draw_orders: DrawOrders, checks: type[Checks]
) -> None:
    level = np.full(731, 20.0)
    for one in FAIR:
        level[days_between(one["starts_on"], one["ends_on"])] *= 1.7
    result = make_dataset({"orders": draw_orders(FIRST, level), "calendar": FAIR + NOTHING}).run("events")
    checks.tidy(result)
    assert [finding.key for finding in result.findings] == ["events.revenue.fair"]
    finding = result.findings[0]
    assert finding.interval is not None
    assert finding.interval[0] < 0.7 < finding.interval[1]
    rows = {(row["event"], row["measure"]): row for row in checks.rows(result, "effects")}
    assert rows["fair", "orders"]["occurrences"] == 2
    assert rows["fair", "orders"]["open_days"] == 10
    assert not rows["nothing", "orders"]["is_beyond_chance"]
    assert len([row for row in checks.rows(result, "windows") if row["event"] == "fair"]) == 2


def test_purchases_brought_forward_show_after(
    make_dataset: MakeDataset, draw_orders: DrawOrders, checks: type[Checks]
) -> None:
    level = np.full(731, 30.0)
    for one in FAIR:
        during = days_between(one["starts_on"], one["ends_on"])
        level[during] *= 1.6
        level[during.stop : during.stop + 7] *= 0.6
    result = make_dataset({"orders": draw_orders(FIRST, level), "calendar": FAIR}).run("events")
    rows = {row["days"]: row for row in checks.rows(result, "around")}
    assert rows["7 days after"]["effect_high"] < 0
    assert rows["7 days before"]["effect_low"] < 0 < rows["7 days before"]["effect_high"]
    assert rows["on its days"]["effect_low"] > 0


def test_what_cannot_be_told_says_why(make_dataset: MakeDataset, draw_orders: DrawOrders, checks: type[Checks]) -> None:
    level = np.full(400, 20.0)
    level[days_between("2020-12-25", "2020-12-26")] = 0
    calendar = [
        {"name": "christmas", "starts_on": "2020-12-25", "ends_on": "2020-12-26", "kind": "holiday"},
        {"name": "whole spring", "starts_on": "2020-03-01", "ends_on": "2020-05-31", "kind": "own"},
        {"name": "lockdown", "starts_on": "2020-07-01", "ends_on": "2020-07-20", "kind": "lockdown"},
    ]
    result = make_dataset({"orders": draw_orders(FIRST, level), "calendar": calendar}).run("events")
    why = {row["event"]: row["why_not"] for row in checks.rows(result, "effects") if row["measure"] == "orders"}
    assert why["christmas"] == "closed on its days"
    assert "fills its months" in why["whole spring"]
    assert "lockdown" not in why  # left out of trends instead
    assert any("2020-07-01 to 2020-07-20 is left out" in caveat.sentence for caveat in result.caveats)


def test_releases_count_where_they_are_marked_or_rare(
    make_dataset: MakeDataset, draw_orders: DrawOrders, checks: type[Checks]
) -> None:
    level = np.full(731, 20.0)
    big = [date(2020, 3, 6), date(2020, 10, 2), date(2021, 6, 4)]
    for day in big:
        level[(day - FIRST).days : (day - FIRST).days + 14] *= 1.5
    days = [str(FIRST + timedelta(days=7 * n)) for n in range(104)]
    films = [{"product_id": f"f{n}", "released_on": day, "blockbuster": "false"} for n, day in enumerate(days)]
    films += [{"product_id": f"b{n}", "released_on": str(day), "blockbuster": "true"} for n, day in enumerate(big)]
    orders = draw_orders(FIRST, level)
    result = make_dataset({"orders": orders, "products": films}).run("events")
    rows = [row for row in checks.rows(result, "effects") if row["measure"] == "orders"]
    assert [row["event"] for row in rows] == ["release of a blockbuster"]
    assert rows[0]["effect_low"] < 0.5 < rows[0]["effect_high"]
    plain = [{key: row[key] for key in ("product_id", "released_on")} for row in films]
    with pytest.raises(DataError, match="no named period"):  # something is new all the time: nothing to compare
        make_dataset({"orders": orders, "products": plain}).run("events")


def test_public_holidays_come_with_the_country(
    make_dataset: MakeDataset, draw_orders: DrawOrders, checks: type[Checks]
) -> None:
    pytest.importorskip("holidays", reason="holidays comes with the extra")
    level = np.full(731, 20.0)
    for year in (2020, 2021):
        level[days_between(f"{year}-12-25", f"{year}-12-26")] *= 2.5
    result = make_dataset({"orders": draw_orders(FIRST, level)}, country="DE").run("events")
    assert any("Christmas" in finding.sentence for finding in result.findings)
    assert any(action.key.startswith("events.plan.Christmas") for action in result.actions)


def test_without_any_named_period_the_question_does_not_arise(
    make_dataset: MakeDataset, draw_orders: DrawOrders
) -> None:
    data = make_dataset({"orders": draw_orders(FIRST, np.full(100, 5.0))})
    assert data.registry.make("events", {}).is_moot(data)


def test_the_next_holiday_is_the_next_one_though_it_meets_another(
    make_dataset: MakeDataset, draw_orders: DrawOrders
) -> None:
    """In 2023 the Kings' day of Vietnam lies beside two more holidays; it is next in 2023 all the same."""
    level = np.full(3 * 365, 20.0)
    kings = ["2020-04-02", "2021-04-21", "2022-04-10", "2022-04-11"]
    for day in (
        *kings,
        "2020-04-30",
        "2020-05-01",
        "2021-04-30",
        "2021-05-01",
        "2021-05-03",
        "2022-04-30",
        "2022-05-01",
    ):
        level[days_between(day, day)] *= 3.0
    result = make_dataset({"orders": draw_orders(FIRST, level)}, country="VN").run("events")
    said = {one.key.rpartition(".")[2]: one.sentence for one in result.actions}
    assert "next on 2023-04-29" in said["Hung Kings' Commemoration Day"]
    assert "next from 2023-04-30 to 2023-05-03" in said["International Labor Day, Liberation Day/Reunification Day"]
