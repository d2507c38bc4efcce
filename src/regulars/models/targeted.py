"""What a targeted campaign can still tell: naive, against the customers' own past, and weighted, each with a placebo.

Contacted customers were chosen, so that they differ from the others before anything happens. The change of the
contacted less the change of the others (difference in differences) takes out what lasts; weighting the others by their
odds of being contacted takes out what was seen before, where the two groups overlap at all. Each figure is also made
for the days before the campaign, when it cannot have done anything. Sources: Abadie (2005), Review of Economic Studies
72 (difference in differences with a propensity); Austin (2011), Multivariate Behavioral Research 46 (balance after
weighting); Crump, Hotz, Imbens & Mitnik (2009), Biometrika 96 (overlap).
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
    Flags = NDArray[np.bool_]

MOST_IMBALANCE = 0.1
"""A standardised difference above this, after weighting, says that the groups are still not alike."""
HIGHEST_CHANCE = 0.9
"""Who is contacted with a chance above this has hardly anyone alike among the others."""
MOST_WITHOUT_LIKE = 0.05
"""Up to this share of the contacted may have a chance above the highest."""
FEWEST_EFFECTIVE = 0.5
"""The others that the weights leave must be at least this share of the contacted, and `FEWEST_OTHERS`."""
FEWEST_OTHERS = 100.0
_Z = 1.959963984540054


@dataclass(frozen=True)
class Past:
    """A period before the campaign, to test the figures where nothing can have happened. One per customer known then.

    Args:
        is_contacted: Contacted by the campaign later.
        outcome: What each bought a day in the days before the campaign.
        before: What each bought a day in the days before those.
        features: Behaviour before those days, customers × columns.
    """

    is_contacted: Flags
    outcome: Floats
    before: Floats
    features: Floats


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
        past_during: Mean of the contacted in the days before, of those known then; NaN where the past is too short.
        past_change: Difference in differences of the days before; NaN where the past is too short.
        past_change_error: Its standard error.
        imbalance: Largest standardised difference left after weighting, what was bought before among it.
        without_like: Share of the contacted with a chance of being contacted above `HIGHEST_CHANCE`.
        effective: Others that the weights leave: (Σw)² ÷ Σw².
        weighted_placebo: The weighted figure for the days before, ÷ the weighted others; NaN where the past is short.
        weighted: Contacted less weighted others; None where it is refused.
        weighted_error: Its standard error.
        refusal: Why weighting is refused; "" where it is not.
    """

    contacted: int
    others: int
    during: float
    naive: float
    placebo: float
    naive_share: float
    change: float
    change_error: float
    past_during: float
    past_change: float
    past_change_error: float
    imbalance: float
    without_like: float
    effective: float
    weighted_placebo: float
    weighted: float | None
    weighted_error: float
    refusal: str


def lift(is_contacted: Flags, during: Floats, before: Floats, features: Floats, past: Past | None = None) -> Lift:
    """The three figures of a campaign.

    Args:
        is_contacted: One per customer.
        during: What each bought a day in the window.
        before: What each bought a day in the days before it.
        features: Behaviour before the campaign, customers × columns.
        past: The period before; None where the data do not reach so far, so that weighting is refused as untested.

    >>> who = np.array([True, True, True, False, False, False])
    >>> now, then = np.array([6.0, 8, 7, 2, 3, 1]), np.array([5.0, 6, 7, 2, 3, 1])
    >>> found = lift(who, now, then, then[:, None])
    >>> found.naive, found.change, found.weighted is None
    (5.0, 1.0, True)
    """
    ours, theirs = is_contacted, ~is_contacted
    other, earlier = float(during[theirs].mean()), float(before[theirs].mean())
    naive = float(during[ours].mean()) - other
    change, error = _change(is_contacted, during, before)
    weights = _weigh(is_contacted, during, features)
    nothing = float("nan")
    past_change, past_error, past_during, placebo, tells = nothing, nothing, nothing, nothing, ""
    imbalance = max(weights.imbalance(features), weights.imbalance(before[:, None]))
    if past is not None:
        past_change, past_error = _change(past.is_contacted, past.outcome, past.before)
        past_during = float(past.outcome[past.is_contacted].mean())
        then = _weigh(past.is_contacted, past.outcome, past.features)
        placebo = then.gap / then.mean if then.mean > 0 else nothing
        tells = "placebo" if abs(then.gap) > _Z * then.error else ""
    else:
        tells = "too short a past"
    enough = max(FEWEST_OTHERS, FEWEST_EFFECTIVE * float(ours.sum()))
    refusal = (
        "imbalance" if imbalance > MOST_IMBALANCE
        else "no overlap" if weights.without_like > MOST_WITHOUT_LIKE
        else "few others alike" if weights.effective < enough
        else tells
    )  # fmt: skip
    return Lift(
        int(ours.sum()), int(theirs.sum()), _steady(during[ours].mean()), _steady(naive),
        _steady(before[ours].mean() / earlier - 1) if earlier > 0 else nothing,
        _steady(naive / other) if other > 0 else nothing,
        _steady(change), _steady(error), _steady(past_during), _steady(past_change), _steady(past_error),
        _rounded(imbalance), _rounded(weights.without_like), _rounded(weights.effective, 3), _rounded(placebo),
        None if refusal else _rounded(weights.gap, 9), _rounded(weights.error, 9), refusal,
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
        past_change: Difference in differences of the days before, over the campaigns with a past; NaN without any.
        past_low: Lower end of its 95 % interval.
        past_high: Upper end.
        weighted: Weighted lift; None where any campaign refuses it.
        weighted_low: Lower end.
        weighted_high: Upper end.
        refused: How many campaigns refuse weighting.
        imbalance: Largest imbalance of any campaign.
    """

    campaigns: int
    contacted: int
    naive: float
    placebo: float
    change: float
    low: float
    high: float
    past_change: float
    past_low: float
    past_high: float
    weighted: float | None
    weighted_low: float
    weighted_high: float
    refused: int
    imbalance: float


def pool(lifts: Sequence[Lift]) -> Pooled:
    """Campaigns taken together, as if their customers were different ones: the interval is then a little too narrow."""
    share = np.array([one.contacted for one in lifts], dtype=float)
    share /= share.sum()
    refused = sum(one.weighted is None for one in lifts)
    weighted: tuple[float, ...] = (float("nan"),) * 3
    if not refused:
        weighted = _pooled(lifts, "during", "weighted", "weighted_error")
    past = [one for one in lifts if np.isfinite(one.past_change)]
    naive, placebo = (float(share @ [getattr(one, name) for one in lifts]) for name in ("naive_share", "placebo"))
    return Pooled(
        len(lifts), int(sum(one.contacted for one in lifts)), _steady(naive), _steady(placebo),
        *_pooled(lifts, "during", "change", "change_error"),
        *(_pooled(past, "past_during", "past_change", "past_change_error") if past else (float("nan"),) * 3),
        None if refused else weighted[0], weighted[1], weighted[2], refused, max(one.imbalance for one in lifts),
    )  # fmt: skip


def _pooled(lifts: Sequence[Lift], during: str, gap: str, error: str) -> tuple[float, float, float]:
    """A difference ÷ what would have been without it, with its interval, each campaign by its contacted customers."""
    share = np.array([one.contacted for one in lifts], dtype=float)
    share /= share.sum()
    value, level = (float(share @ [getattr(one, name) for one in lifts]) for name in (gap, during))
    spread = float(np.sqrt((share**2) @ np.array([getattr(one, error) ** 2 for one in lifts])))
    rest = max(level - value, 1e-12)
    return _steady(value / rest), _steady((value - _Z * spread) / rest), _steady((value + _Z * spread) / rest)


def _change(is_contacted: Flags, during: Floats, before: Floats) -> tuple[float, float]:
    """Difference in differences, and its standard error."""
    moved = during - before
    ours, theirs = moved[is_contacted], moved[~is_contacted]
    return float(ours.mean() - theirs.mean()), float(np.sqrt(_error(ours) + _error(theirs)))


@dataclass(frozen=True)
class _Weights:
    """The others weighted by their odds of being contacted.

    Args:
        is_contacted: One per customer.
        odds: One per other customer.
        without_like: Share of the contacted with hardly anyone alike.
        mean: Of the outcome, over the weighted others.
        gap: Contacted less that.
        error: Standard error of the gap.
    """

    is_contacted: Flags
    odds: Floats
    without_like: float
    mean: float
    gap: float
    error: float

    @property
    def effective(self) -> float:
        return float(self.odds.sum() ** 2 / (self.odds**2).sum())

    def imbalance(self, features: Floats) -> float:
        """Largest difference of means, in standard deviations of the contacted."""
        ours, theirs = features[self.is_contacted], features[~self.is_contacted]
        spread = ours.std(axis=0)
        gap = ours.mean(axis=0) - (self.odds @ theirs) / self.odds.sum()
        return float(np.abs(gap / np.where(spread > 0, spread, 1.0)).max())


def _weigh(is_contacted: Flags, outcome: Floats, features: Floats) -> _Weights:
    """Odds from a logistic regression on the features."""
    from sklearn.linear_model import LogisticRegression

    spread = features.std(axis=0)
    scaled = (features - features.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    chance = LogisticRegression(max_iter=1000).fit(scaled, is_contacted).predict_proba(scaled)[:, 1]
    chance = np.clip(chance, 1e-4, 1 - 1e-4)
    odds = chance[~is_contacted] / (1 - chance[~is_contacted])
    ours, theirs, total = outcome[is_contacted], outcome[~is_contacted], odds.sum()
    mean = float((odds * theirs).sum() / total)
    spread_of_mean = float(((odds * (theirs - mean)) ** 2).sum() / total**2)
    return _Weights(
        is_contacted, odds, float((chance[is_contacted] > HIGHEST_CHANCE).mean()), mean, float(ours.mean()) - mean,
        float(np.sqrt(_error(ours) + spread_of_mean)),
    )  # fmt: skip


def _error(values: Floats) -> float:
    return float(values.var(ddof=1) / len(values))


def _rounded(value: float, digits: int = 6) -> float:
    """A fit's last digits are not those of the data."""
    return float(np.round(value, digits))


def _steady(value: float) -> float:
    return float(steady(np.asarray(float(value))))
