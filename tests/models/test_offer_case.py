"""The next item and the size of a trial."""

from __future__ import annotations

import numpy as np
import pytest

from regulars.models.offer_case import arm_size, next_items


def test_few_customers_follow_what_sells_and_many_their_own() -> None:
    counts = np.array([[2.0, 1.0, 0.0], [1.0, 500.0, 400.0], [0.0, 400.0, 600.0]])
    offers, shares = next_items(counts, np.array([1.0, 1.0, 98.0]), np.ones(3, dtype=bool), 2)
    assert offers.tolist() == [[2, 1], [2, 0], [1, 0]]
    assert shares[0, 0] == pytest.approx((0 + 20 * 0.98) / 22, abs=1e-6)
    barred, _ = next_items(counts, np.array([1.0, 1.0, 98.0]), np.array([True, True, False]), 2)
    assert barred.tolist() == [[1, -1], [0, -1], [1, 0]]


def test_a_trial_of_that_size_finds_the_lift_as_often_as_it_says() -> None:
    size = arm_size(0.10, 0.05)
    rng = np.random.default_rng(1)
    one, other = rng.binomial(size, 0.10, 4000) / size, rng.binomial(size, 0.15, 4000) / size
    middle = (one + other) / 2
    found = np.abs(other - one) / np.sqrt(2 * middle * (1 - middle) / size) > 1.96
    assert found.mean() == pytest.approx(0.80, abs=0.03)
