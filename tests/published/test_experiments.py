"""Real experiments: figures to the printed digits, and one that must be refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from regulars import pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from regulars.core.result import Result

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def result_of(example: str, folder: Path) -> Iterator[Result]:
    data = pipeline.load(EXAMPLES / example / "regulars.toml", data=folder)
    yield data.run("experiments")
    data.engine.close()


@pytest.fixture(scope="module")
def hillstrom(datasets: Path) -> Iterator[Result]:
    yield from result_of("hillstrom", datasets / "hillstrom")


@pytest.fixture(scope="module")
def retail(datasets: Path) -> Iterator[Result]:
    yield from result_of("retail-10k", datasets / "retail_10k")


def row(result: Result, table: str, arm: str, outcome: str) -> dict[str, Any]:
    rows = result.table(table).to_arrow().to_pylist()
    return next(one for one in rows if (one["arm"], one["outcome"]) == (arm, outcome))


@pytest.mark.parametrize(
    ("arm", "customers", "visit", "conversion", "spend"),
    [("Mens E-Mail", 21_307, 18.2757, 1.2531, 1.422617), ("Womens E-Mail", 21_387, 15.1400, 0.8837, 1.077202)],
)
def test_hillstrom_arms(
    hillstrom: Result, arm: str, customers: int, visit: float, conversion: float, spend: float
) -> None:
    visits, buys = row(hillstrom, "shares", arm, "visit"), row(hillstrom, "shares", arm, "conversion")
    spends = row(hillstrom, "money", arm, "spend")
    assert visits["customers"] == customers
    assert (round(100 * visits["arm_mean"], 4), round(100 * visits["control_mean"], 4)) == (visit, 10.6167)
    assert (round(100 * buys["arm_mean"], 4), round(100 * buys["control_mean"], 4)) == (conversion, 0.5726)
    assert (round(spends["arm_mean"], 6), round(spends["control_mean"], 6)) == (spend, 0.652789)


@pytest.mark.parametrize(
    ("arm", "visit", "spend", "t"), [("Mens E-Mail", 7.659, 0.7698, 5.30), ("Womens E-Mail", 4.523, 0.4244, 3.26)]
)
def test_hillstrom_effects(hillstrom: Result, arm: str, visit: float, spend: float, t: float) -> None:
    assert round(100 * row(hillstrom, "shares", arm, "visit")["effect"], 3) == visit
    money = row(hillstrom, "money", arm, "spend")
    assert (round(money["effect"], 4), round(money["t"], 2)) == (spend, t)
    assert money["is_beyond_chance"]


def test_hillstrom_is_trusted_and_its_findings_are_randomised(hillstrom: Result) -> None:
    checks = {one["check"]: one["verdict"] for one in hillstrom.table("examination").to_arrow().to_pylist()}
    assert checks["sample ratio"] == checks["one arm each"] == checks["alike before"] == "passed"
    assert {finding.grade for finding in hillstrom.findings} == {"randomised"}
    assert len(hillstrom.findings) == 6
    assert not [one for one in hillstrom.caveats if one.severity == "stop"]


def test_of_two_mails_that_work_the_better_is_rolled_out(hillstrom: Result) -> None:
    assert [one.sentence for one in hillstrom.actions] == ["Roll out Mens E-Mail of the experiment mail."]
    titles = {chart.name: chart.title for chart in hillstrom.charts}
    assert titles["effects_shares"].startswith("Mens E-Mail changed visit by +7.7 pp; 4 of 4 differences")


def test_buyers_of_womens_goods_are_the_ones_whom_womens_mail_brings(hillstrom: Result) -> None:
    groups = hillstrom.table("groups_shares").to_arrow().to_pylist()
    visits = {
        row["group"]: row["effect"] for row in groups if (row["arm"], row["dimension"]) == ("Womens E-Mail", "womens")
    }
    assert visits["1"] > 3 * visits["0"] > 0


def test_retail_10k_is_refused_with_both_reasons(retail: Result) -> None:
    stop = next(one.sentence for one in retail.caveats if one.severity == "stop")
    assert "1,938 customers of 2,823 are in more than one arm" in stop
    assert "Stimulated_Monetary is that row's own Monetary × 1.15, exactly" in stop
    assert "Stimulated_Frequency is that row's own Frequency × 1.2, exactly" in stop


def test_retail_10k_gives_no_number_to_quote(retail: Result) -> None:
    assert not retail.findings
    assert not retail.charts
    assert {table.name for table in retail.tables} == {"examination", "balance"}
    assert not any(column.endswith("effect") for table in retail.tables for column in table.to_arrow().column_names)
