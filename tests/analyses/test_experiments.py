from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from regulars import pipeline
from regulars.core.experiment import ExperimentSettings
from regulars.demo.world import worlds
from regulars.errors import DataError, RegularsError, SettingsError
from regulars.methods import experiments

if TYPE_CHECKING:
    from pathlib import Path

    from tests.analyses.conftest import MakeDataset

    from regulars.core.dataset import Dataset

SIZE = 400


def contacts(**changes: Any) -> list[dict[str, Any]]:
    """Two arms, alike in `age`, the treated one answering twice as often."""
    rng = np.random.default_rng(3)
    arms = np.where(np.arange(SIZE) % 2 == 0, "control", "letter")
    answered = rng.random(SIZE) < np.where(arms == "letter", 0.4, 0.2)
    ages = rng.integers(20, 70, SIZE)
    rows = [
        {
            "customer_id": str(number), "campaign_id": "c1", "sent_at": "2024-03-01 10:00:00", "arm": str(arm),
            "responded": bool(yes), "age": float(age), "spend": float(yes) * float(age),
        }
        for number, (arm, yes, age) in enumerate(zip(arms, answered, ages, strict=True))
    ]  # fmt: skip
    return [{**row, **{name: change(row) for name, change in changes.items()}} for row in rows]


def declared(make_dataset: MakeDataset, rows: list[dict[str, Any]], **settings: Any) -> Dataset:
    customers = [{"customer_id": str(number), "city": "A"} for number in range(SIZE)]
    data = make_dataset({"customers": customers, "contacts": rows})
    trial = ExperimentSettings(**{"outcomes": ("responded", "spend"), "covariates": ("age",), **settings})
    data.settings = replace(data.settings, experiments={"letter": trial})
    return data


def verdicts(data: Dataset) -> dict[str, str]:
    (one,) = experiments.examined(data)
    return {check.name: check.verdict for check in one.checks}


def test_a_sound_experiment_gives_its_effect(make_dataset: MakeDataset, checks: Any) -> None:
    data = declared(make_dataset, contacts(), money="spend")
    result = data.run("experiments")
    checks.tidy(result)
    rows = contacts()
    share = {arm: np.mean([row["responded"] for row in rows if row["arm"] == arm]) for arm in ("control", "letter")}
    answered = next(row for row in checks.rows(result, "shares") if row["outcome"] == "responded")
    assert answered["effect"] == pytest.approx(share["letter"] - share["control"])
    assert answered["is_beyond_chance"]
    assert result.finding("experiments.letter.letter.responded").grade == "randomised"
    assert result.actions[0].sentence.startswith("Roll out")


def test_customers_in_two_arms_withhold_the_effect(make_dataset: MakeDataset) -> None:
    rows = contacts()
    both = [{**row, "arm": "letter"} for row in rows[:40] if row["arm"] == "control"]
    data = declared(make_dataset, rows + both, outcomes=("responded",))
    assert verdicts(data)["one arm each"] == "failed"
    result = data.run("experiments")
    assert not result.findings
    assert result.caveats[0].severity == "stop"
    assert "20 customers of 400" in result.caveats[0].sentence


def test_rows_that_are_not_customers_withhold_the_effect(make_dataset: MakeDataset) -> None:
    rows = contacts()
    assert verdicts(declared(make_dataset, rows + rows[:100]))["rows are customers"] == "failed"


def test_arms_that_differed_before_withhold_the_effect(make_dataset: MakeDataset) -> None:
    rows = contacts(age=lambda row: row["age"] + (8 if row["arm"] == "letter" else 0))
    assert verdicts(declared(make_dataset, rows))["alike before"] == "failed"


def test_an_outcome_made_from_another_column_withholds_the_effect(make_dataset: MakeDataset) -> None:
    rows = contacts(spend=lambda row: row["age"] * (1.15 if row["arm"] == "letter" else 1.0))
    data = declared(make_dataset, rows)
    assert verdicts(data)["measured outcome"] == "failed"
    sentence = next(check.sentence for check in experiments.examined(data)[0].failures)
    assert "spend is that row's own age × 1.15, exactly" in sentence


def test_contacts_after_the_outcome_withhold_the_effect(make_dataset: MakeDataset) -> None:
    rows = contacts(measured_on=lambda _: "2024-02-01")
    assert verdicts(declared(make_dataset, rows, outcome_at="measured_on"))["contact before outcome"] == "failed"
    rows = contacts(measured_on=lambda _: "2024-04-01")
    assert verdicts(declared(make_dataset, rows, outcome_at="measured_on"))["contact before outcome"] == "passed"


def test_arms_of_other_sizes_than_meant_withhold_the_effect(make_dataset: MakeDataset) -> None:
    kept = [row for row in contacts() if row["arm"] == "letter" or int(row["customer_id"]) % 4]
    shares = {"control": 0.5, "letter": 0.5}
    assert verdicts(declared(make_dataset, kept, shares=shares))["sample ratio"] == "failed"
    tenth = [row for row in contacts() if row["arm"] == "letter" or int(row["customer_id"]) % 10 == 0]
    assert verdicts(declared(make_dataset, tenth))["sample ratio"] == "not judged"


def test_few_customers_and_an_unknown_control_give_no_effect(make_dataset: MakeDataset) -> None:
    assert verdicts(declared(make_dataset, contacts()[:40]))["arms"] == "failed"
    nameless = contacts(arm=lambda row: {"control": "A", "letter": "B"}[row["arm"]])
    data = declared(make_dataset, nameless)
    assert verdicts(data)["arms"] == "failed"
    assert not data.run("experiments").findings
    assert verdicts(declared(make_dataset, nameless, control="A"))["arms"] == "passed"


def test_an_experiment_is_found_from_the_arms_of_the_contacts(make_dataset: MakeDataset) -> None:
    data = make_dataset({"customers": [{"customer_id": str(number)} for number in range(SIZE)], "contacts": contacts()})
    assert [one.trial.name for one in experiments.examined(data)] == ["c1"]
    assert data.run("experiments").finding("experiments.c1.letter.responded").n == SIZE


def test_what_is_not_there_is_named(make_dataset: MakeDataset) -> None:
    with pytest.raises(DataError, match="'visits', which contacts does not have"):
        declared(make_dataset, contacts(), outcomes=("visits",)).run("experiments")
    with pytest.raises(DataError, match="covariate 'agee'"):
        declared(make_dataset, contacts(), covariates=("agee",)).run("experiments")
    with pytest.raises(SettingsError, match="both an outcome and a covariate"):
        ExperimentSettings(outcomes=("x",), covariates=("x",))


def test_settings_have_experiments_by_name(tmp_path: Path) -> None:
    from regulars.core import config

    text = {"experiments": {"by_group": False, "letter": {"control": "none", "starts_on": "2024-03-01"}}}
    settings = config.parse(text, ["experiments"], folder=tmp_path)
    assert settings.analyses["experiments"] == {"by_group": False}
    assert settings.experiments["letter"].control == "none"
    with pytest.raises(RegularsError, match=r"\[experiments.letter\] has no setting 'controll'"):
        config.parse({"experiments": {"letter": {"controll": "none"}}}, ["experiments"], folder=tmp_path)


def test_nobody_asks_where_there_are_no_arms(make_dataset: MakeDataset) -> None:
    data = make_dataset({"customers": [{"customer_id": "1"}]})
    assert data.registry.make("experiments", {}).is_moot(data)


def test_the_shop_has_one_contaminated_experiment_and_two_clean_ones(tmp_path: Path) -> None:
    worlds()["shop"].write(tmp_path / "shop", rows=120_000, seed=7)
    data = pipeline.load(tmp_path / "shop" / "regulars.toml")
    truth = json.loads((tmp_path / "shop" / "truth.json").read_text(encoding="utf-8"))
    found = {one.trial.name: one for one in experiments.examined(data)}
    assert {name: one.is_trusted for name, one in found.items()} == {"41": True, "42": False, "43": True}
    assert {check.name for check in found["42"].failures} >= {"one arm each", "alike before"}
    result = data.run("experiments")
    planted = next(one for one in truth["contacts"]["campaigns"] if one["campaign_id"] == 43)
    arms = {arm["arm"]: arm for arm in planted["arms"]}
    rows = {row["outcome"]: row for row in result.table("numbers").to_arrow().to_pylist() if row["experiment"] == "43"}
    row = rows["orders"]
    assert row["adjusted_effect_low"] <= arms["discount"]["effect_on_orders"] <= row["adjusted_effect_high"]
    data.engine.close()
