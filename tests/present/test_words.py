from __future__ import annotations

import math

import pyarrow as pa
import pytest

from regulars.core.analysis import Feature
from regulars.core.result import Action, ColumnInfo, Evidence, Finding, Result, Table
from regulars.present import words
from regulars.present.compare import Change
from regulars.present.run_view import RunView


def finding(key: str = "a.b", **parts: object) -> Finding:
    given: dict[str, object] = {"sentence": "So.", "value": 0.25, "unit": "share", "n": 100, "evidence": Evidence("t")}
    return Finding(key=key, **(given | parts))  # type: ignore[arg-type]


def result(name: str, *findings: Finding) -> Result:
    return Result(name, name.title(), "?", "customers", findings=findings)


def test_findings_are_ranked_by_money_whatever_its_sign() -> None:
    told = words.rank_findings(
        [
            result("a", finding("small", at_stake=10.0), finding("none"), finding("nan", at_stake=math.nan)),
            result("b", finding("loss", at_stake=-500.0), finding("gain", at_stake=90.0)),
        ]
    )
    assert [one.finding.key for one in told] == ["loss", "gain", "small", "nan", "none"]


def test_without_money_the_better_known_and_the_larger_come_first() -> None:
    told = words.rank_findings(
        [
            result(
                "a",
                finding("m", grade="modelled", n=9_000),
                finding("o", n=10),
                finding("big", n=20),
                finding("r", grade="randomised", n=1),
            )
        ]
    )
    assert [one.finding.key for one in told] == ["r", "big", "o", "m"]


@pytest.mark.parametrize(
    ("value", "unit", "currency", "full_below", "expected"),
    [
        (8_911_407.904, "money", "GBP", 1e6, "£8.91 m"),
        (-8_911_407.904, "money", "GBP", 1e6, "−£8.91 m"),
        (2_500_000_000, "money", "CHF", 1e6, "2.50 bn CHF"),
        (412_000.0, "money", "GBP", 1e6, "£412,000"),
        (12.5, "money", "GBP", 1e6, "£12.50"),
        (999_999.9, "money", "GBP", 1e6, "£1,000,000"),
        (123_456, "customers", "", 1e5, "123 k"),
        (99_999, "customers", "", 1e5, "99,999"),
        (-1_234, "orders", "", 1e6, "−1,234"),
        (141.34, "days", "", 1e6, "141.3"),
        (math.nan, "money", "GBP", 1e6, "–"),
        (None, "share", "", 1e6, "–"),
    ],
)
def test_short_values(value: object, unit: str, currency: str, full_below: float, expected: str) -> None:
    assert words.write_short(value, unit, currency, full_below) == expected


def test_a_count_is_called_exact_and_an_estimate_without_interval_is_not() -> None:
    assert words.interval_words(finding(), "") == "exact count"
    assert words.interval_words(finding(grade="modelled"), "") == "no interval"
    assert words.interval_words(finding(interval=(0.228, 0.254)), "") == "95 % interval 22.8–25.4 %"
    signed = finding(unit="change_points", interval=(0.07, 0.083))
    assert words.interval_words(signed, "") == "95 % interval +7.0 to +8.3 pp"


def test_only_a_randomised_grade_speaks_of_causes_being_shown() -> None:
    told = {grade: words.grade_words(finding(grade=grade)) for grade in words.GRADE_MEANINGS}
    assert "may a cause be claimed" in told["randomised"]
    assert "not why" in told["observed"]
    assert "not been validated" in told["modelled"]
    validated = words.grade_words(finding(grade="modelled", validated="on 2011, beside the past rate."))
    assert validated.endswith("Validated: on 2011, beside the past rate.")


def test_the_stake_is_said_only_where_there_is_one() -> None:
    assert words.stake_words(finding(at_stake=-820_000.0), "GBP") == "£820,000 at stake"
    assert words.stake_words(finding(), "GBP") == ""


def change(before: float, now: float, unit: str, interval: tuple[float, float] | None = None) -> Change:
    return Change(
        "a",
        "A",
        finding("a.first_share", value=before, unit=unit),
        finding("a.first_share", value=now, unit=unit),
        interval,
    )


@pytest.mark.parametrize(
    ("one", "sentence"),
    [
        (
            change(0.20, 0.241, "share", (0.023, 0.059)),
            "First share rose from 20.0 % to 24.1 % (+4.1 pp, 95 % interval +2.3 pp to +5.9 pp).",
        ),
        (change(200.0, 150.0, "money"), "First share fell from £200.00 to £150.00 (−25.0 %)."),
        (change(0.0, 5.0, "orders"), "First share rose from 0 to 5."),
        (change(10.0, 12.5, "days"), "First share rose from 10 to 12.5 (+2.5 days)."),
    ],
)
def test_a_change_is_told_with_its_size(one: Change, sentence: str) -> None:
    assert words.change_words(one, "GBP") == sentence


def test_the_header_says_when_there_are_no_dates() -> None:
    notes = dict(words.header_notes(RunView("r1", "Shop")))
    assert notes["Data"] == "without dates"
    assert notes["Run"] == "r1"


def test_evidence_names_columns_as_their_headings_do() -> None:
    info = ColumnInfo("period_index", title="months since the first order")
    table = Table("by_age", "By age", pa.table({"period_index": [1], "share": [0.1]}), (info,))
    shown = Result("cohorts", "Cohorts", "?", "customers", tables=(table,))
    features = (Feature("recency_days", "days", "Days since the last order.", ""),)
    told = {
        "period_index up to 3": "months since the first order up to 3",
        "recency_days above 90": "recency days above 90",
        "label = soft_drinks": "label = soft_drinks",
    }
    for rows, words_told in told.items():
        one = finding(evidence=Evidence("by_age", rows))
        assert words.evidence_words(one, shown, features) == words_told


@pytest.mark.parametrize(
    ("sentence", "says"),
    [("Win back 1,590 customers.", True), ("Win back 11,590 customers.", False), ("They bring 1,590.5 each.", False)],
)
def test_an_action_may_say_its_count_already(sentence: str, says: bool) -> None:
    assert words.says_count(Action("a.b", sentence, "They left."), 1590) is says
