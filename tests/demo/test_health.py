"""The world `health`: the same seed the same bytes, and what was planted is what the whole way finds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from regulars import pipeline
from regulars.analyses.referrals import Referrals
from regulars.analyses.sponsor_habits import SponsorHabits
from regulars.demo.health.members import draw_members
from regulars.demo.world import worlds
from regulars.errors import RegularsError

if TYPE_CHECKING:
    from pathlib import Path

    from regulars.core.dataset import Dataset

ROWS = 40_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("health") / "world"
    worlds()["health"].write(directory, rows=ROWS)
    return directory


@pytest.fixture(scope="module")
def truth(folder: Path) -> Any:
    return json.loads((folder / "truth.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def data(folder: Path) -> Dataset:
    return pipeline.load(folder / "regulars.toml")


def test_the_size_is_the_one_asked_for(truth: Any) -> None:
    assert truth["drawn"]["lines"] == pytest.approx(ROWS, rel=0.05)
    assert truth["row_counts"]["members.csv"] == round(ROWS * 0.2408)


def test_the_same_seed_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    worlds()["health"].write(tmp_path / "again", rows=ROWS)
    worlds()["health"].write(tmp_path / "other", rows=ROWS, seed=8)
    for name in ("members.csv", "orders.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()
        assert (tmp_path / "other" / name).read_bytes() != (folder / name).read_bytes()


def test_a_sponsor_joined_on_an_earlier_day() -> None:
    members = draw_members(20_000, 3)
    brought = members.sponsor >= 0
    assert (members.joined[members.sponsor[brought]] < members.joined[brought]).all()


def test_every_date_is_read_and_every_row_accounted_for(data: Dataset, truth: Any) -> None:
    orders, lines = data.quality.account("orders"), data.quality.account("lines")
    assert (orders.read, orders.set_aside) == (truth["drawn"]["orders"], 0)
    assert dict(lines.reasons) == {"the product list cannot be read": truth["drawn"]["cut_off"]}
    total = data.collect(data.orders.revenue.sum(), 1)[0][0].as_py()
    assert total == pytest.approx(truth["drawn"]["revenue"], rel=1e-9)
    months = [check for check in data.quality.checks if check.check == "missing_months"]
    assert months[0].rows == 6


def test_generation_totals_are_recovered_and_add_up(data: Dataset, truth: Any) -> None:
    rows = Referrals().run(data).table("generations").to_arrow().to_pylist()
    planted = truth["network"]["generations"]
    assert [row["members"] for row in rows] == [one["members"] for one in planted]
    assert [row["revenue"] for row in rows] == pytest.approx([one["revenue"] for one in planted], rel=1e-9)
    assert sum(row["members"] for row in rows[1:]) == truth["network"]["sponsored"]


def test_the_planted_stars_are_the_ones_found(data: Dataset, truth: Any) -> None:
    query = data.customers.select("customer_id", "sponsored_count").order_by("customer_id")
    brought = {row["customer_id"]: row["sponsored_count"] for row in data.collect(query).to_pylist()}
    assert {name: brought[name] for name in truth["network"]["most_brought"]} == truth["network"]["most_brought"]


def test_the_habit_of_the_stars_is_found_at_the_same_age(data: Dataset, folder: Path) -> None:
    rows = SponsorHabits(top_share=0.02).run(data).table("habits").to_arrow().to_pylist()
    told = {row["trait"]: row for row in rows}
    orders = told["orders that count as sales"]
    assert orders["differs"]
    stars = pq.read_table(folder / "truth_members.parquet")["is_star"].to_numpy()
    assert stars.sum() > 30
    assert orders["value"] > 1.5 * orders["other"]
    assert not told["age at the as-of date"]["differs"], "age was not planted"


def test_nothing_is_written_over(folder: Path) -> None:
    with pytest.raises(RegularsError, match="already holds"):
        worlds()["health"].write(folder, rows=ROWS)
    with pytest.raises(RegularsError, match="cannot be drawn"):
        worlds()["health"].write(folder / "small", rows=10)


def test_most_pay_nothing_online_and_the_orders_count_all_the_same(data: Dataset) -> None:
    paid = data.collect(data.table("orders").paid.name("paid").as_table())["paid"].to_numpy()
    assert np.mean(paid == 0) == pytest.approx(0.88, abs=0.02)
    assert "list value" in data.money
