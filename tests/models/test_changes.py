from __future__ import annotations

import math

import pytest

from regulars.models.changes import (
    Change,
    Estimate,
    PeriodSums,
    change_of_count,
    change_of_points,
    change_of_ratio,
    change_of_share,
)


def test_a_count_changes_exactly() -> None:
    assert change_of_count(90, 120) == Change(-0.25)


@pytest.mark.parametrize("before", [0.0, -5.0])
def test_no_relative_change_from_nothing(before: float) -> None:
    assert change_of_count(10, before).value is None


def test_a_ratio_that_cannot_be_said_has_no_change() -> None:
    for now, before in ((None, 1.0), (1.0, None), (-1.0, 1.0), (1.0, 0.0)):
        assert change_of_ratio(Estimate(now, 0.1), Estimate(before, 0.1)).value is None


def test_a_ratio_without_error_has_no_interval() -> None:
    change = change_of_ratio(Estimate(2.0, math.nan), Estimate(1.0, 0.1))
    assert change == Change(1.0, None, None, None)


def test_points() -> None:
    change = change_of_points(Estimate(0.5, 0.03), Estimate(0.4, 0.04))  # the error of the difference is 0.05
    assert change.is_points
    assert (change.low, change.high) == pytest.approx((0.1 - 1.959964 * 0.05, 0.1 + 1.959964 * 0.05), abs=1e-6)
    assert change.p_value == pytest.approx(0.0455, abs=1e-4)


def test_shares_of_nothing() -> None:
    assert change_of_share((0, 0), (1, 2)).value is None


def test_sums_of_a_period() -> None:
    # three customers with 1, 2, 3 orders of 10, 10, 40: 60 on 6 orders; orders² 14, revenue² 1800, products 150
    sums = PeriodSums(
        {
            "customers": 3, "order_count": 6, "order_count_squares": 14, "revenue": 60, "revenue_squares": 1800,
            "revenue_by_order_count": 150,
        }
    )  # fmt: skip
    assert sums.value("revenue") == 60
    assert sums.value("revenue", "order_count") == 10
    # residuals y − 10x: 0, −10, 10, so s² = 200/2 = 100; error = √(100/3) ÷ 2
    estimate = sums.ratio("revenue", "order_count")
    assert estimate.error == pytest.approx(math.sqrt(100 / 3) / 2)
    assert sums.change(sums, "ratio", "revenue", "order_count").value == 0
    assert sums.change(sums, "count", "revenue") == Change(0.0)
    assert PeriodSums({"a": 1, "b": 0}).value("a", "b") is None
