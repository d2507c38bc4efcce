"""The demo world `cinema`: what was planted in promotions, channels, payments and films is found."""

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
    from regulars.core.result import Result

pytestmark = pytest.mark.truth


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("truth") / "cinema"
    worlds()["cinema"].write(path, rows=25_000)
    return path


@pytest.fixture(scope="module")
def truth(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "truth.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def cinema(folder: Path) -> Iterator[Dataset]:
    data = pipeline.load(folder / "regulars.toml")
    yield data
    data.engine.close()


def rows(result: Result, table: str, **chosen: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = result.table(table).to_arrow().to_pylist()
    return [row for row in found if all(row[name] == value for name, value in chosen.items())]


def test_returns_by_promotion_are_the_planted_ones(cinema: Dataset, truth: dict[str, Any]) -> None:
    """Those who came back are the very ones drawn, and the share lies within four errors of the planted one."""
    found = {row["won_with"]: row for row in rows(cinema.run("promotions"), "returns", within_days=90)}
    for planted in truth["returned_within_90_days"]["kinds"]:
        row = found["no promotion" if planted["won_by"] == "none" else planted["won_by"]]
        assert (row["customers"], row["returned"]) == (planted["customers"], planted["returned"])
        assert abs(row["return_share"] - planted["expected_share"]) < 4 * planted["standard_error"]
    assert found["reward point"]["differs"] == -1


def test_discounts_by_promotion_are_the_planted_ones(cinema: Dataset, truth: dict[str, Any]) -> None:
    result = cinema.run("promotions")
    for kind, planted in truth["process"]["tickets"]["mean_discount_share_of_list"].items():
        row = rows(result, "money", dimension="promotion", group="no promotion" if kind == "none" else kind)[0]
        assert row["discount_share"] == pytest.approx(planted, abs=0.01)


def test_statuses_and_retries_are_the_planted_ones(cinema: Dataset, truth: dict[str, Any]) -> None:
    """Failing was planted to have nothing to do with coming back: no difference is found beyond chance."""
    result = cinema.run("checkout")
    attempts = sum(row["attempts"] for row in rows(result, "statuses"))
    published = {"-5": 12_079, "-3": 3_602, "-2": 2_612, "-6": 1_103, "-1": 904, "-4": 478, "-7": 251}
    for row in rows(result, "statuses"):
        code = row["status"].partition(":")[0]
        if code in published:
            assert row["attempts"] / attempts == pytest.approx(published[code] / 154_725, rel=0.3)
    all_failures = rows(result, "failures", dimension="everything")[0]
    planted = truth["process"]["tickets"]["retry_share"]
    assert all_failures["back_1h_share_low"] < planted + 0.005
    assert all_failures["back_1h_share_high"] > planted - 0.005
    apart = rows(result, "returns", first_day="failed")[0]
    assert apart["difference_low"] < 0 < apart["difference_high"]


def test_the_website_and_the_break_in_recording_are_found(cinema: Dataset, truth: dict[str, Any]) -> None:
    result = cinema.run("channels")
    website = rows(result, "labels", dimension="platform", label="website")[0]
    opened = truth["process"]["tickets"]["website_opens_on"]
    assert opened <= str(website["first_on"]) < "2022-01-15"
    last = rows(result, "by_month_platform", label="website")[-1]
    assert (
        last["order_share_low"] < truth["process"]["tickets"]["website_final_share"] < last["order_share_high"] + 0.02
    )
    break_of = truth["dirt"]["device_break"]
    found = rows(result, "unknown_periods", dimension="platform")
    assert [str(row["from"]) for row in found] == [break_of["starts_on"]]
    assert [str(row["to"]) for row in found] == [break_of["ends_on"]]
    assert found[0]["missing_share"] == pytest.approx(break_of["share_lost"], abs=0.05)
    assert found[0]["step"] == "no device recorded"


def test_titles_of_charts_say_what_was_found(cinema: Dataset) -> None:
    titles = {chart.name: chart.title for name in ("channels", "checkout") for chart in cinema.run(name).charts}
    assert "'money in app' leads in" in titles["by_month_payment_method"]
    assert "of failures are made good within a day" in titles["failures"]
