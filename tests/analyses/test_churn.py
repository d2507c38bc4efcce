from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from regulars.analyses.churn import Churn
from regulars.errors import DataError, SettingsError
from regulars.models.silence import OWN, SILENCE, Past, judge_silence, own_limits

MakeDataset = Callable[..., Any]
START = datetime(2020, 1, 1)


def orders_of(rows: list[tuple[str, int, float]]) -> pa.Table:
    """The table of orders from (customer, day, amount)."""
    return pa.table(
        {
            "order_id": [f"o{number}" for number, _ in enumerate(rows)],
            "customer_id": [row[0] for row in rows],
            "ordered_at": pa.array([START + timedelta(days=row[1]) for row in rows], pa.timestamp("us")),
            "amount": [row[2] for row in rows],
        }
    )


def rhythms(last_day: int = 400) -> list[tuple[str, int, float]]:
    """Fast customers come every 5 days, slow ones every 40; half of each leave for good on day 200."""
    rows = []
    for number in range(60):
        gap, stop = (5, 40)[number % 2], (last_day, min(last_day, 200))[number % 4 // 2]
        rows += [(f"c{number:02}", day, 10.0) for day in range(number % gap, stop + 1, gap)]
    return rows


def risk_of(result: Any) -> dict[str, dict[str, Any]]:
    return {row["customer_id"]: row for row in result.table("risk").to_arrow().to_pylist()}


def test_silence_is_measured_against_the_own_rhythm(make_dataset: MakeDataset) -> None:
    rows = [("fast", day, 10.0) for day in range(0, 101, 10)] + [("slow", day, 10.0) for day in range(0, 101, 50)]
    data = make_dataset({"orders": orders_of(rows)}, as_of=date(2020, 1, 1) + timedelta(days=120))
    told = risk_of(Churn(gone_after_gaps=3.0).run(data))
    assert (told["fast"]["limit_days"], told["slow"]["limit_days"]) == (30, 150)
    assert told["fast"]["gone_on"] == date(2020, 1, 1) + timedelta(days=130)
    assert (told["fast"]["status"], told["slow"]["status"]) == ("late", "in rhythm")


def test_those_who_left_are_gone_and_those_who_come_are_in_rhythm(make_dataset: MakeDataset) -> None:
    data = make_dataset(
        {"orders": orders_of(rhythms())}, as_of=date(2020, 1, 1) + timedelta(days=400), min_customers=10
    )
    result = Churn().run(data)
    told = risk_of(result)
    for number in range(60):
        left = number % 4 // 2 == 1
        assert (told[f"c{number:02}"]["status"] == "in rhythm") != left
    assert result.finding("churn.return_beyond_limit").value == 0.0


def test_stake_and_gain_follow_their_stated_formulas(make_dataset: MakeDataset) -> None:
    data = make_dataset(
        {"orders": orders_of(rhythms(300))}, as_of=date(2020, 1, 1) + timedelta(days=300), min_customers=10
    )
    result = Churn(voucher_cost=2.0, response_share=0.1).run(data)
    rows = result.table("risk").to_arrow().to_pylist()
    for row in rows:
        assert row["voucher_gain"] == pytest.approx(0.1 * row["value_at_stake"] - 2.0, abs=1e-3)
        assert 0 <= row["stay_probability"] <= 1
    members = data.collect(result.audiences[0].members).to_pylist()
    at_risk = {
        row["customer_id"] for row in rows if row["status"] in ("late", "probably gone") and row["value_at_stake"] > 0
    }
    assert {member["customer_id"] for member in members} == at_risk
    assert [m["score"] for m in members] == sorted((m["score"] for m in members), reverse=True)


def test_own_limits_take_the_typical_gap_for_one_time_buyers() -> None:
    past = Past(np.array([1.0, 3.0]), np.array([0.0, 20.0]), np.array([5.0, 25.0]), np.array([0.0, 1.0]))
    assert own_limits(past, 3.0).tolist() == [30.0, 30.0]


def test_the_own_rhythm_wins_where_rhythms_differ() -> None:
    rng = np.random.default_rng(2)
    gap = np.where(np.arange(3000) % 2 == 0, 10.0, 100.0)
    left = rng.random(3000) < 0.5
    silence = np.where(left, gap * rng.uniform(2, 6, 3000), gap * rng.uniform(0, 1, 3000))
    past = Past(np.full(3000, 6.0), 5 * gap, 5 * gap + silence, (~left).astype(float))
    judged = judge_silence(past, 3.0, 0.5, 90.0, seed=0)
    assert judged is not None
    assert judged.used in (OWN, "model of repeat orders")
    auc = {s.predictor: s.value for s in judged.validation.scores if s.measure == "auc"}
    assert auc[OWN] is not None
    assert auc[SILENCE] is not None
    assert auc[OWN] > auc[SILENCE] + 0.05
    assert judged.kept[0] == 1.0


def test_nothing_is_found_without_a_test(make_dataset: MakeDataset) -> None:
    data = make_dataset({"orders": orders_of(rhythms(50))}, min_customers=10)
    result = Churn().run(data)
    assert not result.findings
    assert any("too short" in caveat.sentence for caveat in result.caveats)


def test_one_time_buyers_only_have_no_rhythm(make_dataset: MakeDataset) -> None:
    with pytest.raises(DataError, match="no rhythm"):
        Churn().run(make_dataset({"orders": orders_of([("a", 0, 1.0), ("b", 9, 1.0)])}))


@pytest.mark.parametrize("wrong", [{"window_days": 3}, {"response_share": 0.0}, {"gone_after_gaps": 0.0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        Churn(**wrong)
