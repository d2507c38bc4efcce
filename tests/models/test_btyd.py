"""What all models of repeat orders share: cells, fits, intervals, saving, and odd data."""

from __future__ import annotations

import dataclasses
import json
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest

from regulars.errors import FitError
from regulars.models.bg_nbd import BgNbd, MbgNbd
from regulars.models.cells import Cells
from regulars.models.likelihood import NobodyLeaves, find_hessian
from regulars.models.nbd import Nbd
from regulars.models.order_models import fit_best, load_fit, read_fit
from regulars.models.pareto_nbd import ParetoNbd

if TYPE_CHECKING:
    from pathlib import Path

    from regulars.models.btyd import OrderFit, OrderModel

MODELS: list[OrderModel] = [Nbd(), BgNbd(), MbgNbd(), ParetoNbd()]
LEAVING: list[OrderModel] = [BgNbd(), MbgNbd(), ParetoNbd()]


def draw_leaving_customers(customer_count: int = 800, seed: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Histories in whole weeks of customers of whom many leave."""
    random = np.random.default_rng(seed)
    age = random.integers(30, 60, customer_count).astype(float)
    until = np.minimum(age, random.exponential(1 / random.gamma(0.9, 0.05, customer_count)))
    orders, recency = np.zeros(customer_count), np.zeros(customer_count)
    for row, rate in enumerate(random.gamma(0.8, 0.25, customer_count)):
        moments = np.ceil(np.sort(random.random(random.poisson(rate * until[row]))) * until[row])
        orders[row], recency[row] = moments.size, min(age[row], moments.max(initial=0.0))
    return orders, recency, age


@pytest.fixture(scope="module")
def cells() -> Cells:
    return Cells.count_customers(*draw_leaving_customers())


def test_counting_customers_loses_none(cells: Cells) -> None:
    orders, _, _ = draw_leaving_customers()
    assert cells.cell_count < cells.customer_count == orders.size
    assert cells.order_count == orders.sum()
    assert cells.repeat_customer_count == (orders > 0).sum()


def test_coarse_cells_keep_customers_orders_and_time(cells: Cells) -> None:
    coarse = cells.coarsen(4)
    assert coarse.cell_count < cells.cell_count / 2
    assert coarse.customer_count == cells.customer_count
    for column in ("orders", "recency", "age"):
        assert coarse.count @ getattr(coarse, column) == pytest.approx(cells.count @ getattr(cells, column))


def test_cells_cannot_be_changed(cells: Cells) -> None:
    with pytest.raises(ValueError, match="read-only"):
        cells.orders[0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        cells.unit = "day"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([1], [9], [5], [1]), r"(?s)recency .*row 0 of 1 .*column recency, 1 rows.* at most the age"),
        (([0], [2], [5], [1]), r"one-time buyer has a recency of 0"),
        (([-1], [0], [5], [1]), "counted from 0"),
        (([1], [-2], [5], [1]), "0 or more"),
        (([1, 1], [0, 0], [5, float("nan")], [1, 1]), r"(?s)age .*row 1 of 2 .*missing"),
        (([1], [0], [float("inf")], [1]), "infinite"),
        (([1], [0], [5], [0]), "at least one customer"),
        (([1, 2], [0], [5], [1]), "differ in length: orders 2, recency 1"),
        ((["a"], [0], [5], [1]), "numbers only"),
        (([[1]], [0], [5], [1]), "2-dimensional"),
    ],
)
def test_impossible_histories_are_refused_in_plain_words(columns: tuple[list[float], ...], message: str) -> None:
    with pytest.raises(FitError, match=message):
        Cells(columns[0], columns[1], columns[2], columns[3])


def test_unknown_unit_is_refused() -> None:
    with pytest.raises(FitError, match=r"'fortnight'\. Use one of: day, week"):
        Cells([0], [0], [1], [1], unit="fortnight")


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_cells_fit_like_the_customers_they_count(model: OrderModel, cells: Cells) -> None:
    orders, recency, age = draw_leaving_customers()
    one_by_one = model.fit(Cells(orders, recency, age, np.ones(orders.size)))
    counted = model.fit(cells)
    assert counted.values == pytest.approx(one_by_one.values, rel=1e-4)
    assert counted.log_likelihood == pytest.approx(one_by_one.log_likelihood, abs=1e-5)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_a_hundred_times_the_customers_narrow_the_errors_tenfold(model: OrderModel, cells: Cells) -> None:
    few = model.fit(cells)
    many = model.fit(Cells(cells.orders, cells.recency, cells.age, cells.count * 100))
    assert many.values == pytest.approx(few.values, rel=1e-3)
    for name, error in many.standard_errors.items():
        assert error == pytest.approx((few.standard_errors[name] or 0) / 10, rel=1e-2)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_days_and_weeks_tell_the_same(model: OrderModel, cells: Cells) -> None:
    weekly = model.fit(cells)
    daily = model.fit(Cells(cells.orders, cells.recency * 7, cells.age * 7, cells.count, "day"))
    assert daily.parameters["r"] == pytest.approx(weekly.parameters["r"], rel=1e-3)
    assert daily.parameters["alpha"] == pytest.approx(7 * weekly.parameters["alpha"], rel=1e-3)
    assert daily.predict_orders(2, 70, 210, 364) == pytest.approx(weekly.predict_orders(2, 10, 30, 52), rel=1e-3)
    yearly = (daily.predict_discounted_orders(2, 70, 210, 365.25, 0.2), weekly.predict_orders(2, 10, 30, 52.18))
    assert yearly[0] == pytest.approx(weekly.predict_discounted_orders(2, 10, 30, 365.25 / 7, 0.2), rel=1e-3)
    assert (yearly[0] < yearly[1]).all()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_the_fit_is_a_maximum_and_the_same_from_every_seed(model: OrderModel, cells: Cells) -> None:
    fit = model.fit(cells)
    other = dataclasses.replace(model, seed=99, start_count=6).fit(cells)
    assert other.values == pytest.approx(fit.values, rel=1e-4)
    assert fit.starts_agreed >= 3
    assert fit.gradient_norm < 1e-7
    assert np.linalg.eigvalsh(np.array(fit.covariance)).min() > 0
    assert model.fit(cells) == fit


def test_a_large_base_is_fitted_on_all_cells_not_the_coarse_ones() -> None:
    orders, recency, age = draw_leaving_customers(6000, seed=8)
    shift = np.random.default_rng(1).random(6000) * 0.5
    cells = Cells(orders, recency, age + shift, np.ones(6000))
    fit = BgNbd().fit(cells)
    objective = BgNbd()._objective(cells)
    _, gradient = objective(np.log(fit.values))
    assert cells.cell_count > 4000
    assert np.abs(gradient).max() / 6000 < 1e-6


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_saved_fits_come_back_to_the_last_digit(model: OrderModel, cells: Cells, tmp_path: Path) -> None:
    fit = model.fit(cells)
    fit.save(tmp_path / "fit.json")
    assert load_fit(tmp_path / "fit.json") == fit
    assert type(fit).from_json(fit.to_json()) == fit
    assert json.loads(fit.to_json())["names"] == list(fit.names)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not readable JSON"),
        ("[1]", "not a saved fit"),
        ('{"format": 99, "model": "NBD"}', "known format"),
        ('{"format": 1, "model": "Magic"}', "Unknown model 'Magic'"),
        ('{"format": 1, "model": "NBD"}', "lacks values"),
        (None, "NBD fit has 2 parameters"),
    ],
)
def test_broken_files_are_refused(text: str | None, message: str, cells: Cells) -> None:
    saved = {**json.loads(Nbd().fit(cells).to_json()), "values": [1.0]}
    with pytest.raises(FitError, match=message):
        read_fit(json.dumps(saved) if text is None else text)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FitError, match=r"'none\.json' cannot be read"):
        load_fit(tmp_path / "none.json")


def test_nobody_to_score_gives_nothing(cells: Cells) -> None:
    for model in MODELS:
        fit = model.fit(cells)
        assert fit.predict_orders([], [], [], 5).size == 0
        assert fit.predict_discounted_orders([], [], [], 5, 0.1).size == 0
        assert fit.predict_active_probability([], [], []).size == 0


def test_totals_keep_a_sound_interval_when_next_to_nothing_is_expected(cells: Cells) -> None:
    fit = BgNbd().fit(cells)
    few = fit.estimate_orders(Cells([1], [1], [500], [1]), 1.0)
    assert 0 <= few.low <= few.value <= few.high < 3
    with pytest.raises(FitError, match="between 0 and 1"):
        fit.estimate_orders(cells, 1.0, level=95)


def test_a_fit_of_another_model_is_refused(cells: Cells) -> None:
    with pytest.raises(FitError, match="saved NBD fit, not a BG/NBD fit"):
        type(BgNbd().fit(cells)).from_json(Nbd().fit(cells).to_json())


def test_settings_can_be_read_and_given_again() -> None:
    model = ParetoNbd(start_count=2, seed=3)
    assert ParetoNbd(**model.get_params()) == model


def test_the_uncertainty_of_an_estimate_shrinks_with_the_base(cells: Cells) -> None:
    fit = BgNbd().fit(cells)
    estimate = fit.estimate_orders(cells, 26)
    assert estimate.low < estimate.value < estimate.high
    assert estimate.value == pytest.approx(float(cells.count @ fit.predict_orders(*cells.history, 26)))
    many = Cells(cells.orders, cells.recency, cells.age, cells.count * 100)
    narrow = BgNbd().fit(many).estimate_orders(many, 26)
    assert (narrow.high / narrow.low - 1) < 0.15 * (estimate.high / estimate.low - 1)
    assert fit.estimate_orders(cells, 26, level=0.5).high < estimate.high
    assert fit.estimate_active(cells).high <= cells.customer_count
    with pytest.raises(FitError, match="counts in weeks, the cells in days"):
        fit.estimate_orders(Cells([1], [1], [2], [1], unit="day"), 26)


@pytest.mark.parametrize("horizon", [-1.0, float("nan")])
def test_an_impossible_horizon_is_refused(horizon: float, cells: Cells) -> None:
    with pytest.raises(FitError, match="horizon is a length of time"):
        Nbd().fit(cells).predict_orders(1, 1, 2, horizon)


def test_a_negative_discount_is_refused(cells: Cells) -> None:
    with pytest.raises(FitError, match="share of 0 or more"):
        Nbd().fit(cells).predict_discounted_orders(1, 1, 2, 5, -0.1)


def steady_customers() -> Cells:
    random = np.random.default_rng(3)
    orders = random.poisson(random.gamma(2.0, 3.0, 2000)).astype(float)
    recency = np.where(orders > 0, 50 * random.beta(np.maximum(orders, 1), 1.0), 0.0)
    return Cells.count_customers(orders, recency, np.full(2000, 50.0))


@pytest.mark.parametrize("model", LEAVING, ids=lambda model: type(model).__name__)
def test_a_shop_nobody_leaves_is_recognised(model: OrderModel) -> None:
    with pytest.raises(NobodyLeaves, match="nobody leaving"):
        model.fit(steady_customers())


def test_the_best_fit_falls_back_to_nbd_where_nobody_leaves_and_says_so() -> None:
    best = fit_best(steady_customers())
    assert best.fit.model == "NBD"
    assert best.note.startswith("Nobody is seen to leave")
    assert [attempt.nobody_leaves for attempt in best.attempts] == [True, True, True, False]


def test_the_best_fit_has_the_best_criterion_and_names_the_others(cells: Cells) -> None:
    best = fit_best(cells)
    criteria = {attempt.model: attempt.akaike for attempt in best.attempts if attempt.akaike is not None}
    assert best.fit.model == min(criteria, key=lambda name: criteria[name]) != "NBD"
    assert all(name in best.note for name in criteria)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (Cells([], [], [], []), "no customers"),
        (Cells([3], [4], [9], [1]), "1 of 1 customers ordered again; at least 10"),
        (Cells([0, 0], [0, 0], [5, 9], [400, 300]), "none of the 700 customers has ordered again"),
        (Cells([2], [0], [0], [50]), "every customer is new today"),
    ],
)
def test_what_no_model_can_learn_from_is_said(cells: Cells, message: str) -> None:
    for model in MODELS:
        with pytest.raises(FitError, match=message):
            model.fit(cells)
    with pytest.raises(FitError, match=message):
        fit_best(cells)


def odd_bases() -> dict[str, Cells]:
    random = np.random.default_rng(11)
    orders = random.poisson(random.gamma(0.7, 3.0, 300)).astype(float)
    share = np.where(orders > 0, random.random(300), 0.0)
    month = random.uniform(0, 4.3, 300)
    same = np.full(300, 20.0)
    return {
        "a single month": Cells.count_customers(orders, share * month, month),
        "everyone the same age": Cells.count_customers(orders, np.floor(share * same), same),
        "giant buyers": Cells.count_customers(orders * random.integers(1, 400, 300), share * same, same),
        "last order today": Cells.count_customers(orders, np.where(orders > 0, same, 0), same),
        "all orders at once": Cells.count_customers(orders, np.zeros(300), same),
        "everyone alike": Cells([4], [15], [20], [300]),
        "a handful": Cells.count_customers(orders[:25], (share * same)[:25], same[:25]),
        "centuries": Cells.count_customers(orders, share * 1e5, np.full(300, 1e5), "day"),
    }


def fit_or_reason(model: OrderModel, base: Cells) -> tuple[OrderFit | None, str]:
    try:
        return model.fit(base), ""
    except FitError as reason:
        return None, str(reason)


@pytest.mark.parametrize("name", odd_bases())
@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_odd_data_give_an_answer_or_a_reason(model: OrderModel, name: str) -> None:
    base = odd_bases()[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit, reason = fit_or_reason(model, base)
        if fit is None:
            assert any(known in reason for known in ("nobody leaving", "do not determine", "ordered again"))
            return
        for horizon in (0.0, 1.0, 50.0, 500.0):
            expected = fit.predict_orders(*base.history, horizon)
            discounted = fit.predict_discounted_orders(*base.history, horizon, 0.1)
            assert np.isfinite(expected).all()
            assert (expected >= 0).all()
            assert ((discounted >= 0) & (discounted <= expected)).all()
        active = fit.predict_active_probability(*base.history)
        assert ((active >= 0) & (active <= 1)).all()
        assert all(error is None or np.isfinite(error) for error in fit.standard_errors.values())
        estimate = fit.estimate_orders(base, 26.0)
        assert 0 <= estimate.low <= estimate.value <= estimate.high < np.inf


@pytest.fixture(scope="module")
def alike() -> Cells:
    """Customers who all order once in five weeks and leave after an order with probability 0.3."""
    random = np.random.default_rng(4)
    moments = np.cumsum(random.exponential(5.0, (1500, 60)), axis=1)
    until_left = random.geometric(0.3, 1500)
    orders = np.minimum((moments <= 40).sum(axis=1), until_left)
    recency = np.where(orders > 0, moments[np.arange(1500), np.maximum(orders, 1) - 1], 0.0)
    return Cells(orders, recency, np.full(1500, 40.0), np.ones(1500))


def test_where_customers_are_alike_the_parameters_without_limit_are_held(alike: Cells) -> None:
    fit = BgNbd().fit(alike)
    r, alpha, a, b = fit.values
    assert r / alpha == pytest.approx(0.2, rel=0.05)
    assert a / (a + b) == pytest.approx(0.3, rel=0.05)
    assert fit.held
    assert fit.starts_agreed == fit.start_count
    for name in fit.held:
        assert fit.standard_errors[name] is None
        assert fit.find_intervals()[name] is None
    # What is held has no uncertainty of its own; the mean rates still do, and so do the predictions.
    spread = fit.find_spread(lambda moved: float(moved.predict_orders(*alike.history, 20).sum()))
    assert 0.01 < spread / fit.predict_orders(*alike.history, 20).sum() < 0.1


def test_the_hessian_of_a_known_function() -> None:
    def objective(at: np.ndarray) -> tuple[float, np.ndarray]:
        return float(-(at[0] ** 2) * at[1]), np.array([-2 * at[0] * at[1], -(at[0] ** 2)])

    assert find_hessian(objective, np.array([1.5, 2.0])) == pytest.approx(np.array([[-4.0, -3.0], [-3.0, 0.0]]))
