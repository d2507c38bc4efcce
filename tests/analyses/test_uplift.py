from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from regulars.core.experiment import ExperimentSettings
from regulars.errors import SettingsError

if TYPE_CHECKING:
    from tests.analyses.conftest import MakeDataset

    from regulars.core.dataset import Dataset

SIZE = 1500


def planted(make_dataset: MakeDataset, strength: float = 8.0, level: float = 0.0) -> Dataset:
    """An experiment in which a letter adds `level + strength × taste` to what a customer spends."""
    rng = np.random.default_rng(9)
    taste, treated = rng.normal(size=SIZE), rng.random(SIZE) < 0.5
    spend = 30 + treated * (level + strength * taste) + rng.normal(0, 5, SIZE)
    customers = [{"customer_id": f"{number:05d}", "taste": float(one)} for number, one in enumerate(taste)]
    contacts = [
        {"customer_id": f"{number:05d}", "campaign_id": "c1", "arm": "letter" if treated[number] else "none",
         "spend": float(spend[number])}
        for number in range(SIZE)
    ]  # fmt: skip
    data = make_dataset({"customers": customers, "contacts": contacts})
    trial = ExperimentSettings(outcomes=("spend",), covariates=("taste",), money="spend")
    data.settings = replace(data.settings, experiments={"letter": trial})
    return data


def test_who_is_changed_is_found_provided_and_listed(make_dataset: MakeDataset, checks: Any) -> None:
    data = planted(make_dataset)
    result = data.run("uplift", contact_cost=1.0, margin_share=0.5)
    checks.tidy(result)
    assert "beats a random order" in result.finding("uplift.letter.letter.spend.ranking").sentence
    rows = data.collect(data.customers.select("taste", "uplift_of_contact", "best_contact"), SIZE).to_pylist()
    assert np.corrcoef([row["taste"] for row in rows], [row["uplift_of_contact"] for row in rows])[0, 1] > 0.95
    assert {row["best_contact"] for row in rows} == {"letter"}
    assert result.actions[0].sentence.startswith("With letter, contact only")
    tenths = checks.column(result, "tenths_money", "effect")
    assert tenths[0] > 5 > -5 > tenths[-1]
    assert {audience.name for audience in result.audiences} == {
        "worth_contacting", "leave_alone", "groups_to_leave_alone",
    }  # fmt: skip


def test_groups_that_a_contact_harms_are_told_and_listed(make_dataset: MakeDataset, checks: Any) -> None:
    data = planted(make_dataset)
    result = data.run("uplift", contact_cost=0.01, margin_share=0.5)
    verdicts = {row["group"]: row["verdict"] for row in checks.rows(result, "groups_money")}
    assert sorted(verdicts.values()) == ["gains", "harmed", "no effect shown"]
    (worst,) = [group for group, verdict in verdicts.items() if verdict == "harmed"]
    (finding,) = [one for one in result.findings if one.key.endswith("leave_alone")]
    assert worst in finding.sentence
    assert finding.grade == "randomised"
    assert finding.interval is not None
    assert finding.interval[1] < 0
    (listed,) = [one for one in result.audiences if one.name == "groups_to_leave_alone"]
    members = {row["customer_id"] for row in data.collect(listed.members, SIZE).to_pylist()}
    known = data.collect(data.customers.select("customer_id", "taste"), SIZE).to_pylist()
    taste = {row["customer_id"]: row["taste"] for row in known}
    assert len(members) == pytest.approx(SIZE / 3, abs=20)
    assert max(taste[one] for one in members) < min(value for one, value in taste.items() if one not in members)


def test_a_group_that_gains_less_than_a_contact_costs_does_not_pay(make_dataset: MakeDataset, checks: Any) -> None:
    data = planted(make_dataset, strength=0.0, level=2.0)
    result = data.run("uplift", contact_cost=5.0, margin_share=0.5)
    assert {row["verdict"] for row in checks.rows(result, "groups_money")} == {"does not pay"}
    assert any("3 should be left alone beyond chance" in one.sentence for one in result.caveats)
    (listed,) = [one for one in result.audiences if one.name == "groups_to_leave_alone"]
    reasons = [row["reason"] for row in data.collect(listed.members, SIZE).to_pylist()]
    assert (len(reasons), len(set(reasons))) == (SIZE, 3)
    # three groups of one dimension are one label: one for each group would nest the query as deep as there are groups
    assert "_group_0" in data.engine.sql(listed.members)
    assert "_group_1" not in data.engine.sql(listed.members)


def test_where_nothing_is_changed_no_group_is_said_to_be(make_dataset: MakeDataset, checks: Any) -> None:
    result = planted(make_dataset, strength=0.0).run("uplift", contact_cost=0.01, margin_share=0.5)
    assert {row["verdict"] for row in checks.rows(result, "groups_money")} == {"no effect shown"}
    assert not [one for one in result.audiences if one.name == "groups_to_leave_alone"]


def test_fewer_customers_can_be_learnt_from_and_all_are_scored(make_dataset: MakeDataset) -> None:
    data = planted(make_dataset)
    data.settings = replace(data.settings, analyses={"uplift": {"fit_customers": 1000}})
    result = data.run("uplift", contact_cost=1.0, margin_share=0.5)
    assert 800 < result.finding("uplift.letter.letter.spend.ranking").n < 1200
    assert data.collect(data.customers.uplift_of_contact.notnull().sum().name("n"), 1)["n"][0].as_py() == SIZE
    with pytest.raises(SettingsError, match="fit_customers"):
        data.run("uplift", fit_customers=10)


def test_where_all_gain_alike_everyone_is_advised(make_dataset: MakeDataset) -> None:
    data = planted(make_dataset, strength=0.0, level=10.0)
    result = data.run("uplift", contact_cost=1.0, margin_share=0.5)
    assert result.actions[0].sentence == "With letter, contact everyone."
    policies = {row["policy"]: row for row in result.table("policies").to_arrow().to_pylist()}
    assert policies["everyone"]["profit"] == pytest.approx(4000, abs=400)
    assert policies["everyone"]["against_everyone"] == 0.0


def test_several_contacts_are_one_decision(make_dataset: MakeDataset, checks: Any) -> None:
    rng = np.random.default_rng(4)
    taste, arm = rng.normal(size=SIZE), rng.permutation(SIZE) % 3
    added = np.select([arm == 1, arm == 2], [8 * taste, -8 * taste], 0.0)
    spend = 30 + added + rng.normal(0, 5, SIZE)
    names = ("none", "letter", "voucher")
    customers = [{"customer_id": f"{number:05d}", "taste": float(one)} for number, one in enumerate(taste)]
    contacts = [
        {"customer_id": f"{number:05d}", "campaign_id": "c1", "arm": names[arm[number]], "spend": float(spend[number])}
        for number in range(SIZE)
    ]
    data = make_dataset({"customers": customers, "contacts": contacts})
    trial = ExperimentSettings(outcomes=("spend",), covariates=("taste",), money="spend")
    data.settings = replace(data.settings, experiments={"mail": trial})
    result = data.run("uplift", contact_cost=1.0, margin_share=0.5)
    checks.tidy(result)
    assert [action.sentence for action in result.actions] == ["Send each customer the contact that adds most for them."]
    rules = {row["rule"]: row for row in checks.rows(result, "best_contact_money")}
    best = rules["the best contact for each"]
    truth = 1000 * (0.5 * 8 * np.abs(taste).mean() - 1.0)
    assert best["value_low"] < truth < best["value_high"]
    assert best["against_best_low"] > 0
    assert rules["the same contacts, by lot"]["value"] < 0.5 * best["value"]
    assert "choosing by customer is better beyond chance" in result.finding("uplift.mail.best_contact").sentence


def test_an_experiment_that_is_refused_gives_no_uplift(make_dataset: MakeDataset) -> None:
    data = planted(make_dataset)
    trial = replace(data.settings.experiments["letter"], shares={"letter": 0.8, "none": 0.2})
    data.settings = replace(data.settings, experiments={"letter": trial})
    result = data.run("uplift")
    assert not result.findings
    assert "uplift_of_contact" not in data.customers.columns
    assert any("No experiment can be trusted" in one.sentence for one in result.caveats)


def test_nobody_asks_where_nobody_was_contacted(make_dataset: MakeDataset) -> None:
    data = make_dataset({"customers": [{"customer_id": "1"}]})
    assert data.registry.make("uplift", {}).is_moot(data)


def test_targeted_campaigns_stand_beside_their_placebo(make_dataset: MakeDataset, checks: Any) -> None:
    rng = np.random.default_rng(2)
    pace = rng.gamma(2.0, 1.0, 400)
    orders = [
        {"customer_id": f"{number:03d}", "ordered_at": f"{day} 10:00:00", "amount": 10.0}
        for number, one in enumerate(pace)
        for day in ("2024-01-01", *(f"2024-{month:02d}-{1 + int(rng.integers(0, 27)):02d}" for month in (2, 3, 4)
                    for _ in range(rng.poisson(one))))
    ]  # fmt: skip
    orders.append({"customer_id": "000", "ordered_at": "2024-05-01 10:00:00", "amount": 1.0})
    chosen = rng.random(400) < 1 / (1 + np.exp(-1.5 * (pace - 2.0)))
    contacts = [{"customer_id": f"{number:03d}", "campaign_id": "7"} for number in np.flatnonzero(chosen)]
    campaigns = [{"campaign_id": "7", "kind": "mailing", "starts_on": "2024-04-01", "ends_on": "2024-04-28"}]
    data = make_dataset({"orders": orders, "contacts": contacts, "campaigns": campaigns})
    result = data.run("uplift")
    checks.tidy(result)
    (row,) = checks.rows(result, "targeted")
    assert row["naive"] > 0.3
    assert row["placebo"] > 0.3
    assert row["change_low"] < 0 < row["change_high"]
    assert {finding.grade for finding in result.findings} == {"modelled"}
