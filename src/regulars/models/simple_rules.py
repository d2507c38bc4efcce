"""The simplest rules that could do a model's job; no model is used where one of these does better.

`amount` is what is foretold, counted so far: repeat orders, or spend on them. Times share one unit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from regulars.errors import RegularsError

if TYPE_CHECKING:
    from regulars.models.cells import FloatArray


def predict_average(amount: npt.ArrayLike, age: npt.ArrayLike, horizon: float) -> FloatArray:
    """Everyone goes on at the average rate of all; one value per customer.

    Example:
        >>> predict_average([0, 2], [10, 10], 5).tolist()
        [0.5, 0.5]
    """
    amounts, ages = _columns(amount, age)
    return np.full(amounts.size, _rate(amounts, ages) * horizon)


def repeat_past_rate(amount: npt.ArrayLike, age: npt.ArrayLike, horizon: float, least_age: float = 1.0) -> FloatArray:
    """Everyone goes on at their own past rate; one value per customer.

    Args:
        amount: Repeat orders, or spend on them, so far.
        age: Time from the first order to now.
        horizon: Length of the future period.
        least_age: Ages below this count as this, so that two orders in two days do not promise one a day.

    Example:
        >>> repeat_past_rate([0, 2, 1], [10, 10, 0], 5).tolist()
        [0.0, 1.0, 5.0]
    """
    if least_age <= 0:
        raise RegularsError("The least age must be above 0.", mend="Give it in the unit of the ages, for example 1.0.")
    amounts, ages = _columns(amount, age)
    return amounts / np.maximum(ages, least_age) * horizon


def apply_recency_threshold(
    amount: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike, horizon: float, patience: float
) -> FloatArray:
    """Who ordered lately goes on at the average rate of those who did; the silent never come back.

    Args:
        amount: Repeat orders, or spend on them, so far.
        recency: Time from the first order to the last.
        age: Time from the first order to now.
        horizon: Length of the future period.
        patience: Longest silence (age − recency) of a customer who is still one.

    Example:
        >>> apply_recency_threshold([4, 2, 6], [9, 2, 8], [10, 10, 10], 5, patience=3).tolist()
        [2.5, 0.0, 2.5]
    """
    amounts, ages = _columns(amount, age)
    active = ages - np.asarray(recency, dtype=np.float64) <= patience
    return np.where(active, _rate(amounts[active], ages[active]) * horizon, 0.0)


def apply_simple_rules(
    amount: npt.ArrayLike,
    recency: npt.ArrayLike,
    age: npt.ArrayLike,
    horizon: float,
    *,
    patience: float,
    least_age: float = 1.0,
) -> dict[str, FloatArray]:
    """The predictions of all three rules by name, simplest first."""
    return {
        "the average": predict_average(amount, age, horizon),
        "recency threshold": apply_recency_threshold(amount, recency, age, horizon, patience),
        "past rate": repeat_past_rate(amount, age, horizon, least_age),
    }


def _rate(amounts: FloatArray, ages: FloatArray) -> float:
    """What all together bring per unit of time."""
    time = float(ages.sum())
    return float(amounts.sum()) / time if time > 0 else 0.0


def _columns(amount: npt.ArrayLike, age: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    amounts, ages = np.asarray(amount, dtype=np.float64), np.asarray(age, dtype=np.float64)
    if amounts.shape != ages.shape or amounts.ndim != 1:
        raise RegularsError(f"Amount and age must be two lists of one length, not {amounts.shape} and {ages.shape}.")
    return amounts, ages
