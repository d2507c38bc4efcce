"""Forecasts of parts made to add up to that of the whole, none below zero.

Each part moves in proportion to the variance of its own errors: the least-squares reconciliation with diagonal weights
(MinT, WLS: Wickramasuriya, Athanasopoulos & Hyndman (2019), Journal of the American Statistical Association 114,
section 2.4), with the whole held as it was foretold, so that the categories, the stores and the segments add up to one
and the same total.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


def add_up(parts: ArrayLike, whole: ArrayLike, variances: ArrayLike) -> Floats:
    """The parts, moved so that at each step they add up to the whole.

    Args:
        parts: Part × step, none below 0.
        whole: One per step, none below 0.
        variances: Of each part's errors; the less sure a part is, the more it moves.

    The whole is 2 more than the parts: the part with three times the variance takes three quarters of it.

    >>> add_up([[4.0], [6.0]], [12.0], [3.0, 1.0]).ravel().tolist()
    [5.5, 6.5]

    What would fall below 0 stays at 0, and the others take the rest:

    >>> add_up([[1.0], [9.0]], [4.0], [3.0, 1.0]).ravel().tolist()
    [0.0, 4.0]
    """
    told = np.maximum(np.asarray(parts, dtype=float), 0.0).copy()
    target = np.maximum(np.asarray(whole, dtype=float), 0.0)
    weights = np.maximum(np.nan_to_num(np.asarray(variances, dtype=float)), 0.0)
    if not weights.any():
        weights = np.ones(len(told))
    moving = np.ones(told.shape, dtype=bool)
    for _ in range(len(told) + 1):
        gap = target - told.sum(axis=0)
        pull = np.where(moving, weights[:, None], 0.0)
        total = pull.sum(axis=0)
        told = told + np.where(total > 0, gap * pull / np.where(total > 0, total, 1.0), 0.0)
        below = told < 0
        told = np.maximum(told, 0.0)
        if not below.any():
            break
        moving &= ~below
    sums = told.sum(axis=0)  # what no part with an error could take, all take by their size
    told = np.where(sums > 0, told * target / np.where(sums > 0, sums, 1.0), target / len(told))
    return np.asarray(told)
