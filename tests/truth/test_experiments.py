"""Worlds without an effect give false alarms as often as stated, and intervals cover effects that were planted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from regulars.measures.experiments import PURCHASES
from regulars.models import experiments as model
from regulars.models.intervals import adjusted_p_values

WORLDS = 1000
BAND = (0.033, 0.069)
"""Exact 99 % band of 5 % in 1,000 worlds."""
SIZE = 400
METRICS: dict[str, dict[str, str]] = {
    **{name: {"below": below} if below else {} for name, _, _, below in PURCHASES},
    "responded": {},
    "revenue adjusted": {"covariate": "revenue_before"},
    "orders adjusted": {"covariate": "revenue_before"},
}
"""Everything that is told of an arm: what was bought, answers, and what is adjusted for behaviour before the start."""
LIFT = 1.2
"""In planted worlds the treated order so many times as often."""


def world(rng: np.random.Generator, lift: float = 1.0, size: int = SIZE) -> dict[str, np.ndarray]:
    """Customers of one arm: how often they buy follows how often they bought before."""
    pace = rng.gamma(2.0, 0.6, size)
    early, late = rng.poisson(lift * pace / 2, size), rng.poisson(lift * pace / 2, size)
    orders = (early + late).astype(float)
    revenue = orders * rng.gamma(4.0, 3.0, size)
    margin = 0.4 * revenue + orders * rng.normal(0, 1, size)
    return {
        "revenue_before": rng.poisson(pace) * 10.0 + rng.normal(0, 1, size), "orders": orders,
        "buyers": (orders > 0).astype(float), "revenue": revenue, "items": orders + rng.poisson(orders),
        "visit_days": (early > 0) + np.maximum(late - 1.0, 0) + (late > 0), "returned": (late > 0).astype(float),
        "margin": margin, "margin_per_order": margin,
        "responded": (rng.random(size) < 0.1 * np.minimum(lift * pace, 5)).astype(float),
    }  # fmt: skip


def compare(metric: str, control: model.ArmSums, treated: model.ArmSums) -> model.Effect:
    return model.compare(control, treated, metric.removesuffix(" adjusted"), **METRICS[metric])


def truth() -> dict[str, float]:
    """What is planted in every metric, from a world of two million customers each."""
    rng = np.random.default_rng(3)
    means = [{name: values.mean() for name, values in world(rng, lift, 2_000_000).items()} for lift in (1.0, LIFT)]
    found = {}
    for metric, how in METRICS.items():
        column, below = metric.removesuffix(" adjusted"), how.get("below")
        low, high = (one[column] / (one[below] if below else 1.0) for one in means)
        found[metric] = float(high - low)
    return found


@dataclass(frozen=True)
class Counted:
    """What was seen over all worlds, by metric: false alarms, planted effects missed, and worlds with any alarm."""

    alarms: dict[str, float]
    missed: dict[str, float]
    any_alarm: float


@pytest.fixture(scope="module")
def counted() -> Counted:
    rng, planted = np.random.default_rng(11), truth()
    alarms, missed, any_alarm = dict.fromkeys(METRICS, 0), dict.fromkeys(METRICS, 0), 0
    for _ in range(WORLDS):
        control, same, other = (model.sums_of(world(rng, lift)) for lift in (1.0, 1.0, LIFT))
        p_values = [compare(metric, control, same).p_value for metric in METRICS]
        for metric, p_value in zip(METRICS, p_values, strict=True):
            alarms[metric] += p_value < 0.05
            found = compare(metric, control, other)
            missed[metric] += not found.low <= planted[metric] <= found.high
        any_alarm += bool((adjusted_p_values(p_values) < 0.05).any())
    return Counted(
        {metric: count / WORLDS for metric, count in alarms.items()},
        {metric: count / WORLDS for metric, count in missed.items()}, any_alarm / WORLDS,
    )  # fmt: skip


@pytest.mark.parametrize("metric", METRICS)
def test_false_alarms_are_as_many_as_stated(metric: str, counted: Counted) -> None:
    assert BAND[0] <= counted.alarms[metric] <= BAND[1]


@pytest.mark.parametrize("metric", METRICS)
def test_intervals_cover_planted_effects(metric: str, counted: Counted) -> None:
    assert BAND[0] <= counted.missed[metric] <= BAND[1]


def test_many_outcomes_give_no_more_alarms_than_one(counted: Counted) -> None:
    assert counted.any_alarm <= BAND[1]


def test_spend_with_many_zeros_gives_no_more_alarms_than_stated() -> None:
    rng = np.random.default_rng(12)
    count = 0
    for _ in range(WORLDS):
        arms = [model.sums_of({"spend": (rng.random(1000) < 0.006) * rng.lognormal(4.0, 1.0, 1000)}) for _ in range(2)]
        count += model.compare(arms[0], arms[1], "spend").p_value < 0.05
    assert count / WORLDS <= BAND[1]


def test_sound_sizes_are_hardly_ever_refused_and_unsound_ones_are() -> None:
    rng = np.random.default_rng(14)
    sound = [model.sample_ratio([int(n), 4000 - int(n)], [0.5, 0.5]) for n in rng.binomial(4000, 0.5, WORLDS)]
    assert (
        sum(p < model.IMPOSSIBLE for p in sound) <= 5
    )  # .1 % is stated; 1,000 worlds give at most so many with 99.9 %
    broken = [model.sample_ratio([int(n), 4000 - int(n)], [0.5, 0.5]) for n in rng.binomial(4000, 0.45, 100)]
    assert sum(p < model.IMPOSSIBLE for p in broken) >= 95
