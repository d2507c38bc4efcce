"""A grocer's targeted campaigns: naive, against the own past, and weighted, each beside its placebo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from regulars import pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from regulars.core.result import Result

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "completejourney" / "regulars.toml"
TYPE_A = ("27", "8", "13", "18")


@pytest.fixture(scope="module")
def result(datasets: Path) -> Iterator[Result]:
    data = pipeline.load(EXAMPLE, data=datasets / "completejourney")
    yield data.run("uplift")
    data.engine.close()


@pytest.fixture(scope="module")
def by_hand(datasets: Path) -> dict[str, tuple[float, float, float]]:
    """Naive, placebo and change of each campaign, from the files as they are, over households known before it."""
    import duckdb

    folder = datasets / "completejourney"
    with duckdb.connect() as connection:
        connection.execute(
            f"""create table days as select household_id, cast(transaction_timestamp as date) as day,
            sum(sales_value) as spent from '{folder}/transactions.parquet' group by all"""
        )
        rows = connection.execute(
            f"""
            with each as (
                select campaign_id, household_id, start_date::date as first, end_date::date as last,
                  household_id in (select household_id from '{folder}/campaigns.parquet' as c
                                   where c.campaign_id = d.campaign_id) as contacted
                from '{folder}/campaign_descriptions.parquet' as d,
                  (select distinct household_id from days) where campaign_id in {TYPE_A}
            ), spent as (
                select campaign_id, household_id, any_value(contacted) as contacted,
                  coalesce(sum(spent) filter (day between first and last), 0) / any_value(last - first + 1) as during,
                  coalesce(sum(spent) filter (day between first - 28 and first - 1), 0) / 28 as before
                from each join days using (household_id)
                group by campaign_id, household_id having min(day) < any_value(first)
            )
            select campaign_id, avg(during) filter (contacted) / avg(during) filter (not contacted) - 1,
              avg(before) filter (contacted) / avg(before) filter (not contacted) - 1,
              avg(during - before) filter (contacted) - avg(during - before) filter (not contacted),
              avg(during) filter (contacted)
            from spent group by campaign_id"""
        ).fetchall()
    return {str(name): (naive, before, change / (level - change)) for name, naive, before, change, level in rows}


def rows(result: Result, table: str, key: str) -> dict[str, dict[str, Any]]:
    return {row[key]: row for row in result.table(table).to_arrow().to_pylist()}


@pytest.mark.parametrize("campaign", TYPE_A)
def test_each_campaign_is_as_counted_from_the_files(
    result: Result, by_hand: dict[str, tuple[float, float, float]], campaign: str
) -> None:
    row = rows(result, "targeted_campaigns", "campaign")[campaign]
    found = (row["naive"], row["placebo"], row["change"])
    assert found == pytest.approx(by_hand[campaign], rel=1e-6)
    assert row["naive"] == pytest.approx({"27": 0.443, "8": 1.579, "13": 2.090, "18": 1.860}[campaign], abs=5e-4)
    assert row["change"] == pytest.approx({"27": 0.001, "8": -0.017, "13": -0.023, "18": 0.033}[campaign], abs=5e-4)
    assert row["change_low"] < 0 < row["change_high"]


@pytest.mark.parametrize(
    ("kind", "contacts", "naive", "placebo", "change", "change_placebo"),
    [
        ("Type A", 3629, 171.1, 176.4, -0.2, 0.3),
        ("Type B", 1696, 121.3, 126.0, -0.9, -2.6),
        ("Type C", 289, 165.0, 157.9, 3.0, -3.6),
    ],
)
def test_each_kind_stands_beside_its_placebo(
    result: Result, kind: str, contacts: int, naive: float, placebo: float, change: float, change_placebo: float
) -> None:
    row = rows(result, "targeted", "kind")[kind]
    assert row["contacts"] == contacts
    told = [round(100 * row[name], 1) for name in ("naive", "placebo", "change", "change_placebo")]
    assert told == [naive, placebo, change, change_placebo]
    assert row["change_low"] < 0 < row["change_high"]


def test_weighting_is_refused_for_type_a_and_agrees_with_the_change_elsewhere(result: Result) -> None:
    kinds, campaigns = rows(result, "targeted", "kind"), rows(result, "targeted_campaigns", "campaign")
    assert kinds["Type A"]["weighted"] is None
    assert kinds["Type A"]["refused"] == 4
    assert {campaigns[one]["refused_for"] for one in ("8", "13", "18")} <= {"imbalance", "few others alike"}
    for kind in ("Type B", "Type C"):
        row = kinds[kind]
        assert row["imbalance"] <= 0.1
        assert row["weighted_low"] < row["change"] < row["weighted_high"]
        assert row["weighted_low"] < 0 < row["weighted_high"]
    assert all(row["effective_others"] >= 100 for row in campaigns.values() if row["weighted"] is not None)


def test_groups_that_moved_apart_before_are_told(result: Result) -> None:
    row = rows(result, "targeted", "kind")["Type B"]
    assert row["change_placebo_high"] < 0
    assert any(one.sentence.startswith("With Type B those contacted") for one in result.caveats)


def test_nothing_is_called_an_effect(result: Result) -> None:
    assert {finding.grade for finding in result.findings} == {"modelled"}
    assert all(finding.sentence.endswith("no more than chance.") for finding in result.findings)
    assert any("refused" in one.sentence for one in result.caveats)
