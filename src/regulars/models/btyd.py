"""Buy till you die: what all models of repeat orders share.

A model of this family is two formulas and a starting point: the log-likelihood of the cells with its gradient,
and the orders to expect of a customer. Fitting, intervals, discounting and totals stand here once.

The customers' history is always (orders, recency, age): repeat orders, time from the first order to the last, time
from the first order to the day of observation. All times are in the unit of the cells that the model was fitted to.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

from regulars.errors import FitError
from regulars.models.cells import UNITS_PER_YEAR, Cells, FloatArray, History, check_history, weigh
from regulars.models.fits import Estimate, Fit, interval_of_total
from regulars.models.likelihood import Objective, maximise

FEWEST_REPEAT_CUSTOMERS: Final = 10
_COARSE_FROM_CELLS: Final = 4_000
_COARSE_STEPS: Final = 26
_SAMPLE_ROWS: Final = 20_000
_CHANCE_DRAWS: Final = 40_000


@dataclass(frozen=True)
class OrderFit(Fit):
    """A fitted model of repeat orders.

    Attributes:
        unit: The unit of time of recency, age and horizon.
        order_count: Repeat orders the fit has seen.
    """

    unit: str
    order_count: int

    def predict_orders(
        self, orders: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike, horizon: npt.ArrayLike
    ) -> FloatArray:
        """Expected orders of each customer over the horizon that follows; one value per customer.

        Args:
            orders: Repeat orders so far.
            recency: Time from the first order to the last.
            age: Time from the first order to now.
            horizon: Length of the future period, one for all or one each.

        Raises:
            FitError: Missing values, an impossible history, or a negative horizon.
        """
        return self._expected_orders(*_check_future(orders, recency, age, horizon))

    def predict_active_probability(
        self, orders: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike
    ) -> FloatArray:
        """Probability that each customer still is one, 0-1.

        Under BG/NBD it is 1 for every one-time buyer, because there a customer can only leave after a repeat
        order. Rank customers by expected orders, not by this.
        """
        return self._active_probability(check_history(orders, recency, age))

    def predict_discounted_orders(
        self,
        orders: npt.ArrayLike,
        recency: npt.ArrayLike,
        age: npt.ArrayLike,
        horizon: float,
        yearly_discount_share: float,
    ) -> FloatArray:
        """Expected orders over the horizon, each counted at its present value.

        Args:
            orders: Repeat orders so far.
            recency: Time from the first order to the last.
            age: Time from the first order to now.
            horizon: Length of the future period.
            yearly_discount_share: Discount rate per year; 0.1 makes an order in a year's time worth 1 / 1.1 orders.

        The present value is the integral of exp(-rate * t) over the expected orders, by parts, with eight
        Gauss-Legendre nodes over the horizon.
        """
        if yearly_discount_share < 0:
            raise FitError("The yearly discount rate is a share of 0 or more, for example 0.1 for 10 %.")
        history, horizons = _check_future(orders, recency, age, horizon)
        if yearly_discount_share == 0:
            return self._expected_orders(history, horizons)
        rate = float(np.log1p(yearly_discount_share)) / UNITS_PER_YEAR[self.unit]
        expected = self._expected_orders(history, horizons)
        value = np.exp(-rate * horizons) * expected
        nodes, weights = np.polynomial.legendre.leggauss(8)
        for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
            then = horizons * node
            value += weight * horizons * rate * np.exp(-rate * then) * self._expected_orders(history, then)
        return np.minimum(value, expected)

    def draw_orders(
        self,
        orders: npt.ArrayLike,
        recency: npt.ArrayLike,
        age: npt.ArrayLike,
        horizon: npt.ArrayLike,
        *,
        draw_count: int,
        seed: int = 0,
    ) -> FloatArray:
        """Possible futures: orders over the horizon, one row per draw, one column per customer.

        Quantiles over the rows are a customer's interval. The parameters are taken as they are. The table is held in
        memory: score customers in batches.
        """
        history, horizons = _check_future(orders, recency, age, horizon)
        return self._draw_orders(np.random.default_rng(seed), (draw_count, horizons.size), history, horizons)

    def estimate_orders(self, cells: Cells, horizon: float, level: float = 0.95, seed: int = 0) -> Estimate:
        """Orders to expect of all customers together, with an interval for what will happen.

        The interval holds both the uncertainty of the parameters (delta method) and chance (the variance between
        drawn futures). It assumes that the model holds and the market stays as it is.
        """
        if cells.unit != self.unit:
            raise FitError(f"The fit counts in {self.unit}s, the cells in {cells.unit}s.")
        value = weigh(cells.count, self.predict_orders(*cells.history, horizon))
        rows, weight = sample_rows(cells.count, seed)
        history = cells.history.take(rows)

        def total(fit: OrderFit) -> float:
            return weigh(weight, fit.predict_orders(*history, horizon))

        draws = self.draw_orders(*history, horizon, draw_count=draw_count_for(rows.size), seed=seed)
        chance = weigh(weight, draws.var(axis=0, ddof=1))
        return interval_of_total(value, float(np.hypot(self.find_spread(total), np.sqrt(chance))), level)

    def estimate_active(self, cells: Cells, level: float = 0.95) -> Estimate:
        """Customers expected to be active, with an interval from the uncertainty of the parameters."""

        def total(fit: OrderFit) -> float:
            return weigh(cells.count, fit.predict_active_probability(*cells.history))

        estimate = interval_of_total(total(self), self.find_spread(total), level)
        return dataclasses.replace(estimate, high=min(estimate.high, float(cells.count.sum())))

    @abstractmethod
    def _expected_orders(self, history: History, horizon: FloatArray) -> FloatArray: ...

    @abstractmethod
    def _active_probability(self, history: History) -> FloatArray: ...

    @abstractmethod
    def _draw_orders(
        self, generator: np.random.Generator, shape: tuple[int, int], history: History, horizon: FloatArray
    ) -> FloatArray: ...


def _check_future(
    orders: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike, horizon: npt.ArrayLike
) -> tuple[History, FloatArray]:
    """Histories and horizons as arrays of one length."""
    ahead = np.atleast_1d(np.asarray(horizon, dtype=np.float64))
    if not (np.isfinite(ahead).all() and (ahead >= 0).all()):
        raise FitError("The horizon is a length of time: 0 or more, and not missing.")
    history = check_history(orders, recency, age)
    shape = np.broadcast_shapes(history.orders.shape, ahead.shape)
    return History(*(np.broadcast_to(column, shape) for column in history)), np.broadcast_to(ahead, shape)


def sample_rows(count: FloatArray, seed: int) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """Cells to measure a spread on, and the weight of each: all of them, or a seeded sample of 20,000."""
    if count.size <= _SAMPLE_ROWS:
        return np.arange(count.size), count
    rows = np.random.default_rng(seed).choice(count.size, _SAMPLE_ROWS, replace=False)
    return rows, count[rows] * (count.sum() / count[rows].sum())


def draw_count_for(row_count: int) -> int:
    """Draws per row: many for few rows, few for many, because the variances are added up in the end."""
    return max(4, _CHANCE_DRAWS // max(1, row_count))


@dataclass(frozen=True)
class OrderModel(ABC):
    """The settings of a model of repeat orders; `fit` gives the frozen fit.

    Attributes:
        start_count: Starting points of the search.
        seed: Seed of the starting points after the first.
    """

    fit_type: ClassVar[type[OrderFit]]
    times: ClassVar[tuple[str, ...]]
    directions: ClassVar[FloatArray]

    start_count: int = 4
    seed: int = 0

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The settings by name, as scikit-learn asks for them."""
        return dataclasses.asdict(self)

    def fit(self, cells: Cells) -> OrderFit:
        """Fit by maximum likelihood over the cells.

        Raises:
            FitError: The data cannot carry the model; the message says why.
        """
        model = self.fit_type.model
        scale = _check_enough(cells, model)
        scaled = Cells(cells.orders, cells.recency / scale, cells.age / scale, cells.count, cells.unit)
        coarse = scaled.coarsen(_COARSE_STEPS) if scaled.cell_count > _COARSE_FROM_CELLS else scaled
        maximum = maximise(
            self._objective(scaled),
            self._objective(coarse),
            self._starts(scaled),
            directions=self.directions,
            customer_count=float(cells.count.sum()),
            model=model,
            limit=self._limit(scaled),
        )
        names = self.fit_type.names
        scales = np.array([scale if name in self.times else 1.0 for name in names])
        fit = self.fit_type(
            values=tuple((np.exp(maximum.position) * scales).tolist()),
            covariance=tuple(tuple(row) for row in maximum.covariance.tolist()),
            held=tuple(names[i] for i in maximum.held),
            log_likelihood=maximum.log_likelihood - weigh(cells.count, cells.orders) * float(np.log(scale)),
            customer_count=cells.customer_count,
            gradient_norm=maximum.gradient_norm,
            starts_agreed=maximum.starts_agreed,
            start_count=maximum.start_count,
            unit=cells.unit,
            order_count=cells.order_count,
        )
        return fit

    def _starts(self, cells: Cells) -> FloatArray:
        """Log-parameters to start from: one from the data, the others scattered around it."""
        rate = weigh(cells.count, cells.orders) / weigh(cells.count, cells.age)
        first = np.log(self._first_start(rate))
        generator = np.random.default_rng(self.seed)
        scattered = first + generator.normal(0.0, 1.0, (max(0, self.start_count - 1), first.size))
        return np.vstack((first, scattered))

    @abstractmethod
    def _first_start(self, rate: float) -> FloatArray:
        """Parameters to start from where customers order `rate` times per unit of (scaled) time."""

    @abstractmethod
    def _objective(self, cells: Cells) -> Objective:
        """The log-likelihood over the cells, prepared for many calls."""

    def _limit(self, cells: Cells) -> float | None:
        """The log-likelihood of the simpler model in which nobody leaves, where there is one."""
        return None


ONE_PAIR: Final = np.array([[1.0, 0.0], [1.0, 1.0]])
"""Directions of a gamma or beta distribution's two log-parameters: both together (how alike), the second alone."""

TWO_PAIRS: Final = np.kron(np.eye(2), ONE_PAIR)
"""The same for two distributions."""


def _check_enough(cells: Cells, model: str) -> float:
    """The mean age, by which times are scaled; refuses what no model can learn from."""
    if cells.cell_count == 0:
        raise FitError(f"{model}: there are no customers to fit.", mend="Look at what was left out before.")
    scale = weigh(cells.count, cells.age) / float(cells.count.sum())
    if scale <= 0:
        raise FitError(f"{model}: every customer is new today.", mend="Wait until some time has passed to learn from.")
    if cells.order_count == 0:
        raise FitError(
            f"{model}: none of the {cells.customer_count:,} customers has ordered again.",
            mend="Take a longer history; without repeat orders none can be foretold.",
        )
    if cells.repeat_customer_count < FEWEST_REPEAT_CUSTOMERS:
        raise FitError(
            f"{model}: {cells.repeat_customer_count:,} of {cells.customer_count:,} customers ordered again; "
            f"at least {FEWEST_REPEAT_CUSTOMERS} are needed.",
            mend="Take a longer history, or use a simpler rule.",
        )
    return scale
