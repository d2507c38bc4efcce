"""Seasonality on small companies built by hand."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

if TYPE_CHECKING:
    from conftest import Checks, DrawOrders, MakeDataset

LEVEL = np.array([1.0, 1.0, 1.0, 1.0, 1.5, 2.0, 0.0])


def levels(first: date, count: int, month: Any = None) -> Any:
    days = [first + timedelta(days=place) for place in range(count)]
    season = month if month is not None else np.ones(12)
    return np.array([8 * LEVEL[day.weekday()] * season[day.month - 1] for day in days])


def test_a_planted_season_is_told(make_dataset: MakeDataset, draw_orders: DrawOrders, checks: type[Checks]) -> None:
    season = np.ones(12)
    season[[10, 11]] = 1.6
    season[1] = 0.6
    data = make_dataset({"orders": draw_orders(date(2020, 1, 1), levels(date(2020, 1, 1), 1096, season))})
    result = data.run("seasonality")
    checks.tidy(result)
    peak = result.finding("seasonality.peak_months")
    assert peak.sentence.startswith("November–December: revenue +")
    truth = 1.6 / season.mean()
    assert peak.interval is not None
    assert peak.interval[0] < truth - 1 + 0.03  # months differ in length too
    assert peak.interval[1] > truth - 1 - 0.03
    assert result.finding("seasonality.trough_months").sentence.startswith("February: revenue −")
    week = result.finding("seasonality.busiest_weekdays")
    assert week.sentence.startswith("Friday to Saturday bring")
    assert week.interval is not None
    assert week.interval[0] < 3.5 / 7.5 < week.interval[1]
    assert "19 h" in result.finding("seasonality.busiest_hour").sentence
    assert any("Sundays" in caveat.sentence for caveat in result.caveats)
    assert {"seasonality.peak", "seasonality.trough", "seasonality.quiet_weekday"} <= {
        one.key for one in result.actions
    }
    assert "Sunday" not in checks.column(result, "weekday_hours", "weekday")


def test_no_season_is_told_where_none_is_planted(make_dataset: MakeDataset, draw_orders: DrawOrders) -> None:
    flat = np.full(1096, 12.0)
    data = make_dataset({"orders": draw_orders(date(2020, 1, 1), flat)})
    keys = {finding.key for finding in data.run("seasonality").findings}
    assert "seasonality.busiest_weekdays" not in keys
    assert not any("own" in key or "category" in key for key in keys)


def test_one_year_says_that_it_is_one(make_dataset: MakeDataset, draw_orders: DrawOrders) -> None:
    season = np.ones(12)
    season[11] = 2.0
    data = make_dataset({"orders": draw_orders(date(2022, 1, 1), levels(date(2022, 1, 1), 365, season))})
    result = data.run("seasonality")
    assert "in the one year that the data hold" in result.finding("seasonality.peak_months").sentence
    assert "cannot be tested" in result.finding("seasonality.peak_months").validated


def test_missing_months_are_gaps_and_partial_ones_marked(
    make_dataset: MakeDataset, draw_orders: DrawOrders, checks: type[Checks]
) -> None:
    level = levels(date(2021, 1, 1), 560)
    level[90:120] = 0  # April 2021
    data = make_dataset({"orders": draw_orders(date(2021, 1, 1), level)})
    result = data.run("seasonality")
    months = {row["month"]: row for row in checks.rows(result, "months")}
    april = months[date(2021, 4, 1)]
    assert april["revenue"] is None
    assert april["is_partial"]
    assert april["open_days"] == 0
    assert months[date(2021, 5, 1)]["revenue_change"] is None  # nothing to compare with
    assert months[date(2021, 3, 1)]["revenue_change"] is not None
    last = max(months)
    assert months[last]["is_partial"]
    states = {row["day"]: row["state"] for row in checks.rows(result, "daily")}
    assert states[date(2021, 4, 10)] == "left out"


def test_a_lockdown_in_the_calendar_is_kept_out(
    make_dataset: MakeDataset, draw_orders: DrawOrders, checks: type[Checks]
) -> None:
    level = levels(date(2020, 1, 1), 731)
    level[75:140] *= 0.1
    calendar = [{"name": "first lockdown", "starts_on": "2020-03-16", "ends_on": "2020-05-19", "kind": "lockdown"}]
    data = make_dataset({"orders": draw_orders(date(2020, 1, 1), level), "calendar": calendar})
    result = data.run("seasonality")
    states = {row["day"]: row["state"] for row in checks.rows(result, "daily")}
    assert states[date(2020, 4, 1)] == "left out"
    assert not any(finding.key == "seasonality.trough_months" for finding in result.findings)


def test_a_category_with_a_season_of_its_own(
    make_dataset: MakeDataset, draw_orders: DrawOrders, checks: type[Checks]
) -> None:
    rng = np.random.default_rng(8)
    base = draw_orders(date(2020, 1, 1), levels(date(2020, 1, 1), 1096), products=("bread", "milk", "tea"))
    months = np.array([at.month for at in base["ordered_at"].to_pylist()])
    kinds = np.where((months == 12) & (rng.random(len(months)) < 0.4), "candles", base["product_id"].to_pylist())
    kinds = np.where((months != 12) & (rng.random(len(months)) < 0.1), "candles", kinds)
    orders = base.set_column(3, "product_id", pa.array(kinds.tolist()))
    products = [{"product_id": one, "category": one.title()} for one in ("bread", "milk", "tea", "candles")]
    result = make_dataset({"orders": orders, "products": products}).run("seasonality", by=("category",))
    rows = [row for row in checks.rows(result, "own_seasons") if row["is_beyond_chance"]]
    assert ("Candles", "December") in {(row["group"], row["period"]) for row in rows}
    assert all(row["period"] == "December" for row in rows)
    assert any("“Candles”" in action.sentence and "more" in action.sentence for action in result.actions)


def test_orders_without_a_time_of_day(make_dataset: MakeDataset) -> None:
    orders = [
        {"customer_id": f"c{n}", "ordered_at": f"2022-0{n % 6 + 1}-{n % 27 + 1:02d}", "paid": 5.0} for n in range(300)
    ]
    result = make_dataset({"orders": orders}).run("seasonality")
    assert "hours" not in {table.name for table in result.tables}
    assert any("no time of day" in caveat.sentence for caveat in result.caveats)


def test_years_are_compared_by_the_open_day_and_say_what_is_left_out(
    make_dataset: MakeDataset, draw_orders: DrawOrders
) -> None:
    level = np.concatenate([np.full(366, 20.0), np.full(365, 10.0)])
    level[31 + 29 : 31 + 29 + 31 + 30] = 0  # March and April of 2020
    lockdown = [{"name": "closed", "starts_on": "2020-03-01", "ends_on": "2020-04-30", "kind": "lockdown"}]
    tables = {"orders": draw_orders(date(2020, 1, 1), level), "calendar": lockdown}
    told = make_dataset(tables).run("seasonality").finding("seasonality.years")
    assert told.value == pytest.approx(-0.5, abs=0.05)
    assert told.is_good is False
    assert "in 2020" in told.sentence
    assert told.sentence.endswith("; left out, closed or without data: March 2020, April 2020.")
