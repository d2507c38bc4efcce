from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import gammaln

from regulars.models import intervals


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)  # Newcombe (1998), Statistics in Medicine 17, pp. 857-872, table I, method 3
def test_share_interval_as_published(successes: int, trials: int, low: float, high: float) -> None:
    found = intervals.share_interval(successes, trials)
    assert (round(float(found[0]), 4), round(float(found[1]), 4)) == (low, high)


def test_share_interval_covers() -> None:
    n, shares = 40, np.linspace(0.05, 0.95, 19)
    hits = np.arange(n + 1)
    low, high = intervals.share_interval(hits, np.full(n + 1, n))
    log_choose = gammaln(n + 1) - gammaln(hits + 1) - gammaln(n - hits + 1)
    covered = [
        np.exp(log_choose + hits * np.log(p) + (n - hits) * np.log(1 - p))[(low <= p) & (p <= high)].sum()
        for p in shares
    ]
    assert 0.94 < np.mean(covered) < 0.965


def test_mean_interval_is_students() -> None:
    values = np.array([3.0, 8.0, 1.0, 9.5, 4.0])
    low, high = intervals.mean_interval(values.sum(), (values**2).sum(), len(values))
    expected = stats.t.interval(0.95, 4, values.mean(), stats.sem(values))
    assert (float(low), float(high)) == pytest.approx(expected)


def test_equal_values_have_no_width() -> None:
    low, high = intervals.mean_interval(0.3 * 7, 0.09 * 7, 7)
    assert float(low) == pytest.approx(0.3, abs=1e-7)
    assert float(high) == pytest.approx(0.3, abs=1e-7)


def test_rate_interval_is_exact() -> None:
    low, high = intervals.rate_interval([0, 1, 12], [1.0, 2.0, 4.0])
    assert low == pytest.approx([0, stats.chi2.ppf(0.025, 2) / 4, stats.chi2.ppf(0.025, 24) / 8])
    assert high == pytest.approx(
        [stats.chi2.ppf(0.975, 2) / 2, stats.chi2.ppf(0.975, 4) / 4, stats.chi2.ppf(0.975, 26) / 8]
    )


def test_ratio_interval_from_the_rows() -> None:
    y, x = np.array([10.0, 25.0, 31.0, 8.0]), np.array([1.0, 2.0, 4.0, 1.0])
    ratio = y.sum() / x.sum()
    error = np.std(y - ratio * x, ddof=1) / np.sqrt(4) / x.mean()  # residuals add up to nothing
    found = intervals.ratio_interval(y.sum(), x.sum(), (y**2).sum(), (x**2).sum(), (x * y).sum(), 4)
    expected = stats.t.interval(0.95, 3, ratio, error)
    assert (float(found[0]), float(found[1])) == pytest.approx(expected)


def test_ratio_interval_covers() -> None:
    rng = np.random.default_rng(11)
    orders = 1 + rng.poisson(1.5, (2000, 200))
    revenue = rng.gamma(2.0, 10.0, orders.shape) * orders
    sums = [revenue.sum(1), orders.sum(1), (revenue**2).sum(1), (orders**2).sum(1), (revenue * orders).sum(1)]
    low, high = intervals.ratio_interval(*sums, np.full(2000, 200))
    assert 0.93 < np.mean((low <= 20) & (high >= 20)) < 0.97


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [((56, 70, 48, 80), 0.0524, 0.3339), ((9, 10, 3, 10), 0.1705, 0.8090), ((5, 56, 0, 29), -0.0381, 0.1926)],
)  # Newcombe (1998), Statistics in Medicine 17, pp. 873-890, table II, method 10
def test_share_difference_as_published(counts: tuple[int, int, int, int], low: float, high: float) -> None:
    found = intervals.share_difference_interval(*counts)
    assert (round(float(found[0]), 4), round(float(found[1]), 4)) == (low, high)


def test_share_difference_p_value_is_the_chi_square_test() -> None:
    table = [[30, 70], [45, 55]]
    expected = stats.chi2_contingency(table, correction=False).pvalue
    assert float(intervals.share_difference_p_value(30, 100, 45, 100)) == pytest.approx(expected)


def test_false_alarms_of_the_share_test() -> None:
    rng = np.random.default_rng(5)
    one, other = rng.binomial(300, 0.2, 4000), rng.binomial(500, 0.2, 4000)
    p_values = intervals.share_difference_p_value(one, np.full(4000, 300), other, np.full(4000, 500))
    assert 0.04 < np.mean(p_values < 0.05) < 0.06


def test_few_expected_are_not_judged() -> None:
    assert float(intervals.share_difference_p_value(4, 20, 0, 20)) == 1.0


def test_change_intervals_mirror_each_other() -> None:
    low, high = intervals.relative_change_interval(120, 5, 100, 4)
    back_low, back_high = intervals.relative_change_interval(100, 4, 120, 5)
    assert (1 + float(low)) * (1 + float(back_high)) == pytest.approx(1)
    assert (1 + float(high)) * (1 + float(back_low)) == pytest.approx(1)
    assert float(intervals.change_p_value(120, 5, 100, 4)) == pytest.approx(
        float(intervals.change_p_value(100, 4, 120, 5))
    )


def test_adjusted_p_values() -> None:
    # 0.02 of four is the second smallest: 0.02 · 4/2 = 0.04; 0.03 · 4/3 = 0.04; 0.5 · 4/4 = 0.5; 0.01 · 4/1 = 0.04
    assert intervals.adjusted_p_values([0.5, 0.02, 0.03, 0.01]).tolist() == pytest.approx([0.5, 0.04, 0.04, 0.04])
    assert intervals.adjusted_p_values([]).tolist() == []
    assert intervals.adjusted_p_values([0.9, 0.8]).tolist() == pytest.approx([0.9, 0.9])


def test_nothing_to_estimate_is_nan_without_a_warning() -> None:
    with np.errstate(all="raise"):
        found = [
            *intervals.share_interval(0, 0),
            *intervals.mean_interval(5, 25, 1),
            *intervals.rate_interval(3, 0),
            *intervals.ratio_interval(0, 0, 0, 0, 0, 5),
            *intervals.relative_change_interval(1, 0.1, 0, 0),
            *intervals.share_difference_interval(0, 0, 1, 2),
        ]
    assert all(np.isnan(value) for value in found)


def test_the_order_of_adding_cannot_show() -> None:
    rng = np.random.default_rng(2)
    values = rng.lognormal(3, 2, 10_000)
    forwards = intervals.mean_interval(values.sum(), (values**2).sum(), values.size)
    backwards = intervals.mean_interval(sum(values.tolist()), sum((values**2).tolist()), values.size)
    assert [float(one) for one in forwards] == [float(one) for one in backwards]


def test_adjusted_p_values_keep_their_order_and_never_pass_one() -> None:
    p_values = [0.9, 0.001, 0.04, 0.04, 1.0]
    adjusted = intervals.adjusted_p_values(p_values)
    assert adjusted == pytest.approx([1.0, 0.005, 0.2 / 3, 0.2 / 3, 1.0])
    assert intervals.adjusted_p_values([]).size == 0
