"""Item–item weights, the best places, the reasons, the rules of the business, and how offers are judged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from regulars.models import recommend as model


def test_ease_solves_its_own_problem() -> None:
    """The weights with a zero diagonal that minimise the squared error plus the penalty, found item by item."""
    rng = np.random.default_rng(0)
    history = (rng.random((200, 8)) < 0.3).astype(float)
    weights = model.ease(history.T @ history, 20.0)
    for item in range(8):
        others = [one for one in range(8) if one != item]
        x = history[:, others]
        ridge = np.linalg.solve(x.T @ x + 20.0 * np.eye(7), x.T @ history[:, item])
        np.testing.assert_allclose(weights[others, item], ridge, atol=1e-5)
    assert not np.diag(weights).any()


def test_counts_of_a_history_by_hand() -> None:
    history = model.as_history(np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 2, 2]), 2, 3)
    assert model.co_occurrence(history).tolist() == [[1, 1, 0], [1, 2, 1], [0, 1, 1]]


@given(st.integers(1, 6), st.integers(1, 400), st.integers(1, 12), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_best_places_agree_with_sorting(rows: int, columns: int, places: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 9, (rows, columns)).astype(np.float32)  # many ties
    allowed, owned = rng.random(columns) < 0.8, rng.random((rows, columns)) < 0.2
    found = model.best(scores.copy(), allowed, csr_matrix(owned), places)
    for row in range(rows):
        left = [one for one in range(columns) if allowed[one] and not owned[row, one]]
        wanted = sorted(left, key=lambda one: (-scores[row, one], one))[:places]
        assert found[row].tolist() == wanted + [-1] * (places - len(wanted))


@given(st.integers(1, 3000), st.integers(1, 40), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_customers_are_alike_only_with_the_same_items(items: int, rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(0, 9, rows)
    places = np.concatenate([rng.choice(min(items, 5), size) for size in sizes]) if sizes.sum() else np.empty(0)
    history = model.as_history(np.repeat(np.arange(rows), sizes), places.astype(int), rows, items)
    first, same = model.alike(history)
    sets = [tuple(history[row].indices.tolist()) for row in range(rows)]
    assert [sets[first[one]] for one in same] == sets
    short = {one for one in sets if len(one) <= 5}
    assert len([one for one in first if len(sets[one]) <= 5]) == len(short)


def test_scores_are_in_the_spread_of_each_customer() -> None:
    rng = np.random.default_rng(1)
    weights = rng.normal(0.01, 0.02, (50, 70)).astype(np.float32)
    history = csr_matrix((rng.random((30, 50)) < 0.1).astype(np.float32))
    plain = history @ weights
    spread = plain.std(axis=1, keepdims=True)
    found = model.in_own_spread(history, weights)
    np.testing.assert_allclose(found, plain / np.where(spread == 0, 1, spread), rtol=1e-4, atol=1e-5)


def test_the_reason_is_the_own_item_that_speaks_most_for_the_offer() -> None:
    weights = np.array([[0, 0.1, 0.9], [0.2, 0, 0.3], [0.5, 0.4, 0]], dtype=np.float32)
    history = csr_matrix(np.array([[1, 1, 0], [0, 0, 0]], dtype=np.float32))
    assert model.reasons(history, weights, np.array([[2, -1], [1, 0]])).tolist() == [[0, -1], [-1, -1]]


def test_each_category_once_and_within_the_price_range() -> None:
    offered = np.array([[0, 1, 2, 3]])
    assert model.constrained(offered, 3, np.array([5, 5, -1, -1])).tolist() == [[0, 2, 3]]
    prices = np.array([1.0, 50.0, np.nan, 3.0])
    kept = model.constrained(offered, 4, None, prices, np.array([0.5]), np.array([4.0]))
    assert kept.tolist() == [[0, 2, 3, -1]]


def test_new_items_take_the_mean_of_their_category() -> None:
    weights = np.array([[0.0, 0.4, 0.1], [0.2, 0.0, 0.1], [0.1, 0.1, 0.0]], dtype=np.float32)
    wider = model.with_new_items(weights, np.array([0, 0, 1]), np.array([0, 7, -1]))
    np.testing.assert_allclose(wider[:, 3], weights[:, :2].mean(axis=1))
    assert not wider[:, 4:].any()


def test_judging_by_hand() -> None:
    later = csr_matrix(np.array([[1, 1, 0, 1]]))
    hits = model.judge(np.array([[3, 2, 0]]), later, np.array([4]))  # one of the four cannot be offered
    assert hits.recall[0] == pytest.approx(2 / 4)
    ideal = 1 + 1 / np.log2(3) + 1 / np.log2(4)
    assert hits.ndcg[0] == pytest.approx((1 + 1 / np.log2(4)) / ideal)
    assert hits.hit[0] == 1


def test_the_interval_of_a_mean_covers_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(200):
        values = np.random.default_rng(seed).exponential(1.0, 300)
        mean = model.bootstrap_mean(values, seed, draws=200)
        covered += mean.low <= 1.0 <= mean.high
    assert 178 <= covered <= 198


def test_the_map_puts_items_with_the_same_customers_together() -> None:
    rng = np.random.default_rng(3)
    kind = rng.integers(0, 2, 2000)
    taken = rng.random((2000, 20)) < np.where((np.arange(20) // 10)[None, :] == kind[:, None], 0.5, 0.05)
    at = model.latent_map(taken.T.astype(float) @ taken)
    first, second = at[:10], at[10:]
    apart = np.abs(first.mean(axis=0) - second.mean(axis=0)).max()
    assert apart > 0.5
    assert np.abs(at).max() <= 1


def test_coverage_and_bias() -> None:
    offered = np.array([[0, 1], [0, -1]])
    assert model.coverage(offered, 10) == pytest.approx(0.2)
    assert model.popularity_bias(offered, np.arange(10.0)) == pytest.approx((0.1 + 0.2 + 0.1) / 3)
