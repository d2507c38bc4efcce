from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.errors import DataError
from regulars.models.clusters import (
    Preparation,
    Scale,
    Tree,
    adjusted_rand,
    find_centres,
    learn_preparation,
    nearest,
)


def test_adjusted_rand_by_hand() -> None:
    # table [[2, 1], [0, 3]]: together 1+0+0+3 = 4; rows 3+3 = 6, columns 1+6 = 7, all 15: expected 2.8, most 6.5
    one, other = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 1, 1, 1, 1])
    assert adjusted_rand(one, other) == pytest.approx((4 - 2.8) / (6.5 - 2.8))


@given(st.lists(st.integers(0, 3), min_size=4, max_size=40), st.permutations(range(4)))
@settings(max_examples=30, deadline=None)
def test_agreement_does_not_depend_on_numbering(labels: list[int], order: list[int]) -> None:
    one = np.array(labels)
    assert adjusted_rand(one, np.array(order)[one]) == pytest.approx(1.0)


def test_centres_are_found_and_numbered_by_size() -> None:
    rng = np.random.default_rng(0)
    rows = np.vstack([rng.normal(5, 0.1, (30, 2)), rng.normal(0, 0.1, (70, 2))])
    assert find_centres(rows, 2, seed=1).round(0).tolist() == [[0.0, 0.0], [5.0, 5.0]]


def test_equal_distances_go_to_the_lowest_number() -> None:
    assert nearest(np.array([[0.0]]), np.array([[1.0], [-1.0]])).tolist() == [0]


def test_a_skewed_feature_is_taken_as_its_logarithm() -> None:
    amounts = np.exp(np.random.default_rng(0).normal(3, 1, 500))
    even = np.random.default_rng(1).normal(-1, 1, 500)
    found = learn_preparation({"spend": amounts, "mood": even}, np.ones(500))
    assert [one.kind for one in found.scales] == ["log", "plain"]
    matrix, _ = found.prepare({"spend": amounts, "mood": even}, np.ones(500))
    assert np.abs(matrix.mean(axis=0)).max() < 0.02
    assert np.abs(matrix.std(axis=0) - 1).max() < 0.02


def test_a_share_that_is_chance_is_left_out_and_one_that_is_habit_is_kept() -> None:
    rng = np.random.default_rng(2)
    orders = rng.integers(1, 30, 3000).astype(float)
    habit = np.where(rng.random(3000) < 0.5, 0.2, 0.8)
    kept, chance = rng.binomial(orders.astype(int), habit) / orders, rng.binomial(orders.astype(int), 0.5) / orders
    found = learn_preparation({"evening": kept, "heads": chance}, orders, ["evening", "heads"])
    assert found.names == ("evening",)
    assert found.left_out == (("heads", "differs between customers no more than by chance"),)
    (scale,) = found.scales
    assert scale.scale == pytest.approx(0.3, abs=0.02)  # the true spread of 0.2 and 0.8
    assert scale.prior_orders == pytest.approx(0.16 / 0.09, abs=0.2)  # noise 0.2 · 0.8 ÷ true spread²


def test_a_share_of_one_order_says_less_than_one_of_many() -> None:
    scale = Scale("evening", "share", 0.5, 0.25, -2.0, 2.0, prior_orders=3.0)
    prepared = scale.prepare(np.array([1.0, 1.0]), np.array([1.0, 97.0]))
    assert prepared == pytest.approx([0.5, 1.94])  # (1 + 1.5) ÷ 4 and (97 + 1.5) ÷ 100, from 0.5, in quarters


def test_what_is_missing_stands_at_the_centre() -> None:
    scale = Scale("spend", "plain", 10.0, 2.0, -3.0, 3.0)
    assert scale.prepare(np.array([np.nan, 12.0]), np.ones(2)).tolist() == [0.0, 1.0]


def tree() -> Tree:
    scale = Scale("spend", "plain", 0.0, 1.0, -20.0, 20.0)
    own = Scale("spend", "plain", 10.0, 1.0, -5.0, 5.0)
    inner = Tree(Preparation((own,)), ((-2.0,), (2.0,)), (None, None))
    return Tree(Preparation((scale,), (("one", "is the same"),)), ((0.0,), (10.0,)), (None, inner), has_extremes=True)


def test_leaves_are_numbered_through_the_branches() -> None:
    spend = np.array([0.0, 8.0, 12.0, 24.0])
    assert tree().leaf_count == 4
    assert tree().assign({"spend": spend}, np.ones(4)).tolist() == [0, 1, 2, 3]


def test_a_tree_survives_json() -> None:
    assert Tree.from_content(json.loads(json.dumps(tree().to_content()))) == tree()
    with pytest.raises(DataError, match="cannot be read"):
        Tree.from_content({"scales": []})


def test_a_missing_feature_is_named() -> None:
    with pytest.raises(DataError, match="spend"):
        tree().assign({"age": np.ones(2)}, np.ones(2))
