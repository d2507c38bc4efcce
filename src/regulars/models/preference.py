"""How much more a group spends on a category than all do, drawn towards "as all" where the group is small."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from regulars.models import intervals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Shrunk:
    """Indices drawn together.

    Args:
        index: Posterior mean; 1 is as all.
        spread: Standard deviation between groups that chance does not explain.
    """

    index: Floats
    spread: float


def shrink(index: Floats, error: Floats) -> Shrunk:
    """Indices drawn towards 1 by how uncertain each is beside how much the groups truly differ.

    The variance between groups is found by the method of moments; an index keeps the share τ² ÷ (τ² + error²) of its
    distance from 1. NaN stays NaN.

    Source: empirical Bayes for normal means; DerSimonian & Laird (1986), Controlled Clinical Trials 7, pp. 177-188, for
    τ², here about the known mean 1.

    >>> shrink(np.array([1.5, 0.5]), np.array([0.01, 10.0])).index.round(1).tolist()
    [1.5, 1.0]
    """
    known = np.isfinite(index) & np.isfinite(error) & (error > 0)
    if not known.any():
        return Shrunk(index, 0.0)
    weight = 1 / error[known] ** 2
    excess = (weight * (index[known] - 1) ** 2).sum() - known.sum()
    between = max(float(excess / weight.sum()), 0.0)
    kept = np.where(known, between / (between + np.where(known, error, 1.0) ** 2), 1.0)
    return Shrunk(intervals.steady(1 + kept * (index - 1)), float(np.sqrt(between)))
