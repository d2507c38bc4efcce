"""Customers counted per combination of scores, and what is added up from those few hundred cells.

The engine counts customers and sums once per cell; sizes, means and shares of any group of cells, with their intervals,
follow from the sums without going back to the customers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from regulars.models import intervals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

_DECIMALS = 4


class Told(NamedTuple):
    """A value with its 95 % interval; None where it cannot be said."""

    value: float | None
    low: float | None
    high: float | None


class ScoreCells:
    """Cells with their sums.

    Args:
        columns: Arrays of equal length: `customers`, and for a measure m the sums `m` and `m_squares`; further columns
            name the cells.

    >>> cells = ScoreCells({"customers": [2, 1], "revenue": [40.0, 60.0], "revenue_squares": [850.0, 3600.0]})
    >>> cells.share("revenue", np.array([False, True])).value
    0.6
    """

    def __init__(self, columns: Mapping[str, Sequence[Any] | NDArray[Any]]) -> None:
        self.columns: dict[str, NDArray[Any]] = {name: np.asarray(values) for name, values in columns.items()}

    def where(self, column: str, values: Sequence[Any]) -> Mask:
        """The cells whose column has one of the values."""
        return np.isin(self.columns[column], np.array(list(values), dtype=self.columns[column].dtype))

    def total(self, name: str, cells: Mask | None = None) -> float:
        """The sum of a column over the cells."""
        values = self.columns[name] if cells is None else self.columns[name][cells]
        return round(float(values.sum()), _DECIMALS)

    def count(self, cells: Mask | None = None) -> int:
        """How many customers there are in the cells."""
        return int(self.total("customers", cells))

    def share(self, name: str, cells: Mask) -> Told:
        """What the cells hold of the sum of a measure; none where the sum is not above 0.

        The interval takes it as a ratio of two sums over all customers: that of those inside over that of everybody.
        """
        whole = self.total(name)
        if whole <= 0:
            return Told(None, None, None)
        inside, squares = self.total(name, cells), self.total(f"{name}_squares", cells)
        low, high = intervals.ratio_interval(
            inside, whole, squares, self.total(f"{name}_squares"), squares, self.count()
        )
        return _told(inside / whole, low, high)

    def mean(self, name: str, cells: Mask) -> Told:
        """The mean of a measure per customer."""
        count = self.count(cells)
        if not count:
            return Told(None, None, None)
        total = self.total(name, cells)
        low, high = intervals.mean_interval(total, self.total(f"{name}_squares", cells), count)
        return _told(total / count, low, high)


def _told(value: float, low: Any, high: Any) -> Told:
    """A value and its interval; the rounded ends of an interval without width must not leave the value outside."""
    if np.isnan(low) or np.isnan(high):
        return Told(value, None, None)
    return Told(value, min(float(low), value), max(float(high), value))
