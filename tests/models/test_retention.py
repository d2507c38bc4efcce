from __future__ import annotations

import numpy as np
import pytest

from regulars.models import retention

# Periods 10, 11 and 12, the last one not over. Cohort 10 has four customers, of whom two and three come again; of the
# two of cohort 11 one comes again.
COUNTS = retention.align(
    firsts=[10, 11],
    sizes=[4, 2],
    active=[[4, 2, 3], [0, 2, 1]],
    revenue=[[40, 20, 33], [0, 10, 4]],
    whole=[True, True, False],
    origin=10,
)


def test_alignment() -> None:
    assert COUNTS.share[0].tolist() == [1.0, 0.5, 0.75]
    assert COUNTS.share[1, :2].tolist() == [1.0, 0.5]
    assert np.isnan(COUNTS.share[1, 2])
    assert COUNTS.is_whole.tolist() == [[True, True, False], [True, False, False]]


def test_incomplete_cells_take_no_part_in_means() -> None:
    over = COUNTS.over_cohorts()
    assert over.cohorts.tolist() == [2, 1, 0]
    assert over.customers.tolist() == [6, 4, 0]
    assert over.share[:2].tolist() == [1.0, 0.5]
    assert np.isnan(over.share[2])
    assert over.of_whole_base[1] == pytest.approx(2 / 6)
    # 50 from 6 customers in the first period, 20 from the 4 that can be seen in the second
    assert over.cumulative_revenue[:2] == pytest.approx([50 / 6, 50 / 6 + 20 / 4])


def test_plain_and_weighted_means_differ() -> None:
    counts = retention.align([0, 1], [10, 90], [[10, 5, 0], [0, 90, 9]], np.zeros((2, 3)), [True] * 3, 0)
    over = counts.over_cohorts()
    assert over.share[1] == pytest.approx(14 / 100)
    assert over.plain_mean[1] == pytest.approx((0.5 + 0.1) / 2)


def test_cumulative_revenue() -> None:
    assert COUNTS.cumulative_revenue[0].tolist() == [10.0, 15.0, 23.25]


def test_revenue_per_customer_counts_old_cohorts_only() -> None:
    assert COUNTS.revenue_per_customer(1) == (15.0, None, None, 4)
    assert COUNTS.revenue_per_customer(2) is None
    assert COUNTS.revenue_per_customer(9) is None


def test_revenue_per_customer_with_cohorts_as_units() -> None:
    n = 12
    active = np.triu(np.full((n, n), 10.0))
    revenue = np.triu(np.outer(np.arange(1, n + 1), np.ones(n)))
    counts = retention.align(list(range(n)), [10] * n, active, revenue, [True] * n, 0)
    told = counts.revenue_per_customer(1)  # cohorts 1 … 11 bring 2, 4 … 22 from ten customers each
    assert told is not None
    value, low, high, customers = told
    assert customers == 110
    assert value == pytest.approx(sum(range(2, 24, 2)) / 110)
    assert low is not None
    assert high is not None
    assert low < value < high


def test_a_missing_period_leaves_a_hole() -> None:
    counts = retention.align([0], [5], [[5, 0, 2]], np.zeros((1, 3)), [True, False, True], 0)
    over = counts.over_cohorts()
    assert over.cohorts.tolist() == [1, 0, 1]
    assert over.share[2] == pytest.approx(0.4)


def test_differences_are_judged_together() -> None:
    rng = np.random.default_rng(8)
    alarms = [
        any(one.p_value < 0.05 for one in retention.differences(rng.binomial(200, 0.3, 12), [200] * 12))
        for _ in range(400)
    ]
    assert np.mean(alarms) < 0.08  # twelve uncorrected tests would alarm in almost every second world


def test_one_group_has_nothing_to_differ_from() -> None:
    (only,) = retention.differences([3], [10])
    assert np.isnan(only.others)
    assert only.p_value == 1.0
