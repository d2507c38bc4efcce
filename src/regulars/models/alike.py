"""Customers who are all alike but for degree and chance: the reference for segments by how customers come and go.

Orders, silence and time known hang together in every customer: who came last month has few orders, and who bought once
has been silent since. So even where everybody buys by one and the same process, customers fall into "new", "active" and
"lapsed", clearer than any one cloud of points would. To be a segment, customers must stand out from that: from as many
customers, known for as long, drawn from the one process that fits them best.

The process is Pareto/NBD: rates of buying and of leaving differ by degrees (gamma-distributed), and nothing else does;
where nobody leaves it is NBD. Sources: Schmittlein, Morrison & Colombo (1987), Management Science 33; Ehrenberg (1959),
Applied Statistics 8.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from regulars.errors import FitError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from regulars.models.clusters import Preparation

    Floats = NDArray[np.float64]

HISTORY = ("order_count", "recency_days", "active_days", "tenure_days")
"""The features that one history of orders gives."""
_FITTED = 2_000
"""Customers that the process is fitted to, evenly taken."""
_NEVER = 1e12
_LEAST_VARIANCE, _LEAST_SHARE = 1e-12, 0.05


@dataclass(frozen=True)
class Alike:
    """The one process that fits some customers best, and how long each of them is known.

    Args:
        rate_shape: Of the gamma distribution of orders per day.
        rate_days: Its scale, in days: mean rate = shape ÷ days.
        leave_shape: Of the gamma distribution of the hazard of leaving; 0: nobody leaves.
        leave_days: Its scale, in days.
        tenure_days: Of each customer.
        order_count: Of each customer, as it is.
    """

    rate_shape: float
    rate_days: float
    leave_shape: float
    leave_days: float
    tenure_days: Floats
    order_count: Floats

    @classmethod
    def fit(cls, values: Mapping[str, Floats]) -> Alike | None:
        """The process of customers with these features, one row each; None where no process fits.

        Args:
            values: Has `order_count` (from 1), `active_days` and `tenure_days`.
        """
        from regulars.models.cells import Cells
        from regulars.models.nbd import Nbd
        from regulars.models.pareto_nbd import ParetoNbd

        orders, active, tenure = (np.floor(values[name]) for name in ("order_count", "active_days", "tenure_days"))
        if not (np.isfinite(orders) & np.isfinite(active) & np.isfinite(tenure) & (orders >= 1)).all():
            return None
        tenure = np.maximum(tenure, active)
        repeats = np.where(active > 0, orders - 1, 0.0)  # further orders of the first day are part of the first
        active = np.where(repeats > 0, active, 0.0)
        some = np.linspace(0, len(orders) - 1, min(len(orders), _FITTED)).astype(int)
        for model in (ParetoNbd(), Nbd()):
            try:
                cells = Cells.count_customers(repeats[some], active[some], tenure[some], "day")
                found = model.fit(cells).parameters
            except FitError:
                continue
            return cls(found["r"], found["alpha"], found.get("s", 0.0), found.get("beta", 0.0), tenure, orders)
        return None

    def take(self, rows: NDArray[np.int64]) -> Alike:
        """The same process for some of the customers."""
        return replace(self, tenure_days=self.tenure_days[rows], order_count=self.order_count[rows])

    def draw(self, rng: np.random.Generator) -> dict[str, Floats]:
        """A history of each customer by the process: the four features, in whole days.

        >>> drawn = Alike(2.0, 60.0, 0.0, 0.0, np.full(2000, 300.0), np.ones(2000)).draw(np.random.default_rng(0))
        >>> bool(abs(drawn["order_count"].mean() - (1 + 2.0 / 60 * 300)) < 0.5)
        True
        """
        size = len(self.tenure_days)
        rate = rng.gamma(self.rate_shape, 1 / self.rate_days, size)
        until = np.full(size, _NEVER)
        if self.leave_shape:
            hazard = rng.gamma(self.leave_shape, 1 / self.leave_days, size)
            until = rng.exponential(1.0, size) / np.maximum(hazard, 1 / _NEVER)
        span = np.minimum(self.tenure_days, until)
        repeats = rng.poisson(rate * span)
        last = rng.random(size) ** (1 / np.maximum(repeats, 1))  # the greatest of so many moments
        active = np.where(repeats > 0, np.floor(span * last), 0.0)
        return {
            "order_count": repeats + 1.0, "active_days": active, "tenure_days": self.tenure_days,
            "recency_days": self.tenure_days - active,
        }  # fmt: skip

    def dress(self, cloud: Floats, rows: Floats, preparation: Preparation, rng: np.random.Generator) -> Floats:
        """A cloud of customers whose history is one of the process.

        What else is known of them stays as in the cloud. Histories and rows meet in the order of their orders, so that
        what goes with many orders still does; and a mean over few orders spreads wider than one over many, as in the
        customers themselves.

        Args:
            cloud: Prepared features without structure, one row per customer.
            rows: Those of the customers themselves.
            preparation: Of the features.
            rng: Draws.
        """
        drawn, names = self.draw(rng), preparation.names
        others = dict.fromkeys(names, np.zeros(len(cloud))) | drawn
        history, _ = preparation.prepare({name: others[name] for name in names}, drawn["order_count"])
        by_history = np.lexsort((rng.random(len(cloud)), drawn["order_count"]))
        by_cloud = np.arange(len(cloud))
        if "order_count" in names:
            by_cloud = np.argsort(cloud[:, names.index("order_count")], kind="stable")
        dressed = np.empty_like(cloud)
        dressed[by_history] = cloud[by_cloud]
        for place, name in enumerate(names):
            if name in HISTORY:
                dressed[:, place] = history[:, place]
            else:
                spread = _spreads(rows[:, place], self.order_count, drawn["order_count"])
                middle = dressed[:, place].mean()
                widened = middle + (dressed[:, place] - middle) * spread
                dressed[:, place] = np.clip(widened, rows[:, place].min(), rows[:, place].max())
        return dressed


def _spreads(column: Floats, orders: Floats, drawn: Floats) -> Floats:
    """Standard deviation at so many orders ÷ that of all: variance between customers + variance of an order ÷ orders.

    >>> rng = np.random.default_rng(0)
    >>> orders = np.repeat([1.0, 4.0], 5000)
    >>> _spreads(rng.standard_normal(10_000) / orders**0.5, orders, np.array([1.0, 4.0])).round(1).tolist()
    [1.3, 0.6]
    """
    squares = (column - column.mean()) ** 2
    each = 1 / orders
    slope = np.cov(each, squares)[0, 1] / each.var() if each.var() > 0 else 0.0
    of_all = max(float(squares.mean()), _LEAST_VARIANCE)
    found = np.maximum(of_all + slope * (1 / drawn - each.mean()), _LEAST_SHARE * of_all)
    spreads: Floats = np.sqrt(found / of_all)
    return spreads
