"""What offers to customers of a single item could bring: the next item for each, and how large a trial must be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
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
