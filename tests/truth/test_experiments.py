"""Worlds without an effect give false alarms as often as stated, and intervals cover effects that were planted."""

from __future__ import annotations

import numpy as np
import pytest

from regulars.models import experiments as model

WORLDS = 1000
BAND = (0.033, 0.069)
"""Exact 99 % band of 5 % in 1,000 worlds."""
SIZE = 400
METRICS = {
    "orders": {},
    "buyers": {},
    "spend": {},
    "spend adjusted": {"covariate": "before"},
    "margin per order": {"below": "orders"},
}


def world(rng: np.random.Generator, effect: float = 0.0) -> dict[str, np.ndarray]:
    """Customers of one arm: some buy, what they spend follows what they spent before; `effect` is added to spend."""
    pace = rng.gamma(2.0, 0.6, SIZE)
    before = rng.poisson(pace) * 10.0 + rng.normal(0, 1, SIZE)
    orders = rng.poisson(pace).astype(float)
    spend = orders * rng.gamma(4.0, 3.0, SIZE) + effect
    return {
        "before": before, "orders": orders, "buyers": (orders > 0).astype(float), "spend": spend,
        "margin": 0.4 * spend + orders * rng.normal(0, 1, SIZE),
    }  # fmt: skip


def compare(metric: str, control: model.ArmSums, treated: model.ArmSums) -> model.Effect:
    column = {"margin per order": "margin", "spend adjusted": "spend"}.get(metric, metric)
    return model.compare(control, treated, column, **METRICS[metric])


@pytest.fixture(scope="module")
def alarms() -> dict[str, float]:
    rng = np.random.default_rng(11)
    counts = dict.fromkeys(METRICS, 0)
    for _ in range(WORLDS):
        control, treated = model.sums_of(world(rng)), model.sums_of(world(rng))
        for metric in METRICS:
            counts[metric] += compare(metric, control, treated).p_value < 0.05
    return {metric: count / WORLDS for metric, count in counts.items()}


@pytest.mark.parametrize("metric", METRICS)
def test_false_alarms_are_as_many_as_stated(metric: str, alarms: dict[str, float]) -> None:
    assert BAND[0] <= alarms[metric] <= BAND[1]


def test_spend_with_many_zeros_gives_no_more_alarms_than_stated() -> None:
    rng = np.random.default_rng(12)
    count = 0
    for _ in range(WORLDS):
        arms = [model.sums_of({"spend": (rng.random(1000) < 0.006) * rng.lognormal(4.0, 1.0, 1000)}) for _ in range(2)]
        count += model.compare(arms[0], arms[1], "spend").p_value < 0.05
    assert count / WORLDS <= BAND[1]


@pytest.mark.parametrize("metric", ["spend", "spend adjusted"])
def test_intervals_cover_planted_effects(metric: str) -> None:
    rng = np.random.default_rng(13)
    covered = 0
    for _ in range(WORLDS):
        found = compare(metric, model.sums_of(world(rng)), model.sums_of(world(rng, effect=2.0)))
        covered += found.low <= 2.0 <= found.high
    assert BAND[0] <= 1 - covered / WORLDS <= BAND[1]
