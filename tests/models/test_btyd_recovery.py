"""Worlds drawn from known parameters: are they recovered, do the 95 % intervals hold them in about 95 % of worlds?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import binom

from regulars.models.bg_nbd import BgNbd, MbgNbd
from regulars.models.cells import Cells, SpendCells
from regulars.models.gamma_gamma import GammaGamma
from regulars.models.nbd import Nbd
from regulars.models.pareto_nbd import ParetoNbd

if TYPE_CHECKING:
    from regulars.models.btyd import OrderModel

CUSTOMERS = 3000
HORIZON = 39.0
TRUTH: dict[OrderModel, tuple[float, ...]] = {
    Nbd(): (0.8, 4.0),
    BgNbd(): (0.8, 4.0, 0.8, 3.0),
    MbgNbd(): (0.8, 4.0, 0.8, 3.0),
    ParetoNbd(start_count=2): (0.8, 4.0, 0.6, 12.0),
}


def draw_world(model: OrderModel, random: np.random.Generator) -> tuple[Cells, float]:
    """Customers' histories over 26 to 104 weeks, order by order, and the orders of the weeks after."""
    r, alpha, *leaving = TRUTH[model]
    age = random.uniform(26, 104, CUSTOMERS)
    rate = random.gamma(r, 1 / alpha, CUSTOMERS)
    until, coin = np.full(CUSTOMERS, np.inf), np.zeros(CUSTOMERS)
    if isinstance(model, ParetoNbd):
        until = random.exponential(1 / random.gamma(leaving[0], 1 / leaving[1], CUSTOMERS))
    elif leaving:
        coin = random.beta(leaving[0], leaving[1], CUSTOMERS)
    active = random.random(CUSTOMERS) >= (coin if isinstance(model, MbgNbd) else 0.0)
    orders, recency, time = np.zeros(CUSTOMERS), np.zeros(CUSTOMERS), np.zeros(CUSTOMERS)
    later = 0
    while active.any():
        rows = np.flatnonzero(active)
        time[rows] += random.exponential(1 / rate[rows])
        active[rows] = time[rows] <= np.minimum(until[rows], age[rows] + HORIZON)
        rows = np.flatnonzero(active)
        past = rows[time[rows] <= age[rows]]
        later += rows.size - past.size
        orders[past] += 1
        recency[past] = time[past]
        active[rows] = random.random(rows.size) >= coin[rows]
    return Cells(orders, recency, age, np.ones(CUSTOMERS)), float(later)


def expected_band(worlds: int) -> tuple[float, float]:
    """How often a right 95 % interval may hold the truth in so many worlds: 275 to 294 of 300 (exact, 99 %)."""
    low, high = binom.interval(0.99, worlds, 0.95)
    return float(low), float(high)


@pytest.mark.truth
@pytest.mark.parametrize("model", TRUTH, ids=lambda model: type(model).__name__)
def test_intervals_hold_the_true_parameters_and_the_orders_to_come(model: OrderModel) -> None:
    worlds = 300
    random = np.random.default_rng(20)
    held = np.zeros(len(TRUTH[model]) + 1)
    errors = []
    for _ in range(worlds):
        cells, later = draw_world(model, random)
        fit = model.fit(cells)
        intervals = [*fit.find_intervals().values(), fit.estimate_orders(cells, HORIZON)]
        for i, (interval, truth) in enumerate(zip(intervals, (*TRUTH[model], later), strict=True)):
            held[i] += interval is not None and interval.low <= truth <= interval.high
        errors.append(np.log(np.array(fit.values) / TRUTH[model]))
    low, high = expected_band(worlds)
    assert ((held >= low) & (held <= high)).all(), f"{held} not all within {low} to {high}"
    assert np.abs(np.mean(errors, axis=0)).max() < 0.06


@pytest.mark.truth
def test_intervals_hold_the_true_spend() -> None:
    worlds, truth = 300, (6.0, 4.0, 15.0)
    random = np.random.default_rng(21)
    held = np.zeros(3)
    for _ in range(worlds):
        orders = 1.0 + random.geometric(0.4, CUSTOMERS)
        mean = random.gamma(truth[0] * orders) / (random.gamma(truth[1], 1 / truth[2], CUSTOMERS) * orders)
        intervals = GammaGamma().fit(SpendCells(orders, mean)).find_intervals().values()
        held += [i is not None and i.low <= value <= i.high for i, value in zip(intervals, truth, strict=True)]
    low, high = expected_band(worlds)
    assert ((held >= low) & (held <= high)).all(), f"{held} not all within {low} to {high}"
