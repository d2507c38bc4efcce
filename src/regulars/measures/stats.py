"""Statistics as sums and exact quantiles, for the engine to compute.

The small mathematics on the sums is in `models.intervals`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.measures.money import DECIMALS

if TYPE_CHECKING:
    import ibis.expr.types as ir


def moments(name: str, value: ir.NumericValue) -> dict[str, ir.Value]:
    """The sums that a mean and its interval are made from: `name` (the sum) and `name_squares`, as floating point."""
    number = value.cast("float64")
    return {
        name: number.sum().round(DECIMALS),
        f"{name}_squares": (number * number).sum().round(DECIMALS),
    }


def product(above: ir.NumericValue, below: ir.NumericValue) -> ir.Value:
    """The sum of products that a ratio of two sums needs beside their moments."""
    return (above.cast("float64") * below.cast("float64")).sum().round(DECIMALS)


def cut_fractions(count: int, levels: int) -> list[float]:
    """Where an interpolating quantile must look to separate values exactly at the 1/levels, 2/levels … of a count.

    The k-th cut belongs behind the value of rank ⌈k · count ÷ levels⌉, counted in integers. The fraction aims half-way
    between that value and the next, so that rounding cannot put the cut on the wrong side; where the two are equal the
    cut is that value.

    Args:
        count: How many values there are; at least 1.
        levels: Into how many parts.

    >>> [round(one * 9, 6) for one in cut_fractions(10, 5)]
    [1.5, 3.5, 5.5, 7.5]
    """
    ranks = [-(-step * count // levels) - 1 for step in range(1, levels)]
    return [min((rank + 0.5) / max(count - 1, 1), 1.0) for rank in ranks]


def cut_points(value: ir.NumericValue, count: int, levels: int) -> ir.ArrayValue:
    """Exact cut points: above the k-th lie the values of which at least k/levels of the count are strictly lower.

    Equal values are never parted. Where one value spans several parts the cut points are equal, and the parts between
    them stay empty.

    Args:
        value: The column; it has `count` values that are not null.
        count: How many values there are; at least 1.
        levels: Into how many parts.
    """
    return value.cast("float64").quantile(cut_fractions(count, levels))
