from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from regulars.analyses.lifetime_value import LifetimeValue
from regulars.errors import DataError, SettingsError
from regulars.measures import btyd_cells, holdout
from regulars.models.cells import SpendCells
from regulars.models.customer_value import ValueModel
from regulars.models.gamma_gamma import GammaGamma

MakeDataset = Callable[..., Any]
START = datetime(2020, 1, 1)


def shop(customers: int = 400, days: int = 720, seed: int = 1) -> pa.Table:
    """Orders of customers who differ in how often they buy, what they spend, and when they leave."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[str, datetime, float]] = []
    for number in range(customers):
        first, rate, spend = rng.integers(0, 240), rng.gamma(0.8, 1 / 40), rng.gamma(4, 10)
        leaves = first + rng.exponential(400)
        day = float(first)
        while day < min(leaves, days):
            rows.append((f"c{number:04}", START + timedelta(days=int(day)), round(float(rng.gamma(5, spend / 5)), 2)))
            day += 1 + rng.exponential(1 / rate)
    return pa.table(
        {
            "order_id": [f"o{number}" for number, _ in enumerate(rows)],
            "customer_id": [row[0] for row in rows],
            "ordered_at": pa.array([row[1] for row in rows], pa.timestamp("us")),
            "amount": [row[2] for row in rows],
        }
    )


END = date(2021, 12, 20)


@pytest.fixture
def data(make_dataset: MakeDataset) -> Any:
    return make_dataset({"orders": shop()}, as_of=END)


def scored(data: Any, settings: LifetimeValue) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = data.collect(settings.provide(data).order_by("customer_id")).to_pylist()
    return rows


def test_a_model_that_wins_is_used_and_the_sum_of_its_scores_is_told(data: Any) -> None:
    result = LifetimeValue().run(data)
    finding = result.finding("lifetime_value.expected_total")
    assert "Gamma-Gamma" in finding.sentence
    assert "tested on" in finding.validated
    rows = data.collect(result.table("customers").data).to_pylist()
    assert finding.value == pytest.approx(sum(row["expected_value"] for row in rows), rel=1e-6)
    low, high = finding.interval or (0, 0)
    assert 0 < low < finding.value < high
    used = {
        (row["foretold"], row["prediction"])
        for row in result.table("validation").to_arrow().to_pylist()
        if row["is_used"]
    }
    assert len(used) == 2


def test_scores_in_the_engine_are_those_of_the_model(data: Any) -> None:
    settings = LifetimeValue(margin_share=0.3, horizon_days=200)
    rows = scored(data, settings)
    result = settings.run(data)
    fit = result.model
    assert fit is not None
    buyers = btyd_cells.buyers(data.customers)
    spend = data.collect(btyd_cells.spend_cells(buyers, is_exact=True))
    spend_fit = GammaGamma().fit(SpendCells(*(spend[name].to_numpy() for name in spend.column_names)))
    model = ValueModel(fit, spend_fit, 200.0, 0.3, 0.1)
    row = max(rows, key=lambda one: one["expected_value"])
    visits = row["visit_day_count"]
    expected = model.predict_value(
        [visits - 1], [row["active_days"]], [row["tenure_days"]], [visits], [row["revenue_total"] / visits]
    )
    assert row["expected_value"] == pytest.approx(expected[0], rel=1e-5)
    assert 0 <= row["active_probability"] <= 1


def test_the_silence_limit_is_where_the_probability_falls_under_the_share(data: Any) -> None:
    rows = scored(data, LifetimeValue(gone_below_share=0.5))
    told = [row for row in rows if row["silence_limit_days"] is not None and row["visit_day_count"] > 1]
    assert told
    for row in told:
        assert (row["active_probability"] < 0.5) == (row["recency_days"] >= row["silence_limit_days"])


def test_one_time_buyers_only_fall_back_to_a_rule_and_say_so(make_dataset: MakeDataset) -> None:
    table = pa.table(
        {
            "order_id": [f"o{n}" for n in range(100)],
            "customer_id": [f"c{n}" for n in range(100)],
            "ordered_at": pa.array([START + timedelta(days=3 * n) for n in range(100)], pa.timestamp("us")),
            "amount": [10.0] * 100,
        }
    )
    result = LifetimeValue().run(make_dataset({"orders": table}))
    assert result.model is None
    assert any("could be fitted" in caveat.sentence for caveat in result.caveats)
    assert not any(finding.grade == "modelled" for finding in result.findings)
    rows = result.table("customers").to_arrow().to_pylist()
    assert {row["expected_orders"] for row in rows} == {0.0}
    assert {row["active_probability"] for row in rows} == {None}


def test_a_short_history_is_not_foretold_from(make_dataset: MakeDataset) -> None:
    data = make_dataset({"orders": shop(days=40)}, as_of=date(2020, 2, 9))
    result = LifetimeValue().run(data)
    assert any("too short" in caveat.sentence for caveat in result.caveats)
    assert not any(finding.grade == "modelled" for finding in result.findings)


def test_the_top_tenth_is_an_exact_count(make_dataset: MakeDataset) -> None:
    rows = [(f"c{n}", 91.0 if n == 0 else 1.0) for n in range(10)]
    table = pa.table(
        {
            "order_id": [name for name, _ in rows],
            "customer_id": [name for name, _ in rows],
            "ordered_at": pa.array([START] * 10, pa.timestamp("us")),
            "amount": [amount for _, amount in rows],
        }
    )
    result = LifetimeValue().run(make_dataset({"orders": table}, min_customers=5))
    assert result.finding("lifetime_value.top_tenth_share").value == pytest.approx(0.91)


def test_nobody_who_never_bought_is_valued(make_dataset: MakeDataset) -> None:
    profiles = pa.table({"customer_id": ["c0000", "never"]})
    data = make_dataset({"orders": shop(), "customers": profiles}, as_of=END)
    rows = {row["customer_id"]: row for row in scored(data, LifetimeValue())}
    assert rows["never"]["expected_value"] is None
    assert rows["c0000"]["expected_value"] is not None


def test_the_past_of_the_test_is_what_was_known_then(data: Any) -> None:
    split = date(2021, 6, 30)
    past = data.collect(holdout.histories(data.customer_days, split, END).order_by("customer_key")).to_pylist()
    orders = shop().to_pylist()
    names = data.collect(data.customers.select("customer_key", "customer_id")).to_pylist()
    ids = {row["customer_key"]: row["customer_id"] for row in names}
    days: dict[str, set[date]] = {}
    for order in orders:
        if order["ordered_at"].date() <= END:
            days.setdefault(order["customer_id"], set()).add(order["ordered_at"].date())
    known = {name: own for name, own in days.items() if min(own) <= split}
    assert len(past) == len(known)
    for row in past:
        own = known[ids[row["customer_key"]]]
        before = {day for day in own if day <= split}
        assert row["visit_day_count"] == len(before)
        assert row["active_days"] == (max(before) - min(before)).days
        assert row["tenure_days"] == (split - min(before)).days
        assert row["later_visits"] == len(own) - len(before)


@pytest.mark.parametrize("wrong", [{"margin_share": 0.0}, {"horizon_days": 0}, {"gone_below_share": 1.0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        LifetimeValue(**wrong)


def test_without_an_order_the_reason_is_told(make_dataset: MakeDataset) -> None:
    empty = shop().slice(0, 0)
    with pytest.raises(DataError, match="no customer with an order"):
        LifetimeValue().run(make_dataset({"orders": empty}, as_of=END))
