"""Gamma-Gamma: what a customer spends per order, shrunk towards the average the less is known.

The values of a customer's orders follow a gamma distribution (shape p) around a mean of the customer's own; these
means vary between customers (q, v). Three orders of 100 say less than thirty: the expected spend lies between the
customer's own mean and everyone's. The model takes spend per order as independent of how often a customer orders;
check that their correlation is small.

Source: Fader & Hardie (2013), The Gamma-Gamma Model of Monetary Value (v is their gamma).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

from regulars.errors import FitError
from regulars.models.cells import add_up, weigh
from regulars.models.fits import Fit
from regulars.models.likelihood import Objective, maximise

if TYPE_CHECKING:
    from regulars.models.cells import FloatArray, SpendCells

FEWEST_CUSTOMERS: Final = 10
_ALIKE: Final = 1e-6
_DIRECTIONS: Final = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-1.0, 1.0, 1.0]])
"""Of the log-parameters: orders alike (p up, v down), customers alike (q and v up), and the mean (v alone)."""


@dataclass(frozen=True)
class GammaGammaFit(Fit):
    """A fitted Gamma-Gamma with parameters p, q and v (v in units of money).

    Attributes:
        left_out_count: Customers whose mean spend was zero or negative; the model has no place for them.
    """

    model: ClassVar[str] = "Gamma-Gamma"
    names: ClassVar[tuple[str, ...]] = ("p", "q", "v")

    left_out_count: int

    @property
    def mean_spend(self) -> float:
        """Expected spend per order of a customer nothing is known of."""
        p, q, v = self.values
        return p * v / (q - 1)

    def predict_spend(self, orders: npt.ArrayLike, mean_spend: npt.ArrayLike) -> FloatArray:
        """Expected spend per future order; one value per customer.

        Args:
            orders: Orders that the customer's mean is taken over, counted as in the fit. 0 where nothing is known.
            mean_spend: The customer's mean spend per order. A negative mean (refunds larger than purchases) counts as
                0: the model knows no negative spend.

        Example:
            >>> fit = GammaGammaFit((6.249, 3.745, 15.448), ((0.0,) * 3,) * 3, (), -4055.92, 946, 0.0, 4, 4, 0)
            >>> fit.predict_spend([0, 1, 1, 10], [0, 20, 80, 80]).round(2).tolist()
            [35.17, 24.63, 66.32, 78.11]
        """
        shape, total = self._posterior(orders, mean_spend)
        return self.values[0] * total / (shape - 1)

    def draw_spend(
        self,
        orders: npt.ArrayLike,
        mean_spend: npt.ArrayLike,
        future_orders: FloatArray,
        *,
        seed: int = 0,
    ) -> FloatArray:
        """Possible total spend on future orders; one row per draw, one column per customer.

        Args:
            orders: Orders that the customer's mean is taken over.
            mean_spend: The customer's mean spend per order.
            future_orders: Drawn future orders (rows: draws).
            seed: Seed of the draws.
        """
        generator = np.random.default_rng(seed)
        shape, total = self._posterior(orders, mean_spend)
        rates = generator.gamma(np.broadcast_to(shape, future_orders.shape)) / total
        spend: FloatArray = generator.gamma(self.values[0] * future_orders) / np.maximum(rates, 1e-300)
        return spend

    def _posterior(self, orders: npt.ArrayLike, mean_spend: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Shape and rate of the gamma distribution of each customer's own rate of spend."""
        p, q, v = self.values
        counted, mean = np.broadcast_arrays(
            np.atleast_1d(np.asarray(orders, dtype=np.float64)), np.atleast_1d(np.asarray(mean_spend, dtype=np.float64))
        )
        if not (np.isfinite(counted).all() and np.isfinite(mean).all() and (counted >= 0).all()):
            raise FitError(
                "Orders and mean spend must be numbers, with orders of 0 or more.",
                mend="Give customers of whom nothing is known 0 orders and a mean spend of 0.",
            )
        return q + p * counted, v + counted * np.maximum(mean, 0.0)


@dataclass(frozen=True)
class GammaGamma:
    """The settings of the Gamma-Gamma model; `fit` gives the frozen fit.

    Attributes:
        start_count: Starting points of the search.
        seed: Seed of the starting points after the first.
    """

    start_count: int = 4
    seed: int = 0

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The settings by name, as scikit-learn asks for them."""
        return dataclasses.asdict(self)

    def fit(self, cells: SpendCells) -> GammaGammaFit:
        """Fit by maximum likelihood over (orders, mean spend).

        Customers with a mean spend of zero or less are left out and counted.

        Raises:
            FitError: The data cannot carry the model; the message says why.
        """
        spending = cells.mean_spend > 0
        left_out_count = round(float(cells.count[~spending].sum()))
        orders, mean, count = cells.orders[spending], cells.mean_spend[spending], cells.count[spending]
        scale = _check_enough(orders, mean, count, left_out_count)
        objective = _prepare(orders, mean / scale, count)
        generator = np.random.default_rng(self.seed)
        first = np.log([3.0, 4.0, 1.0])
        starts = np.vstack((first, first + generator.normal(0.0, 0.7, (max(0, self.start_count - 1), 3))))
        maximum = maximise(
            objective,
            objective,
            starts,
            directions=_DIRECTIONS,
            customer_count=float(count.sum()),
            model=GammaGammaFit.model,
        )
        p, q, v = np.exp(maximum.position).tolist()
        if q <= 1:
            raise FitError(
                "Gamma-Gamma: spend differs so widely between customers that the model has no finite mean.",
                mend="Look for a few giant orders, or use each customer's own mean spend.",
            )
        return GammaGammaFit(
            values=(p, q, v * scale),
            covariance=tuple(tuple(row) for row in maximum.covariance.tolist()),
            held=tuple(GammaGammaFit.names[i] for i in maximum.held),
            log_likelihood=maximum.log_likelihood - float(count.sum()) * float(np.log(scale)),
            customer_count=round(float(count.sum())),
            gradient_norm=maximum.gradient_norm,
            starts_agreed=maximum.starts_agreed,
            start_count=maximum.start_count,
            left_out_count=left_out_count,
        )


def _check_enough(orders: FloatArray, mean: FloatArray, count: FloatArray, left_out_count: int) -> float:
    """The mean spend, by which money is scaled; refuses what the model cannot learn from."""
    customer_count = round(float(count.sum()))
    if customer_count < FEWEST_CUSTOMERS:
        left_out = f" ({left_out_count:,} with a mean spend of zero or less left out)" if left_out_count else ""
        raise FitError(
            f"Gamma-Gamma: {customer_count:,} customers with a positive mean spend{left_out}; "
            f"at least {FEWEST_CUSTOMERS} are needed.",
            mend="Use the mean spend of all orders.",
        )
    if (orders < 2).all():
        raise FitError(
            "Gamma-Gamma: nobody has two orders, so that differences between customers cannot be told from "
            "differences between orders.",
            mend="Use the mean spend of all orders.",
        )
    scale = weigh(count, mean) / float(count.sum())
    if float(np.ptp(mean)) <= _ALIKE * scale:
        raise FitError(
            f"Gamma-Gamma: every customer spends the same per order ({scale:,.2f}).", mend="Use that amount."
        )
    return scale


def _prepare(orders: FloatArray, mean: FloatArray, count: FloatArray) -> Objective:
    """The log-likelihood over the cells of Fader & Hardie (2013), prepared for many calls."""
    from scipy.special import gammaln, psi

    distinct, inverse = np.unique(orders, return_inverse=True)
    at_orders = add_up(inverse, count)
    spent = orders * mean
    log_spent, log_mean = np.log(spent), np.log(mean)
    total = float(count.sum())
    log_spent_by_orders = weigh(count, orders * log_spent)
    log_mean_sum = weigh(count, log_mean)

    def log_likelihood(position: FloatArray) -> tuple[float, FloatArray]:
        p, q, v = np.exp(position)
        log_both = np.log(v + spent)
        sum_log_both = weigh(count, log_both)
        orders_log_both = weigh(count, orders * log_both)
        value = weigh(at_orders, gammaln(p * distinct + q) - gammaln(p * distinct)) - total * float(gammaln(q))
        value += total * q * position[2] + p * log_spent_by_orders - log_mean_sum
        value -= p * orders_log_both + q * sum_log_both
        both = psi(p * distinct + q)
        by_p = weigh(at_orders, distinct * (both - psi(p * distinct))) + log_spent_by_orders - orders_log_both
        by_q = weigh(at_orders, both) - total * float(psi(q)) + total * position[2] - sum_log_both
        per_both = count / (v + spent)
        by_v = total * q / v - weigh(p * orders + q, per_both)
        return value, np.array([p * by_p, q * by_q, v * by_v])

    return log_likelihood
