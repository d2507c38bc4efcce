"""What offers to customers of a single item could bring: the next item for each, and how large a trial must be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from regulars.models.intervals import mean_interval, share_interval

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_PRIOR = 20.0


def next_items(
    counts: NDArray[np.float64], popularity: NDArray[np.float64], allowed: NDArray[np.bool_], places: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For every item the items that its customers have most often: the share who have them, drawn to what sells.

    The share counts twenty more customers who buy as everyone does, so that an item of three customers follows what
    sells and one of three thousand its own.

    Args:
        counts: Customers who have both items; on the diagonal those who have the item.
        popularity: Recent orders of every item.
        allowed: Whether it may be offered.
        places: How many for each.

    Returns:
        The items (−1 where none is left) and their shares, one row per item.

    >>> counts = np.array([[100.0, 60.0, 5.0], [60.0, 80.0, 5.0], [5.0, 5.0, 50.0]])
    >>> offers, shares = next_items(counts, np.array([1.0, 1.0, 8.0]), np.ones(3, dtype=bool), 1)
    >>> offers[0].tolist(), round(float(shares[0, 0]), 3)
    ([1], 0.517)
    """
    usual = popularity / max(popularity.sum(), 1.0)
    share = (counts + _PRIOR * usual[None, :]) / (np.diag(counts)[:, None] + _PRIOR)
    np.fill_diagonal(share, -1.0)
    share[:, ~allowed] = -1.0
    order = np.argsort(-np.round(share, 12), axis=1, kind="stable")[:, :places]
    found = np.take_along_axis(share, order, axis=1)
    return np.where(found >= 0, order, -1), np.round(np.maximum(found, 0.0), 6)


def best_sellers(
    popularity: NDArray[np.float64], allowed: NDArray[np.bool_], places: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For every item what sells most, the item itself left out; arguments and answer as for `next_items`.

    >>> offers, _ = best_sellers(np.array([5.0, 9.0, 1.0]), np.array([True, True, False]), 2)
    >>> offers.tolist()
    [[1, -1], [0, -1], [1, 0]]
    """
    share = np.where(allowed, popularity / max(popularity.sum(), 1.0), -1.0)
    order = np.argsort(-share, kind="stable")[: places + 1]
    order = np.pad(order, (0, places + 1 - len(order)), constant_values=-1)
    rows = np.tile(order, (len(popularity), 1))
    rows[(rows == np.arange(len(popularity))[:, None]) | (share[rows] < 0)] = -1
    kept = np.argsort(rows < 0, axis=1, kind="stable")[:, :places]
    found = np.take_along_axis(rows, kept, axis=1)
    return found, np.where(found >= 0, np.round(np.maximum(share[found], 0.0), 6), 0.0)


def power_of(size: int, base: float, lift: float, level: float = 0.95) -> float:
    """Chance that a trial with so many customers in each of two arms finds the lift; arguments as for `arm_size`.

    >>> round(power_of(686, 0.10, 0.05), 2)
    0.8
    """
    from scipy.special import ndtr, ndtri

    other, middle = base + lift, base + lift / 2
    spread = np.sqrt(base * (1 - base) + other * (1 - other))
    edge = ndtri((1 + level) / 2) * np.sqrt(2 * middle * (1 - middle))
    return float(ndtr((lift * np.sqrt(size) - edge) / spread))


def arm_size(base: float, lift: float, power: float = 0.8, level: float = 0.95) -> int:
    """Customers in each of two arms to find a share raised from `base` by `lift`, two-sided.

    Source: Fleiss, Levin & Paik (2003), Statistical Methods for Rates and Proportions, 3rd ed., eq. 4.14, without the
    correction for continuity.

    Args:
        base: Share without the offer, 0-1.
        lift: What it is raised by.
        power: Chance of finding it.
        level: 1 − the chance of a false alarm.

    >>> arm_size(0.10, 0.05)
    686
    """
    from scipy.special import ndtri

    other, middle = base + lift, base + lift / 2
    spread = ndtri((1 + level) / 2) * np.sqrt(2 * middle * (1 - middle))
    spread += ndtri(power) * np.sqrt(base * (1 - base) + other * (1 - other))
    return int(np.ceil((spread / lift) ** 2))


OWN, POPULAR = "own", "popular"
"""Kinds of offer: chosen for the item a customer has, and best sellers."""


@dataclass(frozen=True)
class LaterTest:
    """Single-item customers of some time ago, what they would have been offered then, and what they bought since.

    Args:
        singles: How many there were.
        returned: Those who bought another item.
        own: Of those, who bought one of the ten offers for the item they had.
        popular: Of those, who bought one of the ten best sellers.
        gain: Sum over those who returned of 1 ÷ rank of the own offer bought less the same of the best sellers.
        gain_squares: The sum of the squares.
        least: Under so many who returned nothing is concluded.

    >>> test = LaterTest(singles=900, returned=200, own=60, popular=40, gain=20.0, gain_squares=50.0, least=30)
    >>> test.is_own_used, test.used, test.is_beyond_chance
    (True, 60, True)
    >>> [round(end, 3) for end in test.taken(OWN)]
    [0.3, 0.241, 0.367]
    """

    singles: int
    returned: int
    own: int
    popular: int
    gain: float
    gain_squares: float
    least: int

    @property
    def is_made(self) -> bool:
        """Whether enough came back to judge by."""
        return self.returned >= self.least

    @property
    def is_own_used(self) -> bool:
        """Whether own offers are made: they stood earlier than best sellers, or there is no telling."""
        return not self.is_made or self.gain > 0

    @property
    def is_beyond_chance(self) -> bool:
        """Whether the difference between the two kinds of offer is more than chance (95 %)."""
        low, high = (float(end) for end in mean_interval(self.gain, self.gain_squares, self.returned))
        return low > 0 or high < 0

    @property
    def kind(self) -> str:
        """The kind of offer that is made."""
        return OWN if self.is_own_used else POPULAR

    @property
    def used(self) -> int:
        """Those who bought one of the offers that are made."""
        return self.own if self.is_own_used else self.popular

    def taken(self, kind: str) -> tuple[float, float, float]:
        """Share of those who came back that took an offer, and its 95 % interval; 1 where nothing can be told."""
        if not self.is_made:
            return 1.0, 1.0, 1.0
        hits = self.own if kind == OWN else self.popular
        low, high = (float(end) for end in share_interval(hits, self.returned))
        share = hits / self.returned
        return share, min(low, share), max(high, share)


@dataclass(frozen=True)
class OfferCase:
    """What offers to single-item customers would bring.

    Args:
        count: Single-item customers.
        values: Mean price of the first offer, by kind; missing where there is no money.
        sales: Of the last year.
        goal: Sales to add, as a share of those.
        test: How often those who came back took an offer.

    >>> test = LaterTest(singles=900, returned=200, own=60, popular=40, gain=20.0, gain_squares=50.0, least=30)
    >>> case = OfferCase(count=1_000, values={"own": 10.0, "popular": 8.0}, sales=20_000.0, goal=0.10, test=test)
    >>> case.added(0.5)[0], round(case.needed()[0], 3), case.is_in_reach
    (1500.0, 0.667, True)
    """

    count: int
    values: Mapping[str, float]
    sales: float
    goal: float
    test: LaterTest

    @property
    def is_known(self) -> bool:
        """Whether there is money to tell it in, and anybody ever took an offer."""
        return bool(self.sales and self.values.get(self.test.kind) and (self.test.used or not self.test.is_made))

    @property
    def is_in_reach(self) -> bool:
        """Whether any acceptance reaches the goal."""
        return self.needed()[0] <= 1

    def added(self, acceptance: float, kind: str = "") -> tuple[float, float, float]:
        """Sales added where so many come back, with their interval."""
        kind = kind or self.test.kind
        most = acceptance * self.count * self.values.get(kind, 0.0)
        share, low, high = (most * one for one in self.test.taken(kind))
        return share, low, high

    def needed(self) -> tuple[float, float, float]:
        """Acceptance that the goal needs, with its interval."""
        most, low, high = self.added(1.0)
        goal = self.goal * self.sales
        return goal / most, goal / high, goal / max(low, 1e-9)

    def all_accept(self) -> tuple[float, float, float]:
        """Share of a year's sales that all of them would add, with its interval."""
        most, low, high = (one / self.sales for one in self.added(1.0))
        return most, low, high
