"""Moves between segments, corrected for customers who are put into the wrong segment of a window by chance.

Someone with one order at a weekend looks like a weekend customer. If 1 % are misplaced in either of two windows, about
2 % seem to move who did not. How often it happens is measured apart (customers whose segment is certain, with all but a
few of their orders left out), and the moves that were counted are solved for the moves that were made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from regulars.models import intervals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

LEAST_REFERENCES = 30
"""Customers of a segment whose misplacement was seen, below which it is not known."""
_CURVE_WEIGHT = 100.0
_SLOPES = np.linspace(-3.0, 0.0, 61)
_DRAWS = 100
"""Redrawn confusions, for how uncertain they are themselves."""
_TWO_SIDED = 1.96
_LEAST_CONDITION = 0.2
"""Smallest singular value of a confusion that is solved; below it the labels hold too little to go by."""
_MOST_UNSOLVED = 0.05
"""Share of moves at levels that cannot be solved, which are taken as they are; with more nothing is corrected."""


@dataclass(frozen=True)
class Confusion:
    """How customers of each true segment are labelled, by how many orders they have.

    Args:
        counts: Level of orders by true segment (rows) by label (columns): references that were labelled so. One
            further level, the last, is taken as certain.
        occurs: Level of orders by segment: whether such customers are there at all. Where an order count belongs to
            one segment alone (nobody of the daily ones comes twice), it misplaces nobody.
    """

    counts: Floats
    occurs: NDArray[np.bool_]

    @property
    def levels(self) -> int:
        """How many levels of orders there are, with the last, certain one."""
        return len(self.counts) + 1

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which segments have enough references at the lowest level; the labels of others are taken as they are."""
        found: NDArray[np.bool_] = self.counts[0].sum(axis=1) >= LEAST_REFERENCES
        return found

    def shares(self, counts: Floats | None = None) -> Floats:
        """Share of each label (columns) by true segment (rows) at each level.

        The share misplaced is smoothed: what was seen at a level, and with the weight of a hundred references a curve
        that falls by the same factor with every order. So levels that few references reach follow from the others.

        Args:
            counts: Others than those seen, for redrawing.
        """
        shown = self.counts if counts is None else counts
        levels, size = len(shown), shown.shape[1]
        totals = shown.sum(axis=2)
        wrong = shown * (1 - np.eye(size))
        seen = wrong.sum(axis=2)
        rates = (seen + _CURVE_WEIGHT * _falling(seen, totals)) / (totals + _CURVE_WEIGHT)
        towards = wrong.sum(axis=0)
        towards = towards / np.maximum(towards.sum(axis=1, keepdims=True), 1e-12)
        where = (wrong + _CURVE_WEIGHT * rates[:, :, None] * towards) / np.maximum(
            seen + _CURVE_WEIGHT * rates, 1e-12
        )[:, :, None]  # fmt: skip
        rates = np.where(self.known & (towards.sum(axis=1) > 0) & self.occurs, rates, 0.0)
        found = np.broadcast_to(np.eye(size), (levels + 1, size, size)).copy()
        found[:-1] = found[:-1] * (1 - rates)[:, :, None] + where * rates[:, :, None]
        return found

    def misplaced(self, customers: Floats) -> float:
        """Expected share of misplaced customers, given how many there are at each level of each segment."""
        right = np.diagonal(self.shares(), axis1=1, axis2=2)
        return float(1 - (customers * right).sum() / max(customers.sum(), 1.0))


@dataclass(frozen=True)
class Turns:
    """Customers who bought in both windows of a turn, one row per customer and turn.

    Args:
        customer: Number of the customer; the same in every turn.
        source: Label before.
        source_level: Level of orders before, from 0.
        target: Label after.
        target_level: Level of orders after.
    """

    customer: Ints
    source: Ints
    source_level: Ints
    target: Ints
    target_level: Ints


@dataclass(frozen=True)
class TrueMoves:
    """Estimated moves between true segments, of customers who bought in both windows.

    Args:
        moves: Customers by true segment before (rows) and after (columns); may be slightly below 0.
        by_customer: The same, customer by customer.
        redrawn: The same for redrawn confusions.
        known: The segments whose misplacement is known; the moves of others are those that were counted.
    """

    moves: Floats
    by_customer: Floats
    redrawn: Floats
    known: NDArray[np.bool_]

    def shares(self) -> tuple[Floats, Floats, Floats]:
        """Share of each row's customers who went to each column, with the ends of its 95 % interval."""
        rows = np.broadcast_to(self.moves.sum(axis=1, keepdims=True), self.moves.shape)
        own = np.broadcast_to(self.by_customer.sum(axis=2, keepdims=True), self.by_customer.shape)
        redrawn = self.redrawn / np.maximum(self.redrawn.sum(axis=2, keepdims=True), 1e-12)
        return _ratio(self.moves, rows, self.by_customer, own, redrawn)

    def part(self, inside: NDArray[np.bool_]) -> tuple[float, float, float]:
        """Share of all customers whose move is one of some, with its interval."""
        above, own = self.moves[inside].sum(), self.by_customer[:, inside].sum(axis=1)
        below, every = self.moves.sum(), self.by_customer.sum(axis=(1, 2))
        redrawn = self.redrawn[:, inside].sum(axis=1) / self.redrawn.sum(axis=(1, 2))
        share, low, high = _ratio(np.array(above), np.array(below), own, every, redrawn)
        return float(share), float(low), float(high)

    def difference(self, one: NDArray[np.bool_], other: NDArray[np.bool_]) -> tuple[float, float, float]:
        """Share of some moves less that of others, with its interval."""
        sign = one.astype(float) - other.astype(float)
        below = self.moves.sum()
        middle = float((self.moves * sign).sum() / below)
        own, every = (self.by_customer * sign).sum(axis=(1, 2)), self.by_customer.sum(axis=(1, 2))
        redrawn = (self.redrawn * sign).sum(axis=(1, 2)) / self.redrawn.sum(axis=(1, 2))
        half = _TWO_SIDED * float(np.sqrt(((own - middle * every) ** 2).sum() / below**2 + redrawn.var()))
        return middle, middle - half, middle + half

    def net_flows(self) -> tuple[Floats, Floats]:
        """Net flow of every pair as a share of all customers, and the p-value of none.

        The first is what goes from a row to a column less what comes back; the second is adjusted for the number of
        pairs, NaN on the diagonal. A customer's moves count together, as for the intervals.
        """
        from scipy.special import ndtr

        net, own_net, redrawn_net = (
            part - part.swapaxes(-1, -2) for part in (self.moves, self.by_customer, self.redrawn)
        )
        below, every = self.moves.sum(), self.by_customer.sum(axis=(1, 2))
        share = net / below
        variance = ((own_net - share * every[:, None, None]) ** 2).sum(axis=0) / below**2
        variance = variance + (redrawn_net / self.redrawn.sum(axis=(1, 2))[:, None, None]).var(axis=0)
        p_values = np.full(net.shape, np.nan)
        upper = np.triu_indices(len(net), 1)
        spread = np.sqrt(variance[upper])
        raw = np.where(spread > 0, 2 * ndtr(-np.abs(share[upper]) / np.where(spread > 0, spread, 1.0)), 1.0)
        p_values[upper] = p_values.T[upper] = intervals.adjusted_p_values(raw)
        return share, p_values


def solve(turns: Turns, confusion: Confusion, seed: int) -> TrueMoves | None:
    """The moves that were made, from those that were counted.

    Counted = Cᵀ · made · C, where C is the confusion at the customer's own number of orders in either window, and
    misplacement in one window says nothing of the other. Each customer is given the row of C⁻¹ that belongs to the
    label, before and after; the products add up to the moves made, without bias.

    Source: Bolck, Croon & Hagenaars (2004), Political Analysis 12, pp. 3-27 (the correction of a cross-table of
    assigned classes by the inverse of the assignment's errors).

    Args:
        turns: The moves counted.
        confusion: How often customers are misplaced.
        seed: Of the redrawn confusions.

    Returns:
        None where it is known of fewer than two segments, or the labels hold too little to go by.

    Of 100 + 100 customers who never move, one in ten of each segment's is misplaced in either window:

    >>> counted = [(0, 0, 82), (0, 1, 18), (1, 0, 18), (1, 1, 82)]
    >>> source, target = (np.repeat([row[place] for row in counted], [row[2] for row in counted]) for place in (0, 1))
    >>> low = np.zeros(200, dtype=int)
    >>> turns = Turns(np.arange(200), source, low, target, low)
    >>> confusion = Confusion(np.array([[[90.0, 10.0], [10.0, 90.0]]]), np.full((1, 2), True))
    >>> made = solve(turns, confusion, seed=0)
    >>> made.moves.round(6).tolist() == [[100, 0], [0, 100]]
    True
    """
    if confusion.known.sum() < 2 or not len(turns.source):
        return None
    shares = confusion.shares()
    unsolved = np.linalg.svd(shares, compute_uv=False).min(axis=1) < _LEAST_CONDITION
    if (unsolved[turns.source_level] | unsolved[turns.target_level]).mean() > _MOST_UNSOLVED:
        return None
    inverse = _inverse(shares, unsolved)
    before = inverse[turns.source_level, turns.source]
    after = inverse[turns.target_level, turns.target]
    each = before[:, :, None] * after[:, None, :]
    number = np.unique(turns.customer, return_inverse=True)[1].ravel()
    own = np.zeros((int(number.max()) + 1, *each.shape[1:]))
    np.add.at(own, number, each)
    counted = _counted(turns, confusion.levels, shares.shape[1])
    redrawn = np.stack([_moves(counted, _inverse(draw, unsolved)) for draw in _redrawn(confusion, seed)])
    return TrueMoves(own.sum(axis=0), own, redrawn, confusion.known)


def _counted(turns: Turns, levels: int, size: int) -> Floats:
    found = np.zeros((levels, levels, size, size))
    np.add.at(found, (turns.source_level, turns.target_level, turns.source, turns.target), 1.0)
    return found


def _inverse(shares: Floats, unsolved: NDArray[np.bool_]) -> Floats:
    found: Floats = np.linalg.inv(np.where(unsolved[:, None, None], np.eye(shares.shape[1]), shares))
    return found


def _moves(counted: Floats, inverse: Floats) -> Floats:
    found: Floats = np.einsum("pat,pqab,qbu->tu", inverse, counted, inverse)
    return found


def _falling(wrong: Floats, totals: Floats) -> Floats:
    """Shares misplaced that fall by the same factor from level to level, by segment (columns): a Poisson regression."""
    places = np.arange(len(wrong))[:, None]
    factors = np.exp(_SLOPES[:, None] * places.T)
    below = factors @ totals
    with np.errstate(divide="ignore", invalid="ignore"):
        likelihood = _SLOPES[:, None] * (wrong * places).sum(axis=0) - wrong.sum(axis=0) * np.log(below)
        best = np.nan_to_num(likelihood, nan=-np.inf, posinf=-np.inf).argmax(axis=0)
        first = wrong.sum(axis=0) / below[best, np.arange(wrong.shape[1])]
    shares: Floats = np.clip(np.nan_to_num(first) * factors[best].T, 0.0, 1.0)
    return shares


def _redrawn(confusion: Confusion, seed: int) -> list[Floats]:
    """Confusions as they might have been seen: each row drawn anew as often as it was seen."""
    rng = np.random.default_rng(seed)
    totals = confusion.counts.sum(axis=2).astype(int)
    shares = confusion.shares()[:-1]
    shares = np.clip(shares, 0.0, 1.0)
    shares = shares / shares.sum(axis=2, keepdims=True)
    return [confusion.shares(rng.multinomial(totals, shares).astype(float)) for _ in range(_DRAWS)]


def _ratio(above: Any, below: Any, own_above: Any, own_below: Any, redrawn: Any) -> tuple[Any, Any, Any]:
    """A share with its interval: linearised over customers, then as if so many independent customers had been seen.

    Wilson's interval for the effective number; its lower end is 0 where the share is within two standard errors of 0
    (a move that misplacement alone explains), and likewise at 1.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        raw = above / below
        variance = ((own_above - raw * own_below) ** 2).sum(axis=0) / below**2 + redrawn.var(axis=0)
        share = np.clip(raw, 0.0, 1.0)
        effective = np.where(variance > 0, share * (1 - share) / variance, below)
    effective = np.where(effective > 0, np.minimum(effective, below), below)
    low, high = intervals.share_interval(share * effective, effective)
    half = _TWO_SIDED * np.sqrt(variance)
    low = np.where(raw - half <= 0, 0.0, low)
    high = np.where(raw + half >= 1, 1.0, np.maximum(high, np.where(share <= 0, raw + half, 0.0)))
    low = np.where(share >= 1, np.minimum(low, raw - half), low)
    return share, intervals.steady(np.minimum(low, share)), intervals.steady(np.maximum(high, share))
