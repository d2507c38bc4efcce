"""The demo world `cinema`: what was planted is found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from regulars import pipeline
from regulars.demo.world import worlds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from regulars.core.dataset import Dataset

pytestmark = pytest.mark.truth


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("truth") / "cinema"
    worlds()["cinema"].write(path, rows=60_000)
    return path


@pytest.fixture(scope="module")
def truth(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "truth.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def cinema(folder: Path) -> Iterator[Dataset]:
    data = pipeline.load(folder / "regulars.toml")
    yield data
    data.engine.close()


def test_planted_retention_is_found(cinema: Dataset, truth: dict[str, Any]) -> None:
    """The returned are the very ones drawn; the share's interval holds the planted one, within four errors."""
    table = cinema.run("cohorts", by=("first_order",)).table("all_cohorts").to_arrow().to_pylist()
    found = {row["period_index"]: row for row in table}
    for planted in truth["retention"]["all_cohorts"][:8]:
        row = found[planted["months_after"]]
        assert row["active"] == planted["returned"]
        # cohorts whose month is missing from the data cannot return in it, and are left out of the share
        expected = planted["expected_share"] * planted["customers"] / row["customers"]
        assert abs(row["retention_share"] - expected) < 4 * planted["standard_error"]
        assert row["retention_share_low"] < row["retention_share"] < row["retention_share_high"]


def test_failed_payments_are_not_sales(cinema: Dataset, truth: dict[str, Any]) -> None:
    orders = cinema.orders
    sums = orders.aggregate(
        attempts=orders.count(), sales=orders.is_sale.sum(), revenue=orders.revenue.sum(where=orders.is_sale)
    )
    found = cinema.collect(sums, 1).to_pylist()[0]
    assert found["attempts"] == truth["row_counts"]["ticket_history.csv"]
    assert found["sales"] / found["attempts"] == pytest.approx(0.864, abs=0.005)
    failed = next(check for check in cinema.quality.checks if check.check == "failed_attempts")
    assert failed.rows == found["attempts"] - found["sales"]
    view = cinema.customers
    total = cinema.collect(view.aggregate(total=view.revenue_total.sum()), 1)["total"][0].as_py()
    assert total == pytest.approx(found["revenue"], abs=0.01)  # money is conserved from orders to the customer view


def test_missing_months_are_told_and_never_drawn_as_a_fall(cinema: Dataset) -> None:
    months = next(check for check in cinema.quality.checks if check.check == "missing_months")
    assert months.rows == 3
    for month in ("2020-04", "2021-08", "2021-09"):
        assert month in months.sentence
    overview = cinema.run("overview")
    assert any("April 2020" in caveat.sentence for caveat in overview.caveats)


def test_accounts_balance_and_dirt_is_counted(cinema: Dataset, truth: dict[str, Any]) -> None:
    assert all(account.balances for account in cinema.quality.accounts)
    repairs = dict(cinema.quality.account("customers").repairs)
    assert repairs["birth_date 1970-01-01 stands for not known: emptied"] > 100
    assert cinema.quality.account("devices").set_aside > 0
