"""The formulas of the models against independent ones: integrals over customers, hypergeometric forms, draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import gammaln, hyp2f1
from scipy.stats import beta as beta_distribution
from scipy.stats import gamma as gamma_distribution

from regulars.models.bg_nbd import BgNbd, BgNbdFit, MbgNbd, MbgNbdFit
from regulars.models.cells import Cells
from regulars.models.nbd import Nbd, NbdFit
from regulars.models.pareto_nbd import ParetoNbd, ParetoNbdFit

if TYPE_CHECKING:
    from regulars.models.btyd import OrderFit, OrderModel

HISTORIES = [(0, 0.0, 10.0), (1, 4.0, 10.0), (3, 9.5, 10.0), (8, 10.0, 10.0)]
RANGE = {
    "usual": (0.55, 10.6, 0.6, 11.7),
    "alpha below beta": (0.25, 4.0, 0.8, 30.0),
    "alpha above beta": (2.0, 30.0, 0.3, 0.5),
    "near equal": (1.0, 8.0, 1.0, 8.000001),
    "s is 1": (1.3, 5.0, 1.0, 9.0),
}
LONG_HISTORIES = [*HISTORIES, (0, 0.0, 300.0), (2, 0.0, 40.0), (60, 25.0, 40.0), (400, 39.0, 40.0)]


def make_fit(kind: type[OrderFit], values: tuple[float, ...]) -> OrderFit:
    size = len(values)
    return kind(values, ((0.0,) * size,) * size, (), 0.0, 1, 0.0, 1, 1, "week", 1)


def log_likelihood(model: OrderModel, values: tuple[float, ...], history: tuple[float, float, float]) -> float:
    orders, recency, age = history
    return model._objective(Cells([orders], [recency], [age], [1]))(np.log(values))[0]


@pytest.mark.parametrize("model", [Nbd(), BgNbd(), MbgNbd(), ParetoNbd()], ids=lambda model: type(model).__name__)
def test_gradients_are_those_of_the_likelihood(model: OrderModel) -> None:
    orders, recency, age = (np.array(column) for column in zip(*LONG_HISTORIES, strict=True))
    objective = model._objective(Cells(orders, recency, age, np.arange(1.0, orders.size + 1)))
    for values in RANGE.values():
        at = np.log(values[: len(model.fit_type.names)])
        steps = np.eye(at.size) * 1e-5
        numeric = [(objective(at + step)[0] - objective(at - step)[0]) / 2e-5 for step in steps]
        assert objective(at)[1] == pytest.approx(numeric, rel=1e-5, abs=1e-4)


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize(("model", "first_tosses"), [(BgNbd(), 0), (MbgNbd(), 1)])
def test_beta_geometric_likelihood_is_the_integral_over_customers(
    model: OrderModel, first_tosses: int, history: tuple[float, float, float]
) -> None:
    r, alpha, a, b = 3.0, 6.0, 2.0, 3.0
    x, last, now = history
    tosses = x + first_tosses

    nodes, weights = np.polynomial.legendre.leggauss(150)
    rate, leaving = 4 * (nodes + 1)[:, None], ((nodes + 1) / 2)[None, :]
    stayed = (1 - leaving) ** tosses * rate**x * np.exp(-rate * now)
    left = leaving * (1 - leaving) ** (tosses - 1) * rate**x * np.exp(-rate * last) if tosses else 0.0
    density = gamma_distribution.pdf(rate, r, scale=1 / alpha) * beta_distribution.pdf(leaving, a, b)
    integral = 2 * float(weights @ ((stayed + left) * density) @ weights)
    assert log_likelihood(model, (r, alpha, a, b), history) == pytest.approx(np.log(integral), rel=1e-6)


@pytest.mark.parametrize("history", LONG_HISTORIES)
@pytest.mark.parametrize("name", RANGE)
def test_pareto_likelihood_is_the_hypergeometric_form(name: str, history: tuple[float, float, float]) -> None:
    r, alpha, s, beta = RANGE[name]
    x, last, now = history
    power = r + s + x
    top = s + 1 if alpha >= beta else r + x

    def part(time: float) -> float:
        larger = max(alpha, beta) + time
        return float(np.log(hyp2f1(power, top, power + 1, abs(alpha - beta) / larger)) - power * np.log(larger))

    difference = part(last) + np.log1p(-np.exp(part(now) - part(last))) if now > last else -np.inf
    stayed = -(r + x) * np.log(alpha + now) - s * np.log(beta + now)
    bracket = np.logaddexp(stayed, np.log(s / power) + difference)
    form = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta) + bracket
    assert log_likelihood(ParetoNbd(), RANGE[name], history) == pytest.approx(form, rel=1e-9, abs=1e-9)
    active = make_fit(ParetoNbdFit, RANGE[name]).predict_active_probability(*history)
    assert active[0] == pytest.approx(np.exp(stayed - bracket), rel=1e-8)


@pytest.mark.parametrize("horizon", [0.5, 10.0, 150.0])
@pytest.mark.parametrize("values", [(0.25, 4.4, 0.8, 2.4), (2.0, 9.0, 0.05, 0.2), (0.7, 2.0, 3.5, 40.0)])
def test_bg_expectation_is_equation_10_of_fader_hardie_and_lee(values: tuple[float, ...], horizon: float) -> None:
    r, alpha, a, b = values
    fit = make_fit(BgNbdFit, values)
    for x, last, now in LONG_HISTORIES:
        ahead = horizon / (alpha + now + horizon)
        active = fit.predict_active_probability(x, last, now)[0]
        series = hyp2f1(r + x, b + x, a + b + x - 1, ahead)
        form = (a + b + x - 1) / (a - 1) * (1 - (1 - ahead) ** (r + x) * series) * active
        assert fit.predict_orders(x, last, now, horizon)[0] == pytest.approx(form, rel=1e-6)


def test_bg_expectation_has_no_hole_where_a_is_1() -> None:
    below, at, above = (
        make_fit(BgNbdFit, (0.5, 5.0, a, 2.0)).predict_orders(2, 8, 10, 26)[0] for a in (0.999, 1.0, 1.001)
    )
    assert at == pytest.approx((below + above) / 2, rel=1e-5)


@pytest.mark.parametrize("name", RANGE)
def test_pareto_expectation_is_the_integral_of_the_rate_while_active(name: str) -> None:
    r, alpha, s, beta = RANGE[name]
    fit = make_fit(ParetoNbdFit, RANGE[name])
    for x, last, now in LONG_HISTORIES:
        time_active, _ = quad(lambda t, now=now: ((beta + now) / (beta + now + t)) ** s, 0, 26, epsrel=1e-11)
        expected = fit.predict_active_probability(x, last, now)[0] * (r + x) / (alpha + now) * time_active
        assert fit.predict_orders(x, last, now, 26)[0] == pytest.approx(expected, rel=1e-8)


def test_nbd_is_the_limit_when_leaving_becomes_rare() -> None:
    nbd, values = make_fit(NbdFit, (0.7, 9.0)), (0.7, 9.0, 1e-7, 100.0)
    for history in HISTORIES:
        rare = log_likelihood(BgNbd(), values, history)
        assert log_likelihood(Nbd(), (0.7, 9.0), history) == pytest.approx(rare, abs=1e-5)
        for kind in (BgNbdFit, MbgNbdFit, ParetoNbdFit):
            assert make_fit(kind, values).predict_orders(*history, 20) == pytest.approx(
                nbd.predict_orders(*history, 20), rel=1e-4
            )


def test_one_time_buyers_never_leave_under_bg_but_do_under_the_others() -> None:
    ages = [1.0, 20.0, 200.0]
    assert make_fit(BgNbdFit, RANGE["usual"]).predict_active_probability(0, 0, ages).tolist() == [1.0] * 3
    for kind in (MbgNbdFit, ParetoNbdFit):
        active = make_fit(kind, RANGE["usual"]).predict_active_probability(0, 0, ages)
        assert (np.diff(active) < 0).all()
        assert active.max() < 1


@pytest.mark.parametrize("kind", [NbdFit, BgNbdFit, MbgNbdFit, ParetoNbdFit])
def test_drawn_futures_agree_with_the_expectation(kind: type[OrderFit]) -> None:
    fit = make_fit(kind, (0.8, 5.0) if kind is NbdFit else (0.8, 5.0, 0.9, 3.0))
    orders, recency, age = zip(*HISTORIES, strict=True)
    draws = fit.draw_orders(orders, recency, age, 20, draw_count=40_000, seed=1)
    error = draws.std(axis=0) / np.sqrt(draws.shape[0])
    assert (np.abs(draws.mean(axis=0) - fit.predict_orders(orders, recency, age, 20)) < 4 * error).all()
    assert (draws == fit.draw_orders(orders, recency, age, 20, draw_count=40_000, seed=1)).all()


@pytest.mark.parametrize("kind", [NbdFit, BgNbdFit, MbgNbdFit, ParetoNbdFit])
def test_discounting_is_the_integral_over_the_expected_orders(kind: type[OrderFit]) -> None:
    fit = make_fit(kind, (0.8, 5.0) if kind is NbdFit else (0.8, 5.0, 0.9, 3.0))
    rate = np.log(1.15) / (365.25 / 7)
    for history in HISTORIES:

        def discounted(time: float, history: tuple[float, float, float] = history) -> float:
            return float(np.exp(-rate * time) * fit.predict_orders(*history, horizon=time)[0])

        waiting, _ = quad(discounted, 0, 104)
        value = np.exp(-rate * 104) * fit.predict_orders(*history, 104)[0] + rate * waiting
        assert fit.predict_discounted_orders(*history, 104, 0.15)[0] == pytest.approx(value, rel=1e-5)
        assert fit.predict_discounted_orders(*history, 104, 0.0) == pytest.approx(fit.predict_orders(*history, 104))


def test_many_customers_are_scored_in_parts_without_a_difference() -> None:
    random = np.random.default_rng(2)
    orders = random.integers(0, 6, 45_000)
    recency = np.where(orders > 0, random.random(45_000) * 30, 0.0)
    for kind in (BgNbdFit, ParetoNbdFit):
        fit = make_fit(kind, RANGE["usual"])
        together = fit.predict_orders(orders, recency, 30.0, 13.0)
        some = [0, 4_999, 5_000, 19_999, 20_000, 44_999]
        assert together[some].tolist() == fit.predict_orders(orders[some], recency[some], 30.0, 13.0).tolist()
