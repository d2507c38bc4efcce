"""Five companies end to end: every question is answered, the README says what the run says, the run what is true."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from examples import answers

from regulars.demo.cinema import figures

if TYPE_CHECKING:
    from pathlib import Path

    from regulars.core.result import Finding
    from regulars.pipeline import Run

NAMES = answers.names()


class Company:
    """An example, its runs, and what is true of its generated data."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.example = name, answers.read(name)
        self.runs: dict[str, Run] = answers.perform(self.example, folder)
        self.truth: dict[str, Any] = json.loads((folder / "data" / "truth.json").read_text(encoding="utf-8"))

    def finding(self, key: str) -> Finding:
        """A finding of the first run."""
        results = next(iter(self.runs.values())).view.results
        return next(one for result in results for one in result.findings if one.key == key)

    def rows(self, analysis: str, table: str, **chosen: Any) -> list[dict[str, Any]]:
        """Rows of a small table of the first run."""
        results = next(iter(self.runs.values())).view.results
        found = next(one for one in results if one.analysis == analysis).table(table).to_arrow().to_pylist()
        return [row for row in found if all(row[name] == value for name, value in chosen.items())]

    def holds(self, key: str, value: float) -> bool:
        """Whether the interval stated for a finding has the true value."""
        interval = self.finding(key).interval
        assert interval is not None, key
        return interval[0] <= value <= interval[1]


@pytest.fixture(scope="module", params=[pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in NAMES])
def company(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Company:
    return Company(request.param, tmp_path_factory.mktemp("company"))


def test_the_five_companies_are_there() -> None:
    assert set(NAMES) >= {"cinema", "cinema-retention", "health", "shop", "customer-profiles"}


def test_every_question_is_answered_as_the_readme_says(company: Company) -> None:
    assert answers.missing(company.example, company.runs) == []
    assert answers.unanswered(company.example, company.runs) == []
    text = company.example.readme.read_text(encoding="utf-8")
    fresh = answers.with_block(text, answers.block(company.example, company.runs))
    assert text == fresh, f"write the answers anew: python -m examples {company.name} --update"
    for sentence in (one.ask for one in company.example.questions):
        assert f"### {sentence}" in text


def test_the_answers_are_those_that_were_planted(company: Company) -> None:
    held = {
        "cinema": _cinema,
        "cinema-retention": _cinema_retention,
        "health": _health,
        "shop": _shop,
        "customer-profiles": _profiles,
    }
    assert set(held) == set(NAMES)
    held[company.name](company)


def _cinema(company: Company) -> None:
    truth, events = company.truth, company.truth["process"]["events"]
    assert company.holds("events.revenue.release of a blockbuster", events["releases"]["demand_factor"] - 1)
    for holiday in ("Lunar New Year", "International Labor Day, Liberation Day/Reunification Day"):
        assert company.holds(f"events.revenue.{holiday}", events["holidays"]["demand_factor"] - 1)
    hours = figures.HOUR_WEIGHTS
    peak = max(hours, key=hours.__getitem__)
    assert f"begins at {peak} h" in company.finding("seasonality.busiest_hour").sentence
    years = company.finding("seasonality.years").sentence
    assert truth["dirt"]["missing_months"] == ["2020-04", "2021-08", "2021-09"]
    assert years.endswith("without data: April 2020, August 2021, September 2021.")
    broken, lost = truth["dirt"]["device_break"], company.finding("channels.unknown_period")
    assert f"From {broken['starts_on']} to {broken['ends_on']}" in lost.sentence
    assert company.holds("channels.unknown_period", broken["share_lost"])
    assert company.holds("cohorts.retention_month_1", truth["retention"]["all_cohorts"][0]["expected_share"])
    drawn = truth["drawn"]
    assert company.finding("overview.whole").n == drawn["buyers_with_success"]
    assert company.holds("overview.success_share", drawn["successes"] / drawn["attempts"])
    # of this draw: the planted −5.7 pp lies just outside the interval, −5.6 to −1.9 pp, as one in twenty does; of the
    # draws with the seeds 1 to 19 it is the only one, and over all three kinds 54 of 57 intervals hold what was planted
    came = {row["won_by"]: row["realised_share"] for row in truth["returned_within_90_days"]["kinds"]}
    told = company.finding("promotions.return_1").value
    assert told == pytest.approx(came["reward point"] - came["none"], abs=1e-4)


def _cinema_retention(company: Company) -> None:
    """Of the two years' cohorts, those after the first month and before the last."""
    chosen = [
        one
        for one in company.truth["retention"]["cohorts"][1:-1]
        if one["first_month"][:4] in ("2019", "2022") and one["expected_returned"]
    ]
    expected = sum(one["expected_returned"][0] for one in chosen) / sum(one["customers"] for one in chosen)
    assert company.holds("cohorts.retention_month_1", expected)
    shares = []
    for year in ("2019", "2022"):
        of = [one for one in chosen if one["first_month"].startswith(year)]
        shares.append(sum(one["expected_returned"][0] for one in of) / sum(one["customers"] for one in of))
    assert company.holds("cohorts.years", shares[1] - shares[0])


def _health(company: Company) -> None:
    network = company.truth["network"]
    assert company.finding("referrals.sponsored_share").n == network["sponsored"]
    top = company.rows("referrals", "top_sponsors")
    known = [row for row in top if row["customer_id"] in network["most_brought"]]
    assert len(known) >= 5
    assert all(row["sponsored_count"] == network["most_brought"][row["customer_id"]] for row in known)
    products = company.truth["pairs"]["products"]
    pairs = {f"baskets.{first}→{second}" for one in products for first, second in (one, one[::-1])}
    view = next(iter(company.runs.values())).view
    found = {one.key for result in view.results for one in result.findings} & pairs
    assert {frozenset(key.removeprefix("baskets.").split("→")) for key in found} == {frozenset(one) for one in products}
    aside = sum(account.set_aside for account in view.quality.accounts)
    assert aside == company.truth["drawn"]["cut_off"]


def _shop(company: Company) -> None:
    truth = company.truth
    autumn = next(one for one in truth["contacts"]["campaigns"] if one["name"] == "Autumn discount 2024")
    discount = next(one for one in autumn["arms"] if one["arm"] == "discount")
    for outcome, planted in (("orders_after", "orders"), ("spend_after", "paid"), ("buyers", "buyer_share")):
        assert company.holds(f"experiments.autumn_discount.discount.{outcome}", discount[f"effect_on_{planted}"])
    assert not [
        one
        for run in company.runs.values()
        for result in run.view.results
        for one in result.findings
        if one.key.startswith("experiments.summer_test")
    ]
    assert company.finding("segments.number").value == truth["segments"]["k"]
    months = company.rows("seasonality", "months_of_year", measure="orders")
    days = (31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)  # the truth is told by the day
    index = zip(truth["seasons"]["orders_index_by_month"], days, strict=True)
    off = [value * length / (365.25 / 12) - 1 for value, length in index]
    inside = [
        row["against_average_low"] <= true <= row["against_average_high"] for row, true in zip(months, off, strict=True)
    ]
    assert sum(inside) >= 11
    assert company.finding("seasonality.peak_months").sentence.startswith("November–December")
    assert company.finding("overview.whole").n == truth["drawn"]["customers_with_orders"]


def _profiles(company: Company) -> None:
    truth = company.truth
    assert company.finding("segments.number").value == truth["segments"]["k"]
    answers_of = {name.removeprefix("Accepted"): count for name, count in truth["answers"].items()}
    rows = {row["campaign_id"]: row for row in company.rows("campaign_response", "campaigns")}
    assert {name: row["responders"] for name, row in rows.items()} == answers_of
    assert company.finding("campaign_response.auc").value <= truth["response"]["best_auc"]
