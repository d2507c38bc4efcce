"""What customers are worth: expected orders times expected spend, discounted, times the margin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from regulars.errors import FitError
from regulars.models.btyd import OrderFit, draw_count_for, sample_rows
from regulars.models.cells import weigh
from regulars.models.fits import Estimate, interval_of_total

if TYPE_CHECKING:
    from regulars.models.cells import Cells, FloatArray
    from regulars.models.gamma_gamma import GammaGammaFit


@dataclass(frozen=True)
class ValueModel:
    """A model of orders and a model of spend, with the assumptions that turn them into money.

    Attributes:
        order_fit: Expected orders.
        spend_fit: Expected spend per order.
        horizon: Length of the future period, in the unit of `order_fit` (`order_fit.unit`).
        margin_share: What remains of a unit of spend after its cost, 0-1. 1 values revenue.
        yearly_discount_share: Discount rate per year; 0.1 makes 110 in a year worth 100 today. 0 discounts nothing.

    Raises:
        FitError: An assumption is impossible.
    """

    order_fit: OrderFit
    spend_fit: GammaGammaFit
    horizon: float
    margin_share: float = 1.0
    yearly_discount_share: float = 0.0

    def __post_init__(self) -> None:
        """Refuse impossible assumptions."""
        if not 0 < self.margin_share <= 1:
            raise FitError("The margin is a share above 0 and up to 1, for example 0.3 for 30 %.")
        if not (np.isfinite(self.horizon) and self.horizon > 0):
            raise FitError("The horizon is a length of time above 0.")
        if not (np.isfinite(self.yearly_discount_share) and self.yearly_discount_share >= 0):
            raise FitError("The yearly discount rate is a share of 0 or more, for example 0.1 for 10 %.")

    def predict_value(
        self,
        orders: npt.ArrayLike,
        recency: npt.ArrayLike,
        age: npt.ArrayLike,
        spend_orders: npt.ArrayLike,
        mean_spend: npt.ArrayLike,
    ) -> FloatArray:
        """Present value of each customer's margin over the horizon; one value per customer.

        Args:
            orders: Repeat orders so far.
            recency: Time from the first order to the last.
            age: Time from the first order to now.
            spend_orders: Orders that the mean spend is taken over, counted as in the fit of spend.
            mean_spend: Mean spend per order.
        """
        discounted = self.order_fit.predict_discounted_orders(
            orders, recency, age, self.horizon, self.yearly_discount_share
        )
        return self.margin_share * discounted * self.spend_fit.predict_spend(spend_orders, mean_spend)

    def draw_value(
        self,
        orders: npt.ArrayLike,
        recency: npt.ArrayLike,
        age: npt.ArrayLike,
        spend_orders: npt.ArrayLike,
        mean_spend: npt.ArrayLike,
        *,
        draw_count: int,
        seed: int = 0,
    ) -> FloatArray:
        """Possible values of each customer: one row per draw, one column per customer.

        Quantiles over the rows are a customer's interval. Discounting is that of the expected orders.
        """
        history = (orders, recency, age)
        drawn = self.order_fit.draw_orders(*history, self.horizon, draw_count=draw_count, seed=seed)
        spend = self.spend_fit.draw_spend(spend_orders, mean_spend, drawn, seed=seed + 1)
        plain = self.order_fit.predict_orders(*history, self.horizon)
        present = self.order_fit.predict_discounted_orders(*history, self.horizon, self.yearly_discount_share)
        discount = np.divide(present, plain, out=np.ones_like(plain), where=plain > 0)
        return self.margin_share * discount * spend

    def estimate_value(
        self,
        cells: Cells,
        spend_orders: npt.ArrayLike,
        mean_spend: npt.ArrayLike,
        level: float = 0.95,
        seed: int = 0,
    ) -> Estimate:
        """Value to expect of all customers together, with an interval for what will happen.

        Args:
            cells: The customers; a cell's `spend_orders` and `mean_spend` hold for all its customers.
            spend_orders: Orders that the mean spend is taken over, one per cell.
            mean_spend: Mean spend per order, one per cell.
            level: Coverage of the interval, 0-1.
            seed: Seed of the draws.

        The interval holds the uncertainty of both models' parameters (delta method) and chance (the variance between
        drawn futures).
        """
        spent_over, mean = np.asarray(spend_orders, dtype=np.float64), np.asarray(mean_spend, dtype=np.float64)
        value = weigh(cells.count, self.predict_value(*cells.history, spent_over, mean))
        rows, weight = sample_rows(cells.count, seed)
        history = cells.history.take(rows)
        spend = (spent_over[rows], mean[rows])
        expected_spend = self.spend_fit.predict_spend(*spend)
        expected_orders = self.order_fit.predict_discounted_orders(*history, self.horizon, self.yearly_discount_share)

        def by_orders(fit: OrderFit) -> float:
            discounted = fit.predict_discounted_orders(*history, self.horizon, self.yearly_discount_share)
            return weigh(weight, discounted * expected_spend)

        def by_spend(fit: GammaGammaFit) -> float:
            return weigh(weight, expected_orders * fit.predict_spend(*spend))

        draws = self.draw_value(*history, *spend, draw_count=draw_count_for(rows.size), seed=seed)
        chance = weigh(weight, draws.var(axis=0, ddof=1))
        parameters = np.hypot(self.order_fit.find_spread(by_orders), self.spend_fit.find_spread(by_spend))
        return interval_of_total(value, float(np.hypot(self.margin_share * parameters, np.sqrt(chance))), level)
