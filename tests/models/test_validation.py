"""The yardstick: measures worked out by hand, ties, intervals, the stated winner, and the simple rules."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.errors import RegularsError
from regulars.models.scores import MEASURES, Outcomes, Ranking, score
from regulars.models.simple_rules import (
    apply_recency_threshold,
    apply_simple_rules,
    predict_average,
    repeat_past_rate,
)
from regulars.models.validation import calibrate, validate


def score_of(actual: list[float], predicted: list[float], weight: list[float] | None = None) -> dict[str, float | None]:
    weights = None if weight is None else np.array(weight, dtype=float)
    return score(Outcomes(Ranking(np.array(actual, dtype=float)), weights), Ranking(np.array(predicted, dtype=float)))


def test_measures_by_hand() -> None:
    scores = score_of([0, 0, 2, 0, 6], [0.5, 1, 1.5, 2, 4])
    assert scores["bias_share"] == pytest.approx(9 / 8 - 1)
    assert scores["mean_absolute_error"] == pytest.approx((0.5 + 1 + 0.5 + 2 + 2) / 5)
    assert scores["root_mean_square_error"] == pytest.approx(math.sqrt((0.25 + 1 + 0.25 + 4 + 4) / 5))
    assert scores["auc"] == pytest.approx(5 / 6)
    # Middle ranks as shares: 0.1 to 0.9. Reached: 2 (2·0.5 + 6·0.9) / 8 − 1; best: 2 (2·0.7 + 6·0.9) / 8 − 1.
    assert scores["normalised_gini"] == pytest.approx((2 * 6.4 / 8 - 1) / (2 * 6.8 / 8 - 1))
    # The top tenth of five customers is half of the highest.
    assert scores["top_decile_share"] == pytest.approx(3 / 8)
    # Middle ranks of what came: 2, 2, 4, 2, 5.
    assert scores["rank_correlation"] == pytest.approx(np.corrcoef([2, 2, 4, 2, 5], [1, 2, 3, 4, 5])[0, 1])


def test_rank_measures_agree_with_plain_definitions() -> None:
    from scipy.stats import mannwhitneyu, spearmanr

    random = np.random.default_rng(0)
    predicted = random.gamma(0.5, 2.0, 400).round(1)
    actual = random.poisson(predicted).astype(float)
    scores = score(Outcomes(Ranking(actual)), Ranking(predicted))
    pairs = mannwhitneyu(predicted[actual > 0], predicted[actual == 0]).statistic
    assert scores["auc"] == pytest.approx(pairs / ((actual > 0).sum() * (actual == 0).sum()))
    assert scores["rank_correlation"] == pytest.approx(spearmanr(actual, predicted).statistic)


def test_the_order_of_tied_customers_changes_nothing() -> None:
    one = score_of([5, 0, 0, 1] * 5, [1, 1, 1, 2] * 5)
    other = score_of([0, 0, 5, 1] * 5, [1, 1, 1, 2] * 5)
    assert one == other
    assert score_of([5, 0, 0, 1] * 5, [1] * 20)["top_decile_share"] == pytest.approx(0.1)
    assert score_of([5, 0, 0, 1] * 5, [1] * 20)["auc"] == pytest.approx(0.5)
    assert score_of([5, 0, 0, 1] * 5, [1] * 20)["normalised_gini"] == pytest.approx(0.0, abs=1e-12)


def test_a_weight_of_two_is_the_customer_twice() -> None:
    weighed = score_of([0, 3, 1, 0], [0.2, 2, 2, 1], [2, 1, 0, 3])
    repeated = score_of([0, 0, 3, 0, 0, 0], [0.2, 0.2, 2, 1, 1, 1])
    for name in MEASURES:
        assert weighed[name] == pytest.approx(repeated[name])


@given(
    st.lists(st.tuples(st.integers(0, 9), st.floats(0, 50)), min_size=1, max_size=40),
)
def test_measures_stay_in_their_range_or_are_missing(customers: list[tuple[int, float]]) -> None:
    actual, predicted = (list(column) for column in zip(*customers, strict=True))
    scores = score_of(actual, predicted)
    for name, low, high in (
        ("rank_correlation", -1, 1), ("normalised_gini", -1, 1), ("top_decile_share", 0, 1), ("auc", 0, 1),
        ("mean_absolute_error", 0, np.inf), ("root_mean_square_error", 0, np.inf),
    ):  # fmt: skip
        value = scores[name]
        assert value is None or low - 1e-9 <= value <= high + 1e-9
    assert score_of(actual, [float(v) for v in actual])["normalised_gini"] in (None, pytest.approx(1.0))


@pytest.mark.parametrize("actual", [[0.0] * 40, [3.0] * 40, [2.0]])
def test_what_has_no_meaning_is_missing_not_nan(actual: list[float]) -> None:
    result = validate(actual, [1.0] * len(actual), {"the average": [2.0] * len(actual)}, draw_count=20)
    values = [v for s in result.scores for v in (s.value, s.low, s.high)]
    values += [v for d in result.differences for v in (d.value, d.low, d.high)]
    values += [v for row in result.calibration for v in (row.mean_actual, row.low, row.high)]
    assert all(value is None or math.isfinite(value) for value in values)
    assert result.find_score("model", "auc").value is None


def draw_customers(customer_count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What came, the true rates, and a noisy rule."""
    random = np.random.default_rng(seed)
    rate = random.gamma(0.5, 2.0, customer_count)
    return random.poisson(rate).astype(float), rate, random.poisson(rate).astype(float)


def test_a_better_model_wins_with_its_figures() -> None:
    actual, rate, noisy = draw_customers(4000, 1)
    result = validate(actual, rate, {"the average": np.full(4000, rate.mean()), "past rate": noisy}, model="rates")
    assert result.winner == "rates"
    assert "past rate: mean absolute error" in result.reason
    assert all(d.verdict == "better" for d in result.differences if d.measure == "mean_absolute_error")
    own = result.find_score("rates", "mean_absolute_error")
    assert own.low < own.value < own.high  # type: ignore[operator]


def test_a_simple_rule_that_does_better_is_used() -> None:
    actual, rate, noisy = draw_customers(4000, 2)
    result = validate(actual, noisy, {"rates": rate, "the average": np.full(4000, rate.mean())})
    assert result.winner == "rates"
    assert "model is not shown to do better" in result.reason
    worse = [d for d in result.differences if d.rule == "rates" and d.measure in ("mean_absolute_error", "auc")]
    assert [d.verdict for d in worse] == ["worse", "worse"]


def test_without_a_clear_difference_the_simple_rule_stays() -> None:
    actual, rate, _ = draw_customers(200, 3)
    result = validate(actual, rate * 1.001, {"rates": rate})
    assert result.winner == "rates"


def test_the_main_measure_decides() -> None:
    actual, rate, _ = draw_customers(4000, 4)
    rules = {"nothing": np.zeros(4000)}
    assert validate(actual, rate * 6, rules, draw_count=50).winner == "nothing"
    assert validate(actual, rate * 6, rules, main_measure="normalised_gini", draw_count=50).winner == "model"


def test_draws_are_seeded() -> None:
    actual, rate, noisy = draw_customers(300, 5)
    one, same, other = (validate(actual, rate, {"past rate": noisy}, draw_count=50, seed=s) for s in (7, 7, 8))
    assert one == same
    assert one.differences != other.differences


@pytest.mark.truth
def test_intervals_of_the_difference_hold_the_true_difference() -> None:
    random = np.random.default_rng(12)
    actual, rate, noisy = draw_customers(200_000, 6)
    truth = np.abs(actual - rate).mean() - np.abs(actual - noisy).mean()
    held = 0
    for _ in range(60):
        actual, rate, noisy = draw_customers(600, int(random.integers(1 << 30)))
        differences = validate(actual, rate, {"past rate": noisy}, draw_count=100).differences
        error = next(d for d in differences if d.measure == "mean_absolute_error")
        held += error.low <= truth <= error.high
    assert 50 <= held <= 60  # 99.9 % of counts at a true coverage of 95 %


def test_a_million_customers_cost_little_and_keep_their_interval() -> None:
    actual, rate, noisy = draw_customers(1_000_000, 9)
    started = time.perf_counter()
    large = validate(actual, rate, {"past rate": noisy}, draw_count=40)
    assert time.perf_counter() - started < 20
    assert (large.customer_count, large.drawn_count) == (1_000_000, 50_000)
    small = validate(actual[:50_000], rate[:50_000], {"past rate": noisy[:50_000]}, draw_count=40)
    widths = [s.high - s.low for s in (r.find_score("model", "mean_absolute_error") for r in (large, small))]  # type: ignore[operator]
    assert widths[0] == pytest.approx(widths[1] / math.sqrt(20), rel=0.5)


def test_calibration_of_true_rates_holds_them() -> None:
    actual, rate, _ = draw_customers(20_000, 10)
    rows = calibrate(actual, rate)
    assert [row.decile for row in rows] == list(range(1, 11))
    assert sum(row.customer_count for row in rows) == 20_000
    held = [row.low <= row.mean_predicted <= row.high for row in rows if row.low is not None and row.high is not None]
    assert sum(held) >= 8
    assert all(row.low is None or row.low >= 0 for row in rows)


@pytest.mark.parametrize(
    ("actual", "predicted", "rules", "message"),
    [
        ([], [], {}, "no customers"),
        ([1, 2], [1], {}, "'model' has 1 values, what came has 2"),
        ([1, 2], [1, float("nan")], {}, "missing or infinite"),
        ([1, 2], [1, 2], {"past rate": [1]}, "'past rate' has 1 values"),
        ([1, 2], [1, 2], {"model": [1, 2]}, "both named 'model'"),
    ],
)
def test_unusable_columns_are_refused(
    actual: list[float], predicted: list[float], rules: dict[str, list[float]], message: str
) -> None:
    with pytest.raises(RegularsError, match=message):
        validate(actual, predicted, rules)


def test_an_unknown_measure_is_refused() -> None:
    with pytest.raises(RegularsError, match=r"Unknown measure 'r2'.\n.*mean_absolute_error"):
        validate([1, 2], [1, 2], main_measure="r2")


def test_the_simple_rules_by_hand() -> None:
    orders, recency, age = [0, 4, 2], [0, 38, 10], [40, 40, 20]
    assert predict_average(orders, age, 10).tolist() == pytest.approx([0.6] * 3)
    assert repeat_past_rate(orders, age, 10).tolist() == pytest.approx([0, 1, 1])
    assert apply_recency_threshold(orders, recency, age, 10, patience=13).tolist() == pytest.approx([0, 1, 1])
    assert list(apply_simple_rules(orders, recency, age, 10, patience=13)) == [
        "the average", "recency threshold", "past rate",
    ]  # fmt: skip


def test_the_simple_rules_cope_with_new_customers() -> None:
    assert repeat_past_rate([1], [0], 10, least_age=2).tolist() == [5.0]
    assert predict_average([0, 0], [0, 0], 10).tolist() == [0.0, 0.0]
    assert apply_recency_threshold([3], [1], [50], 10, patience=2).tolist() == [0.0]
    with pytest.raises(RegularsError, match="above 0"):
        repeat_past_rate([1], [0], 10, least_age=0)
