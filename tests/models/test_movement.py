from __future__ import annotations

import numpy as np
import pytest

from regulars.models.movement import FOREST, STAY, TRANSITION, NextSegment, Past, foretell, net_flow_p_values


def past(seed: int, size: int, *, is_told: bool) -> Past:
    """Three segments; where it is told, a feature says who will change to the next segment."""
    rng = np.random.default_rng(seed)
    source = rng.integers(0, 3, size)
    moves = rng.random(size) < 0.3
    target = np.where(moves, (source + 1) % 3, source)
    hint = moves + rng.normal(0, 0.1, size) if is_told else rng.normal(0, 1, size)
    return Past(np.column_stack([source, hint, rng.normal(0, 1, size)]).astype(float), source, target)


def test_the_forest_is_used_where_it_knows_more() -> None:
    found = foretell(past(1, 2000, is_told=True), past(2, 1500, is_told=True), states=4, seed=0)
    assert found.winner == FOREST
    assert found.find(FOREST).share > 0.95
    assert found.find(STAY).low <= 0.7 <= found.find(STAY).high
    assert found.importance[1] > 0.2
    assert abs(found.importance[2]) < 0.02
    assert found.confusion.sum() == 1500
    assert found.confusion.trace() == round(found.find(FOREST).share * 1500)


def test_the_simple_rule_is_used_where_nothing_tells_more() -> None:
    found = foretell(past(1, 2000, is_told=False), past(2, 1500, is_told=False), states=4, seed=0)
    assert found.winner in (STAY, TRANSITION)
    assert found.advantage[1] <= 0
    for told, right, low, high, _ in found.calibration:
        assert low <= right <= high
        assert told == pytest.approx(0.7, abs=0.05)
        assert low - 0.02 <= told <= high + 0.02


def test_net_flows_are_judged_by_both_directions() -> None:
    counts = np.array([[500.0, 60.0, 10.0], [20.0, 500.0, 11.0], [10.0, 9.0, 500.0]])
    p_values = net_flow_p_values(counts)
    assert p_values[0, 1] == p_values[1, 0] < 0.001
    assert p_values[0, 2] == 1.0
    assert np.isnan(np.diag(p_values)).all()


def test_rules_tell_the_next_segment_with_its_chance() -> None:
    shares = ((0.6, 0.3, 0.1), (0.7, 0.2, 0.1))
    rule = NextSegment(TRANSITION, (), ("a", "b"), ("a", "b", "silent"), shares)
    told = rule.predict({"segment": ["b", "a"]})
    assert told["next_segment"] == ["a", "a"]
    assert told["next_probability"].tolist() == [0.7, 0.6]
    stay = NextSegment(STAY, (), ("a", "b"), ("a", "b", "silent"), shares)
    assert stay.predict({"segment": ["b", "a"]})["next_segment"] == ["b", "a"]
