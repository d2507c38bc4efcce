"""The demo world `profiles`: the columns are the real ones, the truth is what the file says."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pyarrow import parquet

from regulars import pipeline
from regulars.demo.profiles import plan
from regulars.demo.world import worlds
from regulars.errors import RegularsError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return worlds()["profiles"].write(tmp_path_factory.mktemp("profiles")).directory


@pytest.fixture(scope="module")
def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "customers.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


@pytest.fixture(scope="module")
def truth(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "truth.json").read_text(encoding="utf-8")))


def test_columns_are_the_real_ones_in_their_order(rows: list[dict[str, str]], datasets: Path) -> None:
    real = datasets / "marketing_campaign" / "marketing_campaign.csv"
    with real.open(encoding="utf-8-sig") as file:
        assert list(rows[0]) == file.readline().strip().split(";")


def test_counts_are_those_of_the_truth(rows: list[dict[str, str]], truth: dict[str, Any]) -> None:
    assert len(rows) == truth["row_counts"]["customers.csv"] == 2_240
    for name, count in truth["answers"].items():
        assert sum(row[name] == "1" for row in rows) == count
    assert sum(truth["segments"]["customers"].values()) == 2_240


def test_spend_by_kind_is_as_planted(rows: list[dict[str, str]], folder: Path) -> None:
    kinds = parquet.read_table(folder / "truth_customers.parquet")["segment"].to_pylist()
    for kind in plan.KINDS:
        for place, name in enumerate(plan.CATEGORIES):
            spent = [float(row[name]) for row, own in zip(rows, kinds, strict=True) if own == kind.name]
            assert np.median(spent) == pytest.approx(kind.spend[place], rel=0.12, abs=1.0)


def test_answers_follow_the_planted_chances(rows: list[dict[str, str]], folder: Path, truth: dict[str, Any]) -> None:
    """The count lies within four standard errors of its expectation, and so does the ranking."""
    chance = parquet.read_table(folder / "truth_customers.parquet")["response_probability"].to_numpy()
    answered = np.array([row["Response"] == "1" for row in rows])
    assert abs(answered.sum() - chance.sum()) < 4 * (chance * (1 - chance)).sum() ** 0.5
    better = (chance[answered][:, None] > chance[~answered][None, :]).mean()
    assert better == pytest.approx(truth["response"]["best_auc"], abs=0.05)
    assert 0.7 < truth["response"]["best_auc"] < 0.95


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    world = worlds()["profiles"]
    texts = []
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        world.write(tmp_path / name, rows=300, seed=seed)
        texts.append((tmp_path / name / "customers.csv").read_bytes())
    assert texts[0] == texts[1] != texts[2]


def test_too_small_a_world_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RegularsError, match="cannot be drawn with 10 rows"):
        worlds()["profiles"].write(tmp_path, rows=10)


def test_the_settings_read_every_table(folder: Path) -> None:
    quality = pipeline.check(pipeline.read_settings(folder / "regulars.toml"))
    accounts = {account.table: account for account in quality.accounts}
    assert set(accounts) == {"customers", "category_spend", "contacts"}
    assert accounts["customers"].read == 2_240
    assert accounts["contacts"].read == 6 * 2_240
