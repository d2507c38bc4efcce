"""Forecast on companies built by hand, and on real sales beside the best figures measured by others."""

from __future__ import annotations

import warnings
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regulars.errors import DataError, SettingsError
from regulars.methods import forecasting, what_if
from regulars.methods import trading as days_of
from regulars.models import forecast as model
from regulars.models.prediction_intervals import fit_widths

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Checks, DrawOrders, MakeDataset
    from regulars.core.dataset import Dataset

FIRST = date(2021, 1, 4)  # a Monday
WEEK = np.array([1.0, 0.8, 0.9, 1.0, 1.3, 1.6, 0.0])


@pytest.fixture
def base_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if statsforecast were not there; quick as well."""
    monkeypatch.setattr(forecasting, "has_extra", lambda: False)


@pytest.mark.usefixtures("base_install")
def test_levels_add_up_and_closed_days_are_zero(
    make_dataset: MakeDataset, draw_orders: DrawOrders, checks: type[Checks]
) -> None:
    orders = draw_orders(FIRST, 10 * np.tile(WEEK, 60), products=("tea", "milk", "jam", "bread"))
    stores = [f"s{place % 3}" for place in range(len(orders))]
    products = [{"product_id": one, "category": one.title()} for one in ("tea", "milk", "jam", "bread")]
    data = make_dataset({"orders": orders.append_column("store_id", pa.array(stores)), "products": products})
    result = data.run("forecast", horizon=28, groups=3)
    checks.tidy(result)
    steps = {row["starts_on"]: row for row in checks.rows(result, "steps") if row["measure"] == "revenue"}
    for dimension in ("category", "store"):
        sums: dict[date, float] = {}
        for row in checks.rows(result, "group_steps"):
            if row["dimension"] == dimension:
                assert row["forecast"] >= 0
                sums[row["starts_on"]] = sums.get(row["starts_on"], 0.0) + row["forecast"]
        assert sums == pytest.approx({day: row["forecast"] for day, row in steps.items()})
    names = {row["group"] for row in checks.rows(result, "groups") if row["dimension"] == "category"}
    assert len(names) == 4  # three told apart, and all others
    assert "all others" in names
    sundays = [row for day, row in steps.items() if day.weekday() == 6]
    assert all(row["forecast"] == row["high_95"] == 0 and row["is_closed"] for row in sundays)
    weeks = [row for row in checks.rows(result, "sums") if row["measure"] == "revenue" and row["period"] == "week"]
    for week in weeks:
        days = [row["forecast"] for day, row in steps.items() if week["starts_on"] <= day <= week["ends_on"]]
        assert week["forecast"] == pytest.approx(sum(days))
    finding = result.finding("forecast.orders_ahead")
    assert finding.interval is not None
    assert finding.interval[0] < 10 * WEEK.sum() * 4 < finding.interval[1]
    assert "scaled error" in finding.validated


@pytest.mark.usefixtures("base_install")
def test_a_short_history_says_so(make_dataset: MakeDataset, draw_orders: DrawOrders) -> None:
    short = make_dataset({"orders": draw_orders(FIRST, 10 * np.tile(WEEK, 8))})
    with pytest.raises(DataError, match="too few"):
        short.run("forecast")
    with pytest.raises(DataError, match="too few to test 40 ahead"):
        make_dataset({"orders": draw_orders(FIRST, 10 * np.tile(WEEK, 16))}).run("forecast", horizon=40)


@pytest.mark.usefixtures("base_install")
def test_a_planned_event_is_put_on_top(
    make_dataset: MakeDataset, draw_orders: DrawOrders, checks: type[Checks]
) -> None:
    level = 15 * np.tile(WEEK, 60)
    level[150:154] *= 2
    level[290:294] *= 2
    calendar = [
        {"name": "fair", "starts_on": "2021-06-03", "ends_on": "2021-06-06", "kind": "fair"},
        {"name": "fair", "starts_on": "2021-10-21", "ends_on": "2021-10-24", "kind": "fair"},
    ]
    data = make_dataset({"orders": draw_orders(FIRST, level), "calendar": calendar})
    plans = ("2022-03-10/2022-03-12 like fair", "2022-03-14 +20 %")
    rows = checks.rows(data.run("forecast", horizon=28, what_if=plans), "what_if")
    fair = next(row for row in rows if row["measure"] == "orders" and "fair" in row["plan"])
    assert fair["difference_low"] < fair["without"] < fair["difference_high"] * 1.3  # twice as much as without
    assert fair["with_it"] == pytest.approx(fair["without"] + fair["difference"])
    plus = next(row for row in rows if row["measure"] == "orders" and "20" in row["plan"])
    assert plus["difference"] == pytest.approx(0.2 * plus["without"])
    with pytest.raises(SettingsError, match="no event 'fear'"):
        data.run("forecast", horizon=28, what_if=("2022-03-10 like fear",))
    with pytest.raises(SettingsError, match="not understood"):
        what_if.parse("next week, much more")


@pytest.mark.usefixtures("base_install")
@pytest.mark.parametrize("grain", ["week", "month"])
def test_weeks_and_months(grain: str, make_dataset: MakeDataset, draw_orders: DrawOrders, checks: type[Checks]) -> None:
    data = make_dataset({"orders": draw_orders(FIRST, 4 * np.tile(WEEK, 170))})
    result = data.run("forecast", grain=grain, horizon=3)
    checks.tidy(result)
    rows = [row for row in checks.rows(result, "steps") if row["measure"] == "orders"]
    days = {"week": 7, "month": 30.4}[grain]
    for row in rows:
        assert row["low_95"] < 4 * WEEK.mean() * days < row["high_95"]


# -- real sales ----------------------------------------------------------------------------------------


def grocer(datasets: Path) -> pa.Table:
    """Baskets of completejourney as orders."""
    columns = ["basket_id", "household_id", "sales_value", "transaction_timestamp"]
    lines = pq.read_table(datasets / "completejourney" / "transactions.parquet", columns=columns)
    baskets = lines.group_by(["basket_id", "household_id"]).aggregate(
        [("sales_value", "sum"), ("transaction_timestamp", "min")]
    )
    return pa.table(
        {
            "order_id": baskets["basket_id"].cast(pa.string()),
            "customer_id": baskets["household_id"].cast(pa.string()),
            "ordered_at": baskets["transaction_timestamp_min"].cast(pa.timestamp("us")),
            "paid": baskets["sales_value_sum"],
        }
    )


def theta_errors(values: Any, closed: Any, cuts: tuple[int, ...], horizon: int) -> Any:
    """What the best method measured by others makes of the raw series: absolute errors, cut × day."""
    models = pytest.importorskip("statsforecast.models", reason="statsforecast comes with the extra")
    errors = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for cut in cuts:
            told = models.AutoTheta(season_length=7).forecast(values[:cut], horizon)["mean"]
            ahead = slice(cut, cut + horizon)
            errors.append(np.abs(np.where(closed[ahead], 0.0, np.maximum(told, 0.0)) - values[ahead]))
    return np.array(errors)


def judge(data: Dataset) -> tuple[model.Competition, Any, Any]:
    """Five times four weeks of daily revenue, with the calendar of the data."""
    days = days_of.read(data)
    line = forecasting.line_of(data, days, days_of.windows(data, days), "day", 28)
    values = np.maximum(line.fold(days.values["revenue"]), 0.0)
    cuts = forecasting.cuts_of(line, 5)
    judged = model.compete(values, line.times, cuts, 28, with_extra=forecasting.has_extra())
    return judged, values, line.times


def assert_no_worse(judged: model.Competition, values: Any, times: model.Times, best: float) -> None:
    """Paired by cut, the winner's errors are not beyond chance above those of the best measured by others."""
    closed = times.is_closed
    theirs = theta_errors(values, closed, judged.cuts, judged.horizon)
    known = ~np.isnan(judged.actual)
    ours = np.abs(judged.predicted - np.nan_to_num(judged.actual))
    by_cut = np.array([(ours - theirs)[cut][known[cut]].mean() for cut in range(len(known))])
    error = by_cut.std(ddof=1) / np.sqrt(len(by_cut))
    assert by_cut.mean() <= 2.13 * error, by_cut  # one-sided 95 %, four degrees of freedom
    scores = np.array(judged.score(judged.winner).by_cut)
    assert scores.mean() - 2.13 * scores.std(ddof=1) / np.sqrt(len(scores)) < best
    assert scores.mean() < 1.1 * best


def test_online_retail_daily(online_retail: dict[str, pa.Table], make_dataset: MakeDataset) -> None:
    """No Saturdays; measured best: AutoTheta, scaled error 1.01, intervals 99 %."""
    data = make_dataset({"lines": online_retail["valid"]}, country="GB")
    judged, values, times = judge(data)
    assert times.closed_phases == (5,)
    assert_no_worse(judged, values, times, best=1.01)
    assert judged.score(judged.winner).mase < 0.75 * judged.score(model.NAIVE).mase
    assert 0.90 <= fit_widths(judged.predicted, judged.actual).coverage[0.95] <= 0.99


def test_a_grocer_daily(datasets: Path, make_dataset: MakeDataset) -> None:
    """completejourney; Christmas closed as the calendar says; measured best: Prophet .89 (Theta .92)."""
    closed = [{"name": "Christmas", "starts_on": "2017-12-25", "ends_on": "2017-12-25", "kind": "closed"}]
    data = make_dataset({"orders": grocer(datasets), "calendar": closed}, country="US")
    judged, values, times = judge(data)
    assert_no_worse(judged, values, times, best=0.89)
    assert 0.90 <= fit_widths(judged.predicted, judged.actual).coverage[0.95] <= 0.99
