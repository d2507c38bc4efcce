from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from regulars.core.result import Evidence, Finding, Result
from regulars.present.compare import (
    NORMAL_975,
    compare_runs,
    difference_interval,
    difference_p_value,
)
from regulars.present.run_view import EarlierRun


def finding(key: str, value: float, spread: float | None = None, **parts: object) -> Finding:
    interval = None if spread is None else (value - spread, value + spread)
    given: dict[str, object] = {"unit": "share", "n": 500, "evidence": Evidence("t"), "interval": interval}
    return Finding(key, "So.", value, **(given | parts))  # type: ignore[arg-type]


def result(*findings: Finding, **parameters: object) -> Result:
    return Result("rfm", "RFM", "?", "segments", findings=findings, parameters=parameters)


def earlier(*findings: Finding, currency: str = "GBP", **parameters: object) -> EarlierRun:
    return EarlierRun("run-1", "2024-01-31", currency, {"rfm": findings}, {"rfm": parameters})


def test_a_clear_change_is_told_and_one_within_chance_is_not() -> None:
    told = compare_runs(
        earlier(finding("a", 0.20, 0.02), finding("b", 0.20, 0.02)),
        [result(finding("a", 0.30, 0.02), finding("b", 0.21, 0.02))],
        "GBP",
    )
    assert [one.now.key for one in told.beyond_chance] == ["a"]
    assert (told.compared, told.tested) == (2, 2)
    assert told.beyond_chance[0].interval == pytest.approx((0.10 - 0.02 * math.sqrt(2), 0.10 + 0.02 * math.sqrt(2)))


def test_an_exact_count_is_told_without_a_test() -> None:
    told = compare_runs(
        earlier(finding("a", 10.0), finding("b", 5.0)), [result(finding("a", 11.0), finding("b", 5.0))], "GBP"
    )
    assert [(one.now.key, one.p_value) for one in told.counts] == [("a", None)]
    assert (told.compared, told.tested, told.beyond_chance) == (2, 0, ())


def test_among_many_comparisons_a_weak_one_is_not_told() -> None:
    spread = 0.02
    weak = finding("weak", 0.20 + 2.1 / NORMAL_975 * spread * math.sqrt(2), spread)  # p = 0.036 on its own
    same = [finding(f"same_{place}", 0.5, spread) for place in range(19)]
    before = earlier(finding("weak", 0.20, spread), *same)
    assert [
        one.now.key for one in compare_runs(earlier(finding("weak", 0.20, spread)), [result(weak)], "").beyond_chance
    ] == ["weak"]
    assert compare_runs(before, [result(weak, *same)], "").beyond_chance == ()


def test_the_false_discovery_rate_is_held_where_nothing_changed() -> None:
    chance = random.Random(11)
    runs_with_alarm = 0
    for _ in range(200):
        before = [finding(f"k{place}", chance.gauss(0.5, 0.01), 0.01 * NORMAL_975) for place in range(20)]
        now = [finding(f"k{place}", chance.gauss(0.5, 0.01), 0.01 * NORMAL_975) for place in range(20)]
        runs_with_alarm += bool(compare_runs(earlier(*before), [result(*now)], "").beyond_chance)
    assert runs_with_alarm <= 0.05 * 200 + 3 * math.sqrt(200 * 0.05 * 0.95)


@pytest.mark.parametrize(
    ("before", "now", "why"),
    [
        (finding("a", 1.0), finding("a", 1.0, unit="days"), "another unit"),
        (finding("a", 1.0, unit="money"), finding("a", 2.0, unit="money"), "currency was EUR and is GBP"),
        (finding("a", math.nan), finding("a", 1.0), "missing"),
        (finding("a", 1.0, 0.1), finding("a", 1.0), "only one"),
        (finding("a", 1.0, grade="modelled"), finding("a", 2.0, grade="modelled"), "estimate without an interval"),
    ],
)
def test_what_cannot_be_compared_is_listed_with_the_reason(before: Finding, now: Finding, why: str) -> None:
    told = compare_runs(earlier(before, currency="EUR"), [result(now)], "GBP")
    assert why in told.incomparable[0].why
    assert told.compared == 0


def test_an_analysis_with_other_settings_is_not_compared() -> None:
    told = compare_runs(earlier(finding("a", 0.2, 0.01), levels=5), [result(finding("a", 0.4, 0.01), levels=7)], "GBP")
    assert told.incomparable[0].why == "the analysis ran with other settings"
    same = compare_runs(
        earlier(finding("a", 0.2, 0.01), cuts=[1, 2]), [result(finding("a", 0.4, 0.01), cuts=(1, 2))], "GBP"
    )
    assert len(same.beyond_chance) == 1


def test_new_and_lost_findings_are_listed() -> None:
    told = compare_runs(earlier(finding("old", 1.0)), [result(finding("new", 1.0))], "GBP")
    assert [one.key for _, one in told.appeared] == ["new"]
    assert [one.key for _, one in told.gone] == ["old"]


def test_changes_with_the_most_money_come_first() -> None:
    before = [finding(key, 0.2, 0.01) for key in "abc"]
    now = [
        replace(finding(key, 0.4, 0.01), at_stake=stake) for key, stake in zip("abc", (1.0, None, -9.0), strict=True)
    ]
    assert [one.now.key for one in compare_runs(earlier(*before), [result(*now)], "").beyond_chance] == ["c", "a", "b"]


def test_p_value_agrees_with_the_normal_test_for_symmetric_intervals() -> None:
    spread = NORMAL_975 * 0.01
    for distance in (0.005, 0.02, 0.05):
        p = difference_p_value(
            0.5 + distance, (0.5 + distance - spread, 0.5 + distance + spread), 0.5, (0.5 - spread, 0.5 + spread)
        )
        assert p == pytest.approx(math.erfc(distance / (0.01 * math.sqrt(2)) / math.sqrt(2)))


def test_the_test_and_the_interval_agree() -> None:
    before, now = (0.20, (0.17, 0.25)), (0.27, (0.24, 0.29))
    low, high = difference_interval(*now, *before)
    p = difference_p_value(*now, *before)
    assert (p <= 0.05) == (low > 0)
    assert low < 0.07 < high
    assert p == difference_p_value(*before, *now)


def test_values_without_spread_that_differ_are_certain_and_missing_spread_says_nothing() -> None:
    assert difference_p_value(2.0, (2.0, 2.0), 1.0, (1.0, 1.0)) == 0.0
    assert difference_p_value(2.0, (math.nan, 3.0), 1.0, (1.0, math.inf)) == 1.0
