"""How unequally a total is spread over customers: what the top ones bring, the Gini coefficient, the Pareto curve.

Works on groups of customers with (nearly) equal values, so that five million customers need not be sorted here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from regulars.errors import FitError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Concentration:
    """The spread of a total; customers in falling order of their value.

    Attributes:
        customer_share: Share of the customers reached, 0-1; rises from 0.
        value_share: Share of the total that they bring; one entry per entry of `customer_share`.
        customer_count: All customers.
        total: What all bring.
    """

    customer_share: Floats
    value_share: Floats
    customer_count: int
    total: float

    def top(self, share: float) -> float:
        """Share of the total that the top share of the customers bring; groups on the border count in part."""
        return float(np.interp(share, self.customer_share, self.value_share))

    def reach(self, value: float) -> float:
        """The least share of the customers who bring that share of the total."""
        place = int(np.argmax(self.value_share >= value))
        if place == 0:
            return 0.0
        ends = slice(place - 1, place + 1)
        return float(np.interp(value, self.value_share[ends], self.customer_share[ends]))

    @property
    def gini(self) -> float:
        """0 where all bring the same, 1 where one brings everything; groups count as equal inside."""
        widths = np.diff(self.customer_share)
        heights = (self.value_share[1:] + self.value_share[:-1]) / 2
        return float(2 * (widths * heights).sum() - 1)


def concentrate(customers: ArrayLike, totals: ArrayLike) -> Concentration:
    """The concentration from groups of customers with nearly equal values.

    Args:
        customers: Customers of each group.
        totals: What each group brings together; negative totals (refunds) count as they are.

    Raises:
        FitError: There are no customers, or together they bring nothing.

    Example:
        >>> two = concentrate([1, 4], [60.0, 40.0])
        >>> round(two.top(0.2), 3), round(two.gini, 3), round(two.reach(0.8), 3)
        (0.6, 0.4, 0.6)
    """
    count, total = np.asarray(customers, dtype=np.float64), np.asarray(totals, dtype=np.float64)
    if not count.size or count.sum() <= 0 or total.sum() <= 0:
        raise FitError("Concentration needs customers who together bring more than nothing.")
    order = np.argsort(-total / count, kind="stable")
    reached = np.append(0.0, np.cumsum(count[order])) / count.sum()
    brought = np.append(0.0, np.cumsum(total[order])) / total.sum()
    return Concentration(reached, brought, round(float(count.sum())), float(total.sum()))
