from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from regulars.models.targeted import Lift, Past, lift, pool

WORLDS = 200


def campaign(seed: int, effect: float, pull: float, size: int = 3000, share: float = 0.2) -> Lift:
    """Better customers are contacted more; those contacted then buy `effect` more than they would."""
    rng = np.random.default_rng(seed)
    level = rng.gamma(4.0, 1.0, size)
    score = pull * (level - 4.0) + np.log(share / (1 - share))
    contacted = rng.random(size) < 1 / (1 + np.exp(-score))
    earliest, earlier, before = (level + rng.normal(0, 0.5, size) for _ in range(3))
    during = level + rng.normal(0, 0.5, size) + effect * contacted
    past = Past(contacted, before, earlier, np.column_stack([earlier, earliest]))
    return lift(contacted, during, before, np.column_stack([before, earlier]), past)


def test_the_naive_figure_flatters_and_the_change_does_not() -> None:
    found = campaign(1, effect=0.0, pull=0.7)
    assert found.naive_share > 0.3
    assert found.placebo > 0.3
    assert abs(found.change) < 2.6 * found.change_error
    assert abs(found.past_change) < 2.6 * found.past_change_error


def test_intervals_of_the_change_cover_what_was_planted() -> None:
    found = [campaign(seed, effect=0.3, pull=0.7, size=600) for seed in range(WORLDS)]
    covered = sum(abs(one.change - 0.3) <= 1.96 * one.change_error for one in found)
    quiet = sum(abs(one.past_change) <= 1.96 * one.past_change_error for one in found)
    assert 179 <= covered <= WORLDS  # exact 99.9 % band of 95 % in 200 worlds
    assert 179 <= quiet <= WORLDS


def test_where_weighting_is_allowed_it_agrees_with_what_was_planted() -> None:
    """What is bought before is a noisy sign of what a customer is, so that a little of the choice remains."""
    found = [one for one in (campaign(seed, effect=0.5, pull=0.3) for seed in range(20)) if one.weighted is not None]
    assert len(found) >= 15
    assert np.mean([one.weighted for one in found]) == pytest.approx(0.5, abs=0.08)
    assert {one.refusal for one in found} == {""}
    assert max(one.imbalance for one in found) <= 0.1


def test_what_was_bought_before_must_come_out_alike_even_where_it_is_no_feature() -> None:
    rng = np.random.default_rng(4)
    level = rng.lognormal(1.0, 1.2, 4000)
    contacted = rng.random(4000) < 1 / (1 + np.exp(2.5 - 0.3 * np.minimum(level, 8)))
    coarse = (level > 3.0).astype(float)[:, None]
    found = lift(contacted, level, level, coarse, Past(contacted, level, level, coarse))
    assert found.imbalance > 0.1
    assert found.refusal == "imbalance"


def test_weighting_is_refused_where_the_groups_do_not_overlap() -> None:
    rng = np.random.default_rng(3)
    level = np.concatenate([rng.normal(2, 0.3, 500), rng.normal(9, 0.3, 500)])
    who = np.arange(1000) >= 500
    apart = lift(who, level, level, level[:, None], Past(who, level, level, level[:, None]))
    assert apart.weighted is None
    assert apart.without_like == 1.0
    alike = campaign(2, effect=0.0, pull=0.3)
    assert alike.weighted is not None
    assert pool([apart, alike]).weighted is None
    assert pool([apart, alike]).refused == 1


def test_weighting_is_refused_where_few_others_are_alike() -> None:
    assert campaign(2, effect=0.0, pull=0.9, share=0.6).refusal in ("few others alike", "no overlap")
    assert campaign(2, effect=0.0, pull=0.0, size=300, share=0.75).refusal == "few others alike"


def test_weighting_is_refused_where_it_finds_something_before_the_campaign() -> None:
    rng = np.random.default_rng(6)
    level, hidden = rng.normal(10, 1, 3000), rng.random(3000) < 0.5
    contacted = rng.random(3000) < np.where(hidden, 0.3, 0.05)
    soon = level + 1.0 * hidden + rng.normal(0, 0.1, 3000)
    past = Past(contacted, soon, level, level[:, None])
    assert lift(contacted, soon, soon, soon[:, None], past).refusal == "placebo"
    assert lift(contacted, soon, soon, soon[:, None], None).refusal == "too short a past"


def test_pooling_counts_by_the_contacted() -> None:
    one, two = campaign(4, 0.2, 0.5), campaign(5, 0.2, 0.5, size=1000)
    both = pool([one, two])
    assert both.contacted == one.contacted + two.contacted
    share = one.contacted / both.contacted
    assert both.naive == pytest.approx(share * one.naive_share + (1 - share) * two.naive_share, rel=1e-6)
    assert both.low < both.change < both.high
    assert both.past_low < both.past_change < both.past_high


def test_a_kind_without_a_past_has_no_placebo_of_its_change() -> None:
    nothing = float("nan")
    bare = replace(campaign(4, 0.2, 0.5), past_change=nothing, past_during=nothing, past_change_error=nothing)
    assert np.isnan(pool([bare]).past_change)
    assert np.isfinite(pool([bare, campaign(5, 0.2, 0.5)]).past_change)
