from __future__ import annotations

import numpy as np
import pytest

from regulars.models.targeted import lift, pool


def campaign(seed: int, effect: float, pull: float, size: int = 3000) -> tuple[np.ndarray, ...]:
    """Better customers are contacted more; those contacted then buy `effect` more."""
    rng = np.random.default_rng(seed)
    level = rng.gamma(4.0, 1.0, size)
    contacted = rng.random(size) < 1 / (1 + np.exp(-pull * (level - 4.0)))
    before, during = level + rng.normal(0, 0.5, size), level + rng.normal(0, 0.5, size) + effect * contacted
    return contacted, during, before, before[:, None]


def test_the_naive_figure_flatters_and_the_change_does_not() -> None:
    found = lift(*campaign(1, effect=0.0, pull=0.7))
    assert found.naive_share > 0.3
    assert found.placebo > 0.3
    assert abs(found.change) < 2.6 * found.change_error


def test_intervals_of_the_change_cover_what_was_planted() -> None:
    covered = 0
    for seed in range(200):
        found = lift(*campaign(seed, effect=0.3, pull=0.7, size=600))
        covered += abs(found.change - 0.3) <= 1.96 * found.change_error
    assert 178 <= covered <= 200


def test_weighting_is_refused_where_the_groups_do_not_overlap() -> None:
    assert lift(*campaign(2, effect=0.0, pull=0.3)).weighted is not None
    rng = np.random.default_rng(3)
    level = np.concatenate([rng.normal(2, 0.3, 500), rng.normal(9, 0.3, 500)])
    who = np.arange(1000) >= 500
    apart = lift(who, level, level, level[:, None])
    assert apart.weighted is None
    assert apart.imbalance > 0.25
    assert pool([apart, lift(*campaign(2, effect=0.0, pull=0.3))]).weighted is None


def test_pooling_counts_by_the_contacted() -> None:
    one, two = lift(*campaign(4, 0.2, 0.5)), lift(*campaign(5, 0.2, 0.5, size=1000))
    both = pool([one, two])
    assert both.contacted == one.contacted + two.contacted
    share = one.contacted / both.contacted
    assert both.naive == pytest.approx(share * one.naive_share + (1 - share) * two.naive_share, rel=1e-6)
    assert both.low < both.change < both.high
