"""The next item and the size of a trial."""

from __future__ import annotations

import numpy as np
import pytest

from regulars.models.offer_case import LaterTest, OfferCase, arm_size, next_items


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


def test_offers_that_did_worse_than_best_sellers_are_not_made() -> None:
    test = LaterTest(singles=500, returned=100, own=10, popular=25, gain=-8.0, gain_squares=10.0, least=30)
    assert (test.kind, test.used, test.is_beyond_chance) == ("popular", 25, True)
    few = LaterTest(singles=500, returned=20, own=2, popular=5, gain=-8.0, gain_squares=10.0, least=30)
    assert (few.kind, few.taken("own")) == ("own", (1.0, 1.0, 1.0))


def test_a_goal_beyond_all_acceptance_is_out_of_reach() -> None:
    test = LaterTest(singles=500, returned=100, own=10, popular=25, gain=-8.0, gain_squares=20.0, least=30)
    case = OfferCase(count=200, values={"own": 9.0, "popular": 4.0}, sales=10_000.0, goal=0.1, test=test)
    assert not case.is_in_reach
    assert case.needed()[0] == pytest.approx(0.1 * 10_000 / (200 * 4 * 0.25))
    share, low, high = case.all_accept()
    assert share == pytest.approx(200 * 4 * 0.25 / 10_000)
    assert low < share < high
