"""Contracts with a known pace of ending: is it found, by group, and is nothing known before its day?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from regulars import pipeline
from regulars.analyses.contracts import Contracts
from regulars.errors import DataError, SettingsError

pytest.importorskip("lifelines", reason="the extra 'survival' is not installed")

MakeDataset = Callable[..., Any]
AS_OF = date(2024, 1, 1)
MEAN_DAYS = {"monthly": 200.0, "yearly": 800.0}


def members(count: int = 3000) -> pa.Table:
    """Two plans whose contracts end at a steady pace, and a city that tells nothing."""
    rng = np.random.default_rng(3)
    plan = np.where(np.arange(count) % 2, "monthly", "yearly")
    joined = [AS_OF - timedelta(days=int(days)) for days in rng.integers(0, 1500, count)]
    lasts = rng.exponential([MEAN_DAYS[one] for one in plan])
    ends = [day + timedelta(days=int(last)) for day, last in zip(joined, lasts, strict=True)]
    return pa.table(
        {
            "customer_id": [f"m{number}" for number in range(count)],
            "joined_on": pa.array(joined, pa.date32()),
            "left_on": pa.array([day if day <= AS_OF else None for day in ends], pa.date32()),
            "plan": plan,
            "city": rng.choice(["Bath", "Leeds"], count),
        }
    )


@pytest.fixture
def result(make_dataset: MakeDataset) -> Any:
    return Contracts().run(make_dataset({"customers": members()}, as_of=AS_OF))


def test_the_planted_pace_is_found_by_plan_and_nothing_by_city(result: Any) -> None:
    rows = result.table("by_group").to_arrow().to_pylist()
    for row in rows:
        if row["dimension"] == "plan":
            truth = np.exp(-365 / MEAN_DAYS[row["group"]])
            assert row["retention_share_low"] <= truth <= row["retention_share_high"]
            assert row["differs"]
        else:
            assert not row["differs"], "two cities with one pace were told apart"
    monthly = next(row for row in rows if row["group"] == "monthly")
    assert monthly["median_days"] == pytest.approx(200 * np.log(2), rel=0.15)
    assert {finding.key for finding in result.findings} == {"contracts.retention", "contracts.by_plan"}


def test_contracts_that_still_run_are_not_counted_as_ended(result: Any) -> None:
    share = result.finding("contracts.retention")
    truth = np.mean([np.exp(-365 / mean) for mean in MEAN_DAYS.values()])
    assert share.interval[0] <= truth <= share.interval[1]


def test_the_month_in_which_yearly_contracts_end_stands_out(make_dataset: MakeDataset) -> None:
    rng = np.random.default_rng(4)
    joined = [AS_OF - timedelta(days=int(days)) for days in rng.integers(0, 700, 2000)]
    ends = [day + timedelta(days=365) if rng.random() < 0.5 else None for day in joined]
    rows = pa.table(
        {
            "customer_id": [f"m{number}" for number in range(2000)],
            "joined_on": pa.array(joined, pa.date32()),
            "left_on": pa.array([day if day and day <= AS_OF else None for day in ends], pa.date32()),
        }
    )
    data = make_dataset({"customers": rows}, as_of=AS_OF)
    (audience,) = Contracts().run(data).audiences
    listed = {row["customer_id"]: row["contract_days"] for row in data.collect(audience.members).to_pylist()}
    assert listed
    assert all(330 <= days < 390 for days in listed.values())
    assert not set(listed) & {row["customer_id"] for row in rows.to_pylist() if row["left_on"]}, (
        "one who left is listed"
    )


def test_worked_out_by_hand(make_dataset: MakeDataset) -> None:
    rows = [
        {"customer_id": "a", "joined_on": "2023-01-01", "left_on": "2023-01-11"},  # 10 days
        {"customer_id": "b", "joined_on": "2023-01-01", "left_on": "2023-01-21"},  # 20 days
        {"customer_id": "c", "joined_on": "2023-12-17", "left_on": None},  # runs, 15 days
        {"customer_id": "d", "joined_on": "2023-12-01", "left_on": "2024-02-01"},  # ends later: runs, 31 days
        {"customer_id": "e", "joined_on": "2024-03-01", "left_on": None},  # has not begun
        {"customer_id": "f", "joined_on": "2023-05-01", "left_on": "2023-04-01"},  # ends before it begins
    ]
    told = Contracts().run(make_dataset({"customers": rows}, as_of=AS_OF))
    curve = {row["days"]: row["retention_share"] for row in told.table("retention_curve").to_arrow().to_pylist()}
    assert (curve[9], curve[10], curve[19], curve[20]) == (1.0, 0.75, 0.75, pytest.approx(0.375))
    assert not told.findings


def test_an_end_is_not_known_before_its_day(tmp_path: Any) -> None:
    (tmp_path / "members.csv").write_text(
        "id,joined,left\na,2023-01-01,2023-06-01\nb,2023-02-01,\nc,2023-03-01,2023-12-01\n", encoding="utf-8"
    )
    (tmp_path / "regulars.toml").write_text(
        "[dataset]\nas_of = '2024-01-01'\n[tables.customers]\nsource = 'members.csv'\n"
        "columns = { customer_id = 'id', joined_on = 'joined', left_on = 'left' }\n",
        encoding="utf-8",
    )
    data = pipeline.load(tmp_path / "regulars.toml")
    early = data.at(date(2023, 7, 1))
    rows = early.collect(early.customers.select("customer_id", "left_on"), 9).to_pylist()
    assert {row["customer_id"]: row["left_on"] for row in rows} == {"a": date(2023, 6, 1), "b": None, "c": None}
    data.engine.close()


def test_what_cannot_be_answered_is_said(make_dataset: MakeDataset) -> None:
    future = [{"customer_id": "a", "joined_on": "2025-01-01", "left_on": "2025-02-01"}]
    with pytest.raises(DataError, match="no contract has begun"):
        Contracts().run(make_dataset({"customers": future}, as_of=AS_OF))
    with pytest.raises(SettingsError, match="told_days"):
        Contracts(told_days=0)
