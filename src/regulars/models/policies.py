"""Whom to contact with what, and what that brings: rules judged by doubly robust scores of an experiment.

The mean of the scores over the units that a rule contacts says what it brings, whoever was contacted in the experiment;
the difference of two rules is the mean of the difference of their scores, so that it is known better than each alone.
Sources: Dudík, Langford & Li (2011), Doubly robust policy evaluation and learning, ICML; Athey & Wager (2021), Policy
learning with observational data, Econometrica 89.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from regulars.models.intervals import steady
from regulars.models.uplift import calibrate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from regulars.models.uplift import CrossFit

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

PARTS = 5
"""How far predictions are believed is learnt on the other parts of the units than the one that is decided on."""


@dataclass(frozen=True)
class Gain:
    """A mean per unit with its 95 % interval."""

    value: float
    low: float
    high: float


def mean_gain(values: Floats) -> Gain:
    """Mean of values with its interval; a single value has none.

    >>> mean_gain(np.array([1.0, 3.0])).value
    2.0
    """
    mean = float(values.mean())
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0
    return Gain(*(float(steady(np.asarray(one))) for one in (mean, mean - 1.96 * error, mean + 1.96 * error)))


@dataclass(frozen=True)
class Policy:
    """Whom to contact by some rule, and what it brings per unit of all, after costs.

    Args:
        share: Share contacted.
        profit: Profit per unit of all, contacted or not.
        gain: Profit less that of contacting everyone.
    """

    share: float
    profit: Gain
    gain: Gain


def policy(contacted: NDArray[np.bool_], scores: Floats, margin: float, cost: float) -> Policy:
    """What contacting those units brings.

    Args:
        contacted: Who is contacted.
        scores: Doubly robust scores of the money outcome.
        margin: Profit per unit of money.
        cost: Of one contact.

    >>> found = policy(np.array([True, False]), np.array([2.0, 0.0]), margin=0.5, cost=0.1)
    >>> found.profit.value, found.gain.value
    (0.45, 0.05)
    """
    each = margin * scores - cost
    return Policy(float(contacted.mean()), mean_gain(contacted * each), mean_gain((contacted - 1.0) * each))


def top(uplift: Floats, share: float) -> NDArray[np.bool_]:
    """The units with the largest uplift, so many of all; equal values in the order given.

    >>> top(np.array([1.0, 3.0, 2.0, 3.0]), 0.5).tolist()
    [False, True, False, True]
    """
    found = np.zeros(len(uplift), dtype=bool)
    found[np.argsort(-uplift, kind="stable")[: round(share * len(uplift))]] = True
    return found


# -- several contacts ---------------------------------------------------------------------------------


def expected_gains(crossed: CrossFit, margin: float, cost: float, seed: int) -> Floats:
    """What each arm should bring each unit after its cost, units × (1 + arms); 0 for no contact, the first.

    Every unit is judged by learners that had not seen it, believed as far as the other parts of the units say.

    Args:
        crossed: What was learnt.
        margin: Profit per unit of the outcome.
        cost: Of one contact.
        seed: Seeds the parts.
    """
    size, arms = crossed.uplift.shape
    part = np.random.default_rng([seed, PARTS]).permutation(size) % PARTS
    gains = np.zeros((size, arms + 1))
    for place in range(arms):
        known = np.isfinite(crossed.scores[:, place])
        for one in range(PARTS):
            others, ours = known & (part != one), part == one
            told = calibrate(crossed.uplift[others, place], crossed.scores[others, place])
            gains[ours, place + 1] = margin * told.apply(crossed.uplift[ours, place]) - cost
    return gains


@dataclass(frozen=True)
class Offering:
    """A rule that gives each unit one contact or none.

    Args:
        name: The rule.
        shares: Share of units that get each arm, the control (no contact) first.
        profit: Per unit of all, against contacting nobody.
        gain: Profit less that of the best single contact for all, or of nobody where none pays.
    """

    name: str
    shares: tuple[float, ...]
    profit: Gain
    gain: Gain


BEST, LOT = "the best contact for each", "the same contacts, by lot"


def offerings(crossed: CrossFit, names: tuple[str, ...], margin: float, cost: float, seed: int) -> list[Offering]:
    """The best contact for each unit beside every single one for all, and beside as many of each drawn by lot.

    Args:
        crossed: What was learnt.
        names: The arms.
        margin: Profit per unit of the outcome.
        cost: Of one contact.
        seed: Seeds the parts and the lot.

    Returns:
        The best contact for each first, then a single one for all by what it brings, then by lot.
    """
    size = len(crossed.values)
    each = margin * (crossed.values - crossed.values[:, :1]) - cost * (np.arange(len(names) + 1) > 0)
    chosen = expected_gains(crossed, margin, cost, seed).argmax(axis=1).astype(np.int64)
    lot = np.random.default_rng([seed, PARTS, 1]).permutation(chosen)
    singles = [np.full(size, place, dtype=np.int64) for place in range(len(names) + 1)]
    means = steady(each.mean(axis=0))
    best = each[np.arange(size), singles[int(means.argmax())]]

    def judged(name: str, contacts: Whole) -> Offering:
        own = each[np.arange(size), contacts]
        shares = tuple(float((contacts == place).mean()) for place in range(len(names) + 1))
        return Offering(name, shares, mean_gain(own), mean_gain(own - best))

    order = sorted(range(1, len(names) + 1), key=lambda place: (-means[place], place))
    return [
        judged(BEST, chosen),
        *(judged(f"{names[place - 1]} for all", singles[place]) for place in order),
        judged(LOT, lot),
    ]
