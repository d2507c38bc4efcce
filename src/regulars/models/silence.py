"""Silence measured against each customer's own rhythm, and how well it tells who comes back.

A silence limit says how long a customer may be silent before counting as gone: so many of the customer's own mean
gaps, so many typical gaps, or the silence at which a model gives up. What such a silence means is then counted on
a later period, not assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from regulars.errors import FitError
from regulars.models.cells import Cells
from regulars.models.intervals import share_interval
from regulars.models.order_models import fit_best
from regulars.models.validation import validate
from regulars.models.value_prediction import find_silence_limit

if TYPE_CHECKING:
    from regulars.models.btyd import OrderFit
    from regulars.models.cells import FloatArray
    from regulars.models.validation import Validation

MODEL: Final = "model of repeat orders"
OWN: Final = "own rhythm"
SILENCE: Final = "silence alone"
BANDS: Final = (0.25, 0.5, 1.0, 2.0)
"""Upper ends of the bands of silence as a share of the limit; the last band has none."""
LEAST_GAP_DAYS: Final = 1.0


@dataclass(frozen=True)
class Past:
    """Customers as known on a day, and whether they came back after it; one entry each.

    Attributes:
        visits: Days with an order.
        active_days: Days from the first to the last.
        tenure_days: Days from the first to that day.
        came_back: 1 for an order in the later period, else 0.
    """

    visits: FloatArray
    active_days: FloatArray
    tenure_days: FloatArray
    came_back: FloatArray

    @property
    def silence(self) -> FloatArray:
        """Days since the last order."""
        return self.tenure_days - self.active_days


@dataclass(frozen=True)
class Judgement:
    """Which yardstick of silence is used, and what it meant on the later period.

    Attributes:
        used: `MODEL`, `OWN` or `SILENCE`.
        validation: The three side by side; the AUC decides.
        customers: Customers per band of silence as a share of the limit.
        returned: Those of them who came back.
        share: returned ÷ customers; NaN for an empty band.
        low: Lower end of its 95 % interval.
        high: Upper end.
    """

    used: str
    validation: Validation
    customers: FloatArray
    returned: FloatArray
    share: FloatArray
    low: FloatArray
    high: FloatArray

    @property
    def kept(self) -> tuple[float, ...]:
        """Per band, how much less likely a return is than in the best band: 1 is as likely, 0 never."""
        best = float(np.nanmax(self.share))
        return tuple(0.0 if best <= 0 or np.isnan(share) else round(float(share) / best, 9) for share in self.share)


def typical_gap(visits: FloatArray, active_days: FloatArray) -> float:
    """Mean days between two visits over all customers; NaN where nobody came twice.

    Example:
        >>> typical_gap(np.array([1.0, 3.0]), np.array([0.0, 20.0]))
        10.0
    """
    gaps = float((visits - 1).sum())
    return float(active_days.sum()) / gaps if gaps > 0 else float("nan")


def own_limits(past: Past, gone_after_gaps: float) -> FloatArray:
    """So many of each customer's own mean gaps; one-time buyers and same-day rhythms take the typical gap."""
    typical = typical_gap(past.visits, past.active_days)
    own = np.divide(past.active_days, past.visits - 1, out=np.full(past.visits.size, typical), where=past.visits > 1)
    return np.asarray(gone_after_gaps * np.maximum(own, LEAST_GAP_DAYS))


def judge_silence(
    past: Past, gone_after_gaps: float, gone_below_share: float, window: float, seed: int
) -> Judgement | None:
    """The yardsticks on a later period; None where nobody came twice before it, or all or none came after it.

    The model is used where its expected orders put those who came back first significantly better than both simple
    yardsticks (AUC); else the better of the two.

    Args:
        past: The customers.
        gone_after_gaps: So many gaps of silence make the limit.
        gone_below_share: Under this probability of being active the model gives up.
        window: Length of the later period in days.
        seed: Seed of the draws.
    """
    typical = typical_gap(past.visits, past.active_days)
    returned = float(past.came_back.sum())
    if not np.isfinite(typical) or not 0 < returned < past.came_back.size:
        return None
    own = own_limits(past, gone_after_gaps)
    limits = {OWN: own, SILENCE: np.full(own.size, gone_after_gaps * max(typical, LEAST_GAP_DAYS))}
    rules = {name: -past.silence / limit for name, limit in limits.items()}
    fit = _fit(past)
    if fit is None:
        validation = validate(
            past.came_back,
            rules[OWN],
            {SILENCE: rules[SILENCE]},
            model=OWN,
            main_measure="auc",
            draw_count=200,
            seed=seed,
        )
    else:
        orders = past.visits - 1
        expected = fit.predict_orders(orders, past.active_days, past.tenure_days, window)
        limit = find_silence_limit(fit, orders, past.active_days, gone_below_share)
        limits[MODEL] = np.where(np.isnan(limit), own, np.maximum(limit, LEAST_GAP_DAYS))
        validation = validate(
            past.came_back, expected, rules, model=MODEL, main_measure="auc", draw_count=200, seed=seed
        )
    used = validation.winner
    band = np.searchsorted(BANDS, past.silence / limits[used])
    customers = np.bincount(band, minlength=len(BANDS) + 1).astype(np.float64)
    back = np.bincount(band, past.came_back, minlength=len(BANDS) + 1).astype(np.float64)
    low, high = share_interval(back, customers)
    share = np.divide(back, customers, out=np.full(customers.size, np.nan), where=customers > 0)
    return Judgement(used, validation, customers, back, share, low, high)


def _fit(past: Past) -> OrderFit | None:
    """A model in which customers can leave; None where there is none."""
    try:
        fit = fit_best(Cells.count_customers(past.visits - 1, past.active_days, past.tenure_days, "day")).fit
    except FitError:
        return None
    return None if fit.model == "NBD" else fit
