"""The compressed summary that the order and spend models are fitted to.

Customers with the same history are the same customer to a likelihood. Counting them first makes a fit cost
the same for ten thousand customers and for a hundred million.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from regulars.errors import FitError

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

UNITS_PER_YEAR: Final = {"day": 365.25, "week": 365.25 / 7.0, "month": 12.0, "year": 1.0}


def weigh(weight: FloatArray, values: FloatArray) -> float:
    """The sum of values, each times its weight.

    Written without `@`: that calls a numerical library whose threads take longer to wake than such a sum lasts, and
    many times longer on a busy machine.

    Example:
        >>> weigh(np.array([2.0, 1.0]), np.array([10.0, 5.0]))
        25.0
    """
    return float(np.einsum("i,i->", weight, values))


def add_up(group: IntArray, values: FloatArray, group_count: int = 0) -> FloatArray:
    """The sum of the values of each group; groups are numbered from 0.

    Example:
        >>> add_up(np.array([0, 1, 0]), np.array([1.0, 2.0, 3.0])).tolist()
        [4.0, 2.0]
    """
    return np.bincount(group, values, minlength=group_count).astype(np.float64)


def _column(name: str, values: npt.ArrayLike) -> FloatArray:
    """A one-dimensional array of finite numbers, or the reason why it is not one."""
    try:
        column = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise FitError(f"{name} must hold numbers only.", column=name) from None
    if column.ndim != 1:
        raise FitError(f"{name} must be one list of numbers, not {column.ndim}-dimensional.", column=name)
    return column


def _refuse(name: str, wrong: BoolArray, mend: str) -> None:
    """Raise a FitError that counts the wrong rows and shows the first."""
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise FitError(
            f"{name} holds values that cannot be, the first in row {first} of {wrong.size:,}",
            column=name,
            rows=int(wrong.sum()),
            mend=mend,
        )


def _check_columns(columns: dict[str, npt.ArrayLike]) -> dict[str, FloatArray]:
    """The columns as arrays of one length without missing or infinite values."""
    arrays = {name: _column(name, values) for name, values in columns.items()}
    lengths = {name: array.size for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise FitError("The columns differ in length: " + ", ".join(f"{n} {k:,}" for n, k in lengths.items()))
    for name, array in arrays.items():
        _refuse(name, ~np.isfinite(array), "Leave out rows with missing or infinite values.")
    return arrays


def _freeze(instance: object, arrays: dict[str, FloatArray]) -> None:
    """Store the arrays on a frozen dataclass, closed for writing."""
    for name, array in arrays.items():
        array.flags.writeable = False
        object.__setattr__(instance, name, array)


def _count_rows(*columns: FloatArray) -> tuple[list[FloatArray], FloatArray]:
    """The distinct rows of some columns, in sorted order, and how often each occurs."""
    if not columns[0].size:
        return list(columns), columns[0]
    order = np.lexsort(columns[::-1])
    ordered = [column[order] for column in columns]
    new = np.zeros(order.size, dtype=bool)
    new[0] = True
    for column in ordered:
        new[1:] |= column[1:] != column[:-1]
    firsts = np.flatnonzero(new)
    count = np.diff(np.append(firsts, order.size)).astype(np.float64)
    return [column[firsts] for column in ordered], count


class History(NamedTuple):
    """What the models know of customers: one value per customer (or cell) in each column."""

    orders: FloatArray
    recency: FloatArray
    age: FloatArray

    def take(self, rows: slice | IntArray) -> History:
        """Some of the rows."""
        return History(self.orders[rows], self.recency[rows], self.age[rows])


@dataclass(frozen=True, eq=False)
class Cells:
    """Customers counted by their order history; one row per distinct (orders, recency, age).

    Attributes:
        orders: Repeat orders: all orders after the first. 0 for one-time buyers.
        recency: Time from the first order to the last. 0 for one-time buyers. Not the time since the last order.
        age: Time from the first order to the day of observation.
        count: Customers in the cell.
        unit: The unit of recency and age: day, week, month or year.

    Raises:
        FitError: A column is unusable; the message says which, how many rows, and what to do.

    Example:
        >>> cells = Cells(orders=[0, 2], recency=[0, 30.4], age=[38.9, 38.9], count=[100, 7])
        >>> cells.customer_count, cells.order_count
        (107, 14)
    """

    orders: FloatArray
    recency: FloatArray
    age: FloatArray
    count: FloatArray
    unit: str = "week"

    def __init__(
        self,
        orders: npt.ArrayLike,
        recency: npt.ArrayLike,
        age: npt.ArrayLike,
        count: npt.ArrayLike,
        unit: str = "week",
    ) -> None:
        """Check the columns and close them for writing."""
        if unit not in UNITS_PER_YEAR:
            raise FitError(f"Unknown unit of time '{unit}'. Use one of: {', '.join(UNITS_PER_YEAR)}.")
        arrays = _check_columns({"orders": orders, "recency": recency, "age": age, "count": count})
        _refuse_impossible(History(arrays["orders"], arrays["recency"], arrays["age"]))
        _refuse("count", arrays["count"] <= 0, "A cell holds at least one customer.")
        _freeze(self, arrays)
        object.__setattr__(self, "unit", unit)

    @classmethod
    def count_customers(
        cls, orders: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike, unit: str = "week"
    ) -> Cells:
        """Count customers (one row each) into cells.

        Example:
            >>> Cells.count_customers([0, 0, 1], [0, 0, 2], [5, 5, 5]).count.tolist()
            [2.0, 1.0]
        """
        arrays = _check_columns({"orders": orders, "recency": recency, "age": age})
        distinct, count = _count_rows(*arrays.values())
        return cls(distinct[0], distinct[1], distinct[2], count, unit)

    @property
    def history(self) -> History:
        """The columns that describe a customer."""
        return History(self.orders, self.recency, self.age)

    @property
    def cell_count(self) -> int:
        """Distinct cells."""
        return int(self.orders.size)

    @property
    def customer_count(self) -> int:
        """Customers in all cells."""
        return round(float(self.count.sum()))

    @property
    def order_count(self) -> int:
        """Repeat orders of all customers."""
        return round(weigh(self.count, self.orders))

    @property
    def repeat_customer_count(self) -> int:
        """Customers with at least one repeat order."""
        return round(float(self.count[self.orders > 0].sum()))

    def coarsen(self, steps: int) -> Cells:
        """Fewer cells: recency and age in `steps` equal steps, each cell at its customers' mean.

        Good enough to find the neighbourhood of a maximum; the last steps are taken on the full cells.
        """
        span = float(self.age.max(initial=0.0))
        if span == 0:
            return self
        key_age = np.floor(self.age / span * steps)
        key_recency = np.floor(self.recency / span * steps)
        many = np.maximum(self.orders, 12)  # above a dozen orders, steps of about a twelfth
        key_orders = np.where(self.orders <= 12, self.orders, np.round(12 + 12 * np.log(many / 12)))
        order = np.lexsort((key_age, key_recency, key_orders))
        keys = np.column_stack((key_orders, key_recency, key_age))[order]
        firsts = np.flatnonzero(np.append(True, (keys[1:] != keys[:-1]).any(axis=1)))
        count = np.add.reduceat(self.count[order], firsts)
        means = [
            np.add.reduceat((self.count * column)[order], firsts) / count
            for column in (self.orders, self.recency, self.age)
        ]
        means[1] = np.minimum(means[1], means[2])
        return Cells(means[0], means[1], means[2], count, self.unit)


def check_history(orders: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike) -> History:
    """The histories of customers as arrays of one length.

    Raises:
        FitError: Missing values, or a history that cannot be.

    Example:
        >>> check_history(2, 5, [8, 9]).orders.tolist()
        [2.0, 2.0]
    """
    given = [np.atleast_1d(np.asarray(column, dtype=np.float64)) for column in (orders, recency, age)]
    history = History(**_check_columns(dict(zip(History._fields, np.broadcast_arrays(*given), strict=True))))
    _refuse_impossible(history)
    return history


def _refuse_impossible(history: History) -> None:
    """Refuse histories that cannot be."""
    orders, recency, age = history
    _refuse("orders", orders < 0, "Repeat orders are counted from 0.")
    _refuse("recency", recency < 0, "Recency is the time from the first order to the last: 0 or more.")
    _refuse("recency", recency > age, "Recency is the time from the first order to the last, at most the age.")
    _refuse(
        "recency", (orders == 0) & (recency > 0), "A one-time buyer has a recency of 0: the first order is the last."
    )


@dataclass(frozen=True, eq=False)
class SpendCells:
    """Customers counted by what they spend; one row per distinct (orders, mean_spend).

    Attributes:
        orders: Orders that the mean is taken over, at least 1. All orders, or repeat orders only: the caller's choice,
            but the same one when scoring.
        mean_spend: Mean value of one order, in the currency of the data. May be zero or negative (refunds).
        count: Customers in the cell.

    Raises:
        FitError: A column is unusable; the message says which, how many rows, and what to do.
    """

    orders: FloatArray
    mean_spend: FloatArray
    count: FloatArray

    def __init__(self, orders: npt.ArrayLike, mean_spend: npt.ArrayLike, count: npt.ArrayLike | None = None) -> None:
        """Check the columns and close them for writing. Without `count` every row is one customer."""
        counted: Any = np.ones(np.shape(orders)) if count is None else count
        arrays = _check_columns({"orders": orders, "mean_spend": mean_spend, "count": counted})
        _refuse("orders", arrays["orders"] < 1, "A mean spend needs at least one order.")
        _refuse("count", arrays["count"] <= 0, "A cell holds at least one customer.")
        _freeze(self, arrays)

    @property
    def customer_count(self) -> int:
        """Customers in all cells."""
        return round(float(self.count.sum()))
