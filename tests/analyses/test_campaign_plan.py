from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from regulars.analyses.campaign_plan import CampaignPlan, PlanOptions
from regulars.core.experiment import ExperimentSettings
from regulars.core.verb import VerbCall, verb_index
from regulars.errors import DataError, SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.analyses.conftest import MakeDataset

    from regulars.core.dataset import Dataset

SIZE = 1200
COST = 1.0


def planted(make_dataset: MakeDataset, seed: int = 5) -> tuple[Dataset, np.ndarray]:
    """Customers of whom those with a high `taste` spend more when written to, whatever they are worth otherwise.

    Returns the data, and what a contact truly adds to each.
    """
    rng = np.random.default_rng(seed)
    taste, worth = rng.normal(size=SIZE), rng.gamma(2.0, 10.0, SIZE)
    uplift = 6.0 * taste
    treated = rng.permutation(SIZE) < SIZE // 2
    spend = worth + treated * uplift + rng.normal(0, 3, SIZE)
    contactable = rng.random(SIZE) < 0.9
    customers = [
        {"customer_id": f"{number:05d}", "taste": float(taste[number]), "contactable": bool(contactable[number]),
         "opted_out": bool(number % 17 == 0)}
        for number in range(SIZE)
    ]  # fmt: skip
    contacts = [
        {"customer_id": f"{number:05d}", "campaign_id": "c1", "arm": "letter" if treated[number] else "control",
         "spend": float(spend[number])}
        for number in range(SIZE)
    ]  # fmt: skip
    day = date(2023, 7, 1)
    orders = [
        {"customer_id": f"{number:05d}", "amount": float(worth[number]),
         "ordered_at": f"{day + timedelta(days=int(number % 90 + 40 * visit))} 10:00:00"}
        for number in range(SIZE) for visit in range(1 + number % 3)
    ]  # fmt: skip
    data = make_dataset({"customers": customers, "contacts": contacts, "orders": orders}, country="GB")
    trial = ExperimentSettings(outcomes=("spend",), covariates=("taste",), money="spend")
    data.settings = replace(data.settings, experiments={"letter": trial})
    return data, uplift


def run(data: Dataset, **parameters: Any) -> Any:
    data.provide([data.registry.make("uplift", {"contact_cost": COST})])
    return CampaignPlan(contact_cost=COST, margin_share=0.5, **parameters).run(data)


def ids(result: Any, audience: str, data: Dataset) -> set[str]:
    members = next(one for one in result.audiences if one.name == audience).members
    return set(data.collect(members, 100_000)["customer_id"].to_pylist())


@pytest.fixture
def world(make_dataset: MakeDataset) -> tuple[Dataset, np.ndarray]:
    return planted(make_dataset)


@pytest.mark.parametrize("seed", range(5, 10))
def test_the_plan_beats_top_value_and_random_and_keeps_its_limits(
    make_dataset: MakeDataset, checks: Any, seed: int
) -> None:
    data, uplift = planted(make_dataset, seed)
    budget = 150.0
    result = run(data, budget=budget, excluding=("opted_out",))
    checks.tidy(result)
    sent, held = ids(result, "plan_contacts", data), ids(result, "plan_hold_out", data)
    cost = sum(checks.column(result, "plans", "cost"))
    assert 0.9 * budget < cost <= budget
    assert len(sent) * COST == cost
    profile = {row["customer_id"]: row for row in data.collect(data.table("customers"), SIZE).to_pylist()}
    assert all(profile[one]["contactable"] and not profile[one]["opted_out"] for one in sent | held)
    assert not sent & held
    worth = data.collect(data.customers.select("customer_id", "revenue_total"), SIZE).to_pylist()
    richest = sorted(worth, key=lambda row: -(row["revenue_total"] or 0.0))[: len(sent)]
    truth = {f"{number:05d}": 0.5 * value - COST for number, value in enumerate(uplift)}
    ours = sum(truth[one] for one in sent)
    assert ours > 2 * abs(sum(truth[row["customer_id"]] for row in richest))
    assert ours > 2 * abs(len(sent) * np.mean(list(truth.values())))
    rules = {row["rule"]: row["profit"] for row in result.table("rules").to_arrow().to_pylist()}
    assert rules["the plan"] == max(rules.values())  # by its own gains, and with the same customers held out
    finding = result.finding("campaign_plan.profit")
    assert finding.interval[0] <= ours <= finding.interval[1]


def test_without_a_budget_all_that_pay_are_reached_and_a_tenth_is_held_out(world: tuple[Dataset, np.ndarray]) -> None:
    data, _ = world
    result = run(data)
    sent, held = ids(result, "plan_contacts", data), ids(result, "plan_hold_out", data)
    assert 0.06 < len(held) / (len(sent) + len(held)) < 0.14
    rules = {row["rule"]: row["profit"] for row in result.table("rules").to_arrow().to_pylist()}
    assert rules["the plan"] == max(rules.values())
    again = run(data, holdout_share=0.1, budget=50.0)
    assert ids(again, "plan_hold_out", data) <= held  # the same customers, as far down as the plan reaches
    assert ids(run(data, holdout_share=0.0), "plan_hold_out", data) == set()


def test_no_budget_for_one_contact_reaches_nobody(world: tuple[Dataset, np.ndarray]) -> None:
    data, _ = world
    result = run(data, budget=0.5)
    assert ids(result, "plan_contacts", data) == set()
    assert not result.findings


def test_days_to_send_lie_ahead_and_holidays_are_used(world: tuple[Dataset, np.ndarray], checks: Any) -> None:
    data, _ = world
    result = run(data)
    rows = data.collect(result.table("contacts").data, SIZE).to_pylist()
    assert data.as_of is not None
    assert all(data.as_of < row["send_on"] <= data.as_of + timedelta(days=60) for row in rows)
    assert "Christmas Day" in checks.column(result, "occasions", "occasion")
    assert any(row["occasion"] != "own rhythm" for row in rows)


def test_without_an_experiment_the_answer_is_an_assumption_and_said_to_be(make_dataset: MakeDataset) -> None:
    orders = [
        {"customer_id": f"{number:03d}", "ordered_at": f"2024-0{1 + number % 3}-10 10:00:00", "amount": 100.0}
        for number in range(90)
    ]
    data = make_dataset({"orders": orders})
    result = data.run("campaign_plan", contact_cost=0.5)
    row = result.table("plans").to_arrow().to_pylist()[0]
    assert row["plan"] == "second purchase"
    assert row["gain"] == pytest.approx(row["contacted"] * 0.05 * 100.0 * 0.3)
    assert "assumed" in result.finding("campaign_plan.profit").sentence
    assert any(one.severity == "warning" for one in result.caveats)


def test_customers_contacted_lately_are_left_in_peace(make_dataset: MakeDataset) -> None:
    orders = [
        {"customer_id": f"{number:03d}", "ordered_at": "2024-03-10 10:00:00", "amount": 100.0} for number in range(60)
    ]
    contacts = [
        {"customer_id": f"{number:03d}", "campaign_id": "c", "sent_at": "2024-03-08 09:00:00"} for number in range(20)
    ]
    data = make_dataset({"orders": orders, "contacts": contacts})
    reached = ids(data.run("campaign_plan", contact_cost=0.5, holdout_share=0.0), "plan_contacts", data)
    assert reached == {f"{number:03d}" for number in range(20, 60)}
    rested = data.run("campaign_plan", contact_cost=0.5, holdout_share=0.0, rest_days=1)
    assert len(ids(rested, "plan_contacts", data)) == 60


def test_the_command_and_the_settings_share_their_options(world: tuple[Dataset, np.ndarray], tmp_path: Path) -> None:
    data, _ = world
    assert verb_index()["plan"].analysis == "campaign_plan"
    settings = CampaignPlan(contact_cost=COST, budget=20.0)
    call = VerbCall(PlanOptions(budget=10.0), lambda: data, tmp_path)
    result = settings.perform(call)
    assert (result.parameters["budget"], result.parameters["contact_cost"]) == (10.0, COST)


def test_what_is_out_of_range_or_not_there_is_told(world: tuple[Dataset, np.ndarray]) -> None:
    with pytest.raises(SettingsError, match="budget is below 0"):
        CampaignPlan(budget=-1.0)
    with pytest.raises(DataError, match="'opted_outt'"):
        run(world[0], excluding=("opted_outt",))
