"""Do groups of contracts end at the same pace, and is there a month in which most end? From counts.

The log-rank test needs the extra `survival` (lifelines).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike


def log_rank_p_value(groups: Sequence[str], days: ArrayLike, ended: ArrayLike, running: ArrayLike) -> float:
    """Probability of groups at least as different, if all ended at the same pace; NaN where none can be told apart.

    Source: Mantel (1966), Cancer Chemotherapy Reports 50, pp. 163-170; Peto & Peto (1972), Journal of the Royal
    Statistical Society A 135, pp. 185-207.

    Args:
        groups: Group of each row; rows of a group and length may stand once.
        days: How long the contracts of the row have run.
        ended: How many of them ended then.
        running: How many still run.

    Example:
        >>> pace = log_rank_p_value(["a", "b"], [10, 20], [50, 50], [0, 0])
        >>> pace < 0.001
        True
    """
    from lifelines.statistics import multivariate_logrank_test

    when, hit, still = (np.asarray(column, dtype=np.float64) for column in (days, ended, running))
    labels = np.asarray(groups, dtype=object)
    weights = np.concatenate([hit, still])
    told = weights > 0
    if len(set(labels)) < 2 or not hit.sum():
        return float("nan")
    events = np.concatenate([np.ones_like(hit), np.zeros_like(still)])
    test = multivariate_logrank_test(
        np.concatenate([when, when])[told], np.concatenate([labels, labels])[told], events[told], weights=weights[told]
    )
    return float(test.p_value)


def stands_out(reached: Sequence[int], ended: Sequence[int], error_share: float = 0.05) -> int | None:
    """The period in which more end than in all together, beyond chance for the number of periods; None where none does.

    An exact binomial test of each period against the share of all, Bonferroni-corrected. Contracts that are censored
    within a period make it careful.

    Args:
        reached: Contracts that reached each period.
        ended: Of those, how many ended in it.
        error_share: Chance of a false answer where all periods are alike, at most.

    Example:
        >>> stands_out([1000, 950, 900, 400], [50, 50, 500, 20])
        2
        >>> stands_out([1000, 950, 900], [50, 50, 45]) is None
        True
    """
    from scipy.stats import binom

    if not sum(reached):
        return None
    chance = binom.sf(np.asarray(ended) - 1, np.asarray(reached), sum(ended) / sum(reached))
    place = int(np.argmin(chance))
    return place if chance[place] < error_share / len(reached) else None
