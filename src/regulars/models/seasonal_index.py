"""How far a month, a weekday or an hour stands above the average one, with intervals.

Two years or more tell a season: the logarithm of a month's sales is a bending trend plus the month of the year, and the
spread of the same month over the years says how sure that is. A single year tells what was, not what returns: its
months are then compared as they are, with the spread of their days.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from regulars.errors import FitError
from regulars.models.events import base_design
from regulars.models.intervals import adjusted_p_values
from regulars.models.log_linear import fit_log_linear

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.int64]

YEAR = 12
LEAST_MONTHS = 24
"""Whole months from which a season is told apart from a trend."""
_ALPHA = 0.05
_LEAST_OF_PEAK = 0.4


@dataclass(frozen=True)
class Indices:
    """Months of the year against the average month.

    Attributes:
        months: Months of the year, 0 for January, ascending.
        index: Sales of the month ÷ those of the average month of a year.
        covariance: Of the logarithms of the months' levels.
        levels: Logarithm of each month's level.
        p_value: Of a month being an average one, adjusted for their number.
        years: In how many years each month was seen.
        is_season: Whether there are years enough to tell a season from a trend.
        freedom: For Student's t.
    """

    months: Places
    index: Floats
    covariance: Floats
    levels: Floats
    p_value: Floats
    years: Places
    is_season: bool
    freedom: int

    def interval(self, chosen: Sequence[int]) -> tuple[float, float, float]:
        """The mean index of some months with its 95 % interval, on the log scale.

        Args:
            chosen: Places in `months`.
        """
        value, error = self._contrast(chosen)
        from scipy.special import stdtrit

        half = float(stdtrit(max(self.freedom, 1), 0.975)) * error
        return value, value * float(np.exp(-half)), value * float(np.exp(half))

    def _contrast(self, chosen: Sequence[int]) -> tuple[float, float]:
        size = np.exp(self.levels - self.levels.max())
        part = np.zeros(len(size))
        part[list(chosen)] = size[list(chosen)] / size[list(chosen)].sum()
        weights = part - size / size.sum()
        value = size[list(chosen)].mean() / size.mean()
        return float(value), float(np.sqrt(max(weights @ self.covariance @ weights, 0.0)))

    def run_of(self, sign: int) -> list[int]:
        """The months next to each other that stand highest (1) or lowest (−1) beyond chance, as places; or none.

        Around the extreme month those are taken in that are beyond chance too and at least 40 % as far off.
        """
        off = sign * (self.index - 1)
        beyond = (off > 0) & (self.p_value < _ALPHA)
        if not beyond.any():
            return []
        top = int(np.argmax(np.where(beyond, off, -np.inf)))
        kept = [top]
        for step in (1, -1):
            place = top
            for _ in range(len(off) - 1):
                place = (place + step) % len(off)
                if place in kept or not beyond[place] or off[place] < _LEAST_OF_PEAK * off[top]:
                    break
                kept.append(place) if step > 0 else kept.insert(0, place)
        return kept


def month_indices(totals: Floats, numbers: Places) -> Indices:
    """Indices from whole months of two years or more.

    Args:
        totals: Sales of each whole month.
        numbers: Months since the year 0, ascending; gaps are missing months.

    Raises:
        FitError: There are not enough months, or not every month of the year was seen.
    """
    of_year = numbers % YEAR
    seen = np.bincount(of_year, minlength=YEAR)
    if len(totals) < LEAST_MONTHS or (seen == 0).any():
        raise FitError(f"{len(totals)} whole months are too few to tell a season", mend="take at least two years")
    kinds = (of_year[:, None] == np.arange(YEAR)[None, :]).astype(float)
    trend = _bending(numbers)
    fit = fit_log_linear(totals, np.concatenate([kinds, trend], axis=1), numbers, lags=0)
    return _indices(
        np.arange(YEAR), fit.coefficients[:YEAR], fit.covariance[:YEAR, :YEAR], seen, fit.freedom, is_season=True
    )


def _bending(numbers: Places) -> Floats:
    """A trend that may bend once a year, as columns with mean 0."""
    first, last = int(numbers[0]), int(numbers[-1])
    bends = [first, *np.arange(first + YEAR, last - YEAR // 2, YEAR)]
    columns = np.stack([np.maximum(numbers - bend, 0) / YEAR for bend in bends], axis=1)
    return np.asarray(columns - columns.mean(axis=0))


def months_of_one_year(
    values: Floats, is_open: NDArray[np.bool_], months: Places, weekdays: Places, kept: Places
) -> Indices:
    """Months of a single year against their mean, with the spread of their days.

    Args:
        values: Sales per day.
        is_open: Which days count.
        months: Number of each day's month.
        weekdays: Weekday of each day.
        kept: Numbers of the whole months to compare, at most twelve.

    Raises:
        FitError: There are too few days or months.
    """
    if len(kept) < 3:
        raise FitError(f"{len(kept)} whole months are too few to compare", mend="take a longer history")
    there = np.flatnonzero(is_open & np.isin(months, kept))
    sold = np.array([values[there][months[there] == number].sum() for number in kept])
    if not (sold > 0).all():
        raise FitError("a month without sales cannot be compared", mend="leave it out by exclude_periods")
    base = base_design(months[there], weekdays[there])
    fit = fit_log_linear(values[there], base, there)
    size = len(kept)
    order = np.argsort(kept % YEAR)
    levels = np.log(sold)[order]
    covariance = fit.covariance[:size, :size][np.ix_(order, order)]
    return _indices(
        (kept % YEAR)[order], levels, covariance, np.ones(size, dtype=np.int64), fit.freedom, is_season=False
    )


def _indices(
    months: Places, levels: Floats, covariance: Floats, years: Places, freedom: int, *, is_season: bool
) -> Indices:
    from scipy.special import stdtr

    size = np.exp(levels - levels.max())
    index = size / size.mean()
    found = Indices(months, index, covariance, levels, np.ones(len(index)), years, is_season, freedom)
    p_values = []
    for place in range(len(index)):
        value, error = found._contrast([place])
        p_values.append(2 * float(stdtr(max(freedom, 1), -abs(np.log(value)) / error)) if error > 0 else 1.0)
    return Indices(months, index, covariance, levels, adjusted_p_values(p_values), years, is_season, freedom)


@dataclass(frozen=True)
class Relative:
    """A group's share of each slot (month of the year, weekday) against its share overall.

    Attributes:
        index: Group × slot; 1 is as all others; NaN where nothing can be told.
        low: Lower end of the 95 % interval.
        high: Upper end.
        p_value: Of 1; NaN where not judged.
        expected: What the group would have sold in the slot at its usual share.
        is_steady: Whether the group stood on the same side of its usual share in every block.
    """

    index: Floats
    low: Floats
    high: Floats
    p_value: Floats
    expected: Floats
    is_steady: NDArray[np.bool_]


def relative_indices(values: Floats, slots: Places, blocks: Places) -> Relative:
    """How each group's season differs from that of all groups together.

    A group's expected sales of a unit are the total's, times the group's share of the unit's block (a year, a month);
    so growth of a group is no season of it. The index of a slot is the sum sold over the sum expected; its error is
    that of a quasi-Poisson model whose dispersion the units tell.

    Args:
        values: Group × unit (a week or month): what was sold.
        slots: Slot of each unit, from 0.
        blocks: Block of each unit, from 0.

    Two groups; the first sells twice its usual share in the second slot:

    >>> sold = np.array([[10.0, 20, 10, 20], [30, 20, 30, 20]])
    >>> relative_indices(sold, np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])).index[0].round(3).tolist()
    [0.667, 1.333]
    """
    from scipy.special import stdtr, stdtrit

    total = values.sum(axis=0)
    in_block = (blocks[:, None] == np.unique(blocks)[None, :]).astype(float)
    in_slot = (slots[:, None] == np.arange(int(slots.max()) + 1)[None, :]).astype(float)
    sold = values @ in_block
    share = sold / np.maximum(total @ in_block, 1e-12)
    expected = total * (share @ in_block.T)
    observed, usual = values @ in_slot, expected @ in_slot
    with np.errstate(divide="ignore", invalid="ignore"):
        index = np.where(usual > 0, observed / usual, np.nan)
        fitted = expected * (np.nan_to_num(index, nan=1.0) @ in_slot.T)
        residual = np.where(fitted > 0, (values - fitted) ** 2 / fitted, 0.0)
        freedom = np.maximum(((expected > 0).sum(axis=1) - in_slot.shape[1] - in_block.shape[1] + 1), 1)
        dispersion = np.maximum(residual.sum(axis=1) / freedom, 0.0)
        error = np.sqrt(dispersion[:, None] / np.where(observed > 0, observed, np.nan))
        half = stdtrit(freedom, 0.975)[:, None] * error
        p_value = 2 * stdtr(freedom[:, None], -np.abs(np.log(index)) / error)
        low, high = index * np.exp(-half), index * np.exp(half)
    told = (observed > 0) & (freedom[:, None] >= 5) & (error > 0)
    sides = np.stack(
        [np.sign(((values - expected) * in_block[:, place]) @ in_slot) for place in range(in_block.shape[1])]
    )
    is_steady: NDArray[np.bool_] = np.logical_not((sides > 0).any(axis=0) & (sides < 0).any(axis=0))
    low, high, p_value = (np.where(told, one, np.nan) for one in (low, high, p_value))
    return Relative(index, low, high, p_value, usual, is_steady)
