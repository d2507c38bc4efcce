from __future__ import annotations

import numpy as np
import pytest

from regulars.models.bg_nbd import MbgNbd
from regulars.models.cells import Cells, SpendCells
from regulars.models.concentration import concentrate
from regulars.models.simple_rules import apply_simple_rules
from regulars.models.validation import validate
from regulars.models.value_intervals import scaled_interval
from regulars.models.value_prediction import LEAST_AGE_DAYS, PATIENCE_DAYS, RULES, find_silence_limit, judge, learn


def customers(size: int = 800, seed: int = 3) -> tuple[Cells, np.ndarray, np.ndarray]:
    """Histories in days of customers who may leave, their mean spend, and the number of each later."""
    rng = np.random.default_rng(seed)
    age = rng.integers(60, 400, size).astype(float)
    rate, life = rng.gamma(0.7, 1 / 40, size), rng.exponential(300, size)
    orders = rng.poisson(rate * np.minimum(life, age)).astype(float)
    recency = np.where(orders > 0, np.floor(np.minimum(life, age) * rng.beta(np.maximum(orders, 1), 1)), 0.0)
    later = rng.poisson(np.where(life > age, rate, 0.0) * 90).astype(float)
    return Cells(orders, recency, age, np.ones(size), "day"), rng.gamma(3, 10, size), later


def test_rules_say_what_the_simple_rules_say() -> None:
    cells, mean, _ = customers()
    learnt = learn(cells, cells.orders * mean, None)
    told = apply_simple_rules(
        cells.orders, cells.recency, cells.age, 90.0, patience=PATIENCE_DAYS, least_age=LEAST_AGE_DAYS
    )
    money = apply_simple_rules(
        cells.orders * mean, cells.recency, cells.age, 90.0, patience=PATIENCE_DAYS, least_age=LEAST_AGE_DAYS
    )
    for rule in RULES:
        assert learnt.predict_orders(rule, cells.history, 90.0) == pytest.approx(told[rule])
        assert learnt.predict_value(rule, cells.history, mean, 90.0) == pytest.approx(money[rule])


def test_without_repeat_orders_the_rules_are_judged_alone() -> None:
    size = 60
    cells = Cells(np.zeros(size), np.zeros(size), np.arange(10.0, 70.0), np.ones(size), "day")
    learnt = learn(cells, np.zeros(size), SpendCells(np.ones(size), np.full(size, 5.0)))
    assert learnt.order_fit is None
    assert learnt.notes
    later = (np.arange(size) % 3 == 0).astype(float)
    judged = judge(learnt, cells.history, np.full(size, 5.0), later, 5 * later, 30.0, draw_count=20)
    assert judged is not None
    assert judged.orders.winner in RULES


def test_nothing_is_judged_where_nobody_bought_later() -> None:
    cells, mean, later = customers(200)
    assert judge(learn(cells, cells.orders, None), cells.history, mean, 0 * later, 0 * later, 30.0) is None


def test_the_silence_limit_is_a_root_of_the_probability() -> None:
    cells, *_ = customers()
    fit = MbgNbd().fit(cells)
    limit = find_silence_limit(fit, cells.orders, cells.recency, 0.4)
    known = ~np.isnan(limit)
    at = fit.predict_active_probability(cells.orders, cells.recency, cells.recency + np.where(known, limit, 0))
    before = fit.predict_active_probability(
        cells.orders, cells.recency, cells.recency + np.where(known, np.maximum(limit - 2, 0), 0)
    )
    assert (at[known] < 0.4).all()
    assert (before[known & (limit > 2)] >= 0.4).all()


def test_a_scaled_interval_holds_the_total() -> None:
    actual = np.random.default_rng(0).poisson(2.0, 500).astype(float)
    judged = validate(actual, np.full(500, 1.5), draw_count=100)
    interval = scaled_interval(1000.0, judged, "model")
    assert interval is not None
    assert interval[0] < 1000.0 < interval[1] < 1200.0


def test_gini_of_groups_is_that_of_the_customers() -> None:
    values = np.array([1.0, 1.0, 2.0, 6.0, 6.0, 24.0])
    mean_difference = np.abs(values[:, None] - values[None, :]).mean()
    assert concentrate([2, 1, 2, 1], [2.0, 2.0, 12.0, 24.0]).gini == pytest.approx(
        mean_difference / (2 * values.mean())
    )
