from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from regulars.errors import FitError
from regulars.models import experiments as model


def arm(rng: np.random.Generator, count: int, shift: float = 0.0) -> dict[str, np.ndarray]:
    before = rng.gamma(2.0, 10.0, count)
    spend = before + rng.normal(0.0, 5.0, count) + shift
    return {"before": before, "spend": spend, "orders": rng.poisson(2.0, count) + 1.0}


def test_the_plain_effect_is_welchs() -> None:
    rng = np.random.default_rng(1)
    one, two = arm(rng, 300), arm(rng, 200, 2.0)
    effect = model.compare(model.sums_of(one), model.sums_of(two), "spend")
    expected = stats.ttest_ind(two["spend"], one["spend"], equal_var=False)
    low, high = expected.confidence_interval(0.95)
    assert effect.value == pytest.approx(two["spend"].mean() - one["spend"].mean(), rel=1e-8)
    assert (effect.low, effect.high) == pytest.approx((low, high), rel=1e-6)
    assert effect.p_value == pytest.approx(expected.pvalue, rel=1e-6)
    assert effect.statistic == pytest.approx(expected.statistic, rel=1e-6)


def test_what_was_known_before_makes_the_interval_narrower() -> None:
    rng = np.random.default_rng(2)
    one, two = model.sums_of(arm(rng, 2000)), model.sums_of(arm(rng, 2000, 1.0))
    plain, adjusted = model.compare(one, two, "spend"), model.compare(one, two, "spend", covariate="before")
    assert adjusted.high - adjusted.low < 0.5 * (plain.high - plain.low)
    assert adjusted.low < 1.0 < adjusted.high
    assert model.best_covariate([one, two], "spend", ["orders", "before"]) == "before"


def test_a_ratio_is_the_ratio_of_the_sums() -> None:
    rng = np.random.default_rng(3)
    one, two = arm(rng, 500), arm(rng, 500, 3.0)
    effect = model.compare(model.sums_of(one), model.sums_of(two), "spend", below="orders")
    assert effect.control == pytest.approx(one["spend"].sum() / one["orders"].sum(), rel=1e-8)
    assert effect.treated == pytest.approx(two["spend"].sum() / two["orders"].sum(), rel=1e-8)


def test_nothing_that_varies_is_no_effect_and_one_unit_no_arm() -> None:
    still = model.sums_of({"spend": np.zeros(50)})
    effect = model.compare(still, still, "spend")
    assert (effect.value, effect.p_value) == (0.0, 1.0)
    assert math.isnan(effect.relative)
    with pytest.raises(FitError, match="fewer than two"):
        model.compare(model.sums_of({"spend": np.ones(1)}), still, "spend")


def test_the_smallest_effect_is_seen_four_times_in_five() -> None:
    rng = np.random.default_rng(4)
    size, worlds = 400, 600
    base = model.compare(
        model.sums_of({"y": rng.normal(0, 1, size)}), model.sums_of({"y": rng.normal(0, 1, size)}), "y"
    ).smallest
    seen = [
        stats.ttest_ind(rng.normal(base, 1, size), rng.normal(0, 1, size), equal_var=False).pvalue < 0.05
        for _ in range(worlds)
    ]
    assert stats.binomtest(sum(seen), worlds, 0.8).pvalue > 0.001


def test_arms_that_differ_are_found_and_arms_that_do_not_are_not() -> None:
    rng = np.random.default_rng(5)
    alike = [model.balance(model.sums_of(arm(rng, 900)), [model.sums_of(arm(rng, 900))], name) for name in ("before",)]
    assert not model.arms_differ(alike)
    worse = model.sums_of({**arm(rng, 900), "before": rng.gamma(2.0, 13.0, 900)})
    found = model.arms_differ([*alike, model.balance(model.sums_of(arm(rng, 900)), [worse], "before")])
    assert len(found) == 1
    assert found[0].difference > 0.2


def test_a_constant_that_is_not_the_same_in_both_arms_is_a_difference() -> None:
    one, two = model.sums_of({"x": np.ones(40)}), model.sums_of({"x": np.full(40, 2.0)})
    assert model.balance(one, [two], "x").p_value == 0.0
    assert model.balance(one, [one], "x").p_value == 1.0


def test_labels_in_other_shares_are_a_difference() -> None:
    assert model.balance_of_labels("channel", [[500, 500], [400, 600]]).p_value < 0.001
    assert model.balance_of_labels("channel", [[500, 500], [400, 600]]).difference == pytest.approx(0.1)
    assert model.balance_of_labels("channel", [[500, 0], [400, 0]]).p_value == 1.0


def test_a_sound_assignment_is_refused_as_seldom_as_stated() -> None:
    rng = np.random.default_rng(6)
    refused = 0
    for _ in range(400):
        one, two = ({f"x{i}": rng.normal(size=200) for i in range(5)} for _ in range(2))
        sums = model.sums_of(one), model.sums_of(two)
        refused += bool(model.arms_differ([model.balance(sums[0], [sums[1]], f"x{i}") for i in range(5)]))
    assert refused <= stats.binom.ppf(0.999, 400, 0.01)


@given(st.lists(st.integers(1, 10_000), min_size=2, max_size=5))
def test_p_values_of_sizes_lie_in_0_1(counts: list[int]) -> None:
    assert 0 <= model.sample_ratio(counts, [1 / len(counts)] * len(counts)) <= 1


@given(st.floats(-1e6, 1e6).filter(lambda factor: abs(factor) > 1e-6))
def test_an_exact_multiple_is_seen(factor: float) -> None:
    values = np.linspace(0.1, 7.3, 50)
    ratios = (values * factor) / values
    assert model.constant_ratio(ratios.min(), ratios.max()) == pytest.approx(factor, rel=1e-6, abs=1e-8)
    assert model.constant_ratio(ratios.min() - 1e-3 * abs(factor), ratios.max()) is None
