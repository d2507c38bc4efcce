"""Sales of groups on the places of a forecast: what is read of them, and the rest as a group of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regulars.measures import dimensions as dims
from regulars.measures import forecast_tables

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import numpy as np
    from numpy.typing import NDArray

    from regulars.core.dataset import Dataset
    from regulars.measures.dimensions import Dimension
    from regulars.measures.trading import Trading
    from regulars.methods.forecasting import Line

    Floats = NDArray[np.float64]

OTHERS = "all others"
_MOST_ROWS = 500_000
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Groups:
    """The groups of one dimension.

    Args:
        dimension: What they are groups of.
        names: Sorted; "all others" last, where something is left.
        values: Group × place; they add up to the whole at every place.
        query: Where they are from.
    """

    dimension: Dimension
    names: tuple[str, ...]
    values: Floats
    query: ir.Table


def groups_of(data: Dataset, dimension: Dimension, days: Trading, line: Line, measure: str, most: int) -> Groups | None:
    """The largest groups of a dimension, and what is left of the whole; None where there are not two.

    Args:
        data: The data.
        dimension: What to break down by.
        days: The days, with the whole.
        line: The places of the forecast.
        measure: `revenue` or `orders`.
        most: Groups told apart at most.
    """
    import numpy as np

    is_item = dimension.grain == "item"
    rows = data.summary("order_items") if is_item else data.orders.filter(data.orders.is_sale)
    value = "revenue" if measure == "revenue" else ""
    if value and value not in rows.columns:
        return None
    rows = dims.labelled(data, rows, dimension)
    rows = rows.select("group", "ordered_at", *([value] if value else []))
    largest = data.collect(forecast_tables.largest(rows, value, most), most)["group"].to_pylist()
    names = sorted(name for name in largest if name is not None)
    if len(names) < 2:
        return None
    query = forecast_tables.by_day_and_group(rows.filter(rows.group.isin(names)), value)
    found = data.collect(query, _MOST_ROWS)
    by_day = np.zeros((len(names), len(days.state)))
    at = np.array([names.index(name) for name in found["group"].to_pylist()])
    day = np.array([days.place(one) for one in found["day"].to_pylist()])
    by_day[at, day] = np.maximum(np.nan_to_num(found["value"].to_numpy(zero_copy_only=False).astype(float)), 0.0)
    whole = np.maximum(days.values[measure], 0.0)
    told = by_day.sum(axis=0)
    scale = np.where(told > whole, whole / np.where(told > 0, told, 1.0), 1.0)  # items priced beyond their orders
    by_day = by_day * scale
    rest = whole - by_day.sum(axis=0)
    if rest.sum() > _ROUNDING * max(float(whole.sum()), 1.0):
        by_day, names = np.concatenate([by_day, rest[None, :]]), [*names, OTHERS]
    return Groups(dimension, tuple(names), line.fold(by_day), query)
