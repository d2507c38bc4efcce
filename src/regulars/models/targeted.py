"""What a targeted campaign can still tell: naive, against the customers' own past, and weighted, with a placebo.

Contacted customers were chosen, so that they differ from the others before anything happens. The change of the
contacted less the change of the others (difference in differences) takes out what lasts; weighting the others by their
odds of being contacted takes out what was seen before, where the two groups overlap at all. Sources: Abadie (2005),
Review of Economic Studies 72 (difference in differences with a propensity); Austin (2011), Multivariate Behavioral
Research 46 (balance after weighting).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from regulars.models.intervals import steady

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MOST_IMBALANCE = 0.1
"""A standardised difference above this, after weighting, says that the groups are still not alike."""


@dataclass(frozen=True)
class Lift:
    """One campaign. Amounts are per contacted customer and day.

    Args:
        contacted: Customers contacted.
        others: Customers not contacted.
        during: Mean of the contacted in the window.
        naive: Contacted less others in the window.
        placebo: Contacted less others before the campaign, ÷ the others.
        naive_share: Naive ÷ others.
        change: Difference in differences.
        change_error: Its standard error.
        imbalance: Largest standardised difference left after weighting.
        weighted: Contacted less weighted others; None where the imbalance refuses it.
        weighted_error: Its standard error.
        effective: Others that the weights leave: (Σw)² ÷ Σw².
    """

    contacted: int
    others: int
    during: float
    naive: float
    placebo: float
    naive_share: float
    change: float
    change_error: float
    imbalance: float
    weighted: float | None
    weighted_error: float
    effective: float


def lift(is_contacted: NDArray[np.bool_], during: Floats, before: Floats, features: Floats) -> Lift:
    """The three figures of a campaign.

    Args:
        is_contacted: One per customer.
        during: What each bought a day in the window.
        before: What each bought a day in the days before it.
        features: Behaviour before the campaign, customers × columns.

    >>> who = np.array([True, True, True, False, False, False])
    >>> now, then = np.array([6.0, 8, 7, 2, 3, 1]), np.array([5.0, 6, 7, 2, 3, 1])
    >>> found = lift(who, now, then, then[:, None])
    >>> found.naive, found.change
    (5.0, 1.0)
    """
    ours, theirs = is_contacted, ~is_contacted
    other, past = float(during[theirs].mean()), float(before[theirs].mean())
    moved = during - before
    error = np.sqrt(_error(moved[ours]) + _error(moved[theirs]))
    naive = float(during[ours].mean()) - other
    weights = _odds(is_contacted, features)
    imbalance = _imbalance(is_contacted, features, weights)
    total = weights.sum()
    mean = float((weights * during[theirs]).sum() / total)
    weighted = float(during[ours].mean()) - mean if imbalance <= MOST_IMBALANCE else None
    spread = ((weights * (during[theirs] - mean)) ** 2).sum() / total**2
    return Lift(
        int(ours.sum()), int(theirs.sum()), _steady(during[ours].mean()), _steady(naive),
        _steady(before[ours].mean() / past - 1) if past > 0 else float("nan"),
        _steady(naive / other) if other > 0 else float("nan"),
        _steady(moved[ours].mean() - moved[theirs].mean()), _steady(error), float(np.round(imbalance, 6)),
        None if weighted is None else float(np.round(weighted, 9)), float(np.sqrt(_error(during[ours]) + spread)),
        float(total**2 / (weights**2).sum()),
    )  # fmt: skip


@dataclass(frozen=True)
class Pooled:
    """Several campaigns as one, each counting by its contacted customers; shares of what would have been without.

    Args:
        campaigns: How many.
        contacted: Contacts in all.
        naive: Naive lift.
        placebo: The same figure before the campaigns.
        change: Difference in differences.
        low: Lower end of its 95 % interval.
        high: Upper end.
        weighted: Weighted lift; None where any campaign refuses it.
        weighted_low: Lower end.
        weighted_high: Upper end.
        imbalance: Largest imbalance of any campaign.
    """

    campaigns: int
    contacted: int
    naive: float
    placebo: float
    change: float
    low: float
    high: float
    weighted: float | None
    weighted_low: float
    weighted_high: float
    imbalance: float


def pool(lifts: Sequence[Lift]) -> Pooled:
    """Campaigns taken together, as if their customers were different ones: the interval is then a little too narrow."""
    share = np.array([one.contacted for one in lifts], dtype=float)
    share /= share.sum()
    during = float(share @ [one.during for one in lifts])
    change = float(share @ [one.change for one in lifts])
    error = float(np.sqrt((share**2) @ np.array([one.change_error**2 for one in lifts])))
    without = max(during - change, 1e-12)
    weighted, ends = None, (float("nan"), float("nan"))
    if all(one.weighted is not None for one in lifts):
        value = float(share @ [one.weighted or 0.0 for one in lifts])
        spread = float(np.sqrt((share**2) @ np.array([one.weighted_error**2 for one in lifts])))
        rest = max(during - value, 1e-12)
        weighted, ends = value / rest, ((value - 1.96 * spread) / rest, (value + 1.96 * spread) / rest)
    naive, placebo = (float(share @ [getattr(one, name) for one in lifts]) for name in ("naive_share", "placebo"))
    return Pooled(
        len(lifts), int(sum(one.contacted for one in lifts)), _steady(naive), _steady(placebo),
        _steady(change / without),
        _steady((change - 1.96 * error) / without), _steady((change + 1.96 * error) / without), weighted, *ends,
        max(one.imbalance for one in lifts),
    )  # fmt: skip


def _odds(is_contacted: NDArray[np.bool_], features: Floats) -> Floats:
    """Odds of being contacted of those who were not, from a logistic regression."""
    from sklearn.linear_model import LogisticRegression

    spread = features.std(axis=0)
    scaled = (features - features.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    chance = LogisticRegression(max_iter=500).fit(scaled, is_contacted).predict_proba(scaled)[~is_contacted, 1]
    chance = np.clip(chance, 1e-4, 1 - 1e-4)
    odds: Floats = chance / (1 - chance)
    return odds


def _imbalance(is_contacted: NDArray[np.bool_], features: Floats, weights: Floats) -> float:
    ours, theirs = features[is_contacted], features[~is_contacted]
    spread = ours.std(axis=0)
    gap = ours.mean(axis=0) - (weights @ theirs) / weights.sum()
    return float(np.abs(gap / np.where(spread > 0, spread, 1.0)).max())


def _error(values: Floats) -> float:
    return float(values.var(ddof=1) / len(values))


def _steady(value: float) -> float:
    return float(steady(np.asarray(float(value))))
