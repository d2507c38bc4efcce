"""Spend per order, and the value of customers made of orders and spend."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import gamma

from regulars.errors import FitError
from regulars.models.bg_nbd import BgNbdFit
from regulars.models.cells import Cells, SpendCells
from regulars.models.customer_value import ValueModel
from regulars.models.gamma_gamma import GammaGamma, GammaGammaFit, _prepare
from regulars.models.order_models import read_fit

NOTHING = ((0.0,) * 4,) * 4
SPEND = GammaGammaFit((6.0, 4.0, 15.0), tuple(row[:3] for row in NOTHING[:3]), (), 0.0, 1, 0.0, 1, 1, 0)
ORDERS = BgNbdFit((0.25, 4.4, 0.8, 2.4), NOTHING, (), 0.0, 1, 0.0, 1, 1, "week", 1)


def draw_spenders(customer_count: int = 3000, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    orders = 1.0 + random.geometric(0.4, customer_count)
    return orders, random.gamma(6.0 * orders) / (random.gamma(4.0, 1 / 15.0, customer_count) * orders)


def test_likelihood_is_the_integral_over_customers() -> None:
    p, q, v = 2.0, 3.0, 10.0
    for orders, mean in ((1.0, 4.0), (3.0, 12.0), (7.0, 2.5)):

        def one_customer(rate: float, orders: float = orders, mean: float = mean) -> float:
            return float(gamma.pdf(mean, p * orders, scale=1 / (rate * orders)) * gamma.pdf(rate, q, scale=1 / v))

        integral, _ = quad(one_customer, 0, 5, epsrel=1e-10)
        value, _ = _prepare(np.array([orders]), np.array([mean]), np.ones(1))(np.log([p, q, v]))
        assert value == pytest.approx(np.log(integral), rel=1e-7)


def test_gradient_is_that_of_the_likelihood() -> None:
    orders, mean = draw_spenders(50)
    objective, at = _prepare(orders, mean, np.arange(1.0, 51.0)), np.log([2.0, 3.0, 1.5])
    numeric = [(objective(at + step)[0] - objective(at - step)[0]) / 2e-5 for step in np.eye(3) * 1e-5]
    assert objective(at)[1] == pytest.approx(numeric, rel=1e-6)


def test_expected_spend_lies_between_the_own_mean_and_that_of_all_and_learns_with_orders() -> None:
    few, some, many = SPEND.predict_spend([1, 5, 500], 100.0)
    assert SPEND.mean_spend == pytest.approx(30.0)
    assert 30 < few < some < many < 100
    assert many == pytest.approx(100, rel=0.01)
    assert SPEND.predict_spend(0, 0) == pytest.approx(SPEND.mean_spend)


def test_refunds_larger_than_purchases_count_as_no_spend_and_are_left_out_of_the_fit() -> None:
    orders, mean = draw_spenders()
    plain = GammaGamma().fit(SpendCells(orders, mean))
    fit = GammaGamma().fit(SpendCells(np.append(orders, [3, 2]), np.append(mean, [-50.0, 0.0])))
    assert fit.left_out_count == 2
    assert fit.values == pytest.approx(plain.values)
    assert fit.predict_spend(3, -50.0) == pytest.approx(fit.predict_spend(3, 0.0))
    assert 0 < fit.predict_spend(3, -50.0)[0] < fit.mean_spend


def test_cells_fit_like_the_customers_they_count() -> None:
    orders, mean = draw_spenders(500)
    once = GammaGamma().fit(SpendCells(orders, mean, np.full(500, 3.0)))
    thrice = GammaGamma().fit(SpendCells(np.tile(orders, 3), np.tile(mean, 3)))
    assert once.values == pytest.approx(thrice.values, rel=1e-6)
    assert once.customer_count == thrice.customer_count == 1500
    assert once.standard_errors["p"] == pytest.approx(thrice.standard_errors["p"], rel=1e-4)


def test_another_currency_changes_only_the_money() -> None:
    orders, mean = draw_spenders(500)
    pounds, pence = GammaGamma().fit(SpendCells(orders, mean)), GammaGamma().fit(SpendCells(orders, mean * 100))
    assert pence.parameters["v"] == pytest.approx(100 * pounds.parameters["v"], rel=1e-4)
    assert pence.parameters["p"] == pytest.approx(pounds.parameters["p"], rel=1e-4)


@pytest.mark.parametrize(
    ("orders", "mean", "message"),
    [
        ([2] * 50, [9.99] * 50, r"spends the same per order \(9.99\)"),
        ([1] * 50, range(1, 51), "nobody has two orders"),
        ([2] * 50, [-5.0] * 47 + [1.0, 2.0, 3.0], "3 customers with a positive mean spend .47 with"),
        ([3], [20.0], "1 customers with a positive mean spend; at least 10"),
    ],
)
def test_what_the_model_cannot_learn_from_is_said(orders: list[float], mean: list[float], message: str) -> None:
    with pytest.raises(FitError, match=message):
        GammaGamma().fit(SpendCells(orders, list(mean)))


@pytest.mark.parametrize(("orders", "mean"), [([0], [1.0]), ([1], [float("nan")]), ([1, 2], [3.0])])
def test_unusable_columns_are_refused(orders: list[float], mean: list[float]) -> None:
    with pytest.raises(FitError):
        SpendCells(orders, mean)


def test_missing_values_are_not_scored() -> None:
    with pytest.raises(FitError, match="Give customers of whom nothing is known 0 orders"):
        SPEND.predict_spend([1], [float("nan")])


def test_a_saved_fit_comes_back() -> None:
    orders, mean = draw_spenders(200)
    fit = GammaGamma(start_count=2).fit(SpendCells(orders, mean))
    assert read_fit(fit.to_json()) == fit
    assert GammaGamma(**GammaGamma(seed=4).get_params()) == GammaGamma(seed=4)


def test_value_is_orders_times_spend_times_margin() -> None:
    value = ValueModel(ORDERS, SPEND, horizon=52.0, margin_share=0.3)
    expected = 0.3 * ORDERS.predict_orders(2, 20, 30, 52) * SPEND.predict_spend(3, 40)
    assert value.predict_value(2, 20, 30, 3, 40) == pytest.approx(expected)
    discounted = dataclasses.replace(value, yearly_discount_share=0.15).predict_value(2, 20, 30, 3, 40)
    assert expected / 1.15 < discounted < expected


def test_drawn_values_agree_with_the_expectation() -> None:
    value = ValueModel(ORDERS, SPEND, horizon=52.0, margin_share=0.3, yearly_discount_share=0.1)
    history = ([0, 2, 9], [0, 20, 28], [30, 30, 30], [1, 3, 10], [10, 40, 25])
    draws = value.draw_value(*history, draw_count=40_000, seed=2)
    error = draws.std(axis=0) / np.sqrt(draws.shape[0])
    assert (np.abs(draws.mean(axis=0) - value.predict_value(*history)) < 4 * error).all()


def test_the_value_of_all_has_an_interval_that_holds_chance_and_parameters() -> None:
    base = Cells([0, 2, 9], [0, 20, 28], [30, 30, 30], [500, 300, 40])
    value = ValueModel(ORDERS, SPEND, horizon=52.0)
    chance_only = value.estimate_value(base, [1, 3, 10], [10, 40, 25])
    assert chance_only.value == pytest.approx(
        float(base.count @ value.predict_value(*base.history, [1, 3, 10], [10, 40, 25]))
    )
    unsure = dataclasses.replace(ORDERS, covariance=tuple(map(tuple, (np.eye(4) * 0.01).tolist())))
    both = ValueModel(unsure, SPEND, horizon=52.0).estimate_value(base, [1, 3, 10], [10, 40, 25])
    assert both.low < chance_only.low < chance_only.value < chance_only.high < both.high


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"margin_share": 30.0}, "for example 0.3"),
        ({"horizon": 0.0}, "above 0"),
        ({"yearly_discount_share": -0.1}, "for example 0.1"),
    ],
)
def test_impossible_assumptions_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(FitError, match=message):
        ValueModel(ORDERS, SPEND, **{"horizon": 52.0, **settings})
