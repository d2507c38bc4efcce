"""Rules by hand, against brute force, and the test of chance against SciPy."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom

from regulars.models import baskets as model


def counted(baskets: list[set[int]], least: int, longest: int = 4) -> list[model.ItemSets]:
    """Every frequent set by looking at every set there could be."""
    items = sorted({item for basket in baskets for item in basket})
    levels = []
    for size in range(1, longest + 1):
        sets = list(combinations(items, size))
        counts = [sum(set(one) <= basket for basket in baskets) for one in sets]
        kept = [place for place, count in enumerate(counts) if count >= least]
        rows = np.array([sets[place] for place in kept], dtype=np.int64).reshape(-1, size)
        found = np.array([counts[place] for place in kept], dtype=np.int64)
        levels.append(model.ItemSets(rows, found, np.zeros(len(kept)), len(sets)))
    return levels


BASKETS = [{0, 1}, {0, 1}, {0, 1}, {0, 1, 2}, {0, 2}, {3}, {3}, {2}, {3}, {3}]


def test_measures_by_hand() -> None:
    rules = model.find_rules(counted(BASKETS, 1), len(BASKETS), 0.8)
    place = next(k for k in range(len(rules)) if rules.antecedents[k] == (0,) and rules.consequents[k] == 1)
    # 0 on five baskets, 1 on four, both on four, of ten
    assert rules.support[place] == pytest.approx(0.4)
    assert rules.confidence[place] == pytest.approx(0.8)
    assert rules.lift[place] == pytest.approx(2.0)
    assert rules.leverage[place] == pytest.approx(0.4 - 0.5 * 0.4)
    assert rules.extra_baskets[place] == pytest.approx(2.0)
    assert rules.conviction[place] == pytest.approx((1 - 0.4) / (1 - 0.8))
    assert rules.zhang[place] == pytest.approx(0.2 / max(0.4 * (1 - 0.5), 0.5 * (0.4 - 0.4)))


def test_a_rule_that_never_fails_has_no_conviction() -> None:
    rules = model.find_rules(counted(BASKETS, 1), len(BASKETS), 1.0)
    place = next(k for k in range(len(rules)) if rules.antecedents[k] == (1,) and rules.consequents[k] == 0)
    assert np.isnan(rules.conviction[place])


@pytest.mark.parametrize(
    ("share", "total", "least"), [(0.001, 10_000, 10), (0.07, 100, 7), (0.29, 100, 29), (1e-9, 5, 1)]
)
def test_thresholds_are_met_exactly(share: float, total: int, least: int) -> None:
    assert model.least_count(share, total) == least


def test_a_rule_exactly_on_the_confidence_is_kept() -> None:
    baskets = [{0, 1}] * 29 + [{0}] * 71
    assert len(model.find_rules(counted(baskets, 1), 100, 0.29)) == 2  # 0 → 1 lies on it; 1 → 0 never fails


@given(st.lists(st.sets(st.integers(0, 6), max_size=5), min_size=1, max_size=25), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_extending_reaches_every_frequent_set(baskets: list[set[int]], least: int) -> None:
    levels = counted(baskets, least)
    for shorter, longer in pairwise(levels):
        candidates, parents = model.extend(shorter.items)
        assert {tuple(one) for one in longer.items} <= {tuple(one) for one in candidates}
        for row, parent in zip(candidates, parents, strict=True):
            assert tuple(shorter.items[parent]) == tuple(row[:-1])


@given(st.lists(st.sets(st.integers(0, 5), max_size=5), min_size=2, max_size=30))
@settings(max_examples=60, deadline=None)
def test_rules_agree_with_counting_them_one_by_one(baskets: list[set[int]]) -> None:
    levels = counted(baskets, 1)
    rules = model.find_rules(levels, len(baskets), 0.5)
    found = {
        (antecedent, int(rules.consequents[k])): (int(rules.counts[k]), rules.best_shorter[k])
        for k, antecedent in enumerate(rules.antecedents)
    }
    wanted = {}
    for level in levels[1:]:
        for row in level.items.tolist():
            for consequent in row:
                antecedent = tuple(item for item in row if item != consequent)
                both, whole = tally(baskets, row), tally(baskets, antecedent)
                if 2 * both >= whole:
                    shorter = [
                        tally(baskets, (*part, consequent)) / tally(baskets, part)
                        for size in range(1, len(antecedent))
                        for part in combinations(antecedent, size)
                    ]
                    usual = tally(baskets, (consequent,)) / len(baskets)
                    wanted[antecedent, consequent] = (both, pytest.approx(max(shorter) if shorter else usual))
    assert found == wanted
    assert np.all((rules.p_values >= 0) & (rules.p_values <= 1))


def tally(baskets: list[set[int]], items: tuple[int, ...] | list[int]) -> int:
    return sum(set(items) <= basket for basket in baskets)


def test_the_test_of_chance_agrees_with_scipy() -> None:
    rng = np.random.default_rng(1)
    total = rng.integers(2, 200_000, 2000)
    marked, drawn = (total * rng.random(2000)).astype(int), (total * rng.random(2000) ** 2).astype(int)
    low, high = np.maximum(marked + drawn - total, 0), np.minimum(marked, drawn)
    middle = marked * drawn / total
    both = np.clip((middle + rng.normal(0, 4, 2000) * np.sqrt(middle + 1)).astype(int), low, high)
    tail = model.upper_tail(both, total, marked, drawn)
    np.testing.assert_allclose(tail, hypergeom.sf(both - 1, total, marked, drawn), rtol=1e-6, atol=1e-9)


def test_independent_items_give_hardly_a_rule_and_planted_ones_are_found() -> None:
    rng = np.random.default_rng(2)
    drawn = rng.random((3000, 20)) < 0.15
    found = model.find_rules(counted(as_sets(drawn), 30, 3), 3000, 0.1)
    assert int((found.is_beyond_chance & found.says_more).sum()) <= 3
    drawn[:, 1] |= drawn[:, 0] & (rng.random(3000) < 0.4)
    planted = model.find_rules(counted(as_sets(drawn), 30, 3), 3000, 0.1)
    told = planted.take(np.flatnonzero(planted.is_beyond_chance & planted.says_more))
    assert ((0,), 1) in set(zip(told.antecedents, told.consequents.tolist(), strict=True))
    assert all({*antecedent, int(one)} >= {0, 1} for antecedent, one in
               zip(told.antecedents[:2], told.consequents[:2], strict=True))  # fmt: skip


def as_sets(drawn: np.ndarray) -> list[set[int]]:
    return [set(np.flatnonzero(row).tolist()) for row in drawn]


def test_rules_are_ordered_by_orders_beyond_chance_not_by_lift() -> None:
    baskets = [{0, 1}] * 40 + [{0}] * 10 + [{1}] * 10 + [{2, 3}] * 2 + [set()] * 38
    rules = model.find_rules(counted(baskets, 1), 100, 0.5)
    first = rules.take(model.in_order(rules))
    assert first.antecedents[0] in ((0,), (1,))
    assert first.lift.argmax() != 0
