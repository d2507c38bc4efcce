"""NBD: customers differ in how often they order, and nobody ever leaves.

The limit of every model here when no customer is seen to leave, and so the honest model for a shop whose data show
nobody leaving.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from regulars.models.btyd import ONE_PAIR, TWO_PAIRS, OrderFit, OrderModel
from regulars.models.cells import add_up, weigh
from regulars.models.likelihood import Objective, maximise

if TYPE_CHECKING:
    from collections.abc import Callable

    from regulars.models.cells import Cells, FloatArray, History


@dataclass(frozen=True)
class NbdFit(OrderFit):
    """A fitted NBD: order rates follow a gamma distribution with shape r and rate alpha."""

    model: ClassVar[str] = "NBD"
    names: ClassVar[tuple[str, ...]] = ("r", "alpha")

    def _expected_orders(self, history: History, horizon: FloatArray) -> FloatArray:
        r, alpha = self.values
        return (r + history.orders) / (alpha + history.age) * horizon

    def _active_probability(self, history: History) -> FloatArray:
        return np.ones(history.orders.shape)

    def _draw_orders(
        self, generator: np.random.Generator, shape: tuple[int, int], history: History, horizon: FloatArray
    ) -> FloatArray:
        r, alpha = self.values
        rates = generator.gamma(np.broadcast_to(r + history.orders, shape)) / (alpha + history.age)
        return generator.poisson(rates * horizon).astype(np.float64)


def prepare_gamma_ratio(cells: Cells) -> Callable[[float], tuple[float, float]]:
    """The sum over customers of ln(Gamma(r + x) / Gamma(r)), and its derivative by r, as a function of r."""
    from scipy.special import gammaln, psi

    orders, inverse = np.unique(cells.orders, return_inverse=True)
    count = add_up(inverse, cells.count)

    def sum_gamma_ratio(r: float) -> tuple[float, float]:
        value = weigh(count, gammaln(r + orders) - gammaln(r))
        return value, weigh(count, psi(r + orders) - psi(r))

    return sum_gamma_ratio


@dataclass(frozen=True)
class Nbd(OrderModel):
    """The NBD model (Ehrenberg 1959): Poisson orders, gamma-distributed rates, nobody leaves.

    Example:
        >>> from regulars.models.cells import Cells
        >>> cells = Cells([0, 1, 2, 3], [0, 5, 8, 9], [10, 10, 10, 10], [60, 20, 12, 8])
        >>> fit = Nbd().fit(cells)
        >>> bool(fit.predict_orders(3, 9, 10, 10)[0] > fit.predict_orders(0, 0, 10, 10)[0])
        True
    """

    fit_type: ClassVar[type[OrderFit]] = NbdFit
    times: ClassVar[tuple[str, ...]] = ("alpha",)
    directions: ClassVar[FloatArray] = ONE_PAIR

    def _first_start(self, rate: float) -> FloatArray:
        return np.array([0.5, 0.5 / rate])

    def _objective(self, cells: Cells) -> Objective:
        ages, inverse = np.unique(cells.age, return_inverse=True)
        count = add_up(inverse, cells.count)
        ordered = add_up(inverse, cells.count * cells.orders)
        total = float(count.sum())
        sum_gamma_ratio = prepare_gamma_ratio(cells)

        def log_likelihood(position: FloatArray) -> tuple[float, FloatArray]:
            r, alpha = np.exp(position)
            gammas, gammas_r = sum_gamma_ratio(r)
            logs = np.log(alpha + ages)
            value = gammas + total * r * position[1] - weigh(r * count + ordered, logs)
            by_r = gammas_r + total * position[1] - weigh(count, logs)
            by_alpha = total * r / alpha - weigh(r * count + ordered, 1 / (alpha + ages))
            return value, np.array([r * by_r, alpha * by_alpha])

        return log_likelihood


class DropoutModel(OrderModel):
    """A model in which customers leave; refused where the data show nobody leaving."""

    directions: ClassVar[FloatArray] = TWO_PAIRS

    def _limit(self, cells: Cells) -> float | None:
        """The log-likelihood of NBD on the same cells."""
        nbd = Nbd(start_count=2, seed=self.seed)
        objective = nbd._objective(cells)
        customer_count = float(cells.count.sum())
        maximum = maximise(
            objective,
            objective,
            nbd._starts(cells),
            directions=ONE_PAIR,
            customer_count=customer_count,
            model=NbdFit.model,
        )
        return maximum.log_likelihood
