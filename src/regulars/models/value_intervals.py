"""How sure a predicted value is: of single customers, and of all together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from regulars.models.cells import Cells
from regulars.models.customer_value import ValueModel

if TYPE_CHECKING:
    from regulars.models.cells import FloatArray
    from regulars.models.validation import Validation
    from regulars.models.value_prediction import Learnt

_DRAWS: Final = 400
_TAILS: Final = (0.025, 0.975)


@dataclass(frozen=True)
class Customers:
    """Customers with their history in days; one entry each.

    Attributes:
        visits: Days with an order.
        active_days: Days from the first order to the last.
        tenure_days: Days from the first order to now.
        revenue: What they have brought so far.
    """

    visits: FloatArray
    active_days: FloatArray
    tenure_days: FloatArray
    revenue: FloatArray

    @property
    def mean_spend(self) -> FloatArray:
        """Revenue per visit, at least 0."""
        return np.maximum(self.revenue / self.visits, 0.0)


def value_model(
    learnt: Learnt, winner: str, horizon: float, margin_share: float, yearly_discount_share: float
) -> ValueModel | None:
    """The model of value; None where a simple rule is used in its place."""
    if winner != learnt.value_model or learnt.order_fit is None or learnt.spend_fit is None:
        return None
    return ValueModel(learnt.order_fit, learnt.spend_fit, horizon, margin_share, yearly_discount_share)


def customer_intervals(
    model: ValueModel, customers: Customers, value: FloatArray, seed: int
) -> tuple[FloatArray, FloatArray]:
    """The ends of the 95 % interval of each customer's value, from drawn futures; never beyond the value itself."""
    c = customers
    if not c.visits.size:
        return value, value
    draws = model.draw_value(
        c.visits - 1, c.active_days, c.tenure_days, c.visits, c.mean_spend, draw_count=_DRAWS, seed=seed
    )
    low, high = np.quantile(draws, _TAILS, axis=0).round(2)
    return np.minimum(low, value), np.maximum(high, value)


def total_interval(
    model: ValueModel, customers: Customers, customer_count: int, total: float, seed: int
) -> tuple[float, float] | None:
    """The 95 % interval of the total of all customers: parameters and chance, spread as on a sample of them.

    Args:
        model: The model of value.
        customers: A sample of the customers, or all of them.
        customer_count: All customers.
        total: The value of all of them.
        seed: Seed of the draws.
    """
    c = customers
    if not c.visits.size:
        return None
    weight = np.full(c.visits.size, customer_count / c.visits.size)
    cells = Cells(c.visits - 1, c.active_days, c.tenure_days, weight, model.order_fit.unit)
    estimate = model.estimate_value(cells, c.visits, c.mean_spend, seed=seed)
    if estimate.value <= 0:
        return None
    return _around(total, total * estimate.low / estimate.value, total * estimate.high / estimate.value)


def scaled_interval(total: float, validation: Validation, name: str) -> tuple[float, float] | None:
    """An interval for a predicted total, as wide as the bootstrap interval of its ratio to what came in the test.

    It tells how far chance among customers moves such a total; a bias that the later period showed is not taken out.
    """
    score = validation.find_score(name, "bias_share")
    if score.value is None or score.low is None or score.high is None or score.low <= -1 or total <= 0:
        return None
    ratio = total * (1 + score.value)
    return _around(total, ratio / (1 + score.high), ratio / (1 + score.low))


def _around(total: float, low: float, high: float) -> tuple[float, float]:
    """The ends, rounded; an interval without width must not leave the total outside by its rounding."""
    return min(_rounded(low), total), max(_rounded(high), total)


def _rounded(value: float) -> float:
    """Six significant digits: drawn ends are not better known."""
    return float(f"{value:.6g}")
